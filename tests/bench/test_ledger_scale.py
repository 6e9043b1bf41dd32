"""`bench.ledger_scale`: its ratios, its tap, and the one command before a call."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bench.scale.calls import charges_of, fill, one_call
from bench.scale.matching import AMOUNTS, METADATA, MODELS, config_with
from bench.scale.report import Rounds, ratios, scaled
from bench.scale.store import open_store, store
from bench.scale.tap import replay, tap
from extproc.identity.principal import Principal
from extproc.limits.match import LimitMatcher, compile_limits

CALLS = 50


def test_ratios_are_to_the_smallest_case() -> None:
    """P8: the first row is 1, and twice as much is 2."""
    assert ratios([2.0, 4.0, 1.0]) == [1.0, 2.0, 0.5]
    table = scaled("rules", [10, 1_000], {"us": [5.0, 10.0]})
    assert table.splitlines()[-1] == "| 1,000 | 10.0 | 2.00 |"


def test_one_busy_moment_does_not_count() -> None:
    """P8: of the rounds of a case the middle one is taken."""
    rounds = Rounds(2)
    for value in (3.0, 100.0, 4.0):
        rounds.add(0, value)
        rounds.add(1, 1.0)
    assert rounds.medians() == [4.0, 1.0]


@pytest.mark.parametrize("rules", [10, 101])
def test_the_rules_are_as_many_as_said(rules: int) -> None:
    """P8: whatever their number, the same four concern the caller."""
    config = config_with(rules)
    assert len(compile_limits(config)) == rules
    caller = Principal("virtual-account", "bot-7", "first", team="bench")
    found = LimitMatcher(config).charges(caller, MODELS, "chat", METADATA, AMOUNTS)
    assert [c.rule_id for c in found] == ["everybody", "team-day", "model-day", "ticket"]


async def test_a_call_is_one_command_before_it_and_one_after() -> None:
    """P8: one round trip to the store before the call; and what was recorded can be replayed."""
    async with store() as running:
        async with tap(running.socket) as (socket, recording):
            client = Redis.from_url(f"unix://{socket}")
            ledger = await open_store(client)
            await one_call(ledger, charges_of(0))
            start = len(recording.commands)
            for n in range(CALLS):
                await one_call(ledger, charges_of(n))
            calls = recording.commands[start:]
            await ledger.aclose()
            await client.aclose()
        assert len(calls) == 2 * CALLS
        assert [c[1] for c in calls] == [calls[0][1], calls[1][1]] * CALLS
        assert await replay(running.socket, calls, lines=2) > 0
        ledger = await open_store(running.client)
        assert sum(c.spent for c in await ledger.counters() if c.window == "day") == (
            (2 * CALLS + 1) * 1_000_000
        )
        await ledger.aclose()


async def test_the_filling_touches_every_counter() -> None:
    """P8: a store is said to hold so many counters only if it does."""
    async with store() as running:
        ledger = await open_store(running.client)
        await fill(ledger, 0, 70)
        assert len(await ledger.counters()) == 3 * 70
        await ledger.aclose()
