"""`envelope limits`: what an operator reads (contract, section 1)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from extproc.cli import limits_command
from extproc.config.sources import read_sources, sources_to_json
from extproc.ledger.epoch import EPOCH_KEY
from extproc.ledger.redis_ledger import RedisLedger, wall_clock_ms
from extproc.limits.values import Charge
from extproc.state import StateDir
from tests.ledger.clock import budget, rate, slots
from tests.ledger.conftest import PrivateStore

Capture = pytest.CaptureFixture[str]
CONFIG = """
type: provider-account
name: openai-main
provider: openai-compatible
base_url: http://127.0.0.1:9/v1
models: [{id: m, price: {input_per_mtok: 1}}]
---
type: gateway-rate-limiting-config
name: limits
rules:
  - {id: team-rpm, when: {}, limit_to: 600, unit: requests_per_minute}
  - {id: nobody-rpm, when: {subjects: ["team:ops"]}, limit_to: 5, unit: requests_per_hour}
---
type: team
name: ops
---
type: gateway-budget-config
name: budgets
rules:
  - {id: team-day, when: {}, limit_to: 25, unit: cost_per_day}
  - {id: idle-month, when: {}, limit_to: 9, unit: cost_per_month, budget_applies_per: [user]}
"""


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    limits_command.configure(parser)
    return limits_command.run(parser.parse_args(arguments))


def rows(capture: Capture) -> list[dict[str, object]]:
    printed = capture.readouterr()
    found: list[dict[str, object]] = json.loads(printed.out)
    return found


async def _reserve(url: str, *calls: tuple[str, list[Charge]]) -> None:
    client = Redis.from_url(url)
    await client.flushall()
    ledger = RedisLedger(client, timeout_ms=5_000, clock_ms=wall_clock_ms)
    await ledger.store.begin_first()
    for name, charges in calls:
        await ledger.reserve(name, "w", charges, 60_000)
    await ledger.settle("a", {"requests": 1, "tokens": 321, "cost": 1_234_567})
    await ledger.aclose()
    await client.aclose()


@pytest.fixture
def used(store: PrivateStore) -> Iterator[str]:
    """A store in which one call is settled and one is open; its URL."""
    charges = [rate(600, rule="team-rpm"), budget(25 * 10**9, 31_500_000, rule="team-day"),
               budget(1_000, 700, rule="shadow", measure="tokens", mode="audit"),
               slots(4)]  # fmt: skip
    asyncio.run(_reserve(store.url, ("a", charges), ("b", charges)))
    yield store.url


def test_json(used: str, capsys: Capture) -> None:
    """Contract: each limit's used / reserved / left, machine-readable, on stdout alone."""
    assert command("--store", used, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found = json.loads(printed.out)
    by_rule = {row["rule_id"]: row for row in found}
    day = by_rule["team-day"]
    assert (day["unit"], day["limit"], day["used"]) == ("cost_per_day", 25.0, 0.001234567)
    assert (day["used_nano_usd"], day["reserved_nano_usd"]) == (1_234_567, 31_500_000)
    assert day["left_nano_usd"] == 25 * 10**9 - 1_234_567 - 31_500_000
    rpm = by_rule["team-rpm"]
    assert (rpm["unit"], rpm["used"], rpm["reserved"]) == ("requests_per_minute", 1, 1)
    assert (rpm["left"], rpm["kind"]) == (598, "rate")
    assert (by_rule["shadow"]["audit_mode"], by_rule["shadow"]["used"]) == (True, 321)
    assert [row["rule_id"] for row in found] == ["shadow", "parallel", "team-rpm", "team-day"]
    assert by_rule["parallel"]["unit"] == "concurrent_requests"
    assert (by_rule["parallel"]["used"], by_rule["parallel"]["reserved"]) == (0, 1)


def test_table(used: str, capsys: Capture) -> None:
    """Contract: for people, on stderr: money in USD with all its digits."""
    assert command("--store", used) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    line = next(row for row in printed.err.splitlines() if row.startswith("team-day"))
    assert line.split()[4:8] == ["$25.00", "$0.001234567", "$0.0315", "$24.967265433"]


def test_the_rest_is_counted(used: str, capsys: Capture) -> None:
    """Contract: a terminal is not flooded, and nothing is left out in silence."""
    assert command("--store", used, "--top", "1") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["RULE", "shadow", "3"]
    assert command("--store", used, "--json", "--top", "1") == 0
    assert [row["rule_id"] for row in rows(capsys)] == ["shadow"]


def test_filters(used: str, capsys: Capture) -> None:
    """Contract: `--rule`, `--kind` and `--over` hold together."""
    assert command("--store", used, "--json", "--kind", "budget", "--over", "50") == 0
    assert [row["rule_id"] for row in rows(capsys)] == ["shadow"]
    assert command("--store", used, "--json", "--rule", "team-rpm") == 0
    assert [row["rule_id"] for row in rows(capsys)] == ["team-rpm"]
    assert command("--store", used, "--json", "--rule", "nobody") == 0
    assert rows(capsys) == []


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)
    return path


