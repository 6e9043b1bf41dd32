"""Packs that somebody made to deceive: what is missing, invented, or of another log is found."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from extproc.audit.checkpoint import SIGNING_KEY, Checkpoint, read_checkpoint
from extproc.audit.merkle import CompactRange, leaf_hash
from extproc.audit.note import Signer
from extproc.audit.prove import handovers
from extproc.audit.query import Filter
from extproc.audit.questions import standalone_verify
from extproc.audit.questions.multiproof import multiproof
from extproc.audit.questions.pack import Selection, build
from extproc.audit.questions.standalone_verify import Bad, check
from extproc.audit.questions.standing import standing
from extproc.audit.read import NotProvable, lines
from extproc.audit.sequencer import LOG
from tests.audit.gateway import sequencer, spool
from tests.audit.questions.ledger_of_calls import DAY, Q3, asked, call, write

NOW = Q3 + 100 * DAY
MALLORY = Signer("envelope", b"m" * 32)
PERIOD = Selection(Filter(since_ms=Q3 + 3 * DAY, until_ms=Q3 + 9 * DAY), texts=False)


def make(audit: Path, selection: Selection, target: Path) -> dict[str, Any]:
    with asked(audit) as questions:
        return build(audit, questions, standing(audit), selection, target, now_ms=NOW, asked="a")


def unpacked(audit: Path, selection: Selection, folder: Path) -> Path:
    make(audit, selection, folder / "p.zip")
    with zipfile.ZipFile(folder / "p.zip") as file:
        file.extractall(folder / "pack")
    return folder / "pack"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that was pruned, with a change of its key and a metadata of that name in it."""
    audit = write(tmp_path_factory.mktemp("state"))
    with sequencer(audit, segment_bytes=1, retention={"exchange": 95}) as worker:
        worker.poll(NOW)
        worker.prune(NOW)
        shutil.copy(audit / SIGNING_KEY, audit / "first-key")
        worker.rotate_key(NOW)
        writer = spool(audit, "w-2")
        writer.close(call(20, "support", metadata={"action": "audit.key.rotate"}))
        worker.poll(NOW)
        writer.release()
        worker.poll(NOW)
    return audit


