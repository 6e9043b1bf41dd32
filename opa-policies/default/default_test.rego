package envelope.authz_test

import data.envelope.authz
import rego.v1

base := {
	"principal": {"type": "virtual-account", "name": "support-bot", "team": "support-ai", "key": "first", "claims": {}},
	"metadata": {"team": "support-ai", "environment": "production"},
	"environment": "production",
	"request": {"operation": "chat", "dialect": "openai", "model": "prod/assistant", "stream": false, "input_tokens": 812, "max_tokens": 500, "tools": [], "time": "2026-11-20T15:04:05Z"},
	"resource": {"model": "openai-main/gpt-4o-mini", "account": "openai-main", "provider": "openai", "region": "us", "kind": "external"},
}

test_a_known_principal_may_call if authz.allow with input as base

test_nothing_is_allowed_without_input if not authz.allow with input as {}

test_an_unknown_kind_of_principal_is_denied if {
	not authz.allow with input as base with input.principal.type as "ghost"
}

test_a_nameless_principal_is_denied if {
	not authz.allow with input as base with input.principal.name as ""
}

test_another_environment_is_denied if {
	not authz.allow with input as base with input.metadata.environment as "staging"
}

test_a_gateway_without_environment_pins_none if {
	authz.allow with input as base with input.environment as null
}

test_customer_data_stays_in_the_eu if {
	not authz.allow with input as base with input.metadata.data_class as "customer_pii"
}

test_customer_data_may_reach_the_eu if {
	authz.allow with input as base
		with input.metadata.data_class as "customer_pii"
		with input.resource.region as "eu"
}

test_spelling_does_not_free_customer_data if {
	not authz.allow with input as base with input.metadata.data_class as " Customer_PII"
}

test_a_target_without_region_gets_no_customer_data if {
	not authz.allow with input as base
		with input.metadata.data_class as "customer_pii"
		with input.resource as {"model": "openai-main/gpt-4o-mini", "account": "openai-main"}
}

test_a_null_region_gets_no_customer_data if {
	not authz.allow with input as base
		with input.metadata.data_class as "customer_pii"
		with input.resource.region as null
}

test_the_reason_is_given if {
	found := authz.reasons with input as base with input.metadata.data_class as "customer_pii"
	found == {"data_class customer_pii only reaches region eu"}
}

test_other_data_classes_are_free if {
	authz.allow with input as base with input.metadata.data_class as "public"
}

test_a_tool_call_is_a_resource if {
	authz.allow with input as base with input.resource as {"server": "crm", "tool": "search", "arguments": {}}
}
