"""The simulated ledger beside the real store's scripts: the same answers to the same history."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from extproc.limits.values import Charge, Degrade, Exceeded, Reserved
from extproc.limits.window import Sliding
from extproc.replay.simulated_ledger import SimulatedLedger
from tests.ledger.clock import Clock, budget, rate, slots
from tests.ledger.conftest import PrivateStore, opened, store

__all__ = ["store"]
T = TypeVar("T")
TTL_MS = 10**12
"""Nothing expires: the simulation has no calls that never end."""
MODES = st.sampled_from(["enforce", "audit", "soft"])


class BothLedgers(RuleBasedStateMachine):
    """One history, told to both. Only the answers are compared, all of them."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.clock, self.simulated = asyncio.Runner(), Clock(), SimulatedLedger()
        self.calls, self.open = 0, dict[str, list[Charge]]()
        self.client = Redis.from_url(self.url)
        self.do(self.client.flushall())
        self.real = self.do(opened(self.client, self.clock))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.do(self.real.aclose())
        self.do(self.client.aclose())
        self.runner.close()

    @rule(
        which=st.integers(1, 63),
        tokens=st.integers(1, 60),
        elastic=st.booleans(),
        cost=st.integers(0, 900),
        mode=MODES,
        due=st.sampled_from([-1, 0, 400, 1_500]),
    )
    def reserve(
        self, which: int, tokens: int, elastic: bool, cost: int, mode: Any, due: int
    ) -> None:
        floor = 1 + tokens // 4 if elastic else tokens
        every = [
            rate(6),
            rate(100, tokens, rule="tpm", measure="tokens", floor=floor),
            slots(3, mode=mode if mode != "soft" else "enforce"),
            budget(2_000, cost, soft_limit=1_000, degrade_at=due),
            budget(1_200, cost, rule="second", mode=mode),
            budget(1_500, cost, rule="week", mode="soft", window=Sliding("1w", 604_800_000)),
        ]
        charges = [charge for n, charge in enumerate(every) if which & (1 << n)]
        self.calls += 1
        name = f"call-{self.calls}"
        self.simulated.now_ms = self.clock.now
        expected = self.do(self.real.reserve(name, "w", charges, TTL_MS))
        got = self.do(self.simulated.reserve(name, "w", charges, TTL_MS))
        assert got == expected
        if isinstance(expected, Reserved | Exceeded):
            assert [(s.spent, s.reserved, s.taken) for s in got.counters] == [  # type: ignore[union-attr]
                (s.spent, s.reserved, s.taken) for s in expected.counters
            ]
        if isinstance(expected, Reserved):
            self.open[name] = charges

    @rule(number=st.integers(0, 9), share=st.floats(0, 1.2), known=st.booleans())
    def settle(self, number: int, share: float, known: bool) -> None:
        if not self.open:
            return
        name = list(self.open)[number % len(self.open)]
        charges = self.open.pop(name)
        self.simulated.now_ms = self.clock.now
        actual = {c.measure: int(c.amount * share) for c in charges} if known else {}
        both = [self.do(ledger.settle(name, actual)) for ledger in (self.real, self.simulated)]
        assert both == [True, True]

    @rule(ms=st.sampled_from([1, 999, 1_000, 7_001, 30_000, 61_000, 3_600_000, 43_200_000]))
    def pass_time(self, ms: int) -> None:
        self.clock.now += ms

    @invariant()
    def nothing_is_below_zero(self) -> None:
        for counter in self.simulated._counters.values():
            assert counter.spent >= 0 and counter.reserved >= 0


def test_both_ledgers_answer_alike(store: PrivateStore) -> None:
    """P2: whatever the history, the simulation decides as the store does, to the last number."""
    BothLedgers.url = store.url
    run_state_machine_as_test(
        BothLedgers,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


async def test_the_simulation_can_refuse_and_degrade() -> None:
    """P2: the comparison above is not of two that always agree to everything."""
    ledger = SimulatedLedger()
    assert isinstance(await ledger.reserve("a", "w", [budget(10, 10)], 1), Reserved)
    assert isinstance(await ledger.reserve("b", "w", [budget(10, 1)], 1), Exceeded)
    due = await ledger.reserve("c", "w", [budget(10, 1, degrade_at=5)], 1)
    assert isinstance(due, Degrade) and due.full


async def test_a_counter_begins_with_what_was_recorded() -> None:
    """Audit: a replay of a month's end knows what the month had spent before."""
    ledger = SimulatedLedger(lambda charge, key: 9 if charge.rule_id == "day" else 0)
    assert isinstance(await ledger.reserve("a", "w", [budget(10, 2)], 1), Exceeded)
    assert isinstance(await ledger.reserve("b", "w", [budget(10, 2, rule="other")], 1), Reserved)
