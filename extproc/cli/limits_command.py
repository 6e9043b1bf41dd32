"""Each limit's used, reserved and left, as the store has it now.

Only limits that some request has touched in their current window have a counter; the others are
unused. Money is in USD; JSON has it in integer nano-USD too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from extproc.limits.redis_ledger import RedisLedger
from extproc.limits.values import NANO_USD, CounterReading, LedgerUnavailable
from extproc.state import DEFAULT_STATE
from extproc.store import StoreRefused, StoreUnavailable, connect, locate

FINE, USAGE = 0, 2
TIMEOUT_MS = 3_000
WINDOWS = {60_000: "minute", 3_600_000: "hour", 86_400_000: "day"}
COLUMNS = ("RULE", "COUNTER", "UNIT", "LIMIT", "USED", "RESERVED", "LEFT", "RESETS IN")


def configure(parser: argparse.ArgumentParser) -> None:
    """Define the options of `envelope limits`."""
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE,
                        help="the gateway's state folder (default: ./.envelope)")  # fmt: skip
    parser.add_argument("--store", metavar="URL", help="ask this store instead")
    parser.add_argument("--json", action="store_true", help="a JSON list on stdout")


def run(args: argparse.Namespace) -> int:
    """Print every live counter; 0 fine, 2 when the store cannot be asked."""
    try:
        readings = asyncio.run(_read(args.state, args.store))
    except (StoreRefused, StoreUnavailable, LedgerUnavailable) as error:
        print(f"envelope limits: {error}", file=sys.stderr)
        return USAGE
    if args.json:
        print(json.dumps([as_json(r) for r in readings], indent=2))
    else:
        print(table(readings), file=sys.stderr)
    return FINE


async def _read(state: Path, store_url: str | None) -> list[CounterReading]:
    async with locate(state, store_url) as url:
        client = await connect(url, TIMEOUT_MS)
        ledger = RedisLedger(client, timeout_ms=TIMEOUT_MS)
        try:
            return await ledger.counters()
        finally:
            await ledger.aclose()
            await client.aclose()


def as_json(reading: CounterReading) -> dict[str, Any]:
    """One counter. Amounts are in the rule's own unit (USD for cost), -1 = no limit."""
    amounts = {"limit": reading.limit, "used": reading.spent,
               "reserved": reading.reserved, "left": reading.left}  # fmt: skip
    row: dict[str, Any] = {
        "rule_id": reading.rule_id, "kind": reading.kind, "counter": reading.counter,
        "unit": unit(reading), "window": reading.window, "window_ms": reading.window_ms,
        "audit_mode": reading.audit_only, "resets_in_ms": reading.reset_ms,
    }  # fmt: skip
    if reading.measure != "cost":
        return row | amounts
    usd = {name: float(Decimal(n) / NANO_USD) if n >= 0 else -1 for name, n in amounts.items()}
    return row | usd | {f"{name}_nano_usd": n for name, n in amounts.items()}


def unit(reading: CounterReading) -> str:
    """As the configuration writes it, e.g. `cost_per_day`."""
    window = WINDOWS.get(reading.window_ms, f"{reading.window_ms}_ms")
    return f"{reading.measure}_per_{window}"


def table(readings: list[CounterReading]) -> str:
    """The counters as aligned text; numbers to the right."""
    if not readings:
        return "No limit has been touched in its current window."
    rows = [COLUMNS, *(_row(r) for r in readings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) if n < 3 else c.rjust(w) for n, (c, w) in enumerate(zip(row, widths)))  # noqa: B905
        for row in rows
    )


def _row(reading: CounterReading) -> tuple[str, ...]:
    numbers = (reading.limit, reading.spent, reading.reserved, reading.left)
    name = reading.rule_id + (" (audit)" if reading.audit_only else "")
    scope = reading.counter.split(":", 2)[2] or "-"
    amounts = (_amount(reading, n) for n in numbers)
    return (name, scope, unit(reading), *amounts, f"{-(-reading.reset_ms // 1000)} s")


def _amount(reading: CounterReading, number: int) -> str:
    if number < 0:
        return "none"
    if reading.measure != "cost":
        return f"{number:,}"
    digits = f"{Decimal(number) / NANO_USD:,.9f}"
    whole, _, parts = digits.partition(".")
    return f"${whole}.{parts.rstrip('0').ljust(2, '0')}"
