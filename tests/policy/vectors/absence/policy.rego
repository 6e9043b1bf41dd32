package envelope.authz

import rego.v1

default allow := false

allow if {
	class := input.metadata.data_class
	not class in {"secret", "customer_pii"}
	not input.principal.claims.blocked
	not input.resource.region == "cn"
	name := input.principal.name
	not blocked[name]
}

blocked contains "eve"

blocked contains name if some name in input.principal.claims.enemies

reasons contains "listed" if {
	some tool in input.request.tools
	not tool in {"search", "calc"}
}

obligations.seen := [x | x := input.nope]

obligations.none := {k | input.nope[k]}
