"""The end of the tour: the audit log as the gateway left it, judged offline.

The second step breaks a copy on purpose, because a check that cannot fail proves nothing.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.event import EVENT
from extproc.audit.log import ENTRIES
from extproc.audit.verify import Report, verify
from extproc.demo.tour_step import Outcome

if TYPE_CHECKING:
    from extproc.demo.tour_stage import Stage

COST = re.compile(rb'"cost_nano_usd":([1-9])')


async def log_intact(stage: Stage) -> Outcome:
    """Every byte signed for, and exactly one entry for each call of the tour (P3)."""
    report = _verify(stage, stage.audit_log)
    stage.read_log()
    calls = [entry for entry in stage.written if entry.get("kind") != EVENT]
    written = Counter(str(entry["decision_id"]) for entry in calls)
    if not report.intact:
        return Outcome(f"tampered, at entry {report.first_bad_index}")
    if report.covered < report.size:
        return Outcome(f"intact, but only {report.covered} of {report.size} entries signed")
    one_each = written == Counter(stage.decisions)
    counted = "one entry for each call" if one_each else _difference(written, stage.decisions)
    return Outcome(f"intact, {counted}", note=f"{report.size} entries")


async def digit_altered(stage: Stage) -> Outcome:
    """Change one digit of what one call cost, in a copy; the check must name that entry."""
    with tempfile.TemporaryDirectory(prefix="envelope-tampered-") as folder:
        copy = shutil.copytree(stage.audit_log, Path(folder) / "log")
        altered = _alter(copy / ENTRIES)
        report = _verify(stage, copy)
    named = report.first_bad_index
    if report.intact:
        return Outcome("intact", note=f"although entry {altered} was altered")
    where = "the altered entry" if named == altered else f"entry {named}, not {altered}"
    return Outcome(f"tampered, at {where}", note=f"entry {named}")


def _verify(stage: Stage, log: Path) -> Report:
    return verify(log, load_verifier(stage.gateway.state.audit / VERIFIER_KEY))


def _alter(path: Path) -> int:
    """Change one digit of a charged entry near the middle of the log; its index."""
    data = bytearray(path.read_bytes())
    found = list(COST.finditer(data))
    at = found[len(found) // 2].start(1)
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    path.write_bytes(data)
    return data.count(b"\n", 0, at)


def _difference(written: Counter[str], decisions: list[str]) -> str:
    missing = sum((Counter(decisions) - written).values())
    extra = sum((written - Counter(decisions)).values())
    return f"but {missing} calls without an entry and {extra} entries too many"
