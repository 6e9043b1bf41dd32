"""The cedar guardrail: default deny, every model permitted, nothing gained from errors."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.cedar_settings import CedarSettings
from extproc.guardrails.checks.cedar import check
from extproc.guardrails.values import Check
from tests.guardrails.checks.builders import exam, told

ALL = "permit(principal, action, resource);"
LIMIT = ALL + "forbid(principal, action, resource) when { context.arguments.amount > 100 };"
USER = {"type": "user", "name": "ada", "team": "support", "key": "k1"}
MODELS = ("smart", "openai-main/gpt-4o")


@cache
def made(policy: str) -> Check:
    return check(CedarSettings(policy=policy))


def judged(policy: str, hook: Any = "llm_input", **scene: Any) -> list[str]:
    defaults: dict[str, Any] = {"principal": USER, "models": MODELS, "environment": "production"}
    return [
        label for label, _ in told(made(policy).examine(exam(hook=hook, **{**defaults, **scene})))
    ]


def tool(policy: str, arguments: Any, **scene: Any) -> list[str]:
    call = {"server": "github", "tool": "merge", "arguments": arguments, **scene}
    return judged(policy, "mcp_tool_pre_invoke", **call)


@pytest.mark.parametrize(("head", "permitted"), [
    ("principal, action, resource", True), ('principal == User::"ada", action, resource', True),
    ('principal == User::"bob", action, resource', False),
    ('principal == VirtualAccount::"ada", action, resource', False),
    ('principal in Team::"support", action, resource', True),
    ('principal in Team::"sales", action, resource', False),
    ("principal is User, action, resource is Model", True),
    ("principal, action, resource is Server", False),
    ('principal, action == Action::"call", resource', True),
    ('principal, action == Action::"merge", resource', False),
    ('principal, action, resource == Model::"smart"', False),
    ('principal, action, resource in Account::"openai-main"', False),
])  # fmt: skip
def test_who_may_call_what(head: str, permitted: bool) -> None:
    """P1: what no policy permits is refused, for every name a call's model goes by."""
    assert judged(f"permit({head});") == ([] if permitted else ["DENIED"])


def test_each_model_has_to_be_permitted() -> None:
    """P1: a virtual model's targets need a permit of their own; no model at all has none."""
    both = ('permit(principal, action, resource == Model::"smart");'
            'permit(principal, action, resource in Account::"openai-main");')  # fmt: skip
    assert judged(both) == []
    assert judged(both, models=(*MODELS, "azure/gpt-4o")) == ["DENIED"]
    assert judged(ALL, models=()) == ["DENIED"]


def test_all_teams_count() -> None:
    """P1: a caller is in every team its subjects name."""
    policy = 'permit(principal in Team::"night", action, resource);'
    assert judged(policy) == ["DENIED"]
    assert judged(policy, subjects=frozenset(("user:ada", "team:night"))) == []


@pytest.mark.parametrize(("condition", "permitted"), [
    ('context.environment == "production"', True), ('context.metadata.ticket == "A-1"', True),
    ('context.metadata has other', False), ('context.hook == "llm_input"', True),
    ('context.key == "k1" && context.operation == "chat"', True), ('context.key like "x*"', False),
])  # fmt: skip
def test_conditions_see_the_call(condition: str, permitted: bool) -> None:
    """P1: metadata, environment, hook and key are in the context."""
    policy = f"permit(principal, action, resource) when {{ {condition} }};"
    assert judged(policy, metadata={"ticket": "A-1"}) == ([] if permitted else ["DENIED"])


def test_unknown_principals_are_nobody() -> None:
    """P1: a kind of caller that Cedar has no name for matches no policy about users."""
    assert judged("permit(principal is User, action, resource);", principal={}) == ["DENIED"]


def test_tool_calls() -> None:
    """P1: the action is the tool, the resource its server."""
    policy = 'permit(principal, action == Action::"merge", resource == Server::"github");'
    assert tool(policy, {}) == []
    assert tool(policy, {}, tool="delete") == tool(policy, {}, server="gitlab") == ["DENIED"]


@pytest.mark.parametrize(("arguments", "found"), [
    ({"amount": 5}, []), ({"amount": 100.0}, []), ({"amount": 101}, ["DENIED"]),
    ({"amount": 1e3}, ["DENIED"]), ({}, ["POLICY_ERROR"]), ({"amount": None}, ["POLICY_ERROR"]),
    ({"amount": "500"}, ["POLICY_ERROR"]), ({"amount": 99.5}, ["POLICY_ERROR"]),
    ({"amount": 10**30}, ["POLICY_ERROR"]), ({"amount": [500]}, ["POLICY_ERROR"]),
    ({"amount": {"__extn": {"fn": "decimal", "arg": "1.0"}}}, ["POLICY_ERROR"]),
])  # fmt: skip
def test_an_erring_forbid_never_allows(arguments: Any, found: list[str]) -> None:
    """P1: an argument of another type makes the policy err, and the call refused."""
    assert tool(LIMIT, arguments) == found


def test_arguments_cannot_pose_as_entities() -> None:
    """P1: a record that Cedar would read as an entity stays text."""
    policy = (
        ALL + 'forbid(principal, action, resource) unless { context.arguments.by == User::"boss" };'
    )
    for key in ("__entity", "__expr", "__extn"):
        assert tool(policy, {"by": {key: {"type": "User", "id": "boss"}}}) == ["DENIED"]


def test_arguments_too_deep_to_read_refuse() -> None:
    """P8: nesting is an objection, which `enforce` heeds, not a failure, which it lets pass."""
    deep: Any = 1
    for _ in range(2000):
        deep = {"a": deep}
    assert tool(ALL, deep) == ["POLICY_ERROR"]
    assert tool(ALL, {"a": "\ud800"}) == ["POLICY_ERROR"]
    assert tool(ALL, {}, tool="\ud800") == ["POLICY_ERROR"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(
        st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["a", "__entity", "__extn", "type", "id", "fn"]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(arguments=st.dictionaries(st.sampled_from(["a", "amount", "__expr"]), JSON, max_size=3))
def test_any_arguments_can_be_judged(arguments: Any) -> None:
    """P8: JSON of any kind gets a verdict; what permits everything permits it."""
    assert tool(ALL, arguments) == []
    assert tool(LIMIT, arguments) in ([], ["DENIED"], ["POLICY_ERROR"])


@pytest.mark.parametrize(("policy", "told_of"), [
    ("permit(principal, action);", "resource"), ("", ""), ("// nothing", "has no 'permit'"),
    ("forbid(principal, action, resource);", "has no 'permit'"),
    ("permit(principal == ?principal, action, resource);", "template"),
    (ALL + 'forbid(principal == Usr::"x", action, resource);', "names 'Usr'"),
    (ALL + "forbid(principal is Users, action, resource);", "names 'Users'"),
    (ALL + 'forbid(principal, action, resource) when { principal in Team::"a" || '
     'resource == Modle::"x" };', "names 'Modle'"),
    ("permit(principal, action, resource) when { contxt.x };", "contxt"),
])  # fmt: skip
def test_policies_that_could_not_work_are_mistakes(policy: str, told_of: str) -> None:
    """P7: in Cedar's own words, or in ours where Cedar has none."""
    with pytest.raises(ValueError) as wrong:
        CedarSettings(policy=policy)
    assert told_of in str(wrong.value.errors()[0].get("ctx", "")) + wrong.value.errors()[0]["msg"]  # type: ignore[attr-defined]
