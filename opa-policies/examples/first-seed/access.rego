# Three rules of one company:
#   only the research team may call the frontier model;
#   customer data stays on an EU-resident model;
#   the finance team may not call external providers at all, self-hosted models only.
package envelope.authz

import rego.v1

default allow := false

allow if {
	input.principal.name != ""
	input.resource.model != ""
	count(reasons) == 0
}

frontier_models := {"gpt-5.5"}

reasons contains "only the research team may call a frontier model" if {
	model_id in frontier_models
	not in_team("research")
}

reasons contains "customer data stays on an EU-resident model" if {
	lower(trim_space(input.metadata.data_class)) == "customer_pii"
	object.get(input.resource, "region", "") != "eu"
}

reasons contains "the finance team calls self-hosted models only" if {
	in_team("finance")
	object.get(input.resource, "kind", "") != "self_hosted"
}

# The provider's own name of the model: `account/model` without the account.
model_id := trim_prefix(input.resource.model, concat("/", [input.resource.account, ""]))

in_team(name) if input.principal.team == name

in_team(name) if name in input.principal.teams
