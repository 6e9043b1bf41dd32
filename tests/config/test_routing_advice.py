"""Warnings about routing rules and virtual models, and what the documents mean once loaded."""

import pytest

from extproc.config.advice import advice
from extproc.config.load import load
from extproc.config.model import Config
from tests.config.vectors import one, sources_of

ACCOUNTS = """type: gateway-config
name: gateway
---
type: provider-account
name: a
provider: openai
models: [{id: m}, {id: n}]
---
type: provider-account
name: b
provider: anthropic
models: [{id: m}]
---
type: provider-account
name: k
provider: openai
keys: [{name: x, api_key: {env: X}}, {name: y, api_key: {env: Y}}]
models: [{id: m}]
---
"""
RULE = """type: gateway-load-balancing-config
name: r
rules:
  - {id: r, when: {models: [prod/x]}, %s}
"""
STICKY = "sticky_routing: {ttl_seconds: 9, session_identifiers: [{key: u, source: metadata}]}"


def warned(text: str) -> list[str]:
    config = load(one(ACCOUNTS + text))
    assert isinstance(config, Config), [str(mistake) for mistake in config]
    return [found.message.removeprefix("rule 'r': ") for found in advice(config)]


def rule(kind: str, *targets: str, more: str = "") -> str:
    listed = ", ".join(f"{{target: {target}}}" for target in targets)
    return RULE % f"type: {kind}-based-routing, load_balance_targets: [{listed}]{more}"


CASES = [
    (rule("weight", "a/m", more=f", {STICKY}"),
     ["`sticky_routing` has one target to choose from"]),
    (rule("latency", "a/m"), ["`latency-based-routing` has one target to choose from"]),
    (rule("latency", "a/m, weight: 2", "a/n"),
     ["`weight` means nothing to `latency-based-routing`"]),
    (rule("weight", "a/m, weight: 60", "a/n, weight: 30"),
     ["weights sum to 90: they are shares of the sum, not percent"]),
    (rule("weight", "a/m, weight: 60", "a/n"),
     ["some targets have a weight; those without one count as 1"]),
    (rule("weight", "a/m, weight: 60", "a/n, weight: 40"), []),
    (rule("weight", "a/m, weight: 0.6", "a/n, weight: 0.4"), []),
    (rule("priority", "a/m", "a/n, priority: 1, fallback_candidate: false"),
     ["'a/n' never serves: not the first, and no fallback candidate"]),
    (rule("priority", "a/m", "a/m, priority: 1"), ["'a/m' stands twice with the same settings"]),
    (rule("priority", "a/m", "a/m, priority: 1, override_params: {temperature: 0}"), []),
    (rule("priority", "k/m, retry_config: {attempts: 6}", "a/m, priority: 1"),
     ["asks for 9 attempts, and a request makes 8 at most"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_what_a_rule_probably_does_not_mean(text: str, wanted: list[str]) -> None:
    """Contract, section 1 (`check`): valid, and still worth a word."""
    assert warned(text) == wanted


def test_virtual_models_are_judged_as_rules() -> None:
    """Route: a target must offer what the virtual model says it is; a rule before may cover it."""
    virtual = """type: provider-account/virtual-model
name: v
integrations:
  - {name: e, type: integration/model/virtual, model_types: [embedding], routing_config:
     {type: priority-based-routing,
      load_balance_targets: [{target: a/m}, {target: b/m, priority: 1}]}}
---
"""
    assert warned(virtual) == ["rule 'v/e': 'b/m' offers none of its model types"]
    covering = rule("priority", "a/m").replace("{models: [prod/x]}", "{models: ['v/*']}")
    assert "rule 'v/e' never runs: 'r' before it matches all that it matches" in warned(
        virtual + covering
    )


def test_a_fallback_rule_behind_a_wider_one_never_runs() -> None:
    """Contract, section 1 (`check`): first match wins there too."""
    text = """type: gateway-fallback-config
name: f
rules:
  - {id: all, when: {}, fallback_models: [{target: a/m}]}
  - {id: some, when: {models: [a/n]}, fallback_models: [{target: b/m}]}
"""
    assert warned(text) == [
        "rule 'some' never runs: 'all' before it matches all that it matches",
    ]


def test_the_whole_sample_needs_no_advice() -> None:
    """Route: everything at once, and nothing that looks like a slip."""
    config = load(sources_of("ok", "routing"))
    assert isinstance(config, Config)
    assert advice(config) == []


def test_virtual_models_come_behind_the_rules() -> None:
    """Route: one list, in which the first match counts; each has its place in the file."""
    config = load(sources_of("ok", "routing"))
    assert isinstance(config, Config)
    assert [found.id for found in config.routing] == ["canary", "fast", "ordered", "smart/chat"]
    chat = config.routing[-1]
    assert chat.when.models == ("smart/chat", "my-chat") and chat.when.subjects is None
    assert chat.operations == {"chat", "count_tokens"}
    assert config.places["gateway-load-balancing-config#smart/chat"] == ("gateway.yaml", 70)
    assert config.retry_settings is not None and config.retry_settings.attempts == 1
    assert set(config.prompts) == {"triage:1", "triage:2", "triage:v2-next"}


def test_an_unknown_provider_is_told_the_nearest() -> None:
    """P7: a slip of the pen names what was probably meant."""
    found = load(one(ACCOUNTS.replace("provider: openai", "provider: opnai", 1)))
    assert isinstance(found, list) and len(found) == 1
    assert str(found[0]).endswith("; did you mean 'openai'?")
