"""The log under attack: by who may write into its folder or into the store, and by callers."""

from __future__ import annotations

import os
import pwd
import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from extproc.audit import rotate
from extproc.audit.announced import _entry as announced_entry
from extproc.audit.checkpoint import SIGNING_KEY, load_verifier
from extproc.audit.content.announce import _read as announced_erasure
from extproc.audit.event import ACTIONS, event_entry
from extproc.audit.journal import operator, record_action
from extproc.audit.merkle import HASH_BYTES, leaf_hash, node_position
from extproc.audit.note import Signer
from extproc.audit.publish import HISTORY, history_line
from extproc.audit.segments import LINE_BYTES_MAX
from extproc.audit.sequencer import LOG, SPOOL
from extproc.audit.tombstone import OWN_ACTIONS, PruneDigest, Tombstone
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import Report, verify
from extproc.cli.main import main
from extproc.state import StateDir
from tests.audit.gateway import NOON, build, entry, logged, sequencer

MALLORY = Signer("envelope", b"m" * 32)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four entries, two checkpoints."""
    root = tmp_path_factory.mktemp("state") / "audit"
    build(root, 2, 4)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def report(root: Path) -> Report:
    return verify(root / LOG, load_verifier(root / "verifier.pub"))


def own_event(action: str, n: int = 1, **details: Any) -> dict[str, Any]:
    actor = ("gateway", "sequencer")
    return event_entry(action, event_id=f"forged-{n}", at_ms=NOON, actor=actor, details=details)


def plant(root: Path, *entries: dict[str, Any], kind: str = "intent") -> None:
    """The spool of a worker that never lived, as somebody with the folder can write it."""
    lines = (
        b'{"kind":"%b","at_ms":%d,"id":"%b","entry":%b}\n'
        % (kind.encode(), NOON, e["decision_id"].encode(), orjson.dumps(e))
        for e in entries
    )
    (root / SPOOL / "ghost-1.jsonl").write_bytes(b"".join(lines))
    with sequencer(root) as worker:
        worker.drain(NOON)


# --- somebody with the folder and without a key ---------------------------------------------------


@pytest.mark.parametrize("kind", ["intent", "close"])
@pytest.mark.parametrize("action", sorted(OWN_ACTIONS))
def test_nobody_speaks_for_the_log_through_a_spool(root: Path, action: str, kind: str) -> None:
    """P3: the log's own statements (pruning, keys) are never taken from a spool, also not from an
    exchange that a dead worker left open: it would come into the log signed."""
    plant(root, own_event(action, segment=0, count=1, digest="0" * 64), kind=kind)
    assert [e["decision"]["outcome"] for e in logged(root)[4:]] == ["spool_damaged"]
    assert not [e for e in logged(root) if "event" in e]
    assert report(root).intact


def test_a_planted_tombstone_cannot_buy_its_own_account(root: Path) -> None:
    """P3: an entry is taken out, and a dead worker's open exchange says that it was pruned."""
    folder = root / LOG
    with sequencer(root, segment_bytes=1) as worker:
        worker.poll(NOON)
    segment = folder / "segments" / "000000000000.jsonl"
    lines = segment.read_bytes().split(b"\n")
    digest = PruneDigest()
    digest.add(1, leaf_hash(lines[1]))
    plant(root, own_event("audit.prune", segment=0, count=1, digest=digest.hex()))
    lines[1] = Tombstone(1, leaf_hash(lines[1]), 4).line()
    segment.write_bytes(b"\n".join(lines))
    assert [f.kind for f in report(root).faults] == ["pruned_unaccounted"]


def test_a_planted_next_key_is_not_taken(root: Path) -> None:
    """P3: a key comes into force only where the log announced it; a line in a note's signatures
    that names it is written by anybody."""
    folder = root / LOG
    own = (root / SIGNING_KEY).read_text()
    note = (folder / "checkpoint").read_text()
    text = note.partition("\n\n")[0] + "\n"
    history = (folder / HISTORY).read_bytes().splitlines(keepends=True)
    history[-1] = history_line(note + MALLORY.signature_line(text))
    (folder / HISTORY).write_bytes(b"".join(history))
    (root / rotate.NEXT_KEY).write_text(MALLORY.secret_text())
    with sequencer(root) as worker:
        worker.poll(NOON)
        assert worker.verifier != MALLORY.verifier
    assert (root / SIGNING_KEY).read_text() == own


