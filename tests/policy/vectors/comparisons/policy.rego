package envelope.authz

import rego.v1

default allow := false

allow if to_number(input.metadata.max_cost_usd) <= 0.5

reasons contains "less" if input.metadata.a < input.metadata.b

reasons contains "same" if input.metadata.a == input.metadata.b

reasons contains "kinds" if input.metadata.a < 1

reasons contains "null" if input.nothing == null

reasons contains "nested" if [input.metadata.a, {"x": input.metadata.b}] == ["1", {"x": "2"}]
