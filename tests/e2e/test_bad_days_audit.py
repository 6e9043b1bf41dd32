"""The audit log cannot be written: nothing leaves unrecorded, and nothing recorded is lost.

A process that may write no file any longer (RLIMIT_FSIZE, getrlimit(2)) stands for a full disk.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.faults import BOT, SPEND, documents, gateway_of, money, refusal, serves
from tests.e2e.harness import DECISION_ID, GatewayUnderTest
from tests.e2e.processes import only_worker, until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def disk_full(pid: int, at_bytes: int = 0) -> AsyncIterator[None]:
    """Inside, no file of this process grows beyond `at_bytes`."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (at_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def ledgered_process(
    place: Path, provider_process: ProviderUnderTest
) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place, workers=1) as running:
        yield running


@pytest.fixture
async def ledgered(
    ledgered_process: GatewayUnderTest, provider: ProviderUnderTest
) -> GatewayUnderTest:
    return ledgered_process


async def refused(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> str:
    """Contract 4, P1: 503 `audit_unavailable`, nothing sent, nothing reserved; the decision."""
    before = await money(gateway)
    async with provider.untouched():
        answer = await gateway.chat(BOT, "x", model=SPEND)
    assert refusal(answer) == (503, "audit_unavailable")
    assert await money(gateway) == before
    return answer.headers[DECISION_ID]


async def intact(gateway: GatewayUnderTest) -> None:
    await until(lambda: _verified(gateway), "the log verifies")


async def _verified(gateway: GatewayUnderTest) -> bool:
    code, _, _ = await gateway.cli("audit", "verify")
    return code == 0


async def test_the_disk_is_full(ledgered: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P1, P3: refused while it is full; served when there is room; each refusal is recorded."""
    async with disk_full(only_worker(ledgered)):
        decisions = [await refused(ledgered, provider) for _ in range(3)]
    await serves(ledgered, meanwhile="audit_unavailable")
    for decision_id in decisions:
        decision = (await ledgered.entry(decision_id))["decision"]
        assert (decision["outcome"], decision["code"]) == ("refused", "audit_unavailable")
    await intact(ledgered)


async def test_the_disk_takes_half_a_line(
    ledgered: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P3: a line that fits only in part is no line; the log stays whole."""
    await serves(ledgered)
    (spool,) = (ledgered.state / "audit" / "spool").glob("w0-*[0-9].jsonl")
    async with disk_full(only_worker(ledgered), spool.stat().st_size + 100):
        decision_id = await refused(ledgered, provider)
    await serves(ledgered, meanwhile="audit_unavailable")
    await ledgered.entry(decision_id)
    assert "spool_damaged" not in {e["decision"]["outcome"] for e in ledgered.entries()}
    await intact(ledgered)


async def test_the_disk_fills_while_a_call_runs(
    ledgered: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P3: the call that was allowed ends well; its entry waits for room and is not lost."""
    before = await money(ledgered)
    call = asyncio.create_task(ledgered.chat(BOT, "[[delay: 0.5]] [[tokens: 9]]", model=SPEND))
    await provider.busy()
    async with disk_full(only_worker(ledgered)):
        answer = await call
        assert answer.status_code == 200
        assert await money(ledgered) > before
        await refused(ledgered, provider)
    await serves(ledgered, meanwhile="audit_unavailable")
    entry = await ledgered.entry_of(answer)
    assert entry["decision"]["outcome"] == "allowed" and entry["cost_nano_usd"] > 0
    await intact(ledgered)


async def test_the_log_cannot_grow(ledgered: GatewayUnderTest) -> None:
    """P3: the workers spool on while the log's disk is full; every entry follows, in one piece."""
    async with disk_full(ledgered.pid):
        answers = [await ledgered.chat(BOT, "x", model=SPEND) for _ in range(3)]
        assert {a.status_code for a in answers} <= {200, 503}
        known = {e["decision_id"] for e in ledgered.entries()}
        assert not known & {a.headers[DECISION_ID] for a in answers}
    for answer in answers:
        await ledgered.entry_of(answer)
    await intact(ledgered)


async def test_the_spool_is_taken_away(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """P1, P3: with its spool deleted a worker refuses, or heals; what was sent has an entry."""
    gateway = start_gateway(documents(provider.url), workers=1)
    await serves(gateway)
    shutil.rmtree(gateway.state / "audit" / "spool")
    answers = [await gateway.chat(BOT, "x", model=SPEND) for _ in range(5)]
    assert {a.status_code for a in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 200:
            await gateway.entry(answer.headers[DECISION_ID], within_s=5)
        else:
            # `overloaded` while the worker makes room for one with a spool of its own.
            assert refusal(answer) in ((503, "audit_unavailable"), (503, "overloaded"))

    async def healed() -> bool:
        again = await gateway.chat(BOT, "x", model=SPEND)
        return again.status_code == 200 and bool(await gateway.entry_of(again))

    await until(healed, "another worker records again", within_s=30)