@pytest.mark.parametrize(
    "line",
    [
        b'{"index":2,"decision_id":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"index":2,"decision_id":"x","event":{"action":"audit.key.rotate","previous":'
        + b"[" * 1000 + b"]" * 1000 + b',"verifier":""}}',
        b'{"index":' + b"[" * 1000 + b"]" * 1000 + b',"decision_id":"x"}',
        b'{"index":' + b"9" * 5000 + b',"decision_id":"x"}',
        b'{"index":2,"index":3,"decision_id":"x"}',
        b'{"index":"\x1b[2J","decision_id":"x"}',
        b'{"index":"' + b"x" * 100_000 + b'","decision_id":"x"}',
        b"\x00" * 5000,
        b"\xff\xfe",
        b"[" * 100_000,
        b"\n" * 5000,
    ],
    ids=["deep id", "deep key", "deep index", "huge", "twice", "escape", "long", "nul", "utf-8",
         "deep", "empty"],
)  # fmt: skip
@pytest.mark.parametrize("hashed", [False, True])
def test_no_line_ends_verify(root: Path, line: bytes, hashed: bool) -> None:
    """P3: whatever stands in a line, verify says that the log was changed, in words a terminal
    can show; also where the stored hash was made to fit."""
    folder = root / LOG
    lines = (folder / "entries.jsonl").read_bytes().split(b"\n")
    lines[2] = line
    (folder / "entries.jsonl").write_bytes(b"\n".join(lines))
    if hashed:
        with (folder / "hashes").open("r+b") as file:
            file.seek(node_position(0, 2) * HASH_BYTES)
            file.write(leaf_hash(line))
    found = report(root)
    assert not found.intact and len(found.faults) <= 100
    said = "\n".join(f.text for f in found.faults)
    assert said.replace("\n", "").isprintable() and len(said) < 20_000


def test_the_command_prints_no_escapes(root: Path, capsys: Capture) -> None:
    """P3: what stands in a log or a note cannot speak to the terminal of whoever checks it."""
    folder = root / LOG
    evil = Signer("envelope", b"e" * 32).sign("\x1b[2Jintact\n4\n" + "A" * 43 + "=\n")
    (folder / HISTORY).write_bytes((folder / HISTORY).read_bytes() + history_line(evil))
    lines = (folder / "entries.jsonl").read_bytes().split(b"\n")
    lines[2] = b'{"decision_id":"x","index":"\\u001b[2Jintact"}'
    (folder / "entries.jsonl").write_bytes(b"\n".join(lines))
    assert main(["audit", "verify", "--state", str(root.parent)]) == 1
    said = capsys.readouterr().err
    assert "TAMPERED" in said and "\x1b" not in said


@pytest.mark.parametrize("name", ["entries.jsonl", "hashes", "checkpoint", "checkpoints", "keys"])
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_what_never_ends_is_not_read(root: Path, name: str, what: str) -> None:
    """P3: verify is not held up, and not fed for ever, by what is no file."""
    path = root / LOG / name
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a regular file"):
        report(root)


def test_a_pipe_among_the_spools_holds_up_nothing(root: Path) -> None:
    """P3: the step fails, and says so."""
    os.mkfifo(root / SPOOL / "ghost.jsonl")
    with sequencer(root) as worker, pytest.raises(AuditUnavailable):
        worker.poll(NOON)


def test_a_line_without_an_end_takes_no_memory(root: Path) -> None:
    """P3: a line longer than any of ours is read past, not into memory."""
    folder = root / LOG
    size = 8 * LINE_BYTES_MAX
    with (folder / "entries.jsonl").open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(b"\n")
    tracemalloc.start()
    try:
        kinds = [f.kind for f in report(root).faults]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kinds == ["entry_unreadable"] and peak < 3 * LINE_BYTES_MAX


def test_a_log_that_claims_to_be_huge_takes_no_time(root: Path) -> None:
    """P3: a sparse file of hashes is as long as anybody likes; what it lacks is not counted."""
    folder, far = root / LOG, 10**10
    lines = (folder / "entries.jsonl").read_bytes()
    late = orjson.dumps(entry(9, index=far), option=orjson.OPT_SORT_KEYS)
    (folder / "entries.jsonl").write_bytes(lines + late + b"\n")
    with (folder / "hashes").open("r+b") as file:
        file.seek(node_position(0, far) * HASH_BYTES)
        file.write(leaf_hash(late))
    kinds = {f.kind for f in report(root).faults}
    assert {"entry_removed", "truncated"} <= kinds
    (folder / "segments").mkdir(exist_ok=True)
    (folder / "segments" / "000999999999.jsonl").write_bytes(late + b"\n")
    assert "segment_missing" in {f.kind for f in report(root).faults}


def test_faults_without_number_are_told_in_bounds(root: Path) -> None:
    """P3: whoever plants thousands of things gets no report that nobody can read."""
    folder = root / LOG
    stones = (Tombstone(n, b"s" * 32, n + 10**6).line() + b"\n" for n in range(3_000))
    (folder / "entries.jsonl").write_bytes(b"".join(stones))
    found = report(root)
    assert 0 < len(found.faults) <= 100 and found.first_bad_index == 0


def test_a_proof_that_never_ends_proves_nothing(root: Path, capsys: Capture) -> None:
    """Contract: exit 1 and a sentence, no traceback."""
    (root / "p.json").write_bytes(b"[" * 100_000)
    words = ["audit", "verify", "--proof", str(root / "p.json"), "--state", str(root.parent)]
    assert main(words) == 1 and "no JSON" in capsys.readouterr().err


