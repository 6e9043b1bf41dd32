"""A bit that is flipped anywhere in a log is always found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from extproc.audit.checkpoint import load_verifier
from extproc.audit.sequencer import LOG
from extproc.audit.verify import verify
from tests.audit.gateway import NOON, entry, sequencer, spool

DAY = 24 * 3600 * 1000
FLIPS = 1000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small log with all that a log may have: segments, tombstones, two keys."""
    root = tmp_path_factory.mktemp("flips")
    writer = spool(root)
    with sequencer(root, segment_bytes=400, retention={"exchange": 30}) as worker:
        for n in range(4):
            writer.close(entry(n, **({} if n % 2 else {"decision": {"outcome": "refused"}})))
            worker.poll(NOON)
        worker.rotate_key(NOON)
        for _ in range(4):
            worker.poll(NOON + 31 * DAY)
        writer.close(entry(9))
        worker.poll(NOON + 31 * DAY)
    return root


def test_a_thousand_flipped_bits_are_found(root: Path) -> None:
    """P3: in entries, segments, hashes, checkpoints and keys, at random but seeded places."""
    verifier = load_verifier(root / "verifier.pub")
    report = verify(root / LOG, verifier)
    assert report.intact and report.pruned and report.segments > 1 and len(report.keys) == 2
    files = sorted(path for path in (root / LOG).rglob("*") if path.is_file())
    assert {p.name for p in files} >= {
        "entries.jsonl",
        "hashes",
        "checkpoint",
        "checkpoints",
        "keys",
    }
    chosen = random.Random(6)
    missed = []
    for turn in range(FLIPS):
        path = files[turn % len(files)]
        raw = path.read_bytes()
        bit = chosen.randrange(len(raw) * 8)
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        if verify(root / LOG, verifier).intact:
            missed.append((path.name, bit))
        path.write_bytes(raw)
    assert missed == []
    assert verify(root / LOG, verifier).intact
