"""The evidence pack: what holds, what does not, and what is in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.archive import Archive
from extproc.audit.note import Signer
from extproc.audit.query import Filter
from extproc.audit.questions import standalone_verify
from extproc.audit.questions.controls import CONTROLS, markdown
from extproc.audit.questions.pack import Selection, build
from extproc.audit.questions.standalone_verify import Bad, check
from extproc.audit.questions.standing import standing
from extproc.audit.read import NotProvable
from extproc.cli.main import main
from tests.audit.gateway import build as build_log
from tests.audit.gateway import sequencer, spool
from tests.audit.questions.ledger_of_calls import BUNDLE, DAY, Q3, asked, call, write

NOW = Q3 + 100 * DAY
MIDDLE = Selection(Filter(since_ms=Q3 + 3 * DAY, until_ms=Q3 + 6 * DAY))
ONE_TEAM = Selection(Filter(team="support"), {"team": "support"})


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write(tmp_path_factory.mktemp("state"))
    archive = Archive(root / "archive")
    archive.keep_policy(BUNDLE)
    (root / "archive" / "prices").mkdir()
    (root / "archive" / "prices" / ("d" * 64)).write_text("{}")  # not the text of that digest
    return root


def make(audit: Path, selection: Selection, target: Path) -> dict[str, Any]:
    with asked(audit) as questions:
        return build(audit, questions, standing(audit), selection, target, now_ms=NOW, asked="a")


@pytest.fixture(scope="module")
def pack(audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked: what an auditor has in hand."""
    folder = tmp_path_factory.mktemp("pack")
    make(audit, Selection(Filter()), folder / "all.zip")
    with zipfile.ZipFile(folder / "all.zip") as file:
        file.extractall(folder / "all")
    return folder / "all"


def records(path: Path) -> list[int]:
    with zipfile.ZipFile(path) as file:
        return [json.loads(line)["index"] for line in file.read("records.jsonl").splitlines()]


def test_a_period_is_complete_with_a_neighbour_at_each_end(audit: Path, tmp_path: Path) -> None:
    """P3: nothing between the first and the last is left out."""
    made = make(audit, MIDDLE, tmp_path / "p.zip")
    assert records(tmp_path / "p.zip") == [2, 3, 4, 5, 6]
    found = check(tmp_path / "p.zip", standing(audit).key)
    assert (found.records, found.complete, found.size) == (5, True, 14)
    assert made["manifest_sha256"] == found.manifest_sha256


def test_a_selection_says_that_it_is_one(audit: Path, tmp_path: Path) -> None:
    """P3: only what fits, each with its place proven."""
    make(audit, ONE_TEAM, tmp_path / "p.zip")
    assert records(tmp_path / "p.zip") == [0, 1, 2, 10, 11]
    assert check(tmp_path / "p.zip", standing(audit).key).complete is False


