"""Prune entries that are older than `audit.retention.days` says, now; no gateway may run.

A running gateway does this by itself, once an hour. Only closed files of the log are pruned
(`audit.segment_bytes`, and once a day). An entry that goes leaves its hash, so that the log still
verifies, and an entry `audit.prune` accounts for it. Its content cannot be had back.
`--dry-run` only counts; it may be used beside a running gateway.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

from extproc.audit.checkpoint import KeyRefused
from extproc.audit.log import LogRefused
from extproc.audit.prune import cutoffs_at, survey
from extproc.audit.questions.sources import drop_stale
from extproc.audit.segments import closed
from extproc.audit.sequencer import Sequencer
from extproc.audit.values import AuditUnavailable
from extproc.cli.audit.options import FINE, NO, USAGE, add_json, log_folder, need_log, say
from extproc.config.audit_model import Audit
from extproc.config.load import load
from extproc.config.sources import read_sources
from extproc.state import StateDir


def configure(part: argparse.ArgumentParser) -> None:
    part.description = __doc__
    part.add_argument("--config", type=Path, required=True, metavar="PATH",
                      help="a file, or a folder of *.yaml and *.json")  # fmt: skip
    part.add_argument("--dry-run", action="store_true", help="only count what would go")
    add_json(part)


def run(args: argparse.Namespace) -> int:
    need_log(log_folder(args))
    config = load(read_sources(args.config))
    if isinstance(config, list):
        return say("\n".join(map(str, config)), USAGE)
    audit = config.gateway.audit
    if not audit.retention.days:
        return say("audit.retention.days is empty: everything is kept")
    now_ms = time.time_ns() // 1_000_000
    if args.dry_run:
        return _tell(args, _would_go(log_folder(args), _days(audit), now_ms), "would be pruned")
    try:
        pruned = _prune(StateDir(args.state).audit, audit, now_ms)
        drop_stale(StateDir(args.state).audit)
    except (AuditUnavailable, KeyRefused, LogRefused) as error:
        return say(f"not pruned: {error}", NO)
    return _tell(args, {"all": pruned}, "pruned")


def _days(audit: Audit) -> dict[str, int]:
    return {str(name): days for name, days in audit.retention.days.items()}


def _would_go(folder: Path, days: dict[str, int], now_ms: int) -> dict[str, int]:
    """Entries that are due, by class of record."""
    total: Counter[str] = Counter()
    for segment in closed(folder):
        total.update(survey(segment, cutoffs_at(now_ms, days)).classes)
    return dict(total)


def _prune(folder: Path, audit: Audit, now_ms: int) -> int:
    sequencer = Sequencer(
        folder,
        origin=audit.origin,
        segment_bytes=audit.segment_bytes,
        retention=_days(audit),
    )
    try:
        sequencer.drain(now_ms)
        return sequencer.counts.pruned + sequencer.prune(now_ms)
    finally:
        sequencer.close()


def _tell(args: argparse.Namespace, counts: dict[str, int], what: str) -> int:
    if args.json:
        print(json.dumps({"dry_run": args.dry_run, "entries": sum(counts.values()), **counts}))
    return say(f"{sum(counts.values())} entries {what}", FINE)
