"""Decide recorded calls again.

Without --policy and --config: with what each call was decided by, from the archive in the state
folder. Every decision has to come out as it was recorded; what cannot be decided again is counted
by its reason and is not called the same.

With --policy or --config: what would have come out otherwise, and what it would have cost.
Policies, scopes, caps and guardrail strategies are exact; budgets, rate limits and concurrency are
simulated in the order of time; guardrails that did not look at a call are named as not judged.

Exit code: 0 fine, 1 a decision came out otherwise than recorded (with --fail-on-change also: a call
would change), 2 usage, configuration, or nothing that could be decided again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from extproc.audit.archive import FOLDER, Archive
from extproc.audit.query import Filter
from extproc.audit.values import AuditUnavailable, Entry
from extproc.cli.audit.options import FINE, NO, USAGE, add_filters, log_folder, read_filter, say
from extproc.cli.policy_replay_view import show_again, show_changes
from extproc.state import StateDir

if TYPE_CHECKING:
    from extproc.replay.again import Progress, Report
    from extproc.replay.changes import Changes
    from extproc.replay.library import Instead

T = TypeVar("T")
_TELL_EVERY = 500


def configure(part: argparse.ArgumentParser) -> None:
    """Options of `envelope policy replay`."""
    part.add_argument("--state", type=Path, default=argparse.SUPPRESS, help="state folder")
    records = "entries from a file of JSON lines, as `envelope audit export` writes them (-: stdin)"
    part.add_argument("--records", metavar="F", help=records)
    archive = "configurations, policies and prices (default: the state folder's)"
    part.add_argument("--archive", type=Path, metavar="DIR", help=archive)
    part.add_argument("--config", metavar="PATH", help="try this configuration, file or folder")
    part.add_argument("--policy", nargs="+", metavar="PATH", help="try this bundle")
    part.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    part.add_argument("--fail-on-change", action="store_true", help="exit 1 when a call changes")
    add_filters(part)


def run(args: argparse.Namespace) -> int:
    """Exit code: 0 the same or told, 1 not the same, 2 nothing to decide. Raises BundleRefused."""
    from extproc.audit.read import NoLog

    try:
        wanted = read_filter(args, time.time_ns() // 1_000_000)
        instead = _instead(args)
        if isinstance(instead, int):
            return instead
        return _again(args, wanted) if instead is None else _what_if(args, wanted, instead)
    except (NoLog, ValueError) as error:
        return say(str(error), USAGE)
    except OSError as error:
        return say(f"cannot read {error.filename}: {error.strerror}", USAGE)


def _again(args: argparse.Namespace, wanted: Filter) -> int:
    from extproc.replay.again import decide_again
    from extproc.replay.library import Library

    library = Library(_archive(args), strict=True)
    report = _counted(lambda tell: decide_again(_entries(args, wanted), library, tell))
    code = _recorded(args, "recorded_digests", report.decided, report.differing)
    if code == FINE:
        _print(args, report)
        show_again(report)
        code = FINE if report.same == report.decided else NO
    return code if report.decided else USAGE


def _what_if(args: argparse.Namespace, wanted: Filter, instead: Instead) -> int:
    from extproc.replay.library import Library
    from extproc.replay.what_if import what_if

    library = Library(_archive(args), strict=False)
    changes = _counted(lambda tell: what_if(_entries(args, wanted), library, instead, tell))
    code = _recorded(args, "what_if", changes.decided, changes.changed)
    if code == FINE:
        _print(args, changes)
        show_changes(changes)
        code = NO if args.fail_on_change and changes.changed else FINE
    return code if changes.decided else USAGE


def _instead(args: argparse.Namespace) -> Instead | int | None:
    """What is to be tried; None: nothing; a number: the exit code for a configuration that is not
    one."""
    if args.config is None and args.policy is None:
        return None
    from extproc.config.load import load
    from extproc.config.model import Config
    from extproc.config.sources import read_sources
    from extproc.policy.choose import engine_for
    from extproc.policy.embedded import load as load_policy
    from extproc.replay.library import Instead

    config = None if args.config is None else load(read_sources(args.config))
    if config is not None and not isinstance(config, Config):
        for mistake in config:
            say(str(mistake))
        return USAGE
    if args.policy is not None:
        return Instead(config, load_policy(args.policy))
    assert config is not None
    # An OPA server's policies are its own: what they said is taken as recorded.
    asked = config.gateway.policy
    return Instead(config, None if asked.opa is not None else engine_for(asked))


def _archive(args: argparse.Namespace) -> Archive:
    return Archive(args.archive or StateDir(args.state).audit / FOLDER)


def _entries(args: argparse.Namespace, wanted: Filter) -> Iterator[Entry]:
    """Those that are asked for. What was pruned matches only where nothing is asked for."""
    return (entry for entry in _read(_lines(args)) if wanted.matches(entry))


def _lines(args: argparse.Namespace) -> Iterator[bytes]:
    if args.records is None:
        from extproc.audit.read import lines_from

        yield from lines_from(log_folder(args), 0)
    elif args.records == "-":
        yield from sys.stdin.buffer
    else:
        with open(args.records, "rb") as file:
            yield from file


def _read(lines: Iterator[bytes]) -> Iterator[Entry]:
    import orjson

    for number, line in enumerate(lines, 1):
        try:
            entry = orjson.loads(line)
        except ValueError:
            raise ValueError(f"line {number} is not JSON") from None
        if isinstance(entry, dict):
            yield entry


def _counted(work: Callable[[Progress], Coroutine[Any, Any, T]]) -> T:
    """Run it, with a count on a terminal."""
    shown = sys.stderr.isatty()

    def tell(done: int) -> None:
        if shown and done % _TELL_EVERY == 0:
            print(f"\r{done} calls", end="", file=sys.stderr, flush=True)

    found = asyncio.run(work(tell))
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr)
    return found


def _print(args: argparse.Namespace, report: Report | Changes) -> None:
    if args.json:
        print(json.dumps(report.to_json()))


def _recorded(args: argparse.Namespace, mode: str, decided: int, otherwise: int) -> int:
    """A replay of the log is an entry of the log (P3)."""
    if args.records is not None:
        return FINE
    from extproc.audit.journal import record_action

    details = {"mode": mode, "decided": decided, "otherwise": otherwise}
    try:
        record_action(StateDir(args.state), "policy.replay", details=details)
    except AuditUnavailable:
        return say("the replay cannot be recorded in the audit log", USAGE)
    return FINE
