"""Virtual models, weights, fallback order."""

from __future__ import annotations

from collections import Counter

from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.routing.plan import Router

ACCOUNTS = """
type: provider-account
name: a
provider: openai
base_url: http://127.0.0.1:1/v1
models: [{id: big, price: {input_per_mtok: 1}}, {id: small, price: {input_per_mtok: 1}}]
---
type: provider-account
name: b
provider: anthropic
base_url: http://127.0.0.1:2
models: [{id: big, price: {input_per_mtok: 1}}]
---
"""
EVERYONE = frozenset({"*"})


def router(rules: str) -> Router:
    text = f"{ACCOUNTS}type: gateway-load-balancing-config\nname: routing\nrules:\n{rules}"
    loaded = load([Source("test.yaml", text, "/")])
    assert isinstance(loaded, Config), loaded
    return Router(loaded)


def names(routed: object) -> list[str]:
    return [t.name for t in routed.targets]  # type: ignore[attr-defined]


PRIORITY = """
  - id: p
    type: priority-based-routing
    when: {models: [prod/x]}
    load_balance_targets:
      - {target: b/big, priority: 2}
      - {target: a/big, priority: 1, retry_config: {attempts: 2, on_status_codes: ["429"]},
         fallback_status_codes: ["500"]}
      - {target: a/small, priority: 3, fallback_candidate: false}
"""


def test_priority_decides_the_order() -> None:
    """Routing: lower numbers first; what is no fallback candidate serves first or never."""
    routed = router(PRIORITY).route("prod/x", EVERYONE, {}, 0.0)
    assert routed is not None and routed.rule_id == "p"
    assert names(routed) == ["a/big", "b/big"]


def test_a_concrete_model_needs_no_rule_and_an_unknown_one_has_none() -> None:
    """Contract: `account/model` is itself; what nobody knows is None."""
    routes = router(PRIORITY)
    assert names(routes.route("a/small", EVERYONE, {}, 0.0)) == ["a/small"]
    assert routes.route("a/none", EVERYONE, {}, 0.0) is None
    assert routes.route("prod/y", EVERYONE, {}, 0.0) is None


def test_the_first_matching_rule_wins() -> None:
    """Routing: `when` parts are ANDed and rules are read from the top."""
    rules = """
  - id: review
    type: priority-based-routing
    when: {models: [prod/x], metadata: {workflow: review}}
    load_balance_targets: [{target: b/big}]
""" + PRIORITY.lstrip("\n")
    routes = router(rules)
    picked = routes.route("prod/x", EVERYONE, {"workflow": "review"}, 0.0)
    other = routes.route("prod/x", EVERYONE, {"workflow": "chat"}, 0.0)
    assert picked is not None and other is not None
    assert (picked.rule_id, other.rule_id) == ("review", "p")


def test_weights_share_the_traffic() -> None:
    """Routing: over evenly spread draws every target gets its share, the rest follow by weight."""
    routes = router("""
  - id: w
    type: weight-based-routing
    when: {models: [prod/w]}
    load_balance_targets:
      - {target: a/big, weight: 80}
      - {target: a/small, weight: 20}
      - {target: b/big, weight: 0}
""")
    first: Counter[str] = Counter()
    for n in range(1000):
        routed = routes.route("prod/w", EVERYONE, {}, n / 1000)
        assert routed is not None
        first[names(routed)[0]] += 1
    assert first == {"a/big": 800, "a/small": 200}
    assert names(routes.route("prod/w", EVERYONE, {}, 0.0)) == ["a/big", "a/small", "b/big"]
