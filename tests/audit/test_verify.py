"""Verification: whatever is done to a log is found, and named. Folder of attacks, not of luck."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.audit.checkpoint import Checkpoint, load_signer, load_verifier
from extproc.audit.entry import canonical
from extproc.audit.log import Log
from extproc.audit.merkle import CompactRange, leaf_hash
from extproc.audit.note import Signer
from extproc.audit.publish import Publisher, history_line
from extproc.audit.verify import NothingToVerify, Report, verify
from tests.audit.gateway import NOON, build, entry, sequencer, spool

FILES = ("entries.jsonl", "hashes", "checkpoint", "checkpoints")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve entries, checkpoints at 4, 9 and 12."""
    root = tmp_path_factory.mktemp("original")
    build(root, 4, 9, 12)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    """A copy that may be attacked."""
    return Path(shutil.copytree(original, tmp_path / "audit"))


def report(root: Path, saved: str | None = None) -> Report:
    return verify(root / "log", load_verifier(root / "verifier.pub"), saved)


def kinds(root: Path, saved: str | None = None) -> set[str]:
    return {fault.kind for fault in report(root, saved).faults}


def edit(root: Path, change: Callable[[list[bytes]], list[bytes]]) -> list[bytes]:
    """Change the entries' lines; returns the new ones."""
    path = root / "log" / "entries.jsonl"
    lines = change(path.read_bytes().splitlines())
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return lines


def rehash(root: Path, lines: list[bytes]) -> CompactRange:
    """What an attacker who knows the format does next: make the stored hashes fit."""
    tree = CompactRange()
    nodes = [node for line in lines for node in tree.append(leaf_hash(line))]
    (root / "log" / "hashes").write_bytes(b"".join(nodes))
    return tree


def reindexed(lines: list[bytes]) -> list[bytes]:
    return [canonical({**orjson.loads(line), "index": i}) for i, line in enumerate(lines)]


def richer(lines: list[bytes], index: int) -> list[bytes]:
    """The same log, but entry `index` cost something else."""
    changed = canonical({**orjson.loads(lines[index]), "cost_nano_usd": 1})
    return [*lines[:index], changed, *lines[index + 1 :]]


