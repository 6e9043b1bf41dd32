"""`envelope limits`: what an operator reads (contract, section 1)."""

from __future__ import annotations

import argparse
import asyncio
import json

import pytest
from redis.asyncio import Redis

from extproc.cli import limits_command
from extproc.limits.redis_ledger import RedisLedger
from tests.limits.clock import budget, rate
from tests.limits.conftest import PrivateStore


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    limits_command.configure(parser)
    return limits_command.run(parser.parse_args(arguments))


async def use(url: str) -> None:
    client = Redis.from_url(url)
    await client.flushall()
    ledger = RedisLedger(client, timeout_ms=5_000)
    charges = [rate(600, rule="team-rpm"), budget(25 * 10**9, 31_500_000, rule="team-day"),
               budget(10**6, 700, rule="shadow", measure="tokens", audit_only=True)]  # fmt: skip
    await ledger.reserve("a", "w", charges, 60_000)
    await ledger.settle("a", {"requests": 1, "tokens": 321, "cost": 1_234_567})
    await ledger.reserve("b", "w", charges, 60_000)
    await ledger.aclose()
    await client.aclose()


def test_json(store: PrivateStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract: each limit's used / reserved / left, machine-readable, on stdout alone."""
    asyncio.run(use(store.url))
    assert command("--store", store.url, "--json") == 0
    printed = capsys.readouterr()
    rows = {row["rule_id"]: row for row in json.loads(printed.out)}
    assert printed.err == ""
    day = rows["team-day"]
    assert (day["unit"], day["limit"], day["used"]) == ("cost_per_day", 25.0, 0.001234567)
    assert (day["used_nano_usd"], day["reserved_nano_usd"]) == (1_234_567, 31_500_000)
    assert day["left_nano_usd"] == 25 * 10**9 - 1_234_567 - 31_500_000
    rpm = rows["team-rpm"]
    assert (rpm["unit"], rpm["used"], rpm["reserved"]) == ("requests_per_minute", 1, 1)
    assert (rpm["left"], rpm["kind"]) == (598, "rate")
    assert (rows["shadow"]["audit_mode"], rows["shadow"]["used"]) == (True, 321)


def test_table(store: PrivateStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract: for people, on stderr: money in USD with all its digits."""
    asyncio.run(use(store.url))
    assert command("--store", store.url) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    line = next(row for row in printed.err.splitlines() if row.startswith("team-day"))
    assert line.split()[2:7] == ["cost_per_day", "$25.00", "$0.001234567", "$0.0315",
                                 "$24.967265433"]  # fmt: skip


def test_a_store_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Contract: exit code 2, one line, nothing on stdout."""
    assert command("--store", "unix:///nonexistent/socket", "--json") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("envelope limits: ")