@pytest.fixture(scope="module")
def whole(audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(audit, Selection(Filter(), texts=False), tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def period(audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(audit, PERIOD, tmp_path_factory.mktemp("period"))


@pytest.fixture(scope="module")
def key(audit: Path) -> str:
    return (audit / "verifier.pub").read_text()


def edit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def fit(folder: Path, **selection: Any) -> None:
    """The manifest, which nobody signs, says whatever the forger needs."""
    path = folder / standalone_verify.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["selection"] |= selection
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def leave_out(audit: Path, folder: Path, gone: set[int], **selection: Any) -> None:
    """Take records and stones out, with a proof that gives the signed root all the same."""
    found = standing(audit)
    leaves = [leaf(line) for line in lines(audit / LOG)]
    kept = []
    for name in (standalone_verify.RECORDS, standalone_verify.PRUNED):
        all_lines = (folder / name).read_bytes().splitlines()
        left = [line for line in all_lines if json.loads(line)["index"] not in gone]
        kept += [json.loads(line)["index"] for line in left]
        (folder / name).write_bytes(b"".join(line + b"\n" for line in left))
        if name == standalone_verify.RECORDS:
            selection["records"] = len(left)
    hashes = multiproof(node_of(leaves[: found.size]), sorted(kept), found.size)
    proof = {"tree_size": found.size, "hashes": [b64(one) for one in hashes]}
    edit(folder, standalone_verify.PROOF, json.dumps(proof))
    fit(folder, **selection)


def leaf(line: bytes) -> bytes:
    from extproc.audit.tombstone import leaf_of

    return leaf_of(line)


def node_of(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    def node(level: int, index: int) -> bytes:
        tree = CompactRange()
        for one in leaves[index << level : (index + 1) << level]:
            tree.append(one)
        return tree.root()

    return node


def b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_what_callers_say_does_not_stop_a_pack(whole: Path, period: Path, key: str) -> None:
    """P3: a caller's metadata that looks like a change of keys is a caller's metadata."""
    found = check(whole, key)
    assert found.complete and found.pruned > 0
    assert check(period, key).complete


GAPS: list[dict[str, Any]] = [
    {"pruned": 99}, {"first": 1, "last": 0}, {"first": 9, "last": 8, "pruned": 0},
    {"first": 0, "last": 10**9}, {"first": 0, "last": -1, "pruned": 0}, {"first": 8.5},
    {"first": True}, {"complete": 1}, {},
]  # fmt: skip


@pytest.mark.parametrize("said", GAPS)
def test_nothing_is_left_out_of_what_is_complete(
    audit: Path, whole: Path, tmp_path: Path, key: str, said: dict[str, Any]
) -> None:
    """P3: a record taken out, with a good proof of the rest; the manifest tells of retention, of
    an empty range, of other numbers."""
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    before = json.loads((forged / "manifest.json").read_text())["selection"]["pruned"]
    leave_out(audit, forged, {8}, **({"pruned": before + 1} | said))
    with pytest.raises((Bad, TypeError)):
        check(forged, key)


def test_a_removal_must_be_accounted_for(
    audit: Path, whole: Path, tmp_path: Path, key: str
) -> None:
    """P3: a true record is taken out, and its true hash is called pruned."""
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    record = next(line for line in lines(audit / LOG) if b'"index":8' in line)
    leave_out(audit, forged, {8})
    stones = (forged / "pruned.jsonl").read_bytes().splitlines()
    event = json.loads(stones[0])["event"]
    stone = orjson.dumps({"event": event, "index": 8, "leaf_hash": b64(leaf_hash(record)),
                          "pruned": True})  # fmt: skip
    (forged / "pruned.jsonl").write_bytes(b"\n".join([*stones, stone]) + b"\n")
    places = [json.loads(line)["index"] for name in ("records.jsonl", "pruned.jsonl")
              for line in (forged / name).read_bytes().splitlines()]  # fmt: skip
    found = standing(audit)
    leaves = [leaf(line) for line in lines(audit / LOG)][: found.size]
    hashes = multiproof(node_of(leaves), sorted(places), found.size)
    proof = {"tree_size": found.size, "hashes": [b64(one) for one in hashes]}
    edit(forged, "proof.json", json.dumps(proof))
    before = json.loads((forged / "manifest.json").read_text())["selection"]["pruned"]
    fit(forged, pruned=before + 1)
    with pytest.raises(Bad, match="does not account for"):
        check(forged, key)


def test_a_period_is_not_cut_short(audit: Path, period: Path, tmp_path: Path, key: str) -> None:
    """P3: records are missing at its end, and the pack says that it ends before."""
    forged = Path(shutil.copytree(period, tmp_path / "p"))
    last = json.loads((forged / "manifest.json").read_text())["selection"]["last"]
    leave_out(audit, forged, {last, last - 1}, last=last - 2)
    with pytest.raises(Bad, match="goes on beyond"):
        check(forged, key)


def test_a_line_added_to_a_checkpoint_is_no_handover(
    audit: Path, whole: Path, tmp_path: Path, key: str
) -> None:
    """P3: without any key: a true checkpoint with a stranger's signature beside it, and a whole
    log of the stranger's own that speaks of the handover."""
    true = (audit / LOG / "checkpoints").read_bytes().splitlines()[0]
    text = json.loads(true)
    handover = text + MALLORY.signature_line(text.rpartition("\n\n")[0] + "\n")
    event = {"action": "audit.key.rotate", "verifier": str(MALLORY.verifier)}
    records = [orjson.dumps({"at": "", "decision_id": "invented", "event": event, "index": 0})]
    tree = CompactRange()
    for record in records:
        tree.append(leaf_hash(record))
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    edit(forged, "records.jsonl", records[0].decode() + "\n")
    edit(forged, "pruned.jsonl", "")
    edit(forged, "proof.json", json.dumps({"tree_size": 1, "hashes": []}))
    edit(forged, "checkpoint", Checkpoint("envelope", 1, tree.root()).signed(MALLORY))
    line = {"checkpoint": handover, "index": 0, "verifier": str(MALLORY.verifier)}
    for proof in ([], [b64(b"x" * 32)] * 4):
        edit(forged, "keys.jsonl", json.dumps(line | {"inclusion_proof": proof}) + "\n")
        fit(forged, first=0, last=0, records=1, pruned=0, complete=True)
        with pytest.raises(Bad):
            check(forged, key)


def test_a_local_log_takes_no_such_handover_either(audit: Path, tmp_path: Path) -> None:
    """P3: reports stand on a checkpoint only where the handover is in the log that was signed."""
    forged = Path(shutil.copytree(audit, tmp_path / "audit"))
    log = forged / LOG
    text = json.loads((log / "checkpoints").read_bytes().splitlines()[0])
    handover = text + MALLORY.signature_line(text.rpartition("\n\n")[0] + "\n")
    line = {"checkpoint": handover, "index": 0, "verifier": str(MALLORY.verifier)}
    (log / "keys").write_text(json.dumps(line) + "\n")
    edit(log, "checkpoint", Checkpoint("envelope", 5, b"r" * 32).signed(MALLORY))
    with pytest.raises(NotProvable):
        standing(forged)


def test_a_later_key_is_enough_and_more(audit: Path, whole: Path, tmp_path: Path, key: str) -> None:
    """P3: who holds the key that followed does not depend on the one before; what that one signs
    alone after it was retired does not pass."""
    later = str(Signer.parse((audit / SIGNING_KEY).read_text()).verifier)
    assert check(whole, later).key == later
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    retired = Signer.parse((audit / "first-key").read_text())
    found = read_checkpoint(standing(audit).note, Signer.parse((audit / SIGNING_KEY).read_text())
                            .verifier)  # fmt: skip
    edit(forged, "checkpoint", found.signed(retired))
    edit(forged, "keys.jsonl", "")
    fit(forged)
    for trusted in (key, later):
        with pytest.raises(Bad):
            check(forged, trusted)
    assert len(handovers(audit / LOG)) == 1


def test_names_and_texts_of_a_stranger_stay_quiet(
    whole: Path, tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3: file names of a pack cannot speak to the terminal of whoever checks it."""
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    (forged / "\x1b[2Jok").write_text("x")
    assert standalone_verify.main([str(forged)]) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["manifest.json", "proof.json", "keys.jsonl", "pruned.jsonl"])
def test_no_file_of_a_pack_ends_the_checker(whole: Path, tmp_path: Path, name: str) -> None:
    """Contract: exit 1 or 2, never a traceback."""
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    edit(forged, name, "[" * 100_000 + "\n")
    if name != "manifest.json":
        fit(forged)
    assert standalone_verify.main([str(forged)]) in (1, 2)


def test_a_packs_own_key_stays_quiet(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3: without a key of one's own, the pack's is printed."""
    forged = Path(shutil.copytree(whole, tmp_path / "p"))
    name, _, rest = (forged / "verifier.pub").read_text().partition("+")
    edit(forged, "verifier.pub", f"{name}+\x1b[2J{rest}")
    fit(forged)
    assert standalone_verify.main([str(forged)]) == 1
    assert "\x1b" not in capsys.readouterr().out
