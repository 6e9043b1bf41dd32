package envelope.authz

import rego.v1

default allow := false

allow if count(input.list) > 1

obligations.concat := array.concat(input.list, [9])

obligations.slice := array.slice(input.list, 1, 3)

obligations.reverse := array.reverse(input.list)

obligations.sorted := sort(input.list)

obligations.extremes := [max(input.list), min(input.list)]

obligations.keys := object.keys(input.metadata)

obligations.got := object.get(input.metadata, "team", "none")

obligations.deep := object.get(input, ["principal", "claims", "level"], 0)

obligations.union := object.union(input.metadata, {"x": {"y": 1}})

obligations.removed := object.remove(input.metadata, ["team"])

obligations.filtered := object.filter(input.metadata, {"team"})

obligations.sets := [union({{1}, {s | some s in input.list}}), intersection({{1, 2}, {s | some s in input.list}})]

obligations.ops := [{1, 2} & {s | some s in input.list}, {1, 2} - {s | some s in input.list}]

obligations.either := {1} | {s | some s in input.list}

obligations.kinds := [type_name(input.list), is_array(input.list), is_string(input.list), is_null(input.nothing), is_object(input.metadata), is_set({1}), is_boolean(true), is_number(1)]
