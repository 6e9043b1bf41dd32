package envelope.authz

import rego.v1

default allow := false

obligations.max_tokens := 500 if input.principal.team == "support-ai"

obligations["guardrails"] := ["global/pii-redaction"] if input.metadata.data_class == "customer_pii"

obligations[key] := value if {
	some key, value in input.principal.claims
	startswith(key, "x-")
}

allow if limits.tokens > input.request.input_tokens

limits := {"tokens": 1000, "per": {"team": {"support-ai": 5}}}

reasons contains "limited" if limits.per.team[input.principal.team] == 5

reasons contains name if {
	some name
	limits.per.team[name] == 5
}

shape := {"who": [input.principal.team, {"n": input.principal.name}]}

reasons contains who if {
	[team, {"n": who}] := shape.who
	team == "support-ai"
}