def test_an_untouched_log_is_intact(root: Path) -> None:
    """P3: and the report says how much of it a checkpoint vouches for."""
    found = report(root, (root / "log" / "checkpoint").read_text())
    assert found.intact and found.first_bad_index is None
    assert (found.size, found.covered, found.checkpoints, found.unhashed) == (12, 12, 3, 0)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_flipped_bit_is_found(original: Path, data: st.DataObject) -> None:
    """P3: in the entries, the hashes, the latest checkpoint or the history; entries by index."""
    name = data.draw(st.sampled_from(FILES))
    path = original / "log" / name
    raw = path.read_bytes()
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        path.write_bytes(changed)
        found = report(original)
    finally:
        path.write_bytes(raw)
    assert not found.intact
    if name == "entries.jsonl":
        assert found.first_bad_index == raw[: bit // 8].count(b"\n")


@pytest.mark.parametrize("index", range(12))
def test_an_edited_entry_is_named(root: Path, index: int) -> None:
    """P3: exactly, as long as the stored hashes are the true ones."""
    edit(root, lambda lines: richer(lines, index))
    found = report(root)
    assert found.first_bad_index == index
    assert found.faults[0].kind == "entry_altered"


@pytest.mark.parametrize(("index", "doubt"), [(0, 0), (3, 0), (4, 4), (8, 4), (9, 9), (11, 9)])
def test_an_edit_with_matching_hashes_is_narrowed_down(root: Path, index: int, doubt: int) -> None:
    """P3: the checkpoints say up to where the log is sound."""
    rehash(root, edit(root, lambda lines: richer(lines, index)))
    found = report(root)
    assert found.first_bad_index == doubt
    assert {f.kind for f in found.faults} == {"checkpoint_mismatch"}


def test_altered_hashes_over_true_entries_are_told_apart(root: Path) -> None:
    """P3: where a checkpoint vouches for the entry, the hash is what was changed."""
    path = root / "log" / "hashes"
    raw = bytearray(path.read_bytes())
    raw[0] ^= 1
    path.write_bytes(raw)
    assert kinds(root) == {"hash_altered"}
    path.write_bytes(raw[:64])
    assert kinds(root) == {"hash_altered"}


ATTACKS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "last entry cut": (lambda x: x[:-1], 11, "truncated"),
    "tail cut": (lambda x: x[:5], 5, "truncated"),
    "all cut": (lambda _: [], 0, "truncated"),
    "two swapped": (lambda x: [*x[:3], x[4], x[3], *x[5:]], 3, "entry_reordered"),
    "two swapped and renumbered": (
        lambda x: reindexed([*x[:3], x[4], x[3], *x[5:]]), 3, "entry_altered"),
    "one removed": (lambda x: [*x[:6], *x[7:]], 6, "entry_removed"),
    "some removed, one moved": (lambda x: [x[2], *x[:2], *x[5:]], 0, "entry_removed"),
    "one moved to the end": (lambda x: [*x[:4], *x[5:], x[4]], 4, "entry_reordered"),
    "one put between": (lambda x: [*x[:7], canonical({**entry(99), "index": 7}), *x[7:]], 7,
                        "entry_inserted"),
    "garbage put between": (lambda x: [*x[:7], b"garbage", *x[7:]], 7, "entry_inserted"),
    "one removed and renumbered": (lambda x: reindexed([*x[:6], *x[7:]]), 6, "entry_altered"),
    "one repeated": (lambda x: [*x, x[2]], 12, "duplicate_decision"),
    "one repeated and renumbered": (lambda x: reindexed([*x, x[2]]), 12, "duplicate_decision"),
    "one inserted": (lambda x: reindexed([*x[:7], canonical(entry(99)), *x[7:]]), 7,
                     "entry_altered"),
    "an entry that is none": (lambda x: [*x[:2], b"{}", *x[3:]], 2, "entry_unreadable"),
    "another index": (
        lambda x: [*x[:2], x[2].replace(b'"index":2', b'"index":2.0'), *x[3:]], 2, "entry_altered"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("hashes_too", [False, True])
def test_attacks_on_the_entries_are_found_and_named(
    root: Path, name: str, hashes_too: bool
) -> None:
    """P3: also when the attacker makes the stored hashes fit, if only more coarsely then."""
    change, index, kind = ATTACKS[name]
    lines = edit(root, change)
    if hashes_too:
        rehash(root, lines)
        found = report(root)
        assert found.first_bad_index is not None and found.first_bad_index <= index
    else:
        found = report(root)
        assert found.first_bad_index == index
        assert kind in {fault.kind for fault in found.faults}


def test_cutting_the_end_and_its_checkpoints_needs_a_saved_checkpoint(root: Path) -> None:
    """P3: what the folder alone cannot show, a checkpoint saved elsewhere does."""
    saved = (root / "log" / "checkpoint").read_text()
    rehash(root, edit(root, lambda lines: lines[:9]))
    history = (root / "log" / "checkpoints").read_bytes().splitlines(keepends=True)[:2]
    (root / "log" / "checkpoints").write_bytes(b"".join(history))
    assert "truncated" in kinds(root), "the latest checkpoint was left behind"
    (root / "log" / "checkpoint").write_text(orjson.loads(history[-1]))
    assert report(root).intact
    found = report(root, saved)
    assert {f.kind for f in found.faults} == {"truncated"}
    assert found.first_bad_index == 9


def test_a_rewritten_and_resigned_log_is_a_fork(root: Path) -> None:
    """P3: even the key's holder cannot rewrite what somebody else holds a checkpoint of."""
    saved = (root / "log" / "checkpoint").read_text()
    tree = rehash(root, edit(root, lambda lines: richer(lines, 5)))
    note = Checkpoint("envelope", 12, tree.root()).signed(load_signer(root, "envelope"))
    (root / "log" / "checkpoint").write_text(note)
    (root / "log" / "checkpoints").write_bytes(history_line(note))
    assert report(root).intact
    assert kinds(root, saved) == {"fork"}
    assert report(root, saved).first_bad_index == 0


def test_two_signed_histories_of_one_size_are_a_fork(root: Path) -> None:
    """P3: a lying log server's second history, put beside the first."""
    note = Checkpoint("envelope", 9, bytes(32)).signed(load_signer(root, "envelope"))
    path = root / "log" / "checkpoints"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], history_line(note), *lines[2:]]))
    assert kinds(root) == {"fork", "checkpoint_order"}


