"""2,000 calls over two gateways, and all that can happen to them: the money is right (P2)."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.chaos_books import Case, complaints
from tests.e2e.chaos_calls import (
    ALL,
    EACH,
    Call,
    Told,
    break_the_first_ones,
    calls,
    documents,
    make,
)
from tests.e2e.chaos_weather import Weather
from tests.e2e.processes import OwnStore, until
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.twins import Pair, twins

pytestmark = pytest.mark.e2e

SEED = int(os.environ.get("CHAOS_SEED", "20261120"))
CALLS, AT_ONCE = 2_000, 24
LATER_S = 0.1
"""How long a caller waits who was told to come back later: else refusals would be most of them."""
GATEWAY = {"limits": {"reservation_ttl_ms": 10_000, "recovery_ms": 1_000}}


@pytest.fixture(scope="module")
def store(place: Path) -> Iterator[OwnStore]:
    with OwnStore(place) as running:
        yield running


@pytest.fixture(scope="module")
def pair(store: OwnStore, place: Path, provider_process: ProviderUnderTest) -> Iterator[Pair]:
    settings = {**GATEWAY, "store": {"url": store.url, "timeout_ms": 400}}
    with twins(documents(provider_process.url, settings), provider_process, place) as both:
        yield both


async def test_the_money_is_right(pair: Pair, store: OwnStore, provider: ProviderUnderTest) -> None:
    """P2, P3: whatever happens to callers, providers, workers, gateways and the store: nothing
    stays reserved; each call is charged once, what its entry says and its provider billed (what may
    differ, and by how much, is in `chaos_books`); the ledger's sum is that of the calls."""
    print(f"CHAOS_SEED={SEED}")
    await break_the_first_ones(provider)
    weather = Weather(pair, store, random.Random(SEED))
    cases = await through(weather, calls(SEED, CALLS))
    await in_the_books(cases, pair, provider)
    print(weather.seen, Counter(case.outcome for case in cases), Counter(map(_status, cases)))
    wrong = list(complaints(cases))
    assert not wrong, "\n".join([f"seed {SEED}, {len(wrong)} complaints", *wrong[:20]])
    await the_sums_are_right(cases, pair, weather)
    the_log_is_whole(cases, pair)
    for gateway in pair:
        code, out, err = await gateway.cli("audit", "verify")
        assert code == 0, out + err
    # None of this is worth anything unless it has really happened.
    outcomes = Counter(case.outcome for case in cases)
    assert outcomes["allowed"] > CALLS / 4
    assert all(outcomes[name] for name in ("refused", "aborted", "upstream_error", "worker_lost"))


def _status(case: Case) -> int:
    return case.told.status


async def through(weather: Weather, planned: list[Call]) -> list[Case]:
    """Make all calls, `AT_ONCE` at a time, whatever the weather."""
    cases = [Case(call, Told()) for call in planned]
    waiting = iter(enumerate(cases))
    weather.foresee(len(cases))
    limits = httpx2.Limits(max_connections=2 * AT_ONCE)
    async with httpx2.AsyncClient(timeout=30, limits=limits, trust_env=False) as http:

        async def caller() -> None:
            for number, case in waiting:
                await weather.turn(number)
                case.told = await make(case.call, weather.gateway(case.call.gateway), http)
                if case.told.status in (429, 503):
                    await asyncio.sleep(LATER_S)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(caller())
        await weather.calm()
    return cases


async def in_the_books(cases: list[Case], pair: Pair, provider: ProviderUnderTest) -> None:
    """Wait until everything is settled; then note what each book says of each call."""
    for gateway in pair:
        await gateway.reserved_is_zero(within_s=30)
    by_name = {case.call.name: case for case in cases}
    for request in await provider.requests():
        by_name[request.json["messages"][0]["content"].split()[0]].seen.append(request)
    for counter in await pair[0].limits():
        if counter.rule_id == EACH:
            by_name[counter.counter.rpartition(":")[2]].charged += counter.spent

    def recorded() -> bool:
        known = {e["metadata"]["call"] for g in pair for e in g.entries() if "metadata" in e}
        return all(case.call.name in known for case in cases if case.seen)

    await until(recorded, "an entry of every call that was sent")
    for gateway in pair:
        for entry in gateway.entries():
            if "metadata" in entry:
                by_name[entry["metadata"]["call"]].entries.append(entry)


async def the_sums_are_right(cases: list[Case], pair: Pair, weather: Weather) -> None:
    """The ledger's sum is that of the entries, and of what was lost with a worker in full."""
    counters = await pair[1].limits()
    assert all(counter.reserved == 0 for counter in counters)
    lost = [case for case in cases if case.lost]
    assert 0 < len(lost) <= weather.kills * AT_ONCE
    # A worker can die after it wrote the entry, before it noted on its slate what was used: once.
    assert sum(case.outcome != "worker_lost" for case in lost) <= weather.kills
    in_entries = sum(case.cost for case in cases if not case.lost)
    (everything,) = [counter for counter in counters if counter.rule_id == ALL]
    assert everything.spent == in_entries + sum(case.charged for case in lost)


def the_log_is_whole(cases: list[Case], pair: Pair) -> None:
    """Who was told a decision id finds its entry, unless Envoy had no worker to ask: then it has
    refused by itself."""
    known = {entry["decision_id"] for gateway in pair for entry in gateway.entries()}
    without = [c.told for c in cases if c.told.decision_id and c.told.decision_id not in known]
    assert {told.status for told in without} <= {503}
    for case in cases:
        if case.entries and case.told.decision_id:
            assert case.entry["decision_id"] == case.told.decision_id
