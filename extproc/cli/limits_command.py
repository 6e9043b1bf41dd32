"""Each limit's used, reserved and left, as the store has it now; the fullest first.

A rule that no request has touched in its window has no counter: it is shown with nothing used where
the configuration is known, from `--config` or from the gateway that runs on `--state`. The table
goes to stderr, `--json` to stdout. Exit code 1: the ledger refuses calls at present.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.cli.limits_view import Wanted, as_json, choose, table
from extproc.cli.rows import write_json
from extproc.config.load import load
from extproc.config.mistake import did_you_mean
from extproc.config.model import Config
from extproc.config.sources import read_sources, sources_from_json
from extproc.ledger.epoch import NoLedger
from extproc.ledger.redis_ledger import RedisLedger
from extproc.limits.match import compile_limits
from extproc.limits.unused import unused
from extproc.limits.values import CounterReading, LedgerUnavailable
from extproc.state import DEFAULT_STATE, StateDir
from extproc.store import StoreRefused, StoreUnavailable, connect, locate

FINE, NO, USAGE = 0, 1, 2
TIMEOUT_MS = 3_000
TOP = 50
KINDS = ("rate", "concurrency", "budget")


class Unreadable(Exception):
    """The configuration given is not one, or it has no such rule; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store said. `health`: `ok`, or why calls are refused."""

    readings: list[CounterReading]
    health: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the options of `envelope limits`."""
    add = parser.add_argument
    add("--state", type=Path, default=DEFAULT_STATE,
        help="the gateway's state folder (default: ./.envelope)")  # fmt: skip
    add("--store", metavar="URL", help="ask this store instead")
    add("--config", type=Path, metavar="PATH",
        help="also show its unused rules (default: the running gateway's)")  # fmt: skip
    add("--rule", action="append", default=[], metavar="ID", help="only this rule (repeatable)")
    add("--kind", choices=KINDS, help="only limits of this kind")
    add("--over", type=_percent, metavar="PERCENT", help="only counters at least so full")
    add("--top", type=_positive, metavar="N",
        help=f"the N fullest (default: {TOP} in a table, all with --json)")  # fmt: skip
    add("--json", action="store_true", help="a JSON list on stdout")


def run(args: argparse.Namespace) -> int:
    """Print the counters asked for; 0 fine, 1 calls are refused, 2 the store cannot be asked."""
    wanted = Wanted(args.rule, args.kind, args.over)
    now_ms = time.time_ns() // 1_000_000
    try:
        config = _config(args)
        seen = asyncio.run(_read(args.state, args.store))
        untouched = unused(compile_limits(config), seen.readings, now_ms) if config else []
        if config:
            _check_rules(args.rule, [*seen.readings, *untouched])
    except (StoreRefused, StoreUnavailable, LedgerUnavailable, Unreadable) as error:
        return _say(str(error), USAGE)
    _print(args, wanted, seen.readings, untouched, now_ms)
    if seen.health != "ok":
        return _say(f"calls are refused: {seen.health}", NO)
    return FINE


# --- where it all comes from -------------------------------------------------------------------


async def _read(state: Path, store_url: str | None) -> Seen:
    async with locate(state, store_url) as url:
        client = await connect(url, TIMEOUT_MS)
        ledger = RedisLedger(client, timeout_ms=TIMEOUT_MS)
        try:
            return Seen(await ledger.counters(), await ledger.health())
        except NoLedger as error:
            return Seen([], str(error))
        finally:
            await ledger.aclose()
            await client.aclose()


def _config(args: argparse.Namespace) -> Config | None:
    """The one given, else the one in force here; None when there is neither."""
    if args.config is not None:
        sources = read_sources(args.config)
    elif args.store is None and (run := (StateDir(args.state).running() or {}).get("run")):
        try:
            sources = sources_from_json((Path(str(run)) / "config.json").read_text())
        except (OSError, ValueError, TypeError):
            return None
    else:
        return None
    config = load(sources)
    if isinstance(config, list):
        raise Unreadable("\n".join(map(str, config)))
    return config


def _check_rules(asked: Sequence[str], known: Sequence[CounterReading]) -> None:
    """A rule that was renamed would look like one that nobody uses."""
    names = {reading.rule_id for reading in known}
    for rule_id in asked:
        if rule_id not in names:
            raise Unreadable(f"no limit has the id '{rule_id}'{did_you_mean(rule_id, names)}")


# --- what is said about it ---------------------------------------------------------------------


def _print(
    args: argparse.Namespace, wanted: Wanted, readings: list[CounterReading],
    untouched: list[CounterReading], now_ms: int,
) -> None:  # fmt: skip
    top = args.top or (None if args.json else TOP)
    chosen, hidden = choose([*readings, *untouched], wanted, top)
    if args.json:
        fresh = frozenset(untouched)
        write_json((as_json(r, now_ms, r not in fresh) for r in chosen), sys.stdout)
    elif chosen:
        print(table(chosen), file=sys.stderr)
    else:
        print("No counter to show: no such limit has been touched in its current window.",
              file=sys.stderr)  # fmt: skip
    if hidden:
        print(f"{hidden:,} more are less full (--top {len(chosen) + hidden} or --json shows all)",
              file=sys.stderr)  # fmt: skip


def _say(text: str, code: int) -> int:
    print(f"envelope limits: {text}", file=sys.stderr)
    return code


def _percent(text: str) -> float:
    number = float(text.removesuffix("%"))
    if not 0 <= number <= 1_000_000:
        raise ValueError
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
