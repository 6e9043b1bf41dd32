"""Comparing the log with what left this machine, as a function and as a command."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from extproc.audit.anchoring.check import compare
from extproc.audit.anchoring.cosignature import Cosignature, WitnessKey
from extproc.audit.anchoring.cosigned import COSIGNED, append
from extproc.audit.anchoring.head import Head
from extproc.audit.checkpoint import Checkpoint, load_signer
from extproc.audit.publish import history_line
from extproc.cli.main import main
from tests.audit.anchoring.conftest import GrowingLog, forge
from tests.audit.anchoring.witness_server import NOW_S, cosign, vkey

NAME, SEED = "witness.example/w1", b"w" * 32
KEY = WitnessKey.parse(vkey(NAME, SEED, b"\x04"))


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    """Where the command looks for it: in a state folder."""
    return GrowingLog(tmp_path / "state" / "audit")


def sign(log: GrowingLog, head: Head) -> None:
    line = cosign(NAME, SEED, head.text).rstrip("\n")
    append(log.folder, head, [Cosignature(line, NOW_S)])


@pytest.fixture
def places(log: GrowingLog, tmp_path: Path) -> list[Path]:
    """A file, a folder and a single note of what the log was at 4, 7 and 9; a witness's too."""
    folder, file, note = tmp_path / "folder", tmp_path / "file", tmp_path / "note"
    (folder / "envelope").mkdir(parents=True)
    for size in (4, 7, 9):
        head = log.grow(size)
        (folder / "envelope" / f"{size:020}.checkpoint").write_text(head.note)
        with file.open("ab") as lines:
            lines.write(history_line(head.note))
        note.write_text(head.note)
        sign(log, head)
    log.grow(12)
    return [folder, file, note]


def test_a_log_that_only_grew_fits_them_all(log: GrowingLog, places: list[Path]) -> None:
    """P3: every copy, every signature."""
    found = compare(log.folder, log.verifier, places, [KEY])
    assert found.faults == []
    assert found.checkpoints == 3 + 3 + 1 + 3
    assert set(found.newest.values()) == {9}
    assert found.witnessed_at_s == {NAME: NOW_S}


@pytest.mark.parametrize("size", [9, 12, 20])
def test_a_rewritten_and_resigned_log_is_named_a_fork(
    log: GrowingLog, places: list[Path], size: int
) -> None:
    """P3: the copies are enough, also those of a witness that were kept elsewhere."""
    signed = (log.folder / COSIGNED).read_bytes()
    forge(log, size)
    assert all("fork" in " ".join(compare(log.folder, log.verifier, [p], []).faults)
               for p in places)  # fmt: skip
    (log.folder / COSIGNED).write_bytes(signed)
    assert "fork" in " ".join(compare(log.folder, log.verifier, [], [KEY]).faults)


def test_a_log_cut_short_is_named_truncated(log: GrowingLog, places: list[Path]) -> None:
    """P3: the end cut off together with its checkpoints."""
    short = GrowingLog(log.root.with_name("short"))
    short.grow(4)
    for name in ("entries.jsonl", "hashes", "checkpoint", "checkpoints"):
        (log.folder / name).unlink(missing_ok=True)
        if (short.folder / name).exists():
            (log.folder / name).write_bytes((short.folder / name).read_bytes())
    text = " ".join(compare(log.folder, log.verifier, places[:1], []).faults)
    assert "truncated" in text


def test_no_log_at_all_is_truncated(log: GrowingLog, places: list[Path]) -> None:
    """P3: what was anchored says that there was one."""
    for path in log.folder.iterdir():
        path.unlink()
    assert "truncated" in " ".join(compare(log.folder, log.verifier, places, []).faults)


def test_one_altered_copy_among_many_is_named(log: GrowingLog, places: list[Path]) -> None:
    """P3: with where it is kept."""
    path = places[0] / "envelope" / f"{7:020}.checkpoint"
    path.write_text(path.read_text().replace("\n7\n", "\n8\n"))
    (fault,) = compare(log.folder, log.verifier, places, []).faults
    assert fault == "folder, checkpoint 1: no key of this log signed it"


def test_checkpoints_of_all_its_keys_fit(log: GrowingLog, places: list[Path]) -> None:
    """P3: after a rotation old copies still count, with the one key that a checker holds."""
    log.rotate()
    log.grow(15)
    (places[0] / "envelope" / "00000000000000000099.checkpoint").write_text(log.head.note)
    found = compare(log.folder, log.verifier, places, [KEY])
    assert (found.faults, found.newest["folder"]) == ([], log.head.size)


