"""What output guardrails cost a streamed answer: time to the first token, delay of every later one.

    python -m bench.guardrail_stream [--seconds 30] [--frames 128] [--pause-ms 2] [--json FILE]

The same stream of prose, a word a frame, is read by a plain HTTP client on loopback through plain
Envoy, through the processor that does nothing (`bench/nothing.py`), and through one gateway whose
callers differ only in their guardrails: none; `pii` and `secrets` that redact the answer; every
built-in detector that reads answers as it flows, as `validate`, with and without the one that
holds most; pseudonyms that are put back in the answer. One stream at a time and 16 at once; with a
pause between frames, as a model makes one, and without, which shows the work alone.

Every frame carries the moment the provider wrote it (in `system_fingerprint`, which no guardrail
reads; both ends read one monotonic clock), so a token's delay is its own: from the provider's write
to the client's read. With a pause the delay of a guarded token includes the wait for the next
token, which is what lets it go. `held` is how many characters had been written and not been read,
on average over the time of a stream, beyond those of the processor that does nothing. The last
table counts the same for each detector alone, in one process, so without noise, and the least CPU
of some streams; it may grow with what is held, which is looked at again with every token.

All callers take turns in every round, each round in another order, so that other work on the
machine hits all alike. The processor that does nothing takes part twice: what differs between its
two rows is noise, and a difference of that size means nothing. Compare the columns `+` and `x`
(beside `nothing`, in the same run), never times of different machines; with few streams the p99 of
the first token is the slowest one. Ends within two minutes, with everything it started; whoever
returned another text than he should ends it at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from bench.streams import holding
from bench.streams.callers import FLOOR, REVEALING, Callers, everybody
from bench.streams.client import Stream
from bench.streams.provider import EMAIL, CannotMeasure, placeholder, tokens

MANY = 16
ROUNDS_MIN = 2
TIMEOUT_S = 90
_BEGAN = time.monotonic()

Cell = dict[str, list[list[Stream]]]
"""Row -> its rounds -> the streams of one round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One table. `pauses`: between two tokens, in units of what was asked for; many streams get
    longer ones, so that one worker is not simply overrun. `share`: of all the time there is."""

    at_once: int
    pauses: int
    share: float

    def title(self, pause_ms: float) -> str:
        streams = "one stream" if self.at_once == 1 else f"{self.at_once} streams at once"
        pause = f"{pause_ms * self.pauses:g} ms" if self.pauses else "no pause"
        return f"{streams}, {pause} between tokens"


PLANS = (Plan(1, 1, 0.3), Plan(MANY, 4, 0.45), Plan(1, 0, 0.1), Plan(MANY, 0, 0.15))


async def rounds(callers: Callers, at_once: int, seconds: float) -> Cell:
    """Everybody in turn, in another order each time, until the time is over."""
    await asyncio.gather(*(caller.ask(at_once) for caller in callers.values()))  # warm
    order = list(callers)
    cell: Cell = {row: [] for row in callers}
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(cell[FLOOR]) < ROUNDS_MIN:
        for row in order:
            cell[row].append(await callers[row].ask(at_once))
        order = order[3:] + order[:3]
    return cell


def check(cell: Cell, count: int) -> None:
    """Whoever lost a token, or a value that was to come back, has not done the work."""
    name = placeholder()
    whole = "".join(tokens(count))
    for row, all_rounds in cell.items():
        wanted = whole.replace(name, EMAIL) if row == REVEALING else whole
        for stream in (one for streams in all_rounds for one in streams):
            if stream.text != wanted:
                raise CannotMeasure(f"{row}: another text: {stream.text[:2000]!r}")


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_flight(stream: Stream) -> float:
    """Characters on average over time that the provider had written and the client had not read
    (Little's law: what each one waited, over the time of the stream)."""
    tokens_ = stream.tokens
    waited = sum(len(token.text) * token.delay_ns for token in tokens_)
    return waited / (tokens_[-1].arrived_ns - tokens_[0].arrived_ns + tokens_[0].delay_ns)


def figures(all_rounds: Sequence[Sequence[Stream]]) -> dict[str, float]:
    """Milliseconds of all streams together, and characters in flight."""
    streams = [one for round_ in all_rounds for one in round_]
    first = [(s.tokens[0].arrived_ns - s.asked_ns) / 1e6 for s in streams]
    later = [token.delay_ns / 1e6 for s in streams for token in s.tokens[1:]]
    return {
        "first_p50": median(first),
        "first_p99": percentile(first, 0.99),
        "later_p50": median(later),
        "later_p99": percentile(later, 0.99),
        "whole_p50": median((s.ended_ns - s.asked_ns) / 1e6 for s in streams),
        "in_flight": median(map(in_flight, streams)),
        "streams": len(streams),
    }


def report(cell: Cell) -> dict[str, dict[str, float]]:
    """Row -> its figures; `held`: characters in flight beyond those of the floor."""
    rows = {row: figures(all_rounds) for row, all_rounds in cell.items()}
    floor = rows[FLOOR]["in_flight"]
    return {name: {**row, "held": row["in_flight"] - floor} for name, row in rows.items()}


def spread(all_rounds: Sequence[Sequence[Stream]]) -> tuple[float, float]:
    """The middle half of the rounds' medians of a later token's delay, ms."""
    medians = [
        median(t.delay_ns / 1e6 for s in streams for t in s.tokens[1:]) for streams in all_rounds
    ]
    return percentile(medians, 0.25), percentile(medians, 0.75)


async def measured(seconds: float, count: int, pause_ms: float) -> dict[str, Any]:
    """Title -> rows and the noise. Raises CannotMeasure."""
    say("starting providers, Envoys, the gateway")
    tables: dict[str, Any] = {}
    pauses_s = [pause_ms / 1e3 * plan.pauses for plan in PLANS]
    async with everybody(count, pauses_s) as found:
        for plan, callers in zip(PLANS, found, strict=True):
            title = plan.title(pause_ms)
            say(f"measuring {title}")
            cell = await rounds(callers, plan.at_once, plan.share * seconds)
            check(cell, count)
            tables[title] = table(cell, shows_held=plan.at_once == 1 and plan.pauses > 0)
        say("ending them")
    return tables


def say(what: str) -> None:
    print(f"{time.monotonic() - _BEGAN:3.0f} s: {what} ...", file=sys.stderr)


def table(cell: Cell, shows_held: bool) -> dict[str, Any]:
    return {
        "rows": report(cell),
        "rounds": len(cell[FLOOR]),
        "noise_ms": spread(cell[FLOOR]),
        "shows_held": shows_held,
        "load_average": os.getloadavg()[0],
    }


COLUMNS = {
    "first_p50": "first token, p50", "first_p99": "p99", "later_p50": "later token, p50",
    "later_p99": "p99", "whole_p50": "whole stream, p50",
}  # fmt: skip


def compared(row: Mapping[str, float], floor: Mapping[str, float], key: str) -> str:
    """A figure, and what it is beside the processor that does nothing."""
    more = row[key] - floor[key]
    return f"{row[key]:.2f} ({more:+.2f}, x{row[key] / floor[key]:.2f})"


def markdown(tables: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for title, table in tables.items():
        rows, shows = table["rows"], table["shows_held"]
        heads = [f"{title}; ms", *COLUMNS.values(), *(["held, chars"] if shows else [])]
        lines += ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
        for name, row in rows.items():
            cells = [name, *(compared(row, rows[FLOOR], key) for key in COLUMNS)]
            cells += [f"{row['held']:.1f}"] if shows else []
            lines.append("| " + " | ".join(cells) + " |")
        low, high = table["noise_ms"]
        lines += ["", f"{table['rounds']} rounds. Noise: the middle half of the rounds' medians of "
                  f"a later token through `{FLOOR}` was {low:.2f} to {high:.2f} ms; "
                  f"load average {table['load_average']:.1f}.", ""]  # fmt: skip
    return "\n".join(lines)


def detectors(found: Mapping[str, Mapping[str, float]]) -> str:
    lines = [
        "| in one process, prose | held, chars | at most | CPU, us a token |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {row['held']:.1f} | {row['held_most']:.0f} | {row['token_us']:.0f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.guardrail_stream", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=30, help="of streams (%(default)s)")
    parser.add_argument("--frames", type=int, default=128, help="tokens a stream (%(default)s)")
    parser.add_argument("--pause-ms", type=float, default=2, help="between tokens (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    measuring = measured(arguments.seconds, arguments.frames, arguments.pause_ms)
    try:
        tables = uvloop.run(asyncio.wait_for(measuring, TIMEOUT_S))
    except TimeoutError:
        raise SystemExit(f"not measured: not done within {TIMEOUT_S} s; try --seconds 20") from None
    except CannotMeasure as why:
        raise SystemExit(f"not measured: {why}") from None
    say("counting what each detector holds")
    alone = holding.alone(tokens(arguments.frames))
    print(markdown(tables), detectors(alone), sep="\n")
    if arguments.json is not None:
        whole = {"tables": tables, "in_one_process": alone}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
