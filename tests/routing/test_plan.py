"""Names and rules: which rule serves a request, and what it brings along."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.load import load
from extproc.config.match import compile_models, compile_when
from extproc.config.model import Config
from extproc.routing.plan import Router
from extproc.routing.rules import session_headers
from extproc.routing.values import Ask
from tests.config.vectors import sources_of
from tests.routing.world import EVERYONE, ask, config_of, names, router, rules_of

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
    """Route: lower numbers first; what is no fallback candidate serves first or never."""
    routed = router(PRIORITY).route(ask("prod/x"))
    assert routed is not None and routed.rule_id == "p"
    assert names(routed) == ["a/big", "b/big"]


def test_a_concrete_model_needs_no_rule_and_an_unknown_one_has_none() -> None:
    """Contract: `account/model` is itself; what nobody knows is None."""
    routes = router(PRIORITY)
    assert names(routes.route(ask("a/small"))) == ["a/small"]
    assert routes.route(ask("a/none")) is None
    assert routes.route(ask("prod/y")) is None


def test_the_first_matching_rule_wins() -> None:
    """Route: `when` parts are ANDed and rules are read from the top."""
    rules = """
  - id: review
    type: priority-based-routing
    when: {models: [prod/x], metadata: {workflow: review}}
    load_balance_targets: [{target: b/big}]
""" + PRIORITY.lstrip("\n")
    routes = router(rules)
    for workflow, rule_id in (("review", "review"), ("chat", "p")):
        routed = routes.route(ask("prod/x", metadata={"workflow": workflow}))
        assert routed is not None and routed.rule_id == rule_id


def test_patterns_and_exact_names_keep_their_order() -> None:
    """Route: a name that is written out is found quickly, and still no earlier rule is passed."""
    one = """
  - {{id: {0}, type: priority-based-routing, when: {1}, load_balance_targets: [{{target: {2}}}]}}
"""
    rules = (
        one.format("team", '{models: ["prod/*"], subjects: ["team:t"]}', "b/big")
        + one.format("exact", "{models: [prod/x]}", "a/big")
        + one.format("any", '{models: ["prod/*"]}', "a/small")
    )
    routes = router(rules)
    cases = [
        ("prod/x", "team:t", "team"), ("prod/x", "team:u", "exact"), ("prod/y", "team:u", "any"),
        ("prod/y", "team:t", "team"),
    ]  # fmt: skip
    for model, subject, rule_id in cases:
        routed = routes.route(ask(model, subjects=frozenset({subject})))
        assert routed is not None and routed.rule_id == rule_id
    assert routes.route(ask("dev/x")) is None


def test_a_rule_without_models_serves_known_names_alone() -> None:
    """Style 8: defaults deny; metadata makes no model out of a name that nobody gave."""
    routes = router("""
  - {id: m, type: priority-based-routing, when: {metadata: {workflow: w}},
     load_balance_targets: [{target: b/big}]}
  - {id: named, type: priority-based-routing, when: {models: [prod/x]},
     load_balance_targets: [{target: a/big}]}