def test_unused_rules_are_shown(used: str, config: Path, capsys: Capture) -> None:
    """Contract: each limit, also one that nobody has touched; then nothing of it is used."""
    assert command("--store", used, "--config", str(config), "--json") == 0
    found = {row["rule_id"]: row for row in rows(capsys)}
    assert {rule for rule, row in found.items() if not row["touched"]} == {
        "nobody-rpm", "idle-month",
    }  # fmt: skip
    idle = found["idle-month"]
    assert (idle["limit"], idle["used"], idle["left"], idle["unit"]) == (9, 0, 9, "cost_per_month")
    assert isinstance(idle["resets_at"], str) and idle["resets_at"].endswith("-01T00:00:00Z")
    assert (found["nobody-rpm"]["resets_in_ms"], found["nobody-rpm"]["percent_used"]) == (0, 0)


def test_running_gateway_tells_its_rules(
    used: str, config: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Contract: what is in force counts, not what the file says by now."""
    state, run = StateDir(tmp_path / "state").prepare(), tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text(sources_to_json(read_sources(config)))
    config.write_text("type: nonsense")
    facts = {"pid": os.getpid(), "run": str(run), "store": used}
    state.run_file.write_text(json.dumps(facts))
    assert command("--state", str(state.root), "--json") == 0
    touched = {row["rule_id"]: row["touched"] for row in rows(capsys)}
    assert (touched["idle-month"], touched["team-day"]) == (False, True)


def test_rule_that_does_not_exist_is_a_mistake(used: str, config: Path, capsys: Capture) -> None:
    """Contract: exit 2; a renamed rule must not look like one that nobody uses."""
    assert command("--store", used, "--config", str(config), "--rule", "idle-mont") == 2
    assert "did you mean 'idle-month'?" in capsys.readouterr().err


def test_configuration_that_is_none(used: str, tmp_path: Path, capsys: Capture) -> None:
    """P7: exit 2 and the mistake, instead of a table without the unused rules."""
    (tmp_path / "bad.yaml").write_text("type: nonsense")
    assert command("--store", used, "--config", str(tmp_path / "bad.yaml"), "--json") == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "bad.yaml:1" in printed.err


async def _stop(url: str) -> None:
    client = Redis.from_url(url)
    await client.hset(EPOCH_KEY, "stop", "it may evict")
    await client.aclose()


def test_ledger_that_refuses_is_said(used: str, capsys: Capture) -> None:
    """Contract: exit 1, the reason on stderr; the counters are still shown."""
    asyncio.run(_stop(used))
    assert command("--store", used, "--json") == 1
    printed = capsys.readouterr()
    assert "calls are refused: the store may evict counters" in printed.err
    assert len(json.loads(printed.out)) == 4


async def _flush(url: str) -> None:
    client = Redis.from_url(url)
    await client.flushall()
    await client.aclose()


def test_store_without_a_ledger_is_not_fine(used: str, config: Path, capsys: Capture) -> None:
    """P2: a store that was emptied must not look like a day without spend."""
    asyncio.run(_flush(used))
    assert command("--store", used, "--config", str(config), "--json") == 1
    printed = capsys.readouterr()
    assert "the store holds no ledger" in printed.err
    assert not any(row["touched"] for row in json.loads(printed.out))


@pytest.mark.parametrize("words", [("--top", "0"), ("--over", "-1"), ("--kind", "money")])
def test_what_cannot_be_understood(words: tuple[str, str]) -> None:
    """Contract: exit 2."""
    with pytest.raises(SystemExit) as ended:
        command(*words)
    assert ended.value.code == 2


def test_a_store_that_is_not_there(capsys: Capture) -> None:
    """Contract: exit code 2, one line, nothing on stdout."""
    assert command("--store", "unix:///nonexistent/socket", "--json") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("envelope limits: ")
