package envelope.authz_test

import data.envelope.authz
import rego.v1

base := {
	"principal": {"type": "virtual-account", "name": "bot", "team": "support", "teams": [], "key": "first", "claims": {}},
	"metadata": {},
	"environment": "production",
	"request": {"operation": "chat", "model": "openai-main/gpt-4o-mini"},
	"resource": {"model": "openai-main/gpt-4o-mini", "account": "openai-main", "provider": "openai", "region": "us", "kind": "external"},
}

frontier := object.union(base.resource, {"model": "openai-main/gpt-5.5"})

test_an_ordinary_model_is_open_to_all if authz.allow with input as base

test_nothing_is_allowed_without_input if not authz.allow with input as {}

test_only_research_calls_the_frontier_model if {
	not authz.allow with input as base with input.resource as frontier
	authz.allow with input as base with input.resource as frontier with input.principal.team as "research"
}

test_a_user_in_the_research_team_counts if {
	authz.allow with input as base with input.resource as frontier with input.principal.teams as ["research"]
}

test_customer_data_stays_in_the_eu if {
	not authz.allow with input as base with input.metadata.data_class as "customer_pii"
	authz.allow with input as base
		with input.metadata.data_class as "customer_pii"
		with input.resource.region as "eu"
}

test_finance_calls_self_hosted_models_only if {
	not authz.allow with input as base with input.principal.team as "finance"
	authz.allow with input as base
		with input.principal.team as "finance"
		with input.resource.kind as "self_hosted"
}

test_finance_gets_no_frontier_model_even_at_home if {
	not authz.allow with input as base
		with input.principal.team as "finance"
		with input.resource as object.union(frontier, {"kind": "self_hosted"})
}

test_every_broken_rule_is_named if {
	found := authz.reasons with input as base
		with input.principal.team as "finance"
		with input.metadata.data_class as "customer_pii"
		with input.resource as frontier
	count(found) == 3
}