""")
    said = {"workflow": "w"}
    assert names(routes.route(ask("prod/x", metadata=said))) == ["b/big"]
    assert names(routes.route(ask("a/small", metadata=said))) == ["b/big"]
    assert names(routes.route(ask("auto", metadata=said))) == ["b/big"]
    assert routes.route(ask("prod/unheard-of", metadata=said)) is None
    assert names(routes.route(ask("prod/x"))) == ["a/big"]


NAMES = ("prod/x", "prod/y", "dev/x", "a/big", "b/big", "auto", "else/where")
PATTERNS = (*NAMES[:4], "prod/*", "a/*", "*/x")
WHENS = st.fixed_dictionaries(
    {},
    optional={
        "models": st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True),
        "subjects": st.lists(st.sampled_from(("team:s", "team:t")), min_size=1, max_size=1),
        "metadata": st.just({"w": "x"}),
    },
)


@given(
    st.lists(WHENS, min_size=1, max_size=6), st.sampled_from(NAMES),
    st.sampled_from(("team:s", "team:t")), st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_the_index_finds_what_reading_from_the_top_finds(
    whens: list[dict[str, Any]], model: str, subject: str, said: bool
) -> None:
    """Route: first match wins, however the rules are filed."""
    rules = [
        {"id": str(n), "type": "priority-based-routing", "when": when,
         "load_balance_targets": [{"target": "b/big"}]}
        for n, when in enumerate(whens)
    ]  # fmt: skip
    config = config_of(rules_of("").replace("rules:", f"rules: {json.dumps(rules)}"))
    asked = ask(model, subjects=frozenset({subject, "*"}), metadata={"w": "x"} if said else {})
    routed = Router(config).route(asked)
    assert (routed.rule_id if routed else None) == _from_the_top(config, asked)


def _from_the_top(config: Config, asked: Ask) -> str | None:
    model, direct = asked.model, config.model(asked.model) is not None
    named = [compile_models(rule.when.models)(model) for rule in config.routing if rule.when.models]
    if not direct and model != "auto" and not any(named):
        return None
    for rule in config.routing:
        if compile_when(rule.when).matches(asked.subjects, (model,), asked.metadata):
            return rule.id
    return "auto" if model == "auto" else "" if direct else None


def test_headers_of_sessions_are_named() -> None:
    """Route: the data plane passes on what a sticky rule reads, in lower case."""
    assert session_headers(config_of(rules_of(PRIORITY))) == frozenset()
    loaded = load(sources_of("ok", "routing"))
    assert isinstance(loaded, Config) and session_headers(loaded) == {"x-session-id"}


# --- the samples ---------------------------------------------------------------------------------


def sample(case: str) -> Router:
    loaded = load(sources_of("ok", case))
    assert isinstance(loaded, Config)
    return Router(loaded)


def test_the_seeds_sample_does_what_it_says() -> None:
    """Route: the seed's rules, in their own words: cheap first, strongest first, on-prem first."""
    routes = sample("seed-routing")
    name = "prod/engineering-assistant"

    simple = routes.route(ask(name, metadata={"workflow": "repo-understanding"}))
    assert names(simple) == ["openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"]
    assert simple is not None
    first = simple.targets[0]
    assert (first.retries, first.retry_delay_ms, first.retry_codes) == (2, 100, (429, 500))
    assert first.fallback_codes == (429, 500, 502, 503)

    review = routes.route(ask(name, metadata={"workflow": "security-review"}))
    assert names(review) == ["anthropic-main/claude-opus", "openai-main/gpt-4.1"]
    batch = routes.route(ask("openai-main/gpt-4.1", metadata={"surface": "batch-pipeline"}))
    assert names(batch) == ["on-prem/llama-3.1-70b", "openai-main/gpt-4o-mini"]
    both = {"workflow": "security-review", "surface": "batch-pipeline"}
    assert names(routes.route(ask(name, metadata=both))) == names(review)
    assert routes.route(ask(name)) is None


def test_the_contracts_sample_does_what_it_says() -> None:
    """Contract 2: one name, two targets, one more try of the first."""
    routed = sample("contract-sample").route(ask("prod/engineering-assistant"))
    assert names(routed) == ["openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"]
    assert routed is not None
    assert [t.retries for t in routed.targets] == [1, 0]
    assert routed.targets[0].retry_delay_ms == 50


# --- what a rule brings --------------------------------------------------------------------------


def test_what_a_rule_says_arrives_at_the_targets() -> None:
    """Route: overrides, headers, delays, time limits and the shadow come with the plan."""
    routed = router("""
  - id: all
    type: priority-based-routing
    when: {models: [prod/x]}
    timeouts: {tier: batch, request_timeout_ms: 5000, first_token_timeout_ms: 400}
    shadow: {target: a/small, percent: 5, account: judge}
    load_balance_targets:
      - target: a/big
        override_params: {temperature: 0}
        headers_override: {set: {X-Team: core}, remove: [X-Old]}
        retry_config: {attempts: 1, delay: 250, on_status_codes: [503]}
""").route(ask("prod/x"))
    assert routed is not None and routed.timeouts is not None and routed.shadow is not None
    (target,) = routed.targets
    assert target.override_params == {"temperature": 0}
    assert (target.headers_set, target.headers_remove) == ({"x-team": "core"}, ("x-old",))
    assert (target.retries, target.retry_delay_ms, target.retry_codes) == (1, 250, (503,))
    assert (routed.timeouts.tier, routed.timeouts.request_timeout_ms) == ("batch", 5000)
    assert (routed.shadow.target, routed.shadow.percent) == ("a/small", 5)


