package envelope.authz

import rego.v1

default allow := false

allow if {
	t := input.metadata.t
	contains(t, "a")
}

t := input.metadata.t

obligations.lower := lower(t)

obligations.upper := upper(t)

obligations.split := split(t, "-")

obligations.joined := concat("/", split(t, "-"))

obligations.trimmed := [trim(t, "x"), trim_left(t, "x"), trim_right(t, "x"), trim_space(t), trim_prefix(t, "x"), trim_suffix(t, "x")]

obligations.replaced := replace(t, "a", "b")

obligations.part := substring(t, 1, 2)

obligations.tail := substring(t, 2, -1)

obligations.length := count(t)

obligations.starts := startswith(t, "x")

obligations.ends := endswith(t, "x")

obligations.any := strings.any_prefix_match(t, ["x", "É"])

obligations.any_end := strings.any_suffix_match([t, "zz"], "z")

obligations.said := sprintf("%s %v %% %d", [t, null, count(t)])
