"""A worker dies: no ungoverned byte, no lost money, no lost entry, and another one takes over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.documents import Documents, priced
from tests.e2e.faults import (
    BOT,
    SPEND,
    SPEND_IN,
    SPEND_OUT,
    documents,
    envoy_holds,
    gateway_of,
    money,
    outcome,
    refusal,
    reserved,
    serves,
    stream,
)
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import OwnStore, kill_worker, only_worker, suspended, until, workers
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

MOST = 400
"""`max_tokens` of these calls: what a lost one is charged for."""


@pytest.fixture(scope="module")
def single(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    """A gateway with one worker, so that it is known which one holds the call."""
    with gateway_of(documents(provider_process.url), provider_process, place, workers=1) as running:
        yield running


async def charged_in_full(gateway: GatewayUnderTest, before: int, decision_id: str) -> None:
    """P2: what a dead worker had reserved is spent: the input and all of the output."""
    entry = await gateway.entry(decision_id)
    most = entry["request"]["input_tokens"] * SPEND_IN + MOST * SPEND_OUT
    assert await money(gateway) - before == most


async def test_killed_before_it_read_the_request(
    single: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1: a worker that dies with a request unread: 503, and the provider never hears of it."""
    worker = only_worker(single)
    before = await money(single)
    async with provider.untouched(), suspended(worker):
        call = asyncio.create_task(single.chat(BOT, "x", model=SPEND))
        await envoy_holds(single, 1)
        os.kill(worker, signal.SIGKILL)
        assert refusal(await call) == (503, "overloaded")
    assert await money(single) == before
    await serves(single)


