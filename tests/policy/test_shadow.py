"""Policies that are asked and never heeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extproc.exchange.basis import Shadowed
from extproc.exchange.record import Record
from extproc.policy.bundle import BundleRefused
from extproc.policy.choose import policy_mistakes
from extproc.policy.shadow import (
    FAILED,
    REMEMBERED,
    REST,
    SLOW_NS,
    TOO_SLOW,
    ShadowPolicies,
    compared,
    load_shadows,
    result,
)
from extproc.policy.values import Decision, PolicyUnavailable
from tests.replay.conftest import store
from tests.replay.test_what_if import STRICTER
from tests.replay.traffic import documents, policy_at, traffic

__all__ = ["store"]
YES, NO = Decision(True), Decision(False, ("no",))
BOTH = [("a/m", YES), ("b/m", NO)]


@pytest.mark.parametrize(("real", "shadow", "expected", "metric"), [
    ([YES, NO], [YES, NO], Shadowed("d", True, False, ("no",), {}), "same"),
    ([YES, NO], [NO, YES], Shadowed("d", True, True, ("no",), {"a/m": False, "b/m": True}), "same"),
    ([YES, NO], [NO, NO], Shadowed("d", False, True, ("no",), {"a/m": False}), "would_deny"),
    ([NO, NO], [YES, NO], Shadowed("d", True, True, ("no",), {"a/m": True}), "would_allow"),
    ([YES, NO], [Decision(True, (), {"max_tokens": 5}), NO],
     Shadowed("d", True, True, ("no",), {"a/m": True}), "same"),
    ([YES, NO], [Decision(False, (), {}, ("allow_undefined",)), NO],
     Shadowed("d", False, True, ("no",), {"a/m": False}), "would_deny"),
    ([YES, NO], [Decision(False, (), {}, ("evaluation_error",)), NO],
     Shadowed("d", fault="evaluation_error"), "fault"),
])  # fmt: skip
def test_beside_the_real_one(
    real: list[Decision], shadow: list[Decision], expected: Shadowed, metric: str
) -> None:
    """Contract (shadow policies): what would have been otherwise, target by target."""
    pairs = list(zip(("a/m", "b/m"), real, strict=True))
    found = compared("d", pairs, shadow)
    assert found == expected
    assert result(found, any(decision.allow for decision in real)) == metric


class Engine:
    """Takes as long as it is told, by a clock of its own; may fail."""

    bundle_digest = "d"

    def __init__(self, takes_ns: int = 0, error: Exception | None = None) -> None:
        self.now_ns, self.takes_ns, self.error, self.asked = 0, takes_ns, error, 0

    def clock(self) -> int:
        return self.now_ns

    def decide_one(self, document: Mapping[str, Any]) -> Decision:
        self.asked += 1
        self.now_ns += self.takes_ns
        if self.error is not None:
            raise self.error
        return YES


def asked_of() -> Record:
    record = Record("id", "POST", "/", 0, 0)
    record.decisions, record.basis.policy_inputs = [("a/m", YES)], [{}]
    return record


@pytest.mark.parametrize("error", [PolicyUnavailable("panic"), ValueError("x"), RecursionError()])
def test_one_that_fails_is_a_fault_and_nothing_more(error: Exception) -> None:
    """P1: a shadow that breaks changes no call, and the entry says so."""
    engine, record = Engine(error=error), asked_of()
    ShadowPolicies([engine, Engine()]).note(record, engine.clock)
    assert [one.fault for one in record.basis.shadows] == [FAILED, ""]
    assert record.decisions == [("a/m", YES)]


def test_a_slow_one_is_asked_less_often() -> None:
    """P8: what it takes of the time is bounded, and a call it was not asked about says so."""
    engine = Engine(takes_ns=5 * SLOW_NS)
    shadows, faults = ShadowPolicies([engine]), []
    for _ in range(1_000):
        engine.now_ns += SLOW_NS
        record = asked_of()
        shadows.note(record, engine.clock)
        faults.append(record.basis.shadows[0].fault)
    assert engine.asked * engine.takes_ns <= engine.now_ns / (REST - 5)
    assert engine.asked > 5 and set(faults) == {"", TOO_SLOW}


def test_one_pause_makes_nobody_slow() -> None:
    """P8: a process that was held up once goes on asking."""
    engine = Engine(takes_ns=REMEMBERED * SLOW_NS // 2)
    shadows, faults = ShadowPolicies([engine]), []
    for _ in range(5):
        record = asked_of()
        shadows.note(record, engine.clock)
        faults.append(record.basis.shadows[0].fault)
        engine.takes_ns = 0
    assert faults == [""] * 5


def test_nothing_is_asked_where_the_real_policy_was_not() -> None:
    """Contract (shadow policies): a call that was refused before the policy has no shadow."""
    engine, record = Engine(), Record("id", "POST", "/", 0, 0)
    ShadowPolicies([engine]).note(record, engine.clock)
    assert engine.asked == 0 and record.basis.shadows == ()


def test_a_bundle_that_does_not_load_is_a_mistake(tmp_path: Path) -> None:
    """P7: a broken shadow is found where a broken policy is, each path by itself."""
    from extproc.config.model import Policy

    good, bad = (
        policy_at(tmp_path / "good"),
        policy_at(tmp_path / "bad", "package envelope.authz\n"),
    )
    assert policy_mistakes(Policy(rego=(good,), shadow=(good,))) == []
    assert policy_mistakes(Policy(rego=(good,), shadow=(good, bad)))
    assert policy_mistakes(Policy(shadow=(bad,)))
    with pytest.raises(BundleRefused):
        load_shadows((bad,))


class InNoTime(ShadowPolicies):
    """A machine that is busy with other tests makes no policy slow."""

    def note(self, record: Record, clock_ns: Callable[[], int]) -> None:
        super().note(record, lambda: 0)


async def test_what_it_would_have_said_is_in_the_entry(store: Any, tmp_path: Path) -> None:
    """Contract (shadow policies): the call goes as it went; the entry and the metric tell what the
    shadow would have done; a reload swaps it."""
    shadow = policy_at(tmp_path / "next", STRICTER)

    def configured(**policy: Any) -> Any:
        named = {"rego": [policy_at(tmp_path / "now")], **policy}
        gateway = {"type": "gateway-config", "name": "gateway", "policy": named}
        return documents("", gateway=gateway)

    made = await traffic(tmp_path, store.url, configured(shadow=[shadow]))
    loaded = made.world.shadow_policies
    assert loaded is not None
    made.world = replace(made.world, shadow_policies=InNoTime(loaded.engines))
    same = await made.say(metadata={"project_id": "p2"})
    denied = await made.say(metadata={"project_id": "p1"})
    assert same["decision"]["outcome"] == denied["decision"]["outcome"] == "allowed"
    (first,), (second,) = same["policy"]["shadow"], denied["policy"]["shadow"]
    assert (first["allow"], first["differs"]) == (True, False)
    assert (second["allow"], second["differs"]) == (False, True)
    assert second["reasons"] == ["p1 is closed too"] and second["targets"] == {"big/large": False}
    assert first["bundle_digest"] != same["policy"]["bundle_digest"]
    counters = made.adapters.observer._metrics.counters  # type: ignore[attr-defined]
    assert counters["envelope_shadow_policy_total"].rows == {("same",): 1, ("would_deny",): 1}
    await made.use(configured())
    assert "shadow" not in (await made.say())["policy"]
    await made.close()


async def test_it_is_asked_when_the_call_is_over(store: Any, tmp_path: Path) -> None:
    """P8: no caller waits for a shadow: it is asked once the exchange has ended."""
    made = await traffic(tmp_path, store.url, documents(policy_at(tmp_path / "now")))
    seen: list[tuple[int, int]] = []

    class Noting(ShadowPolicies):
        def note(self, record: Record, clock_ns: Callable[[], int]) -> None:
            seen.append((record.sent_ns, record.ended_ns))
            super().note(record, clock_ns)

    engine = Engine()
    made.world = replace(made.world, shadow_policies=Noting([engine]))
    entry = await made.say()
    ((sent_ns, ended_ns),) = seen
    assert 0 < sent_ns < ended_ns
    assert engine.asked == 1 and entry["policy"]["shadow"][0]["allow"] is True
    await made.close()
