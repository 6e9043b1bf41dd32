"""Which models a key may call, and which headers nobody may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.identity.keys import KEY_HEADERS
from extproc.identity.principal import Principal
from extproc.identity.reserved import never_sent, owned
from extproc.identity.scope import in_scope, may_call


@pytest.mark.parametrize(
    ("globs", "name", "may"),
    [
        (("openai-main/*",), "openai-main/gpt-4o-mini", True),
        (("openai-main/*",), "openai-main/team/finetune", True),
        (("openai-main/*",), "openai-mainx/gpt", False),
        (("openai-main/*",), "xopenai-main/gpt", False),
        (("openai-main/*",), "openai-main/", True),
        (("openai-main/*",), "Openai-main/gpt", False),
        (("prod/*",), "prod/engineering-assistant", True),
        (("*",), "anything/at/all", True),
        (("a/b",), "a/b", True),
        (("a/b",), "a/bc", False),
        (("a/b",), "a/b\n", False),
        (("a/*",), "a/b\nc/d", True),
        (("a.b/c",), "axb/c", False),
        (("a/gpt-?",), "a/gpt-4", True),
        (("a/gpt-?",), "a/gpt-40", False),
        (("a/[bc]",), "a/c", True),
        (("a/[!bc]",), "a/c", False),
        (("x/*y*z", "p/*q*r"), "p/1q2r", True),
        ((), "a/b", False),
        (("",), "", False),
        (("*",), "", False),
    ],
)
def test_globs(globs: tuple[str, ...], name: str, may: bool) -> None:
    """P1: the whole name, case and all; nothing listed is nothing granted."""
    assert may_call(globs, name) is may


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_plain_name_covers_itself_alone(one: str, other: str) -> None:
    """P1: no character of a name opens more than that name, but for * ? [."""
    plain = one.translate(str.maketrans("*?[", "___"))
    assert may_call((plain,), plain)
    assert may_call((plain,), other) == (plain == other)


def test_a_long_hostile_name_costs_little() -> None:
    """P8: a name made to backtrack is refused in one pass (this would else never end)."""
    assert not may_call(("*a" * 30 + "b",), "a" * 100_000)


@pytest.mark.parametrize(
    ("ceiling", "may"), [(None, True), (("m/*",), True), (("m/small",), False), ((), False)]
)
def test_the_teams_bound_holds_too(ceiling: tuple[str, ...] | None, may: bool) -> None:
    """P1: a union never widens: both lists must cover the model."""
    who = Principal(type="virtual-account", name="n", key="k", models=("m/*",), ceiling=ceiling)
    assert in_scope(who, "m/large") is may
    assert not in_scope(who, "other/large")


@pytest.mark.parametrize(
    "name",
    ["x-envelope-decision-id", "x-envelope-anything", "x-envoy-max-retries",
     "x-tfy-resolved-model", "x-tfy-applied-configurations", "x-tfy-cache-status",
     "x-tfy-guardrails-applied", "server-timing"],
)  # fmt: skip
def test_clients_may_not_speak_for_the_gateway(name: str) -> None:
    """Contract, section 3: every gateway-owned header from a client is removed."""
    assert owned(name)


@pytest.mark.parametrize(
    "name", [*KEY_HEADERS, "x-tfy-metadata", "x-tfy-guardrails", "idempotency-key", "cookie",
             "x-envelope-decision-id", "openai-organization", "x-forwarded-for"],
)  # fmt: skip
def test_providers_never_see_them(name: str) -> None:
    """P4: no virtual key, no metadata, no bookkeeping on the provider's connection."""
    assert never_sent(name)


@pytest.mark.parametrize("name", ["x-tfy-metadata", "x-tfy-guardrails", "idempotency-key",
                                  "traceparent", "x-request-id", *KEY_HEADERS])  # fmt: skip
def test_what_the_gateway_reads_is_not_stripped(name: str) -> None:
    """Contract, section 3: these are the client's to send."""
    assert not owned(name)
