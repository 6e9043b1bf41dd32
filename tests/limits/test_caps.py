"""Which caps hold for a request, and what of them counts."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.config.model import RequestCap
from extproc.errors import Code, Refusal
from extproc.identity.principal import Principal
from extproc.limits.caps import LATENCY_MS_MAX, Cap, CapMatcher, Caps

BOT = Principal("virtual-account", "bot", "k", team="ml")
MODELS = ("prod/smart", "big/large", "small/tiny")


def cap(name: str, *, when: dict[str, Any] | None = None, **fields: Any) -> RequestCap:
    return RequestCap.model_validate({"id": name, "when": when or {}, **fields}, strict=False)


def found(*rules: RequestCap, principal: Principal = BOT, models: tuple[str, ...] = MODELS,
          operation: str = "chat", **metadata: str) -> Caps:  # fmt: skip
    caps = CapMatcher(rules).caps(principal, models, operation, metadata)
    assert isinstance(caps, Caps)
    return caps


def test_no_rule_no_cap() -> None:
    """Caps: nothing holds where nothing was configured."""
    assert found() == Caps()


def test_all_that_match_hold_and_the_smallest_counts() -> None:
    """Caps: every number is the smallest of all matching rules; each knows its rule."""
    caps = found(
        cap("wide", max_tokens=900, max_latency_ms=100),
        cap("narrow", max_tokens=500, max_latency_ms=2000, on_excess="clamp"),
    )
    assert caps.max_tokens == Cap(500, "narrow", clamp=True)
    assert caps.max_latency_ms == Cap(100, "wide")
    assert caps.rule_ids == ("wide", "narrow")


@pytest.mark.parametrize("strict_first", [True, False])
def test_of_two_equal_caps_the_refusing_one_counts(strict_first: bool) -> None:
    """Defaults deny: a clamp does not soften an equal cap that refuses."""
    pair = [cap("strict", max_tokens=5), cap("soft", max_tokens=5, on_excess="clamp")]
    assert found(*(pair if strict_first else pair[::-1])).max_tokens == Cap(5, "strict")


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"subjects": ["team:ml"]}, True),
        ({"subjects": ["team:other"]}, False),
        ({"models": ["small/*"]}, True),
        ({"models": ["claude/*"]}, False),
        ({"operations": ["chat"]}, True),
        ({"operations": ["embeddings"]}, False),
        ({"metadata": {"run_id": "7"}}, True),
        ({"metadata": {"run_id": "8"}}, False),
    ],
)
def test_whom_a_rule_concerns(when: dict[str, Any], holds: bool) -> None:
    """Caps: `when` is ANDed; a target the request may end at is as good as the name asked for."""
    caps = found(cap("c", when=when, max_tokens=5), run_id="7")
    assert (caps.max_tokens is not None) == holds


def test_the_same_question_has_the_same_answer() -> None:
    """Caps: what is remembered of one call does not leak into another."""
    matcher = CapMatcher([cap("run", when={"metadata": {"run_id": "7"}}, max_tokens=5)])
    for run, expected in (("7", 5), ("8", None), ("7", 5)):
        caps = matcher.caps(BOT, MODELS, "chat", {"run_id": run})
        assert isinstance(caps, Caps)
        assert (caps.max_tokens and caps.max_tokens.limit) == expected


def test_money_is_exact() -> None:
    """P2: what is written in decimal is what is counted."""
    assert found(cap("c", max_cost_usd=0.1)).max_cost_nano_usd == Cap(100_000_000, "c")
    assert found(cap("c", max_cost_usd=0.000000003)).max_cost_nano_usd == Cap(3, "c")


def test_the_callers_own_caps() -> None:
    """Contract 3: `max_cost_usd` and `max_latency_ms` in the metadata are caps that refuse."""
    caps = found(max_cost_usd="0.05", max_latency_ms="1500")
    assert caps.max_cost_nano_usd == Cap(50_000_000, "metadata.max_cost_usd")
    assert caps.max_latency_ms == Cap(1500, "metadata.max_latency_ms")
    assert caps.rule_ids == ()


def test_a_caller_cannot_raise_a_cap() -> None:
    """P2: what the caller says only ever makes it smaller."""
    rule = cap("c", max_cost_usd=1, max_latency_ms=1000)
    caps = found(rule, max_cost_usd="5", max_latency_ms="5000")
    assert caps.max_cost_nano_usd == Cap(1_000_000_000, "c")
    assert caps.max_latency_ms == Cap(1000, "c")


BAD_USD = ["", "0", "0.0", "-1", "+1", "1e3", "1,5", " 1", ".5", "1.", "NaN", "inf", "0x1", "٣",
           "0.0000000001", "99999999", "1_0"]  # fmt: skip
BAD_MS = ["", "0", "-1", "1.5", "1e3", " 1", "NaN", "٣", str(LATENCY_MS_MAX + 1)]


@pytest.mark.parametrize(
    ("key", "value"),
    [*(("max_cost_usd", bad) for bad in BAD_USD), *(("max_latency_ms", bad) for bad in BAD_MS)],
)
def test_a_bad_number_is_refused(key: str, value: str) -> None:
    """Contract 4: `metadata_contract_violation` names the key, never the value (P4)."""
    refusal = CapMatcher([]).caps(BOT, MODELS, "chat", {key: value})
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == (Code.METADATA_CONTRACT_VIOLATION, key)


class Watched(frozenset[str]):
    """Subjects of one rule that count how often they are looked at."""

    looked = 0

    def isdisjoint(self, other: object) -> bool:
        type(self).looked += 1
        return super().isdisjoint(other)  # type: ignore[arg-type]


def test_rules_about_others_are_not_looked_at() -> None:
    """P8: ten thousand rules about other teams cost a request nothing."""
    others = [cap(f"c{n}", when={"subjects": [f"team:t{n}"]}, max_tokens=5) for n in range(10_000)]
    matcher = CapMatcher([*others, cap("mine", when={"subjects": ["team:ml"]}, max_tokens=7)])
    for rules in matcher._by_subject.values():
        for order, (selector, _) in rules:
            object.__setattr__(selector, "subjects", Watched(selector.subjects or ()))
            assert order < 10_001
    caps = matcher.caps(BOT, MODELS, "chat", {})
    assert isinstance(caps, Caps) and caps.max_tokens == Cap(7, "mine")
    assert Watched.looked == 1
