"""What the gateway's process says of the audit log counts for readiness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from extproc.admin.audit_health import STALE_MS, why_not
from extproc.admin.readiness import Missing, Readiness
from extproc.admin.spec import Spec
from extproc.ledger.redis_ledger import RedisLedger

NOW = 1_795_176_000_000


def said(**more: Any) -> str:
    """As the gateway writes it."""
    return json.dumps({"ok": True, "why": "", "backlog_bytes": 0, "log_size": 4, "covered": 4,
                       "at_ms": NOW, **more})  # fmt: skip


def readiness(spec: Spec, client: Redis) -> Readiness:
    ledger = RedisLedger(client, timeout_ms=1_000)
    return Readiness(spec, client, ledger, clock_ms=lambda: NOW)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, ""),
        (said(), ""),
        (said(at_ms=NOW - STALE_MS), ""),
        (said(ok=False, why="the disk is full"), "the disk is full"),
        (said(ok=False), "it is not well"),
        (said(ok=1), "it is not well"),
        (said(at_ms=NOW - STALE_MS - 1), "nobody has spoken for it lately"),
        (said(at_ms=NOW + STALE_MS + 1), "nobody has spoken for it lately"),
        ("", "its state cannot be read"),
        ("[]", "its state cannot be read"),
        ('{"ok": true}', "its state cannot be read"),
        (said(at_ms=None), "its state cannot be read"),
        ("\ud800", "its state cannot be read"),
    ],
)
def test_what_counts_as_well(tmp_path: Path, text: str | None, why: str) -> None:
    """P3: a log that is not well, or of which nobody speaks, is missing (defaults deny); where
    there never was a file nothing is said."""
    if text is not None:
        (tmp_path / "file").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert why_not(tmp_path / "file", NOW) == why


async def test_it_is_a_part_of_readiness(spec: Spec, client: Redis) -> None:
    """Contract 3, `/readyz`: named, with the gateway's own words."""
    path = spec.metrics_folder.parent / "audit-health.json"
    path.write_text(said())
    assert await readiness(spec, client).missing() == []
    path.write_text(said(ok=False, why="the disk is full"))
    assert await readiness(spec, client).missing() == [Missing("audit log", "the disk is full")]


def test_a_reason_is_cut(tmp_path: Path) -> None:
    """Contract 3, `/readyz`: an answer of bounded size."""
    (tmp_path / "file").write_text(said(ok=False, why="x" * 5_000))
    assert why_not(tmp_path / "file", NOW) == "x" * 200


async def test_a_file_that_cannot_be_read(spec: Spec, client: Redis) -> None:
    """P3: that is not the same as none."""
    (spec.metrics_folder.parent / "audit-health.json").mkdir()
    (found,) = await readiness(spec, client).missing()
    assert (found.part, found.why) == ("audit log", "could not be checked (IsADirectoryError)")