def test_global_retries_hold_where_a_target_says_none() -> None:
    """Route: `retry_settings` is the default of every target, of concrete models too."""
    settings = "---\ntype: gateway-global-settings\nname: g\nretry_settings: {attempts: 3}\n"
    routes = Router(config_of(rules_of(PRIORITY) + settings))
    routed = routes.route(ask("prod/x"))
    assert routed is not None
    assert [(t.name, t.retries) for t in routed.targets] == [("a/big", 2), ("b/big", 3)]
    direct = routes.route(ask("a/small"))
    assert direct is not None and direct.targets[0].retries == 3


def test_metadata_match_leaves_targets_out() -> None:
    """Route: a target with unmatched `metadata_match` is skipped; where all are, nobody serves."""
    routes = router("""
  - id: m
    type: priority-based-routing
    when: {models: [prod/x]}
    load_balance_targets:
      - {target: a/big, metadata_match: {data: public}}
      - {target: b/big, priority: 1, metadata_match: {region: eu}}
""")
    assert names(routes.route(ask("prod/x", metadata={"data": "public"}))) == ["a/big"]
    assert names(routes.route(ask("prod/x", metadata={"region": "eu"}))) == ["b/big"]
    both = {"data": "public", "region": "eu"}
    assert names(routes.route(ask("prod/x", metadata=both))) == ["a/big", "b/big"]
    assert routes.route(ask("prod/x")) is None


def test_the_preferred_region_comes_first() -> None:
    """Route: `region_preference` orders, and leaves nobody out; `eu` covers `eu-west-1`."""
    routes = router("""
  - id: r
    type: priority-based-routing
    when: {models: [prod/x]}
    load_balance_targets:
      - {target: a/big}
      - {target: b/big, priority: 1}
      - {target: own/llama, priority: 2}
""")
    eu = {"region_preference": "eu"}
    assert names(routes.route(ask("prod/x", metadata=eu))) == ["b/big", "own/llama", "a/big"]
    nowhere = {"region_preference": "moon"}
    assert names(routes.route(ask("prod/x", metadata=nowhere))) == ["a/big", "b/big", "own/llama"]


# --- virtual models ------------------------------------------------------------------------------

VIRTUAL = """
type: provider-account/virtual-model
name: smart
{collaborators}integrations:
  - name: chat
    type: integration/model/virtual
    model_types: [chat]
    slug: my-chat
    routing_config:
      type: priority-based-routing
      load_balance_targets: [{{target: a/big}}, {{target: b/big, priority: 1}}]
"""


def virtual(collaborators: str = "") -> Router:
    return Router(config_of(VIRTUAL.format(collaborators=collaborators)))


def test_a_virtual_model_is_called_by_either_name() -> None:
    """Contract (reference 7.2): `group/name` and the slug both work, and both are listed."""
    routes = virtual()
    for name in ("smart/chat", "my-chat"):
        routed = routes.route(ask(name))
        assert routed is not None and routed.rule_id == "smart/chat"
        assert names(routed) == ["a/big", "b/big"]
        assert name in routes.models
    assert routes.route(ask("smart/other")) is None


def test_a_virtual_model_serves_its_model_types_alone() -> None:
    """Route: another operation finds no target, which the caller is told."""
    routes = virtual()
    embedding = routes.route(ask("smart/chat", operation="embeddings"))
    assert embedding is not None and embedding.targets == ()
    assert names(routes.route(ask("smart/chat", operation="chat"))) == ["a/big", "b/big"]


def test_collaborators_narrow_who_may_call() -> None:
    """P1: with collaborators, others find no such model; `team:everyone` leaves it to the keys."""
    some = 'collaborators: [{subject: "team:core", role_id: provider-account-access}]\n'
    everyone = some.replace("core", "everyone")
    core, other = frozenset({"team:core", "*"}), frozenset({"team:other", "*"})
    assert virtual(some).route(ask("smart/chat", subjects=core)) is not None
    assert virtual(some).route(ask("smart/chat", subjects=other)) is None
    assert virtual(everyone).route(ask("smart/chat", subjects=other)) is not None