def test_a_forged_checkpoint_is_found(root: Path) -> None:
    """P3: entries, hashes and checkpoints rewritten together, but not with the key."""
    tree = rehash(root, edit(root, lambda lines: richer(lines, 5)))
    forger = Signer("envelope", b"f" * 32)
    note = Checkpoint("envelope", 12, tree.root()).signed(forger)
    (root / "log" / "checkpoint").write_text(note)
    (root / "log" / "checkpoints").write_bytes(history_line(note))
    found = report(root)
    assert {f.kind for f in found.faults} == {"checkpoint_foreign", "checkpoint_missing"}
    assert found.first_bad_index == 0


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_log_is_found(root: Path, tmp_path: Path, name: str) -> None:
    """P3: two logs cannot be mixed."""
    other = tmp_path / "other"
    build(other, 4, 9, 12, start=100)
    shutil.copy(other / "log" / name, root / "log" / name)
    assert not report(root).intact
    verifier = load_verifier(root / "verifier.pub")
    assert not verify(other / "log", verifier).intact, "nor passed off as one another"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("entries.jsonl", "truncated"), ("hashes", "hash_altered"),
     ("checkpoint", "checkpoint_missing"), ("checkpoints", "checkpoint_missing")],
)  # fmt: skip
def test_a_missing_file_is_found(root: Path, name: str, kind: str) -> None:
    """P3: a log without one of its files is not intact."""
    (root / "log" / name).unlink()
    assert kind in kinds(root)


def test_the_history_has_one_spelling(root: Path) -> None:
    """P3: bytes that mean the same are still not the bytes that were written."""
    path = root / "log" / "checkpoints"
    path.write_bytes(path.read_bytes().replace(b"\n", b" \n", 1))
    assert kinds(root) == {"checkpoint_invalid"}


def test_without_any_checkpoint_nothing_is_vouched_for(root: Path) -> None:
    """P3: no vacuous truth, also not beside a saved checkpoint."""
    saved = (root / "log" / "checkpoint").read_text()
    for name in ("checkpoint", "checkpoints"):
        (root / "log" / name).unlink()
    assert kinds(root) == {"checkpoint_missing"} == kinds(root, saved)


def test_nothing_is_not_intact(tmp_path: Path) -> None:
    """P3: an empty log has nothing to verify; a saved checkpoint says that it had."""
    with sequencer(tmp_path) as worker:
        worker.poll(NOON)
        verifier = worker.verifier
    with pytest.raises(NothingToVerify):
        verify(tmp_path / "log", verifier)
    with pytest.raises(NothingToVerify):
        verify(tmp_path / "nowhere", verifier)
    note = Checkpoint("envelope", 3, bytes(32)).signed(load_signer(tmp_path, "envelope"))
    assert verify(tmp_path / "log", verifier, note).first_bad_index == 0


def test_a_log_that_is_being_written_is_not_tampered(tmp_path: Path) -> None:
    """P3: between any two of the writer's steps, verification holds."""
    root = tmp_path
    build(root, 3)
    signer = load_signer(root, "envelope")
    log, publisher = Log(root / "log"), Publisher(root / "log", signer)
    log.append([entry(50)])
    assert report(root).intact and report(root).covered == 3
    publisher.publish(log)
    assert report(root).covered == 4
    with (root / "log" / "entries.jsonl").open("ab") as file:
        file.write(canonical({**entry(51), "index": 4}) + b"\n" + b'{"half')
    assert report(root).intact and report(root).unhashed == 1
    log.close()
    publisher.close()


def test_a_log_that_grew_extends_every_saved_checkpoint(tmp_path: Path) -> None:
    """P3: append-only: each checkpoint ever published still fits."""
    saved = []
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        for n in range(8):
            writer.close(entry(n))
            worker.poll(NOON)
            saved.append((tmp_path / "log" / "checkpoint").read_text())
    assert all(report(tmp_path, note).intact for note in saved)