def test_the_program_in_the_pack_needs_nothing_of_ours(pack: Path, audit: Path) -> None:
    """P3: offline, by a stranger: only Python, `cryptography` and the public key."""
    words = [sys.executable, "-I", "verify.py", "--key", str(audit / "verifier.pub")]
    done = subprocess.run(words, cwd=pack, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("ok: 14 records")
    assert "extproc" not in (pack / "verify.py").read_text()
    assert "compare it with one" not in done.stdout


def test_what_is_in_it(pack: Path) -> None:
    """Contract: records, proof, key, reports, texts by digest, controls, README, manifest; P6: a
    text that was altered in the archive is missing, not evidence."""
    names = {path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()}
    assert {"records.jsonl", "proof.json", "checkpoint", "verifier.pub", "keys.jsonl",
            "reports.html", "reports/customer-data/customer-data.csv", "controls.md",
            "controls.json", "README.md", "verify.py",
            f"texts/policy/{BUNDLE.digest}"} <= names  # fmt: skip
    manifest = json.loads((pack / "manifest.json").read_text())
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert manifest["missing_texts"] == [["config", "c" * 64], ["prices", "d" * 64]]
    readme = (pack / "README.md").read_text()
    assert "c" * 64 in readme and "{" not in readme
    evidence = {name for control in CONTROLS for name in control.evidence}
    assert not [name for name in evidence if name not in names and not name.startswith("texts/")]


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        _relist(folder)

    return change


def _relist(folder: Path) -> None:
    """What a forger does too: the manifest is made to fit."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        if (folder / name).exists():
            manifest["files"][name] = _sha256(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without_a_record(folder: Path) -> None:
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3] + lines[4:]))
    _relist(folder)


def _twice(folder: Path) -> None:
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[-1]]))
    _relist(folder)


def _add(folder: Path) -> None:
    (folder / "added.txt").write_text("x")


FORGERIES: dict[str, Callable[[Path], None]] = {
    "a record was changed": _edit("records.jsonl", "support-bot", "finance-bot"),
    "a record was left out": _without_a_record,
    "a record is there twice": _twice,
    "another index": _edit("records.jsonl", '"index":5', '"index":4'),
    "another root": _edit("checkpoint", "\n14\n", "\n13\n"),
    "another count": _edit("manifest.json", '"records": 14', '"records": 13'),
    "a file was added": _add,
    "a file is missing": lambda folder: (folder / "controls.md").unlink(),
    "a report was changed": lambda folder: _write(folder / "reports.html", "all is well"),
    "another proof": _edit("proof.json", '"tree_size": 14', '"tree_size": 13'),
    "an invented handover": lambda folder: _hand_over(folder),
}


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _hand_over(folder: Path) -> None:
    """A thief's checkpoint, under a key that nobody handed over to."""
    thief = Signer("envelope", b"t" * 32)
    text = (folder / "checkpoint").read_text().split("\n\n")[0] + "\n"
    note = thief.sign(text)
    line = {"checkpoint": note, "index": 3, "verifier": str(thief.verifier)}
    (folder / "checkpoint").write_text(note)
    (folder / "keys.jsonl").write_text(json.dumps(line) + "\n")
    _relist(folder)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_pack_is_found(pack: Path, audit: Path, tmp_path: Path, forgery: str) -> None:
    """P3: also where the manifest was made to fit."""
    forged = tmp_path / "forged"
    shutil.copytree(pack, forged)
    FORGERIES[forgery](forged)
    with pytest.raises(Bad):
        check(forged, standing(audit).key)
    assert standalone_verify.main([str(forged), "--key", str(audit / "verifier.pub")]) == 1


def test_another_log_is_not_this_one(pack: Path, tmp_path: Path) -> None:
    """P3: a whole pack of another key does not pass under the trusted one."""
    build_log(tmp_path / "other", 3)
    with pytest.raises(Bad, match="not signed"):
        check(pack, (tmp_path / "other" / "verifier.pub").read_text())


def test_what_is_no_pack_is_not_one(tmp_path: Path) -> None:
    """Contract: exit 2."""
    (tmp_path / "x.zip").write_bytes(b"PK nonsense")
    (tmp_path / "empty").mkdir()
    assert standalone_verify.main([str(tmp_path / "x.zip")]) == 2
    assert standalone_verify.main([str(tmp_path / "empty")]) == 1


@pytest.mark.parametrize("words", [["--help"], ["no-such.zip"], ["--key"], ["--key", "no-such"]])
def test_the_checker_says_how_it_is_used(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Contract: exit 2 and the instructions, never a fault of the pack or a traceback."""
    assert standalone_verify.main(words) == 2
    assert "python3 verify.py" in capsys.readouterr().out


def test_a_log_that_was_changed_gives_no_pack(tmp_path: Path) -> None:
    """P3: the pack is checked before anybody gets it."""
    audit = write(tmp_path)
    entries = audit / "log" / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"research-bot", b"finance--bot"))
    with pytest.raises(NotProvable, match="not what was signed"):
        make(audit, Selection(Filter()), tmp_path / "p.zip")


def test_what_retention_removed_is_counted(tmp_path: Path) -> None:
    """P3: a tombstone is no record; the pack holds, and says how many are gone."""
    audit = write(tmp_path)
    with sequencer(audit, segment_bytes=1, retention={"exchange": 95}) as worker:
        worker.poll(NOW)
        worker.prune(NOW)
    made = make(audit, Selection(Filter()), tmp_path / "p.zip")
    gone = made["selection"]["pruned"]
    assert (gone, made["selection"]["records"]) == (1, 11), "from the last that is gone on"
    found = check(tmp_path / "p.zip", standing(audit).key)
    assert found.complete is True and found.pruned == gone


def test_a_pack_holds_across_a_change_of_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3: the first key is enough; the handover is in the pack, and in the log."""
    audit = write(tmp_path)
    first = (audit / "verifier.pub").read_text()
    assert main(["audit", "rotate-key", "--state", str(tmp_path)]) == 0
    capsys.readouterr()
    writer = spool(audit, "w-2")
    writer.close(call(20, "support"))
    with sequencer(audit) as worker:
        worker.poll(NOW)
    writer.release()
    make(audit, MIDDLE, tmp_path / "p.zip")
    assert records(tmp_path / "p.zip")[:5] == [2, 3, 4, 5, 6]
    found = check(tmp_path / "p.zip", first)
    assert found.size > 14 and found.key == first.strip()
    with zipfile.ZipFile(tmp_path / "p.zip") as file:
        file.extractall(tmp_path / "p")
    (tmp_path / "p" / "keys.jsonl").write_text("")
    _relist(tmp_path / "p")
    with pytest.raises(Bad, match="not signed"):
        check(tmp_path / "p", first)


def test_nothing_is_no_pack(audit: Path, tmp_path: Path) -> None:
    """P3: an empty pack would prove nothing."""
    with pytest.raises(NotProvable, match="no signed entry fits"):
        make(audit, Selection(Filter(team="nobody"), {"team": "nobody"}), tmp_path / "p.zip")


def test_controls_never_say_that_anybody_complies() -> None:
    """Contract: "helps satisfy", and what remains with the customer."""
    text = markdown().lower()
    assert "compliant" not in text and "certified" not in text and "guarantee" not in text
    assert all(control.remains and control.evidence for control in CONTROLS)
    frameworks = {control.framework.split(" ")[0] for control in CONTROLS}
    assert frameworks == {"EU", "SOC", "HIPAA", "GDPR", "ISO/IEC"}