def test_an_older_fork_beside_a_newer_truth(log: GrowingLog, places: list[Path]) -> None:
    """P3: the newest one fits; one beneath it does not."""
    stranger = Checkpoint("envelope", 7, bytes(32)).signed(load_signer(log.root, "envelope"))
    (places[0] / "envelope" / f"{7:020}.checkpoint").write_text(stranger)
    (fault,) = compare(log.folder, log.verifier, places, []).faults
    assert fault == "folder, checkpoint 1: fork: the log's first 7 entries are not those"


def test_nothing_is_not_a_proof(log: GrowingLog, tmp_path: Path) -> None:
    """P3: no vacuous truth: an empty place, and a witness that signed nothing, are faults."""
    log.grow(4)
    empty = tmp_path / "empty"
    empty.mkdir()
    found = compare(log.folder, log.verifier, [empty], [KEY])
    assert found.faults == [
        "empty holds no checkpoint of this log",
        f"no checkpoint of this log is signed by {NAME}",
    ]
    with pytest.raises(FileNotFoundError):
        compare(log.folder, log.verifier, [tmp_path / "nowhere"], [])


def test_a_forged_cosignature_is_named(log: GrowingLog, places: list[Path]) -> None:
    """P3: a line under the witness's name that its key did not make."""
    head = log.head
    line = cosign(NAME, SEED, "another text\n").rstrip("\n")
    append(log.folder, head, [Cosignature(line, NOW_S)])
    (fault,) = compare(log.folder, log.verifier, places, [KEY]).faults
    assert "does not fit the checkpoint" in fault


def test_a_line_that_a_crash_left_is_counted_not_blamed(
    log: GrowingLog, places: list[Path]
) -> None:
    """Audit: an append-only anchor keeps it for ever."""
    places[1].write_bytes(b'"half\n' + places[1].read_bytes())
    found = compare(log.folder, log.verifier, places, [])
    assert (found.faults, found.unreadable) == ([], 1)


# --- the command ------------------------------------------------------------------------------


def run(log: GrowingLog, *args: str) -> int:
    return main(["audit", "--state", str(log.root.parent), "anchors", "verify", *args])


def test_the_command_says_yes(
    log: GrowingLog, places: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contract 1, `envelope audit anchors verify`: 0, a line for people, JSON for machines."""
    (tmp_path / "witness.pub").write_text(f"{KEY}\n")
    code = run(log, "--anchor-file", str(places[0]), "--anchor-file", str(places[1]),
               "--witness-key", str(tmp_path / "witness.pub"), "--json")  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 0
    assert "the log fits all 9 checkpoints" in err
    said = json.loads(out)
    assert (said["intact"], said["faults"], said["newest"][NAME]) == (True, [], 9)


def test_the_command_says_no(
    log: GrowingLog, places: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Contract 1, `envelope audit anchors verify`: 1, and what does not fit."""
    forge(log, 12)
    assert run(log, "--anchor-file", str(places[2])) == 1
    assert "MISMATCH" in (err := capsys.readouterr().err) and "fork" in err


def test_a_witness_that_signed_long_ago(
    log: GrowingLog, places: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3: a log that was cut back together with its signatures stops being signed lately."""
    (tmp_path / "witness.pub").write_text(str(KEY))
    key = ("--witness-key", str(tmp_path / "witness.pub"))
    days = int((time.time() - NOW_S) // 86_400) + 2
    assert run(log, *key, "--within", f"{max(days, 1)}d") == 0
    assert run(log, *key, "--within", "2200-01-01T00:00:00Z") == 1
    assert "signed last at 2026-11-20" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [(), ("--anchor-file", "nowhere"), ("--witness-key", "nowhere")], ids=str
)
def test_the_command_cannot_say(log: GrowingLog, args: tuple[str, ...]) -> None:
    """Contract 1, `envelope audit anchors verify`: 2, nothing to compare with."""
    log.grow(4)
    assert run(log, *args) == 2


def test_a_key_that_is_none(log: GrowingLog, tmp_path: Path) -> None:
    """Contract 1, `envelope audit anchors verify`: 2, as for a usage mistake."""
    log.grow(4)
    (tmp_path / "witness.pub").write_bytes(b"\xff")
    assert run(log, "--witness-key", str(tmp_path / "witness.pub")) == 2
