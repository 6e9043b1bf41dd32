"""Warnings about limits that are valid."""

from typing import get_args

import pytest

from extproc.config.advice import advice
from extproc.config.limit_advice import SERVED
from extproc.config.load import load
from extproc.config.model import Config
from extproc.limits.selector import _kinds
from extproc.llm.call import Operation
from tests.config.vectors import one, sources_of

START = """type: gateway-config
name: gateway
---
type: provider-account
name: paid
provider: openai
base_url: https://api.openai.com/v1
models: [{id: m, price: {input_per_mtok: 1}}, {id: gift, price: {input_per_mtok: 0}}]
---
type: provider-account
name: own
provider: openai-compatible
base_url: http://127.0.0.1:8000/v1
kind: self_hosted
unpriced: allow
models: [{id: llama}]
---
type: gateway-load-balancing-config
name: routes
rules:
  - id: cheap
    type: priority-based-routing
    when: {models: [prod/cheap]}
    load_balance_targets: [{target: own/llama}, {target: paid/gift}]
  - id: mixed
    type: priority-based-routing
    when: {models: [prod/mixed]}
    load_balance_targets: [{target: own/llama}, {target: paid/m}]
---
"""


def warnings(text: str) -> list[str]:
    config = load(one(START + text))
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    return [found.message for found in advice(config)]


def rates(*rules: str) -> str:
    listed = "".join(f"  - {{id: r{number}, {rule}}}\n" for number, rule in enumerate(rules))
    return f"type: gateway-rate-limiting-config\nname: limits\nrules:\n{listed}"


def budget(rest: str, when: str = "{}") -> str:
    rule = f"{{id: b, when: {when}, limit_to: 1, {rest}}}"
    return f"type: gateway-budget-config\nname: budgets\nrules: [{rule}]\n"


def test_a_full_configuration_needs_no_advice():
    """Contract, section 2: every document of limits, used as it is meant."""
    config = load(sources_of("ok", "limits"))
    assert isinstance(config, Config)
    assert advice(config) == []


WIDE = "when: {}, limit_to: 1, unit: requests_per_day"
NARROW = "when: {models: [paid/m]}, limit_to: 1, unit: tokens_per_day"
FLIGHT = "when: {models: [paid/m]}, limit_to: 1, unit: concurrent_requests"
NEVER = "rule 'r1' never runs: 'r0' before it matches all that it matches"


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ((WIDE, NARROW), [NEVER]),
        ((NARROW, WIDE), []),
        ((WIDE, FLIGHT), []),
        ((FLIGHT, FLIGHT), [NEVER]),
        ((f"{WIDE}, audit_mode: true", NARROW), []),
        ((f"{WIDE}, audit_mode: true", f"{NARROW}, audit_mode: true"), [NEVER]),
        ((WIDE, f"{NARROW}, audit_mode: true"), [NEVER]),
    ],
)
def test_rules_behind_a_wider_one(rules, wanted):
    """Contract, section 1 (`check`): a rate limit that can never count is named."""
    assert warnings(rates(*rules)) == wanted


def test_of_three_the_one_that_stands_in_the_way_is_named():
    """Contract, section 1 (`check`): a rule that never runs stands in nobody's way."""
    found = warnings(rates(WIDE, NARROW, NARROW))
    assert found == [NEVER, NEVER.replace("r1", "r2")]


NARROWER = "r1, when: {models: [v]}"


def test_routes_behind_a_wider_one():
    """Contract, section 1 (`check`): likewise for routes."""
    target = "load_balance_targets: [{target: paid/m}], type: priority-based-routing"
    listed = "".join(f"  - {{id: {rule}, {target}}}\n" for rule in ("r0, when: {}", NARROWER))
    found = warnings(f"type: gateway-load-balancing-config\nname: more\nrules:\n{listed}")
    assert found == [NEVER]


OPERATIONS = "no call here is of the kind 'tool' yet"


@pytest.mark.parametrize(
    "text",
    [
        rates("when: {operations: [chat, tool]}, limit_to: 1, unit: requests_per_day"),
        budget("unit: cost_per_day", "{operations: [tool]}"),
        "type: gateway-request-caps-config\nname: c\n"
        "rules: [{id: c, when: {operations: [tool]}, max_tokens: 1}]\n",
        "type: tenant-budget-config\nname: t\nwhen: {operations: [tool]}\n"
        "limits: {cost_per_day: 1}\n",
        "type: tenant-rate-limit-config/model\nname: t\nwhen: {operations: [tool]}\n"
        "limits: {requests_per_day: 1}\n",
    ],
)
def test_limits_on_calls_that_nobody_can_make(text):
    """Contract, section 1 (`check`): a limit that nothing reaches yet says so."""
    assert warnings(text) == [OPERATIONS]


