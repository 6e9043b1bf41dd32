package envelope.authz

import rego.v1

default allow := false

allow if level(input.request.input_tokens) != "high"

level(n) := "low" if n < 100

else := "middle" if n < 1000

else := "high"

default weight(_) := 1

weight(team) := 5 if team == "research"

pick("first", xs) := xs[0]

pick("last", xs) := xs[count(xs) - 1]

obligations.level := level(input.request.input_tokens)

obligations.weight := weight(input.principal.team)

obligations.first := pick("first", input.request.tools)

obligations.last := pick("last", input.request.tools)

obligations.max_tokens := min({input.request.max_tokens, 500})
