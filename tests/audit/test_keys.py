"""The log's keys: one after the other, each vouched for by the one before it."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from extproc.audit import rotate
from extproc.audit.checkpoint import SIGNING_KEY, Checkpoint, load_signer, load_verifier
from extproc.audit.note import Note, Signer, Verifier
from extproc.audit.proof import ProofInvalid, check
from extproc.audit.prove import prove, prove_growth, trusted_keys
from extproc.audit.publish import history_line, history_notes
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.verify import Report, verify
from extproc.cli.main import main
from tests.audit.gateway import NOON, entry, ids, sequencer, spool

Capture = pytest.CaptureFixture[str]


def build(root: Path) -> None:
    """Entries before, between and after two rotations; `key-0`, `key-1` are kept private keys."""
    writer = spool(root)
    with sequencer(root) as worker:
        for n in range(9):
            writer.close(entry(n))
            worker.poll(NOON)
            if n in (3, 6):
                shutil.copy(root / SIGNING_KEY, root / f"key-{n // 3 - 1}")
                worker.rotate_key(NOON)
        writer.release()
        worker.poll(NOON)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    build(root)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def keys(root: Path) -> list[Verifier]:
    retired = [Signer.parse((root / f"key-{n}").read_text()).verifier for n in (0, 1)]
    return [*retired, Signer.parse((root / SIGNING_KEY).read_text()).verifier]


def report(root: Path, key: Verifier | None = None, saved: str | None = None) -> Report:
    return verify(root / LOG, key or load_verifier(root / "verifier.pub"), saved)


def history(root: Path) -> list[str]:
    return [n for n in history_notes((root / LOG / "checkpoints").read_bytes()) if n]


def rewrite_history(root: Path, notes: list[str]) -> None:
    (root / LOG / "checkpoints").write_bytes(b"".join(map(history_line, notes)))
    (root / LOG / "checkpoint").write_text(notes[-1])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_key_of_the_log_verifies_all_of_it(root: Path, number: int) -> None:
    """P3: an auditor keeps the key that he has; verifier.pub stays the first one."""
    found = report(root, keys(root)[number])
    assert found.intact, found.faults
    assert found.keys == tuple(map(str, keys(root)))
    assert load_verifier(root / "verifier.pub") == keys(root)[0]
    assert trusted_keys(root / LOG, keys(root)[number]) == tuple(keys(root))
    for note in history(root):
        assert report(root, keys(root)[number], note).intact


def test_a_rotation_is_signed_by_both_keys_and_then_by_the_new_one(root: Path) -> None:
    """P3: no moment without a key that both sides trust."""
    names = [[h for _, h, _ in Note.parse(note).signatures] for note in history(root)]
    first, second, third = (key.key_hash for key in keys(root))
    assert names == [
        *[[first]] * 4, [first, second], *[[second]] * 3, [second, third], *[[third]] * 2,
    ]  # fmt: skip


def test_the_old_private_key_is_destroyed(tmp_path: Path) -> None:
    """P4: nothing below the audit folder can sign as the old key any more."""
    with sequencer(tmp_path) as worker:
        worker.poll(NOON)
        with (tmp_path / SIGNING_KEY).open("rb") as old:
            seed = old.read()
            worker.rotate_key(NOON)
            old.seek(0)
            assert old.read() == b"0" * len(seed), "also what still has the deleted file open"
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(seed.strip() in data for data in left)


def test_a_checkpoint_of_a_retired_key_is_found(root: Path) -> None:
    """P3: a stolen old key signs nothing any more."""
    thief = Signer.parse((root / "key-0").read_text())
    size, tree = report(root).size, report(root).root
    note = Checkpoint("envelope", size, tree).signed(thief)
    assert {f.kind for f in report(root, None, note).faults} == {"retired_key"}
    rewrite_history(root, [*history(root)[:-1], note])
    for key in keys(root):
        assert "retired_key" in {f.kind for f in report(root, key).faults}


def test_a_handover_that_one_key_signed_is_no_handover(root: Path) -> None:
    """P3: whoever has only the new key cannot make the old one's holders trust it."""
    notes = history(root)
    new = Signer.parse((root / "key-1").read_text())
    at = next(n for n, note in enumerate(notes) if len(Note.parse(note).signatures) == 2)
    text = Note.parse(notes[at]).text
    notes[at] = text + "\n" + new.signature_line(text)
    rewrite_history(root, notes)
    assert "checkpoint_foreign" in {f.kind for f in report(root).faults}
    assert "checkpoint_invalid" in {f.kind for f in report(root, keys(root)[1]).faults}


def test_checkpoints_of_another_log_are_named(root: Path, tmp_path: Path) -> None:
    """P3: mixed in from another log, or another key of the same name."""
    for origin in ("envelope", "other"):
        forger = Signer(origin, b"f" * 32)
        note = Checkpoint(origin, 3, bytes(32)).signed(forger)
        assert {f.kind for f in report(root, None, note).faults} == {"checkpoint_foreign"}


def test_the_list_of_keys_is_checked_too(root: Path) -> None:
    """P3: the file that proofs are made from says what the entries say."""
    path = root / LOG / "keys"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"index":4', b'"index":5', 1))
    assert {f.kind for f in report(root).faults} == {"keys_altered"}
    path.write_bytes(whole + whole)
    assert {f.kind for f in report(root).faults} == {"keys_altered"}