def test_every_kind_of_call_can_be_limited():
    """P2: no endpoint is a way around a limit: every operation is one that a rule can name."""
    named = frozenset(kind for name in SERVED for kind in _kinds((name,)) or ())
    free = {"models", "count_tokens"}
    assert set(get_args(Operation)) - free <= named


COSTLESS = "counts nothing: every model it is about is without a price"


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        ("[own/llama]", [COSTLESS]),
        ("['own/*', paid/gift]", [COSTLESS]),
        ("[prod/cheap]", [COSTLESS]),
        ("[prod/mixed]", []),
        ("[own/llama, paid/m]", []),
        ("['*']", []),
    ],
)
def test_budgets_in_usd_over_models_without_a_price(models, wanted):
    """Contract, section 1 (`check`): a budget that stays at zero says so."""
    when = f"{{models: {models}}}"
    assert warnings(budget("unit: cost_per_day", when)) == wanted
    assert warnings(budget("unit: tokens_per_day", when)) == []
    tenant = "type: tenant-budget-config\nname: t\nwhen: {models: {in: %s}}\nlimits: {%s: 1}\n"
    assert warnings(tenant % (models, "cost_per_day")) == wanted
    assert warnings(tenant % (models, "tokens_per_day")) == []


ALERTS = "alerts: {notification_target: [{type: slack-webhook, notification_channel: ops}]}"
CHANNEL = "type: notification-channel\nname: ops\nkind: slack-webhook\nurl: {env: A}\n---\n"
UNTOLD = "its alerts have no `notification_target`: they show in log and metrics alone"


def test_alerts_without_anybody_to_tell():
    """Contract, section 1 (`check`): thresholds without a channel, a channel without alerts."""
    tenant = "type: tenant-budget-config\nname: t\nwhen: {}\nlimits: {cost_per_day: 1}\n"
    account = "type: team\nname: t\nbudget: {limit_to: 1, unit: cost_per_day, %s}\n"
    assert warnings(budget("unit: cost_per_day, alerts: {thresholds: [75]}")) == [UNTOLD]
    assert warnings(tenant + "alerts: {}\n") == [UNTOLD]
    assert warnings(account % "alerts: {}") == [UNTOLD]
    assert warnings(CHANNEL + budget("unit: cost_per_day")) == ["no alert goes to 'ops'"]
    assert warnings(CHANNEL + budget(f"unit: cost_per_day, {ALERTS}")) == []
    assert warnings(CHANNEL + tenant + ALERTS + "\n") == []
    assert warnings(CHANNEL + account % ALERTS) == []


def test_names_that_nobody_and_nothing_has():
    """Contract, section 1 (`check`): also in overrides and in limits of the second version."""
    user = "type: user\nname: ann\nemail: ann@x.example\n---\n"
    over = "budget_applies_per: [user], overrides: [{users: [%s], limit_to: 1}]"
    text = user + budget(f"unit: cost_per_day, {over}")
    assert warnings(text % "ann@x.example") == []
    assert warnings(text % "ann") == ["nobody here is 'user:ann'"]
    tenant = (
        user + "type: tenant-budget-config\nname: t\nlimits: {cost_per_day: 1}\n"
        "when: {subjects: {users: {in: [ann@x.example], not_in: [ben]}}, models: {in: ['x/*']}}\n"
        "applies_to: {type: per-user, overrides: [{users: [cid], limits: {cost_per_day: 2}}]}\n"
    )
    assert warnings(tenant) == [
        "nobody here is 'user:ben'", "nobody here is 'user:cid'", "no model matches 'x/*'",
    ]  # fmt: skip
    cap = "type: gateway-request-caps-config\nname: c\nrules: [{id: c, when: %s, max_tokens: 1}]\n"
    assert warnings(user + cap % "{subjects: ['user:ben'], models: ['x/*']}") == [
        "nobody here is 'user:ben'", "no model matches 'x/*'",
    ]  # fmt: skip
