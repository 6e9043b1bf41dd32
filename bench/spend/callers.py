"""The callers of a scenario: open loop, over loopback, nobody asks twice.

Promises: every call ends in exactly one of the counts; the same calls at the same times for every
product. With several gateways the callers take turns.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from bench.spend.scenarios import Scenario

CALL_TIMEOUT_S = 90


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the calls ended. `refused`: 4xx; `failed`: 5xx or no answer at all; `left`: hung up.

    `statuses`: how often each refusing or failing status came, for the report.
    """

    answered: int
    left: int
    refused: int
    failed: int
    statuses: tuple[tuple[str, int], ...] = ()


def outcome(ends: Counter[str]) -> Outcome:
    """Sum up what `_call` returned: `answered`, `left`, a status, or the name of an exception."""
    others = {name: n for name, n in ends.items() if name not in ("answered", "left")}
    refused = sum(n for name, n in others.items() if name.startswith("4"))
    return Outcome(
        answered=ends["answered"],
        left=ends["left"],
        refused=refused,
        failed=sum(others.values()) - refused,
        statuses=tuple(sorted(others.items())),
    )


async def play(scenario: Scenario, urls: Sequence[str], key: str, model: str) -> Outcome:
    """Send every call of a scenario to one product and wait until all have ended."""
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers={"authorization": f"Bearer {key}"}
    ) as session:
        calls = (
            _call(session, scenario, index, urls[index % len(urls)], model)
            for index in range(scenario.calls)
        )
        return outcome(Counter(await asyncio.gather(*calls)))


async def _call(
    session: aiohttp.ClientSession, scenario: Scenario, index: int, url: str, model: str
) -> str:
    await asyncio.sleep(scenario.spread_s * index / scenario.calls)
    try:
        body = scenario.body(index, model)
        async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
            if answer.status != 200:
                return str(answer.status)
            if scenario.leaves(index):
                return await _read_some(answer, scenario.leave_after)
            await answer.read()
            return "answered"
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__


async def _read_some(answer: aiohttp.ClientResponse, frames: int) -> str:
    """Hang up after so many frames with text; closing is not the polite end of a request."""
    seen = 0
    async for line in answer.content:
        seen += line.startswith(b"data:") and b'"content":"' in line.replace(b": ", b":")
        if seen > frames:
            answer.close()
            return "left"
    return "answered"
