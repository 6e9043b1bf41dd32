"""Retention: what is past its time is gone for good, and the log still tells that it was there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from extproc.audit.checkpoint import load_verifier
from extproc.audit.entry import rfc3339
from extproc.audit.merkle import HASH_BYTES, node_position
from extproc.audit.prove import NotProvable, prove
from extproc.audit.read import LogReader, entries, lines
from extproc.audit.segments import closed
from extproc.audit.sequencer import LOG
from extproc.audit.tombstone import Tombstone, is_tombstone
from extproc.audit.verify import Report, verify
from extproc.cli.main import main
from tests.audit.gateway import NOON, entry, sequencer, spool
from tests.audit.test_segments import fill

DAY = 24 * 3600 * 1000
LATER = NOON + 31 * DAY
REFUSED = {"outcome": "refused", "code": "budget_exceeded"}


def make(root: Path, **every: Any) -> Path:
    """Segments [0, 1], [2, 3], [4, 5] and an active file; 1 and 4 are refusals."""
    writer = spool(root)
    with sequencer(root, segment_bytes=500) as worker:
        for n in range(7):
            more: dict[str, Any] = {"decision": REFUSED, **every} if n in (1, 4) else every
            writer.close(entry(n, metadata={"canary": f"canary-{n}"}, **more))
            if n % 2:
                worker.poll(NOON)
        worker.poll(NOON)
    return root / LOG


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prune")
    make(root)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def report(root: Path) -> Report:
    return verify(root / LOG, load_verifier(root / "verifier.pub"))


def stones(root: Path) -> list[int]:
    found = enumerate(lines(root / LOG))
    return [index for index, line in found if is_tombstone(line)]


def prune(root: Path, at_ms: int = LATER, **days: int) -> int:
    with sequencer(root, retention=days) as worker:
        return worker.prune(at_ms)


def test_what_is_past_its_days_is_gone_and_accounted_for(root: Path) -> None:
    """P3, P4: by class; no file of the log holds the content any more, and the log is intact."""
    assert prune(root, exchange=30) == 4
    assert stones(root) == [0, 2, 3, 5], "closed files only, refusals are kept"
    found = report(root)
    assert found.intact, found.faults
    assert found.pruned == 4 and found.size == found.covered == 7 + 3
    everything = b"".join(p.read_bytes() for p in (root / LOG).rglob("*") if p.is_file())
    gone = [n for n in range(7) if f"canary-{n}".encode() not in everything]
    assert gone == [0, 2, 3, 5]
    assert sorted((root / LOG / "segments").iterdir()) == [s.path for s in closed(root / LOG)]


def test_each_pruning_is_an_entry(root: Path) -> None:
    """P3: which file, how many, of which class, up to when; its digest says which."""
    prune(root, exchange=30)
    events = [e["event"] for e in entries(lines(root / LOG)) if "event" in e]
    assert [e["action"] for e in events] == ["audit.prune"] * 3
    assert [e["segment"] for e in events] == [0, 2, 4]
    assert [e["count"] for e in events] == [1, 2, 1]
    assert events[0]["classes"] == {"exchange": 1}
    assert events[0]["cutoffs"] == {"exchange": rfc3339(NOON + DAY)}


def test_each_class_has_its_own_days(root: Path) -> None:
    """Contract: audit.retention.days; a class that is not named is kept for ever."""
    assert prune(root, at_ms=NOON + 29 * DAY, exchange=30) == 0
    assert prune(root, refusal=7) == 2 and stones(root) == [1, 4]
    assert prune(root, exchange=30, refusal=7) == 4
    assert stones(root) == list(range(6))
    assert report(root).intact and report(root).pruned == 6


def test_events_about_the_log_itself_stay(tmp_path: Path) -> None:
    """P3: verify rests on prune and key events, whatever the days of `admin` are."""
    fill(tmp_path, 6, segment_bytes=300)
    prune(tmp_path, exchange=30)
    with sequencer(tmp_path, segment_bytes=300, retention={"exchange": 1, "admin": 1}) as worker:
        worker.rotate_key(LATER)
        for n in range(4):
            worker.poll(LATER + n * 3 * DAY)
        worker.prune(LATER + 400 * DAY)
    kept = [e["event"]["action"] for e in entries(lines(tmp_path / LOG)) if "event" in e]
    assert "audit.key.rotate" in kept and kept.count("audit.prune") >= 2
    assert report(tmp_path).intact


def test_the_sequencer_prunes_by_itself_once_an_hour(root: Path) -> None:
    """Contract: a segment at each step, and no second look before an hour has passed."""
    with sequencer(root, retention={"exchange": 30}) as worker:
        pruned = []
        for _ in range(5):
            worker.poll(LATER)
            pruned.append(worker.counts.pruned)
        assert pruned == [1, 3, 4, 5, 5], "the last file was a day old, and so it was closed"
        worker.keep_for({"refusal": 1})
        for _ in range(5):
            worker.poll(LATER + 3_599_999)
        assert worker.counts.pruned == 5
        for _ in range(5):
            worker.poll(LATER + 3_600_000)
        assert worker.counts.pruned == 7
    assert report(root).intact


def test_a_reader_does_not_stumble_over_pruning(root: Path) -> None:
    """Audit: a reader that is in the middle of a file goes on at the right entry."""
    reader = LogReader(root / LOG)
    seen = reader.read(0, 1)
    prune(root, exchange=30)
    seen += reader.read(1, 100)
    assert [orjson.loads(line)["index"] for line in seen] == list(range(10))
    assert [n for n, line in enumerate(seen) if is_tombstone(line)] == [2, 3, 5]


def test_an_entry_replaced_by_a_tombstone_is_found(root: Path) -> None:
    """P3: whoever removes an entry this way has no signed entry that accounts for it."""
    segment = closed(root / LOG)[1]
    hashes = (root / LOG / "hashes").read_bytes()
    for event in (0, 6, 99):
        rows = segment.path.read_bytes().splitlines()
        at = node_position(0, 3) * HASH_BYTES
        rows[1] = Tombstone(3, hashes[at : at + HASH_BYTES], event).line()
        segment.path.write_bytes(b"".join(row + b"\n" for row in rows))
        found = report(root)
        assert {f.kind for f in found.faults} == {"pruned_unaccounted"}
        assert found.first_bad_index == 3


def test_one_more_tombstone_among_true_ones_is_found(root: Path) -> None:
    """P3: a digest over all that one event pruned; nothing can be slipped in among them."""
    prune(root, exchange=30)
    rows = (root / LOG / "segments" / "000000000000.jsonl").read_bytes().splitlines()
    true = json.loads(rows[0])
    hashes = (root / LOG / "hashes").read_bytes()
    at = node_position(0, 1) * HASH_BYTES
    rows[1] = Tombstone(1, hashes[at : at + HASH_BYTES], true["event"]).line()
    path = closed(root / LOG)[0].path
    path.write_bytes(b"".join(row + b"\n" for row in rows))
    assert {f.kind for f in report(root).faults} == {"pruned_unaccounted"}
    prune(root, at_ms=LATER + DAY, exchange=30, refusal=1)
    assert report(root).first_bad_index == 0, "pruning again does not make it good"


def test_what_was_tampered_with_is_not_pruned(root: Path) -> None:
    """P3: evidence stays; the rest is pruned all the same."""
    path = closed(root / LOG)[1].path
    path.write_bytes(path.read_bytes().replace(b"canary-2", b"canary-x"))
    with sequencer(root, retention={"exchange": 30}) as worker:
        assert worker.prune(LATER) == 2
        assert worker.counts.damaged_segments == 1
    assert stones(root) == [0, 5]
    assert report(root).first_bad_index == 2


def test_a_spool_cannot_speak_for_the_log(root: Path) -> None:
    """P3: entries that verify would believe about pruning and keys do not come from workers."""
    writer = spool(root, "w7")
    for n, action in enumerate(("audit.prune", "audit.key.rotate", "audit.log.begin")):
        writer.close(entry(50 + n, kind="event", event={"action": action}))
    with sequencer(root) as worker:
        worker.poll(NOON)
        assert worker.counts.spool_damaged == 3
    assert "event" not in json.dumps([*entries(lines(root / LOG))])


def test_a_pruned_entry_has_no_proof(root: Path) -> None:
    """P3: only its hash is left, which proves nothing to people."""
    prune(root, exchange=30)
    verifier = load_verifier(root / "verifier.pub")
    with pytest.raises(NotProvable, match="pruned"):
        prove(root / LOG, verifier, "2")
    assert prove(root / LOG, verifier, "d-6").index == 6


CONFIG = """
type: provider-account
name: openai-main
provider: openai-compatible
base_url: http://127.0.0.1:9/v1
models: [{id: m, price: {input_per_mtok: 1}}]
---
name: g
type: gateway-config
environment: dev
audit:
  segment_bytes: 4096
  retention:
    days: {exchange: 30}
"""


def test_the_command_counts_and_prunes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Contract: `audit prune [--dry-run]`, without a gateway."""
    root = tmp_path / "audit"
    make(root, at="2020-01-01T00:00:00.000Z")
    config = root.parent / "config.yaml"
    config.write_text(CONFIG)
    words = ["--config", str(config), "--state", str(root.parent), "--json"]
    assert main(["audit", "prune", "--dry-run", *words]) == 0
    assert json.loads(capsys.readouterr().out) == {"dry_run": True, "entries": 4, "exchange": 4}
    assert stones(root) == []
    with sequencer(root):
        assert main(["audit", "prune", *words]) == 1
    capsys.readouterr()
    assert main(["audit", "prune", *words]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 4 + 1, "the active file was old, too"
    assert report(root).intact
