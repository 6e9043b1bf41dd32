package envelope.authz

import rego.v1

default allow := false

allow if glob.match("openai-*/gpt-*", ["/"], input.resource.model)

hits contains pattern if {
	some pattern in ["*", "**", "openai-main/*", "*/gpt-4o-mini", "open*", "open**", "", "a.b", "a*b"]
	glob.match(pattern, ["/"], input.resource.model)
}

reasons := hits
