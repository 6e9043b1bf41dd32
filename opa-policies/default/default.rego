# What holds when the operator wrote no policy of their own.
#
# The gateway asks once per candidate target. Key scope (the models an account lists), environment
# pin and metadata contract were checked before; this says the environment once more, and keeps
# customer data in the EU. Whatever is not understood is denied.
package envelope.authz

import rego.v1

default allow := false

allow if {
	known_principal
	named_resource
	count(reasons) == 0
}

known_principal if {
	input.principal.type in {"virtual-account", "user"}
	input.principal.name != ""
}

# A model of an account, or a tool of a server.
named_resource if input.resource.model != ""

named_resource if {
	input.resource.server != ""
	input.resource.tool != ""
}

reasons contains "the call's environment is not the gateway's" if {
	input.environment != null
	input.metadata.environment != input.environment
}

reasons contains "data_class customer_pii only reaches region eu" if {
	lower(trim_space(input.metadata.data_class)) == "customer_pii"
	object.get(input.resource, "region", "") != "eu"
}

reasons contains "data_class is not a text" if {
	class := input.metadata.data_class
	not is_string(class)
}
