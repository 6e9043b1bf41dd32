"""Whether the cost of a limit is flat in the number of rules, counters and callers.

    python -m bench.ledger_scale [--most-counters 1000000] [--json FILE]

(a) finding the limits of a call among 10 to 10,000 rules; (b) reserving and settling in a store
that holds up to a million counters; (c) bytes of one counter in the store; (d) commands of one
call, and how many the store carries out when it does nothing else. A real Valkey, on this machine.
Compare the ratios: each is to the smallest case of the same run. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop
from redis.asyncio import Redis

from bench.scale import matching, memory
from bench.scale.calls import charges_of, cost, fill, one_call
from bench.scale.report import Rounds, scaled, table
from bench.scale.store import Steps, Store, open_store, store
from bench.scale.tap import Recording, replay, tap

RULES = (10, 100, 1_000, 10_000)
COUNTERS = (1_000, 100_000, 1_000_000)
CALLS, ROUNDS, BUCKET_MS, PER_CALLER = 300, 25, 60_000, 3
RECORDED, LINES = 10_000, 8


def say(text: str) -> None:
    print(text, file=sys.stderr)


def progress(whole: int) -> Callable[[int], None]:
    """On a terminal only, and only every so often."""
    if not sys.stderr.isatty():
        return lambda done: None

    def show(done: int) -> None:
        if done % 3_000 < 60:
            print(f"\r  filling {100 * done // whole} % ", end="", file=sys.stderr)

    return show


async def counters(sizes: Sequence[int]) -> tuple[list[float], list[float], dict[str, Any]]:
    """(b) a store for each size, which take turns; then (d) in the fullest one.

    At each turn the clock moves on by a bucket of the rolling hour: whatever the size, a call is
    the first of its caller in its bucket, which is the dearer case.
    """
    cpu, wall = Rounds(len(sizes)), Rounds(len(sizes))
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(store()) for _ in sizes]
        clock = Steps()
        ledgers = [await open_store(running.client, clock) for running in stores]
        callers = [size // PER_CALLER for size in sizes]
        for ledger, size, wanted in zip(ledgers, sizes, callers, strict=True):
            say(f"store: {size:,} counters ...")
            await fill(ledger, 0, wanted, progress=progress(wanted))
        say("store: calls ...")
        for turn in range(ROUNDS):
            clock.now_ms += BUCKET_MS
            for at, (running, ledger) in enumerate(zip(stores, ledgers, strict=True)):
                one_cpu, one_wall = await cost(running, ledger, _some(callers[at], turn))
                cpu.add(at, one_cpu)
                wall.add(at, one_wall)
        for ledger in ledgers:
            await ledger.aclose()
        say("store: commands and saturation ...")
        line = await saturation(stores[-1], callers[-1])
    return cpu.medians(), wall.medians(), line


def _some(callers: int, turn: int) -> list[int]:
    """CALLS different ones from all over the store, others at each turn."""
    return [(turn * 7_919 + n * 104_729) % callers for n in range(CALLS)]


async def saturation(running: Store, callers: int) -> dict[str, Any]:
    """Record whole calls through the tap, then send them again as fast as the store can."""
    async with tap(running.socket) as (socket, recording):
        client = Redis.from_url(f"unix://{socket}")
        ledger = await open_store(client)
        before, between = await _commands(recording, ledger, callers)
        await ledger.aclose()
        await client.aclose()
    scripts = recording.scripts()[-2 * RECORDED :]
    cpu = await running.cpu_us()
    rate = await replay(running.socket, scripts, LINES)
    cpu = (await running.cpu_us() - cpu) / len(scripts)
    return {"before the call": before, "after the call": between, "operations per second": rate,
            "store CPU, us an operation": cpu}  # fmt: skip


async def _commands(recording: Recording, ledger: Any, callers: int) -> tuple[float, float]:
    """Commands of one call before and after it is sent, over many calls."""
    await one_call(ledger, charges_of(0))
    start = len(recording.commands)
    for n in range(RECORDED):
        await one_call(ledger, charges_of(n * 104_729 % callers))
    new = recording.commands[start:]
    reserves = sum(1 for command in new if command[1] == new[0][1])
    return reserves / RECORDED, (len(new) - reserves) / RECORDED


async def run(most: int) -> dict[str, Any]:
    say("matching ...")
    same, new = matching.measure(RULES)
    sizes = [size for size in COUNTERS if size <= most]
    cpu, wall, line = await counters(sizes)
    say("memory ...")
    return {
        "matching": {"rules": RULES, "same_us": same, "new_us": new},
        "store": {"counters": sizes, "cpu_us": cpu, "wall_us": wall},
        "line": line,
        "memory_bytes": await memory.measure(),
    }  # fmt: skip


def show(result: dict[str, Any]) -> None:
    matched, kept = result["matching"], result["store"]
    print("### Finding the limits of a call, us\n")
    print(scaled("rules", matched["rules"], {"a caller seen before": matched["same_us"],
                                            "a new caller": matched["new_us"]}))  # fmt: skip
    print("\n### Reserve and settle of one call with three counters, us\n")
    print(scaled("counters in the store", kept["counters"], {
        "store CPU": kept["cpu_us"], "alone, one after the other": kept["wall_us"]}))  # fmt: skip
    print("\n### The line to the store\n")
    print(table(["", "measured"], [[k, f"{v:,.1f}"] for k, v in result["line"].items()]))
    print("\n### Memory in the store\n")
    print(table(["one", "bytes"], [[k, f"{v:,.0f}"] for k, v in result["memory_bytes"].items()]))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.ledger_scale", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--most-counters", type=int, default=COUNTERS[-1])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    result = uvloop.run(run(arguments.most_counters))
    show(result)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
