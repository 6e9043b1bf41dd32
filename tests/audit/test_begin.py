"""Beginning again after the log is lost: another log under another name, and never a fork."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from extproc.audit.checkpoint import SIGNING_KEY, load_verifier
from extproc.audit.log import LogRefused
from extproc.audit.read import entries, lines
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.verify import verify
from extproc.cli.main import main
from tests.audit.gateway import NOON, build, entry, sequencer, spool

Capture = pytest.CaptureFixture[str]


def begin(root: Path, capsys: Capture, reason: str = "disk lost") -> tuple[int, str]:
    code = main(["audit", "begin", "--reason", reason, "--state", str(root.parent), "--json"])
    return code, capsys.readouterr().out


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build(tmp_path / "audit", 3, 5)
    return tmp_path / "audit"


@pytest.mark.parametrize("lost", ["entries", "folder", "key", "everything"])
def test_a_lost_log_is_set_aside_and_another_one_begins(
    root: Path, capsys: Capture, lost: str
) -> None:
    """P3: under another origin and key; its first entry says what was before; spools go on."""
    checkpoint = (root / LOG / "checkpoint").read_text()
    first = load_verifier(root / "verifier.pub")
    writer = spool(root, "w9")
    writer.close(entry(9))
    match lost:
        case "entries":
            (root / LOG / "entries.jsonl").unlink()
        case "folder":
            shutil.rmtree(root / LOG)
        case "key":
            (root / SIGNING_KEY).unlink()
        case "everything":
            shutil.rmtree(root / LOG)
            (root / SIGNING_KEY).unlink()
            (root / "verifier.pub").unlink()
    code, out = begin(root, capsys)
    said = json.loads(out)
    assert code == 0 and said["origin"] == "envelope/2"
    with sequencer(root) as worker:
        worker.drain(NOON)
        assert str(worker.verifier) == said["verifier"]
    found = list(entries(lines(root / LOG)))
    assert [e["decision_id"] for e in found[1:]] == ["d-9"]
    event = found[0]["event"]
    assert (event["action"], event["reason"]) == ("audit.log.begin", "disk lost")
    kept = lost in ("entries", "key")
    assert event.get("previous") == (checkpoint if kept else None)
    report = verify(root / LOG, load_verifier(root / "verifier.pub"))
    assert report.intact and report.size == 2
    assert verify(root / LOG, first).faults[0].kind != "fork"
    aside = root / said["set_aside"]
    assert aside.is_dir() and (aside / "checkpoint").exists() == kept
    if lost == "key":
        assert verify(aside, load_verifier(aside / "verifier.pub")).intact


def test_names_are_never_used_twice(root: Path, capsys: Capture) -> None:
    """P3: each beginning has a number of its own, also when keys are lost in between."""
    origins = []
    for n in range(3):
        if n == 1:
            shutil.rmtree(root / LOG)
        origins.append(json.loads(begin(root, capsys)[1])["origin"])
        (aside,) = {p.name for p in root.glob("log.lost-*")} - {f"log.lost-{i}" for i in range(n)}
        (root / aside).rename(root / f"log.lost-{n}")
    assert origins == ["envelope/2", "envelope/3", "envelope/4"]
    with sequencer(root, origin="envelope") as worker:
        assert worker.verifier.name == "envelope/4"


def test_beside_a_gateway_nothing_begins(root: Path, capsys: Capture) -> None:
    """P3: the one who writes the log must be stopped first; and a reason is needed."""
    with sequencer(root):
        assert begin(root, capsys)[0] == 1
    assert begin(root, capsys, reason=" ")[0] == 2
    assert not list(root.glob("log.lost-*"))


def test_the_lost_log_may_come_back_as_evidence_but_is_not_written_on(
    root: Path, capsys: Capture
) -> None:
    """P3: its key is gone, so that nobody can sign a second history with it."""
    shutil.copytree(root / LOG, root / "backup")
    begin(root, capsys)
    shutil.rmtree(root / LOG)
    (root / "backup").rename(root / LOG)
    worker = Sequencer(root)
    with pytest.raises(LogRefused):
        worker.poll(NOON)
    worker.close()
