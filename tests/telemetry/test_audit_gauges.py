"""The audit log's figures on the metrics page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extproc.admin.audit_gauges import OLD_MS, audit_families
from extproc.audit.health import FILE

NOW_MS = 1_800_000_000_000
NOTE = {"ok": True, "why": "", "backlog_bytes": 512, "log_size": 40, "covered": 38,
        "at_ms": NOW_MS, "signed_at_ms": NOW_MS}  # fmt: skip


def _shown(folder: Path, now_ms: int = NOW_MS) -> dict[str, float]:
    families = audit_families(folder, now_ms)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_note_is_shown(tmp_path: Path) -> None:
    """P3: how long the log is, how much of it is signed, and what is not in it yet."""
    (tmp_path / FILE).write_text(json.dumps(NOTE))
    assert _shown(tmp_path) == {
        "envelope_audit_up": 1, "envelope_audit_log_entries": 40,
        "envelope_audit_log_signed_entries": 38, "envelope_audit_backlog_bytes": 512,
    }  # fmt: skip


def test_an_old_note_says_that_nobody_writes(tmp_path: Path) -> None:
    """P3: a gateway process that hangs must not look like one that works."""
    (tmp_path / FILE).write_text(json.dumps(NOTE))
    assert _shown(tmp_path, NOW_MS + OLD_MS)["envelope_audit_up"] == 1
    late = _shown(tmp_path, NOW_MS + OLD_MS + 1)
    assert (late["envelope_audit_up"], late["envelope_audit_log_entries"]) == (0, 40)


@pytest.mark.parametrize("note", [None, "", "[]", "{", '{"ok": true}', json.dumps(NOTE | {"ok": 0}),
                                  json.dumps({k: str(v) for k, v in NOTE.items()})])  # fmt: skip
def test_what_cannot_be_read_is_not_up(tmp_path: Path, note: str | None) -> None:
    """P3: defaults deny."""
    if note is not None:
        (tmp_path / FILE).write_text(note)
    assert _shown(tmp_path)["envelope_audit_up"] == 0
