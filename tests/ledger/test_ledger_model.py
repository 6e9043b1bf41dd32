"""P2 as a property: any order of reserve, settle, renew, crash and time conserves money."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from extproc.limits.values import Charge, Exceeded, Measure
from tests.ledger.clock import Clock, budget, rate
from tests.ledger.conftest import PrivateStore, opened
from tests.ledger.model import ModelLedger

T = TypeVar("T")
NAMES = st.sampled_from([f"id{n}" for n in range(8)])
SHARE = st.floats(min_value=0, max_value=1)


class LedgerMachine(RuleBasedStateMachine):
    """Two replicas on one store beside the model. Actual usage never passes what was reserved."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.clock, self.model = asyncio.Runner(), Clock(), ModelLedger()
        self.asked: dict[str, list[Charge]] = {}
        self.client = Redis.from_url(self.url)
        self.do(self.client.flushall())
        self.replicas = [self.do(opened(self.client, self.clock)) for _ in range(2)]

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        for replica in self.replicas:
            self.do(replica.aclose())
        self.do(self.client.aclose())
        self.runner.close()

    @rule(name=NAMES, replica=st.integers(0, 1), which=st.integers(1, 7),
          tokens=st.integers(1, 60), elastic=st.booleans(), cost=st.integers(0, 900),
          ttl=st.sampled_from([5_000, 60_000, 600_000]))  # fmt: skip
    def reserve(
        self, name: str, replica: int, which: int, tokens: int, elastic: bool, cost: int, ttl: int
    ) -> None:
        floor = 1 + tokens // 4 if elastic else tokens
        charges = [
            rate(6),
            rate(100, tokens, rule="tpm", measure="tokens", floor=floor),
            budget(2_000, cost),
        ]
        fresh = [c for n, c in enumerate(charges) if which & (1 << n)]
        chosen = self.asked[name] if name in self.model.open else fresh  # a repeat is a repeat
        self.asked[name] = chosen
        expected = self.model.reserve(name, chosen, ttl, self.clock.now)
        assert self.do(self.replicas[replica].reserve(name, "w", chosen, ttl)) == expected

    @rule(name=NAMES, replica=st.integers(0, 1), share=SHARE, known=st.booleans())
    def settle(self, name: str, replica: int, share: float, known: bool) -> None:
        actual: dict[Measure, int] = {}
        if name in self.model.open and known:
            actual = {m: int(held * share) for _, m, held in self.model.open[name][2]}
        assert self.do(self.replicas[replica].settle(name, actual)) is self.model.settle(
            name, actual
        )

    @rule(names=st.lists(NAMES, min_size=1, unique=True))
    def renew(self, names: list[str]) -> None:
        self.model.renew(names, 60_000, self.clock.now)
        self.do(self.replicas[0].renew(names, 60_000))

    @rule(ms=st.sampled_from([1, 999, 1_000, 7_001, 30_000, 60_000, 61_000, 3_600_000, 43_200_000]))
    def pass_time(self, ms: int) -> None:
        self.clock.now += ms

    @invariant()
    def money_is_conserved(self) -> None:
        charges = {c.rule_id: c for c in (rate(6), rate(100, rule="tpm"), budget(2_000))}
        for seen in self.do(self.replicas[0].counters()):
            assert seen.spent >= 0 and seen.reserved >= 0
            assert seen.spent + seen.reserved <= seen.limit
            assert (seen.spent, seen.reserved) == self.model.usage(
                charges[seen.rule_id], self.clock.now
            )


def test_any_order_conserves_money(store: PrivateStore) -> None:
    """P2: spent + reserved <= limit after every step; reserved = sum of the open reservations."""
    LedgerMachine.url = store.url
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_model_itself_can_refuse() -> None:
    """P2: the yardstick is not vacuous: it refuses when there is no room."""
    model, clock = ModelLedger(), Clock()
    model.reserve("a", [budget(10, 10)], 1_000, clock.now)
    assert isinstance(model.reserve("b", [budget(10, 1)], 1_000, clock.now), Exceeded)