# --- somebody with the environment, the store, a spool --------------------------------------------


def test_nobody_chooses_under_which_name_a_command_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P3: the operator is the user that the process has, not what its environment says."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert operator() == ("operator", pwd.getpwuid(os.getuid()).pw_name)


KEY_EVENT = {
    **event_entry("key.create", event_id="e1", at_ms=NOON, actor=("operator", "mei")),
    "environment": "test",
}
STRANGERS: list[Any] = [
    KEY_EVENT | {"decision_id": "event-" + "x" * 300},
    KEY_EVENT | {"decision_id": 'event-"},{'},
    KEY_EVENT | {"decision_id": ["event-1"]},
    KEY_EVENT | {"kind": "call"},
    *(KEY_EVENT | {"event": {"action": a}} for a in sorted(ACTIONS) if not a.startswith("key.")),
    KEY_EVENT | {"event": {"action": ["key.create"]}},
    KEY_EVENT | {"event": "key.create"},
    KEY_EVENT | {"actor": {"type": "operator", "name": {"decision_id": "d-1"}}},
    KEY_EVENT | {"actor": {"type": "operator", "name": "mei", "decision_id": "d-1"}},
    KEY_EVENT | {"decision": {"outcome": "done", "decision_id": "d-1"}},
    KEY_EVENT | {"at": {"decision_id": "d-1"}},
    "text", None, 5, [],
]  # fmt: skip


@pytest.mark.parametrize("said", STRANGERS)
def test_the_store_says_nothing_but_what_became_of_keys(said: Any) -> None:
    """P3: whoever can write into the store speaks neither for the gateway nor for its log, hides
    no call behind an id of its own, and leaves nothing there that nobody can write down."""
    assert announced_entry({b"entry": orjson.dumps(said)}) is None


def test_an_event_of_the_store_brings_nothing_of_a_call() -> None:
    """P3: costs and principals would be counted."""
    said = KEY_EVENT | {"cost_nano_usd": 10**15, "principal": {"team": "support"}, "usage": {}}
    assert announced_entry({b"entry": orjson.dumps(said)}) == KEY_EVENT


@pytest.mark.parametrize(
    "member",
    [b"[" * 100_000, b"5", b"\xff", b'{"id":"a","kind":5,"name":"x","reason":""}',
     b'{"id":"a","kind":"team","name":null,"reason":""}',
     b'{"id":"a","kind":"team","name":"\\ud800","reason":""}',
     b'{"id":["a"],"kind":"team","name":"x","reason":""}'],
)  # fmt: skip
def test_no_announced_erasure_stops_the_others(member: bytes) -> None:
    """P3, P4: what is none is left out; it used to be tried again for ever, before all others."""
    assert announced_erasure(member) is None


def test_no_line_of_a_spool_stops_the_log(root: Path) -> None:
    """P3: what cannot be written as an entry becomes `spool_damaged`; what follows it comes in."""
    text = b"[" * 600 + b"]" * 600
    assert orjson.loads(text)
    head = b'{"kind":"close","at_ms":1,"id":"d-%d","entry":{"decision_id":"d-%d","x":%b}}\n'
    evil = head % (70, 70, text) + b'{"kind":"close"}}\n\x00\xff\n\n' + head % (71, 71, b"1")
    (root / SPOOL / "ghost-1.jsonl").write_bytes(evil)
    with sequencer(root) as worker:
        worker.drain(NOON)
    outcomes = [e.get("decision", {}).get("outcome") for e in logged(root)[4:]]
    assert sorted(map(str, outcomes)) == ["None", *["spool_damaged"] * 4]
    assert report(root).intact


def test_commands_that_come_at_once_are_all_in_the_log(root: Path) -> None:
    """P3: each event is in the log when its command ends, and none takes another's place."""
    state, at_once = StateDir(root.parent), 4

    def command(n: int) -> list[str]:
        return [record_action(state, "audit.export", target=f"{n}-{i}", clock_ms=lambda: NOON)
                for i in range(4)]  # fmt: skip

    with ThreadPoolExecutor(at_once) as pool:
        recorded = {one for ids in pool.map(command, range(at_once)) for one in ids}
    assert len(recorded) == 16
    assert {e["decision_id"] for e in logged(root)[4:]} == recorded
    assert report(root).intact


@pytest.mark.parametrize("end", [b"", b"[" * 500 + b"]" * 500 + b"}\n"], ids=["cut", "deep"])
def test_a_command_beside_a_damaged_log_says_so(root: Path, end: bytes, capsys: Capture) -> None:
    """P3: no records are shown whose showing cannot be recorded; no traceback; the event waits."""
    path = root / LOG / "entries.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + b'{"decision_id":"x","index":3,"y":' + end)
    assert main(["audit", "export", "--state", str(root.parent)]) != 0
    said = capsys.readouterr()
    assert said.out == "" and "takes no entries" in said.err
    assert list((root / SPOOL).glob("cli-*.jsonl"))