async def test_killed_while_it_decides(
    patient: tuple[OwnStore, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1, P2, P3: dies while the store reserves; whatever the store took is not left reserved, and
    the log has the call although nothing was decided yet."""
    store, gateway = patient
    before = spooled(gateway)
    async with provider.untouched(), suspended(store.pid):
        call = asyncio.create_task(gateway.chat(BOT, "x", model=SPEND))
        await until(lambda: spooled(gateway) > before, "the worker has opened the exchange")
        await kill_worker(gateway)
        answer = await call
        assert refusal(answer) == (503, "overloaded")
    assert await outcome(gateway, answer.headers["x-envelope-decision-id"]) == "worker_lost"
    await serves(gateway)
    await until(lambda: _swept(gateway), "nothing is reserved any more")


def spooled(gateway: GatewayUnderTest) -> int:
    """Bytes that all workers have recorded so far."""
    spools = (gateway.state / "audit" / "spool").glob("*.jsonl")
    return sum(spool.stat().st_size for spool in spools)


@pytest.fixture
def patient(
    place: Path, provider_process: ProviderUnderTest
) -> Iterator[tuple[OwnStore, GatewayUnderTest]]:
    """A gateway that waits long for its store."""
    with OwnStore(place) as store:
        settings = {
            "store": {"url": store.url, "timeout_ms": 3000},
            "limits": {"reservation_ttl_ms": 1000},
        }
        made = documents(provider_process.url, gateway=settings)
        with gateway_of(made, provider_process, place, workers=1) as running:
            yield store, running


async def _swept(gateway: GatewayUnderTest) -> bool:
    """Every reserve sweeps what has expired."""
    await gateway.chat(BOT, "x", model=SPEND)
    return await reserved(gateway) == 0


async def test_killed_while_the_provider_thinks(
    single: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2, P3: 503; the reservation is charged in full; the entry says `worker_lost`."""
    before = await money(single)
    call = asyncio.create_task(single.chat(BOT, "[[hang]]", model=SPEND, max_tokens=MOST))
    await provider.busy()
    await kill_worker(single)
    answer = await call
    assert refusal(answer) == (503, "overloaded")
    assert await outcome(single, answer.headers["x-envelope-decision-id"]) == "worker_lost"
    await charged_in_full(single, before, answer.headers["x-envelope-decision-id"])
    assert (await provider.request()).outcome == "aborted"
    await serves(single)


async def test_killed_in_the_middle_of_a_stream(
    single: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2, P5: the stream breaks, it does not end; charged in full; `worker_lost`."""
    before = await money(single)
    seen = await stream(
        single, "[[tokens: 300]] [[pause: 0.01]]", after=10, act=lambda: kill_worker(single),
        max_tokens=MOST,
    )  # fmt: skip
    assert seen.status == 200
    assert not seen.clean and not seen.finished
    assert await outcome(single, seen.decision_id) == "worker_lost"
    await charged_in_full(single, before, seen.decision_id)
    assert (await provider.request()).outcome == "aborted"
    await serves(single)


async def test_killed_again_and_again(
    single: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P3: three workers in a row die with a call open; each is charged and recorded."""
    for _ in range(3):
        before = await money(single)
        call = asyncio.create_task(single.chat(BOT, "[[hang]]", model=SPEND, max_tokens=MOST))
        await provider.busy()
        await kill_worker(single)
        decision_id = (await call).headers["x-envelope-decision-id"]
        assert await outcome(single, decision_id) == "worker_lost"
        await charged_in_full(single, before, decision_id)
        await serves(single)
    code, out, err = await single.cli("audit", "verify")
    assert code == 0, out + err


async def test_one_of_two_dies_under_load(
    start_gateway: Start, provider: ProviderUnderTest
) -> None:
    """P2: 300 calls against money for 100, a worker killed among them: never more than 100 pass."""
    room, words = 100, 10
    made = documents(provider.url)
    _flat(made, provider.url, room * words * 10 / 1_000_000)
    gateway = start_gateway(made, workers=2)
    await provider.fault("gpt-flat", usage=f"in=5,out={words}", delay=0.05)
    http = gateway.http()
    calls = [
        asyncio.create_task(
            gateway.chat("flat-bot", "x", model="flat/gpt-flat", max_tokens=words, http=http)
        )
        for _ in range(3 * room)
    ]
    await until(lambda: _more_than(provider, 10), "calls at the provider")
    os.kill(workers(gateway)[0], signal.SIGKILL)
    answers = await asyncio.gather(*calls)
    await gateway.close_clients()
    statuses = Counter(a.status_code for a in answers)
    assert set(statuses) <= {200, 429, 503}
    assert {refusal(a) for a in answers if a.status_code == 503} <= {(503, "overloaded")}
    assert statuses[200] <= room and await provider.count() <= room
    counter = await gateway.counter("flat")
    assert counter.reserved == 0 and counter.spent <= counter.limit
    served = [a.headers["x-envelope-decision-id"] for a in answers if a.status_code == 200]
    # What the dead worker held is charged as if it had been answered, so nothing is free.
    assert counter.spent >= len(served) * counter.limit // room
    assert {await outcome(gateway, name) for name in served} == {"allowed"}


async def _more_than(provider: ProviderUnderTest, count: int) -> bool:
    return await provider.count() > count


def _flat(made: Documents, provider_url: str, limit_usd: float) -> None:
    """An account whose calls cost a fixed price, and a budget for it."""
    made.provider("flat", f"{provider_url}/v1", [priced("gpt-flat", 0, 10)])
    made.add("gateway-budget-config", "flat", rules=[
        {"id": "flat", "when": {"models": ["flat/gpt-flat"]}, "limit_to": limit_usd,
         "unit": "cost_per_day"},
    ])  # fmt: skip
    made.bot("flat-bot", team="flat", models=["flat/*"])


async def test_a_hung_worker_is_replaced(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """P1: a worker that stands still is noticed and killed; then every call is answered again."""
    gateway = start_gateway(documents(provider.url), workers=2)
    await serves(gateway)
    stuck = workers(gateway)[0]
    async with suspended(stuck):
        await until(lambda: stuck not in workers(gateway), "the stuck worker is killed", 25)
    await until(lambda: len(workers(gateway)) == 2, "another one takes its place")
    await serves(gateway)
    for _ in range(8):
        assert (await gateway.chat(BOT, "x", model=SPEND)).status_code == 200