def test_proofs_hold_for_holders_of_every_key(root: Path) -> None:
    """P3: a proof carries what leads from an earlier key to the one that signed it."""
    for key in keys(root):
        for index in (0, 4, 7, 10):
            said = json.loads(json.dumps(prove(root / LOG, key, str(index)).to_json()))
            assert check(said, keys(root)[0]) == check(said, keys(root)[2])
    said = prove(root / LOG, keys(root)[0], "7").to_json()
    with pytest.raises(ProofInvalid):
        check({**said, "key_chain": said["key_chain"][1:]}, keys(root)[0])
    with pytest.raises(ProofInvalid):
        check(said, Signer("envelope", b"x" * 32).verifier)


def test_a_log_that_grew_proves_it_to_every_old_checkpoint(root: Path) -> None:
    """P3: consistency, over changes of the key too; each changed part breaks it."""
    for number, note in enumerate(history(root)):
        said = prove_growth(root / LOG, keys(root)[0], note).to_json()
        assert "unchanged" in check(said, keys(root)[number % 3])
    said = prove_growth(root / LOG, keys(root)[0], history(root)[2]).to_json()
    other = history(root)[1]
    wrong: list[Any] = [
        {**said, "old_checkpoint": other}, {**said, "consistency_proof": []},
        {**said, "checkpoint": other}, {"kind": "consistency"}, [], None, {**said, "kind": "x"},
    ]  # fmt: skip
    for changed in wrong:
        with pytest.raises(ProofInvalid):
            check(changed, keys(root)[0])


def test_any_changed_part_of_a_proof_is_refused(root: Path) -> None:
    """P3: whoever checks a proof needs nothing else, so nothing in it may be taken on trust."""
    key = keys(root)[0]
    said = prove(root / LOG, key, "5").to_json()
    assert "entry 5" in check(said, key)
    for name, value in said.items():
        wrong = value + 1 if isinstance(value, int) else value[1:]
        with pytest.raises(ProofInvalid):
            check({**said, name: wrong}, key)
        with pytest.raises(ProofInvalid):
            check({n: v for n, v in said.items() if n != name}, key)


def test_the_command_checks_proofs_with_the_key_alone(root: Path, capsys: Capture) -> None:
    """Contract: `audit prove [--from]` and `audit verify --proof`, exit 0 and 1."""
    state, out = str(root.parent), root.parent / "proof.json"
    saved, key = root.parent / "saved", root.parent / "key"
    saved.write_text(history(root)[3])
    shutil.move(root / "verifier.pub", key)
    for words in (["7"], ["d-2"], ["--from", str(saved)]):
        assert main(["audit", "prove", *words, "--key", str(key), "--state", state]) == 0
        out.write_text(capsys.readouterr().out)
        assert main(["audit", "verify", "--proof", str(out), "--key", str(key)]) == 0
        assert "proved" in capsys.readouterr().err
        out.write_text(out.read_text().replace('"kind"', '"king"'))
        assert main(["audit", "verify", "--proof", str(out), "--key", str(key), "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["holds"] is False


def test_the_command_changes_the_key_alone_or_beside_a_gateway(root: Path, capsys: Capture) -> None:
    """Contract: `audit rotate-key`; a running sequencer acts on the request."""
    words = ["audit", "rotate-key", "--state", str(root.parent), "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verifier"] == str(load_signer(root, "envelope").verifier)
    done = threading.Event()

    def poll(worker: Sequencer) -> None:
        while not done.is_set():
            worker.poll(NOON)

    with sequencer(root) as worker:
        thread = threading.Thread(target=poll, args=(worker,))
        thread.start()
        try:
            assert main(words) == 0
        finally:
            done.set()
            thread.join()
        said = json.loads(capsys.readouterr().out)
        assert said["verifier"] == str(worker.verifier)
        assert main([*words, "--wait", "0"]) == 1, "nobody answers in time"
    assert len(report(root).keys) == 5 and report(root).intact
    assert not (root / rotate.REQUEST).exists()


def test_a_request_that_nobody_waits_for_is_not_done(root: Path) -> None:
    """Audit: a gateway that starts later does not change the key out of the blue."""
    rotate.ask(root, "r1", "ann", NOON - 1)
    with sequencer(root) as worker:
        before = worker.verifier
        worker.poll(NOON)
        assert worker.verifier == before
    assert not (root / rotate.REQUEST).exists()


def test_who_changed_the_key_is_an_entry(root: Path) -> None:
    """P3: an operator's request is recorded with his name."""
    rotate.ask(root, "r1", "ann", NOON)
    with sequencer(root) as worker:
        before = worker.verifier
        worker.poll(NOON)
        assert rotate.answered(root, "r1") == str(worker.verifier)
    last = orjson.loads((root / LOG / "entries.jsonl").read_bytes().splitlines()[-1])
    assert last["actor"] == {"type": "operator", "name": "ann"}
    assert last["event"]["action"] == "audit.key.rotate"
    assert last["event"]["retires"] == before.key_hash.hex()
    assert ids(root)[-1] == last["decision_id"]