def test_rules_come_before_virtual_models() -> None:
    """Route: a rule by metadata holds for virtual models as for any other name."""
    rule = rules_of("""
  - {id: r, type: priority-based-routing, when: {metadata: {w: x}},
     load_balance_targets: [{target: a/small}]}
""")
    routes = Router(config_of(VIRTUAL.format(collaborators="") + "---\n" + rule))
    assert names(routes.route(ask("my-chat", metadata={"w": "x"}))) == ["a/small"]
    assert names(routes.route(ask("my-chat"))) == ["a/big", "b/big"]


# --- further targets -----------------------------------------------------------------------------

FALLBACK = """---
type: gateway-fallback-config
name: further
rules:
  - id: limited
    when: {models: [a/big], response_status_codes: ["429"]}
    fallback_models: [{target: b/big, override_params: {temperature: 0}}, {target: a/small}]
  - id: other
    when: {models: ["prod/*"]}
    fallback_models: [{target: b/big}, {target: own/llama}]
"""


def test_fallback_models_follow_whatever_was_routed() -> None:
    """Contract (reference 7.3): first match; its statuses lead on from a concrete model too."""
    routes = Router(config_of(rules_of(PRIORITY) + FALLBACK))
    routed = routes.route(ask("a/big"))
    assert routed is not None and routed.fallback_id == "limited"
    assert names(routed) == ["a/big", "b/big", "a/small"]
    assert [t.fallback_codes for t in routed.targets] == [(429,)] * 3
    assert routes.route(ask("a/small")).fallback_id == ""  # type: ignore[union-attr]
    again = routes.route(ask("a/big"))
    assert again is not None and again.targets == routed.targets


def test_fallback_models_match_any_target_and_come_once() -> None:
    """Route: a rule about a model holds when a virtual one leads to it; no target twice."""
    routes = Router(config_of(rules_of(PRIORITY) + FALLBACK))
    routed = routes.route(ask("prod/x"))
    assert names(routed) == ["a/big", "b/big", "b/big", "a/small"]
    assert routed is not None
    assert [t.fallback_codes[0] for t in routed.targets] == [500, 401, 429, 429]
    assert 429 in routed.targets[0].fallback_codes
    only = FALLBACK.replace("models: [a/big],", "models: [a/none*],")
    plain = Router(config_of(rules_of(PRIORITY) + only)).route(ask("prod/x"))
    assert names(plain) == ["a/big", "b/big", "own/llama"]


# --- auto ----------------------------------------------------------------------------------------


def auto(routes: Router, **metadata: str) -> list[str] | None:
    routed = routes.route(ask("auto", metadata=metadata, operation="chat"))
    return None if routed is None else names(routed)


def test_auto_takes_the_cheapest_of_what_is_meant() -> None:
    """Route: tier and family instead of a name; the cheapest first, the preferred region before."""
    routes = Router(config_of(rules_of(PRIORITY)))
    assert auto(routes, quality_tier="high") == ["b/big", "a/big"]
    assert auto(routes, quality_tier="low") == ["own/llama", "a/small"]
    assert auto(routes, quality_tier="low", region_preference="us") == ["a/small", "own/llama"]
    assert auto(routes, model_family="gpt") == ["a/small", "a/big"]
    assert auto(routes, model_family="gpt", quality_tier="high") == ["a/big"]
    assert auto(routes, model_family="mistral") is None
    assert auto(routes) == ["own/llama", "a/small", "k/m", "b/big", "a/big"]
    assert "auto" in routes.models


def test_auto_stays_within_the_keys_scope() -> None:
    """P1: `auto` reaches no model that the key may not call by its own name."""
    routes = Router(config_of(rules_of(PRIORITY)))
    asked = ask("auto", metadata={"quality_tier": "high"}, in_scope=lambda name: name == "a/big")
    assert names(routes.route(asked)) == ["a/big"]
    assert routes.route(ask("auto", in_scope=lambda name: False)) is None
    assert routes.route(Ask("auto", EVERYONE)) is None


def test_auto_asks_only_who_speaks_of_it() -> None:
    """Route: an operation that an account does not speak is not asked of it."""
    routes = Router(config_of(rules_of(PRIORITY)))
    asked = ask("auto", metadata={"quality_tier": "high"}, operation="embeddings")
    assert names(routes.route(asked)) == ["a/big"]
