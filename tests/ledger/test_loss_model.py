"""P2 on bad days, as a property: whatever the store forgets, spent and reserved come back exactly.

Two workers and a keeper on one store that may, at any moment, lose everything or be put back to an
older copy. After each loss everybody who lives has noticed (within half a second, while calls are
refused); then the counters are what ten lines of dictionaries say.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from extproc.ledger.keeper import LedgerKeeper
from extproc.limits.values import Charge, Reserved
from extproc.limits.window import Calendar
from tests.ledger.clock import NOON, Clock, budget, slots
from tests.ledger.conftest import PrivateStore, opened

T = TypeVar("T")
TTL = 60_000
SLOTS, DAY_LIMIT, MONTH_LIMIT = 3, 2_000, 5_000
NAMES = st.sampled_from([f"id{n}" for n in range(6)])


class Model:
    """`spent` by (rule, day or month); `open`: id -> (replica, day, cost)."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, int], int] = {}
        self.open: dict[str, tuple[int, int, int]] = {}

    def room(self, day: int) -> tuple[int, int]:
        held = sum(cost for _, d, cost in self.open.values() if d == day)
        everything = sum(cost for _, _, cost in self.open.values())
        return (
            DAY_LIMIT - self.spent.get(("day", day), 0) - held,
            MONTH_LIMIT - self.spent.get(("month", 0), 0) - everything,
        )

    def settle(self, name: str, used: int) -> None:
        _, day, _ = self.open.pop(name)
        for place in (("day", day), ("month", 0)):
            self.spent[place] = self.spent.get(place, 0) + used


class LossMachine(RuleBasedStateMachine):
    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.clock, self.model = asyncio.Runner(), Clock(), Model()
        self.client = Redis.from_url(self.url)
        self.do(self.client.flushall())
        self.replicas = [self.do(opened(self.client, self.clock, recovery_ms=0)) for _ in range(2)]
        self.folder = Path(tempfile.mkdtemp())
        self.keeper = self.new_keeper()
        self.copy: list[tuple[bytes, bytes]] = []

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def new_keeper(self) -> LedgerKeeper:
        return LedgerKeeper(
            self.client, self.folder, timeout_ms=5_000, recovery_ms=0, clock_ms=self.clock,
            store_ms=self.clock,
        )  # fmt: skip

    def teardown(self) -> None:
        for ledger in (*self.replicas, self.keeper.ledger):
            self.do(ledger.aclose())
        self.do(self.client.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    def charges(self, cost: int) -> list[Charge]:
        month = budget(MONTH_LIMIT, cost, rule="month", window=Calendar("month"))
        return [slots(SLOTS), budget(DAY_LIMIT, cost), month]

    @property
    def day(self) -> int:
        return self.clock.now // 86_400_000

    @rule(name=NAMES, replica=st.integers(0, 1), cost=st.integers(0, 900))
    def reserve(self, name: str, replica: int, cost: int) -> None:
        if name in self.model.open:
            return
        fits = len(self.model.open) < SLOTS and min(self.model.room(self.day)) >= cost
        ledger = self.replicas[replica]
        outcome = self.do(ledger.reserve(name, f"w{replica}", self.charges(cost), TTL))
        assert isinstance(outcome, Reserved) is fits
        if fits:
            self.model.open[name] = (replica, self.day, cost)

    @rule(name=NAMES, share=st.floats(0, 1))
    def settle(self, name: str, share: float) -> None:
        if name in self.model.open:
            replica, _, cost = self.model.open[name]
            used = int(cost * share)
            assert self.do(self.replicas[replica].settle(name, {"cost": used})) is True
            self.model.settle(name, used)

    @rule(ms=st.sampled_from([1_000, 3_600_000, 43_200_000]))
    def pass_time(self, ms: int) -> None:
        """Calls that run are renewed; the month is NOON's."""
        if Calendar("month").span(self.clock.now + ms).id == Calendar("month").span(NOON).id:
            self.clock.now += ms
            for n, ledger in enumerate(self.replicas):
                mine = [i for i, (replica, _, _) in self.model.open.items() if replica == n]
                self.do(ledger.renew(mine, TTL))

    @rule()
    def keeper_looks(self) -> None:
        self.do(self.keeper.tick())

    @rule()
    def gateway_restarts_its_keeper(self) -> None:
        self.do(self.keeper.tick())
        self.keeper = self.new_keeper()
        self.keeper.remember()

    @rule()
    def everything_is_lost(self) -> None:
        self.do(self.client.flushall())
        self.everybody_notices()

    @rule()
    def copy_the_store(self) -> None:
        keys = sorted(self.do(self.client.keys("*")))
        self.copy = [(key, self.do(self.client.dump(key)) or b"") for key in keys]

    @rule()
    def put_an_old_copy_back(self) -> None:
        self.do(self.client.flushall())
        for key, content in self.copy:
            self.do(self.client.restore(key, 0, content))
        self.everybody_notices()

    def everybody_notices(self) -> None:
        for ledger in self.replicas:
            self.do(ledger.check())
        self.do(self.keeper.tick())

    @invariant()
    def nothing_was_forgotten(self) -> None:
        seen = {r.rule_id: r for r in self.do(self.replicas[0].counters())}
        held = [(d, cost) for _, d, cost in self.model.open.values()]
        today = sum(cost for d, cost in held if d == self.day)
        expected = {
            "day": (self.model.spent.get(("day", self.day), 0), today),
            "month": (self.model.spent.get(("month", 0), 0), sum(cost for _, cost in held)),
            "parallel": (0, len(held)),
        }
        for rule_id, amounts in expected.items():
            if rule_id in seen:
                assert (seen[rule_id].spent, seen[rule_id].reserved) == amounts, rule_id
                assert sum(amounts) <= seen[rule_id].limit
            else:
                assert amounts == (0, 0), rule_id


def test_a_store_that_forgets_is_told_again(store: PrivateStore) -> None:
    """P2: FLUSHALL and old copies, in any order with calls: never a fresh budget."""
    LossMachine.url = store.url
    run_state_machine_as_test(
        LossMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
