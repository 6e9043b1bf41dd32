"""Stopping and being killed: no call is cut by a drain, no child outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.e2e.conftest import Start
from tests.e2e.faults import BOT, SPEND, SPEND_OUT, Streamed, documents, envoy_holds, money, stream
from tests.e2e.harness import DECISION_ID, GatewayUnderTest
from tests.e2e.processes import children, gone, until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

PARTS = 5
"""Store, two workers, Envoy, admin."""


def family(gateway: GatewayUnderTest) -> list[int]:
    """Every child of a gateway, grandchildren included."""
    found: list[int] = []
    waiting = children(gateway.pid)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children(pid)
    return found


async def nobody_listens(gateway: GatewayUnderTest) -> bool:
    try:
        await gateway.chat(BOT, "x", model=SPEND)
    except httpx2.ConnectError:
        return True
    except httpx2.TransportError:
        return False
    return False


async def test_a_drain_lets_open_calls_end(
    start_gateway: Start, provider: ProviderUnderTest
) -> None:
    """Contract 1: SIGTERM: open calls end well, new ones are refused, all children go, exit 0."""
    gateway = start_gateway(documents(provider.url))
    parts = family(gateway)
    assert len(parts) >= PARTS
    slow = asyncio.create_task(gateway.chat(BOT, "[[delay: 2]] [[tokens: 7]]", model=SPEND))
    streamed = asyncio.create_task(stream(gateway, "[[tokens: 100]] [[pause: 0.02]]"))
    await envoy_holds(gateway, 2)
    os.kill(gateway.pid, signal.SIGTERM)
    await until(lambda: nobody_listens(gateway), "the port is closed")
    assert not slow.done(), "the drain was over before anything was tested"
    await _ended_well(await slow, await streamed)
    assert await asyncio.to_thread(gateway.stop) == 0
    assert all(map(gone, parts))
    await _accounts_closed(
        gateway, {(await slow).headers[DECISION_ID], (await streamed).decision_id}
    )


async def _ended_well(answer: httpx2.Response, seen: Streamed) -> None:
    assert answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] == 7
    assert seen.status == 200 and seen.clean and seen.finished


async def _accounts_closed(gateway: GatewayUnderTest, decisions: set[str]) -> None:
    """P2, P3: each call has its entry, the log verifies, and nothing stayed reserved."""
    entries = [e for e in gateway.entries() if e["decision_id"] in decisions]
    assert [e["decision"]["outcome"] for e in entries] == ["allowed", "allowed"]
    code, out, err = await gateway.cli("audit", "verify")
    assert code == 0, out + err
    code, out, err = await gateway.cli("limits", "--json")
    assert code == 0, err
    assert '"reserved_nano_usd": 0' in out


async def test_a_drain_has_an_end(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """Contract 1, P2, P3: a call that never ends does not hold the gateway; it is `aborted`."""
    gateway = start_gateway(documents(provider.url))
    call = asyncio.create_task(gateway.chat(BOT, "[[hang]]", model=SPEND, max_tokens=50))
    await provider.busy()
    assert await asyncio.to_thread(gateway.stop) == 0
    with pytest.raises(httpx2.TransportError):
        await call
    (entry,) = [e for e in gateway.entries() if e.get("kind") != "event"]
    assert entry["decision"]["outcome"] == "aborted"
    code, out, err = await gateway.cli("limits", "--json")
    assert code == 0, err
    assert '"reserved_nano_usd": 0' in out


async def test_what_was_spent_outlives_a_restart(
    start_gateway: Start, provider: ProviderUnderTest
) -> None:
    """P2, P3: stopped and started again, the counters and the log go on where they were."""
    gateway = start_gateway(documents(provider.url))
    first = await gateway.entry_of(await gateway.chat(BOT, "[[tokens: 5]]", model=SPEND))
    before = await money(gateway)
    assert await asyncio.to_thread(gateway.stop) == 0
    gateway.start()
    assert await money(gateway) == before >= 5 * SPEND_OUT
    second = await gateway.entry_of(await gateway.chat(BOT, "x", model=SPEND))
    between = gateway.entries()[first["index"] + 1 : second["index"]]
    assert [e["event"]["action"] for e in between] == ["gateway.stop", "gateway.start"]
    code, out, err = await gateway.cli("audit", "verify")
    assert code == 0, out + err


async def test_no_child_outlives_a_killed_parent(
    start_gateway: Start, provider: ProviderUnderTest
) -> None:
    """P1: SIGKILL of the parent ends store, workers, Envoy and admin within seconds; the next
    start finds the money of the open call charged and its entry lost, not forgotten."""
    made = documents(provider.url, gateway={"limits": {"reservation_ttl_ms": 1000}})
    gateway = start_gateway(made)
    parts = family(gateway)
    assert len(parts) >= PARTS
    call = asyncio.create_task(gateway.chat(BOT, "[[hang]]", model=SPEND, max_tokens=50))
    await provider.busy()
    os.kill(gateway.pid, signal.SIGKILL)
    await until(lambda: all(map(gone, parts)), "every child is gone", within_s=5)
    with pytest.raises(httpx2.TransportError):
        await call
    gateway.start()
    await until(lambda: _lost(gateway) == 1, "an entry of the open call")
    await until(lambda: _charged(gateway, 50 * SPEND_OUT), "the open call is charged")


def _lost(gateway: GatewayUnderTest) -> int:
    return sum(e["decision"]["outcome"] == "worker_lost" for e in gateway.entries())


async def _charged(gateway: GatewayUnderTest, at_least: int) -> bool:
    """Every call sweeps what has expired."""
    answer = await gateway.chat(BOT, "x", model=SPEND)
    assert answer.status_code == 200
    counters = [c for c in await gateway.limits() if c.rule_id == "money"]
    return all(c.reserved == 0 and c.spent >= at_least for c in counters)


async def test_envoy_dies(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """P1: with Envoy killed, the gateway serves again, or ends and says so; it does not linger."""
    gateway = start_gateway(documents(provider.url))
    envoy = [pid for pid in children(gateway.pid) if _is_envoy(pid)]
    assert len(envoy) == 1
    os.kill(envoy[0], signal.SIGKILL)
    await until(lambda: _ended_or_serves(gateway), "a new Envoy, or the end", within_s=5)


def _is_envoy(pid: int) -> bool:
    return b"bootstrap.json" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def _ended_or_serves(gateway: GatewayUnderTest) -> bool:
    if gone(gateway.pid):
        return True
    try:
        return (await gateway.chat(BOT, "x", model=SPEND)).status_code == 200
    except httpx2.TransportError:
        return False


async def test_the_admin_process_dies(start_gateway: Start, provider: ProviderUnderTest) -> None:
    """Contract 3: calls go on, and the admin port answers again."""
    gateway = start_gateway(documents(provider.url))
    admin = [
        pid for pid in children(gateway.pid)
        if b"extproc.admin.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    assert len(admin) == 1
    os.kill(admin[0], signal.SIGKILL)
    assert (await gateway.chat(BOT, "x", model=SPEND)).status_code == 200
    await until(lambda: _live(gateway), "the admin port answers", within_s=5)


async def _live(gateway: GatewayUnderTest) -> bool:
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            return (await client.get(gateway.admin + "/livez")).status_code == 200
    except httpx2.TransportError:
        return False
