package envelope.authz

import rego.v1

default allow := false

allow if {
	some grant in data.grants[input.principal.team]
	glob.match(grant, ["/"], input.resource.model)
}

reasons contains sprintf("%s has no grant for %s", [input.principal.team, input.resource.model]) if not allow
