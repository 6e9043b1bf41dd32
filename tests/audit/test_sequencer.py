"""The sequencer: exactly one entry per decision, whatever the workers do."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc.audit import intake, spool_reader
from extproc.audit.checkpoint import KeyRefused, read_checkpoint
from extproc.audit.cursor import Cursor
from extproc.audit.log import LogRefused
from extproc.audit.sequencer import LOG, SPOOL, Sequencer
from extproc.audit.spool_reader import owners
from extproc.audit.values import AuditUnavailable
from extproc.audit.verify import verify
from tests.audit.gateway import NOON, build, entry, ids, logged, sequencer, spool


def test_an_intent_waits_for_its_close(tmp_path: Path) -> None:
    """P3: one entry per decision: the close, with its index."""
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        writer.intent(entry(1))
        assert worker.poll(NOON) == 0
        writer.close(entry(1, decision={"outcome": "aborted"}))
        assert worker.poll(NOON) == 1
        assert worker.poll(NOON) == 0
    assert logged(tmp_path) == [{**entry(1, decision={"outcome": "aborted"}), "index": 0}]


def test_a_second_close_is_dropped(tmp_path: Path) -> None:
    """P3: also across a restart of the sequencer."""
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        writer.close(entry(1))
        writer.close(entry(1))
        assert worker.poll(NOON) == 1
        assert worker.counts.duplicates == 1
    with sequencer(tmp_path) as worker:
        writer.close(entry(1, cost_nano_usd=9))
        writer.intent(entry(1))
        assert worker.poll(NOON) == 0
        writer.release()
        assert worker.poll(NOON) == 0
    assert ids(tmp_path) == ["d-1"]


def test_two_workers_interleave_by_time(tmp_path: Path) -> None:
    """P3: what two workers wrote between two polls stands in the order of its times."""
    ticks = iter(range(NOON, NOON + 100))
    left = spool(tmp_path, "w0-1", clock_ms=lambda: next(ticks))
    right = spool(tmp_path, "w1-1", clock_ms=lambda: next(ticks))
    with sequencer(tmp_path) as worker:
        left.intent(entry(1))
        right.intent(entry(2))
        right.close(entry(2))
        left.close(entry(1))
        right.close(entry(3))
        assert worker.poll(NOON) == 3
    assert ids(tmp_path) == ["d-2", "d-1", "d-3"]


def test_a_dead_owners_open_intents_are_lost_and_said_so(tmp_path: Path) -> None:
    """P3: an exchange that died with its worker has its entry; a living worker's has to wait."""
    dead, alive = spool(tmp_path, "w0-1"), spool(tmp_path, "w1-1")
    for writer, n in ((dead, 1), (alive, 2)):
        writer.intent(entry(n))
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 0
    dead.release()
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 1
        assert worker.counts.worker_lost == 1
    found = logged(tmp_path)
    assert [(e["decision_id"], e["decision"]["outcome"]) for e in found] == [("d-1", "worker_lost")]
    assert list(owners(tmp_path / SPOOL)) == ["w1-1"]


def test_a_torn_last_line_is_not_an_entry(tmp_path: Path) -> None:
    """P3: a line without its newline was never acknowledged; the intent before it counts."""
    writer = spool(tmp_path)
    writer.intent(entry(1))
    with (tmp_path / SPOOL / "w0-1.jsonl").open("ab") as file:
        file.write(b'{"kind":"close","at_ms":1,"entry":{"decision_id":"d-1"')
    writer.release()
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 1
    assert logged(tmp_path)[0]["decision"]["outcome"] == "worker_lost"


@pytest.mark.parametrize(
    "line",
    [b"garbage", b"{}", b"[]", b"7", b"\x00\xff", b'{"kind":"close","at_ms":1,"entry":{}}',
     b'{"kind":"other","at_ms":1,"id":"x","entry":{"decision_id":"x"}}',
     b'{"kind":"close","at_ms":1,"id":"x","entry":{"decision_id":"y"}}',
     b'{"kind":"close","at_ms":1,"id":"x","entry":{"decision_id":"x",}}',
     b'{"kind":"close","at_ms":1,"id":"x","entry":{"decision_id":["x"]}}'],
)  # fmt: skip
def test_an_unreadable_line_becomes_evidence(tmp_path: Path, line: bytes) -> None:
    """P3: damage never vanishes silently, nor stops what follows."""
    writer = spool(tmp_path)
    with (tmp_path / SPOOL / "w0-1.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with sequencer(tmp_path) as worker:
        writer.close(entry(1))
        assert worker.poll(NOON) == 2
    outcomes = {e["decision_id"]: e["decision"]["outcome"] for e in logged(tmp_path)}
    assert outcomes == {"spool-damaged:w0-1.jsonl:0": "spool_damaged", "d-1": "allowed"}


def test_a_lost_intent_that_cannot_be_read_is_evidence_too(tmp_path: Path) -> None:
    """P3: an intent is read in full only when its worker is lost; by then damage must show."""
    writer = spool(tmp_path)
    with (tmp_path / SPOOL / "w0-1.jsonl").open("ab") as file:
        file.write(b'{"kind":"intent","at_ms":1,"id":"x","entry":{"decision_id":"x",}}\n')
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 0
        writer.release()
        assert worker.poll(NOON) == 1
    assert logged(tmp_path)[0]["decision"]["outcome"] == "spool_damaged"


def test_only_one_sequencer_works_on_a_log(tmp_path: Path) -> None:
    """P3: two writers would fork the log."""
    with sequencer(tmp_path), pytest.raises(AuditUnavailable):
        Sequencer(tmp_path)
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 0


def test_checkpoints_keep_their_interval(tmp_path: Path) -> None:
    """P3: signed at most once an interval, when the log has grown, and at the end."""
    writer = spool(tmp_path)
    covered = []
    with sequencer(tmp_path, checkpoint_interval_ms=1000) as worker:
        for n, now in enumerate((0, 500, 999, 1000, 1999, 1500)):
            writer.close(entry(n))
            worker.poll(NOON + now)
            covered.append(worker.counts.covered)
        worker.drain(NOON + 1500)
        covered.append(worker.counts.covered)
        verifier = worker.verifier
    assert covered == [1, 1, 1, 4, 4, 4, 6]
    history = (tmp_path / LOG / "checkpoints").read_bytes().splitlines()
    notes = [orjson.loads(line) for line in history]
    assert [read_checkpoint(note, verifier).size for note in notes] == [1, 4, 6]
    assert (tmp_path / LOG / "checkpoint").read_text() == notes[-1]


def test_a_lost_cursor_costs_time_not_entries(tmp_path: Path) -> None:
    """P3: without its cursor the sequencer reads everything again and adds nothing."""
    writer = spool(tmp_path)
    for text in (None, "garbage", "[]", '{"log_size":1}'):
        with sequencer(tmp_path, remembered=2) as worker:
            for n in range(5):
                writer.close(entry(n))
            worker.poll(NOON)
        path = tmp_path / "cursor.json"
        path.unlink() if text is None else path.write_text(text)
    with sequencer(tmp_path, remembered=2) as worker:
        assert worker.poll(NOON) == 0
    assert ids(tmp_path) == [f"d-{n}" for n in range(5)]


def test_a_spool_that_lost_its_end_in_a_power_cut_adds_nothing_twice(tmp_path: Path) -> None:
    """P3: the log is durable, the spool is not; its intents must not look open again."""
    writer = spool(tmp_path)
    writer.intent(entry(1))
    size = (tmp_path / SPOOL / "w0-1.jsonl").stat().st_size
    writer.close(entry(1))
    for n in range(2, 9):
        writer.close(entry(n))
    with sequencer(tmp_path, remembered=2) as worker:
        worker.poll(NOON)
    os.truncate(tmp_path / SPOOL / "w0-1.jsonl", size)
    writer.release()
    with sequencer(tmp_path, remembered=2) as worker:
        assert worker.poll(NOON) == 0
    assert ids(tmp_path) == [f"d-{n}" for n in range(1, 9)]


def test_an_owners_name_may_come_back_after_its_end(tmp_path: Path) -> None:
    """P3: a spool that was finished and deleted does not hide a new one of the same name."""
    for n in range(3):
        writer = spool(tmp_path, "w0")
        writer.close(entry(n))
        with sequencer(tmp_path) as worker:
            assert worker.poll(NOON) == 1
        writer.release()
        with sequencer(tmp_path) as worker:
            worker.poll(NOON)
        assert owners(tmp_path / SPOOL) == {}
    assert ids(tmp_path) == ["d-0", "d-1", "d-2"]


@pytest.mark.parametrize("damage", ["entry", "end", "hashes", "no_log", "no_history", "history"])
def test_a_log_that_is_not_its_own_is_not_written_on(tmp_path: Path, damage: str) -> None:
    """P3: nothing is healed that a checkpoint or the cursor vouches for."""
    folder = build(tmp_path, 5, 9)
    path = folder / "entries.jsonl"
    match damage:
        case "entry":
            path.write_bytes(path.read_bytes().replace(b"d-8", b"x-8"))
        case "end":
            path.write_bytes(path.read_bytes()[:-40])
        case "hashes":
            raw = (folder / "hashes").read_bytes()
            (folder / "hashes").write_bytes(raw[:448] + bytes(32) + raw[480:])
        case "no_log":
            path.unlink()
            (folder / "hashes").unlink()
        case "no_history":
            (folder / "checkpoints").unlink()
        case "history":
            first = (folder / "checkpoints").read_bytes().splitlines(keepends=True)[0]
            (folder / "checkpoints").write_bytes(first)
    before = path.read_bytes() if path.exists() else b""
    with sequencer(tmp_path) as worker, pytest.raises(LogRefused):
        worker.poll(NOON)
    assert (path.read_bytes() if path.exists() else b"") == before


def test_no_checkpoint_is_signed_over_a_contradiction(tmp_path: Path) -> None:
    """P3: hashes that change under a running sequencer stop it before it signs."""
    writer = spool(tmp_path)
    with sequencer(tmp_path) as worker:
        writer.close(entry(1))
        worker.poll(NOON)
        signed = (tmp_path / LOG / "checkpoint").read_text()
        (tmp_path / LOG / "hashes").write_bytes(bytes(32))
        writer.close(entry(2))
        with pytest.raises(LogRefused):
            worker.poll(NOON)
    assert (tmp_path / LOG / "checkpoint").read_text() == signed


def test_a_full_batch_gives_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: a dead owner's intents are lost only once all its closes were read."""
    monkeypatch.setattr(intake, "BATCH_BYTES", 900)
    monkeypatch.setattr(spool_reader.whole_lines, "__defaults__", (900,))
    for slot in range(2):
        writer = spool(tmp_path, f"w{slot}-1")
        for n in range(4):
            writer.intent(entry(10 * slot + n))
        for n in range(4):
            writer.close(entry(10 * slot + n))
        writer.release()
    with sequencer(tmp_path) as worker:
        added = [worker.poll(NOON) for _ in range(12)]
        assert added[0] == 0 and sum(added) == 8
        assert worker.counts.worker_lost == 0
    assert owners(tmp_path / SPOOL) == {}


def test_a_segment_begun_just_before_death_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: the owner rotates, closes and dies between the listing and the question if it lives."""
    writer = spool(tmp_path, rotate_bytes=10)
    writer.intent(entry(1))

    def dies_when_asked(folder: Path, owner: str) -> bool:
        if not (folder / f"{owner}.000002.jsonl").exists():
            writer.close(entry(2))
            writer.close(entry(1))
        return False

    monkeypatch.setattr(intake, "is_alive", dies_when_asked)
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 2
        assert worker.counts.worker_lost == 0


def test_a_name_taken_again_after_an_interrupted_clearing_is_read(tmp_path: Path) -> None:
    """P3: the cursor's word about the dead does not hold for a living owner of that name."""
    writer = spool(tmp_path, "w0")
    writer.close(entry(1))
    Cursor(0, {"w0.jsonl": 50}, ("w0",)).save(tmp_path)
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 1
        assert list(owners(tmp_path / SPOOL)) == ["w0"]


def test_a_late_intent_does_not_hold_a_segment(tmp_path: Path) -> None:
    """P3: an intent behind its own close waits for nothing."""
    writer = spool(tmp_path, rotate_bytes=10)
    writer.close(entry(1))
    writer.intent(entry(1))
    with sequencer(tmp_path) as worker:
        worker.poll(NOON)
        writer.close(entry(2))
        worker.poll(NOON)
    assert len(owners(tmp_path / SPOOL)["w0-1"]) <= 2


def test_lost_hashes_are_computed_again(tmp_path: Path) -> None:
    """P3: hashes can be had from entries; the checkpoint says whether they are right."""
    folder = build(tmp_path, 5)
    whole = (folder / "hashes").read_bytes()
    for kept in (0, 31, 100, len(whole) - 1):
        (folder / "hashes").write_bytes(whole[:kept])
        with sequencer(tmp_path) as worker:
            worker.poll(NOON)
            assert verify(folder, worker.verifier).intact
        assert (folder / "hashes").read_bytes() == whole


def test_another_origin_is_another_log(tmp_path: Path) -> None:
    """P3: renaming a log would make its past unverifiable."""
    build(tmp_path, 1)
    with pytest.raises(KeyRefused):
        Sequencer(tmp_path, origin="renamed")
    with sequencer(tmp_path) as worker:
        assert worker.poll(NOON) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["intent", "close", "die", "poll", "restart"]),
        st.integers(0, 2),
        st.integers(0, 7),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_history_of_workers_gives_one_entry_each(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """P3: workers that start, close twice, die and come back; every decision ends up once."""
    root = tmp_path_factory.mktemp("audit")
    writers = {slot: spool(root, f"w{slot}-0", rotate_bytes=900) for slot in range(3)}
    births = dict.fromkeys(range(3), 0)
    begun: set[str] = set()
    worker = Sequencer(root, checkpoint_interval_ms=0)
    for step, slot, n in steps:
        number = 10 * slot + n + 100 * births[slot]
        match step:
            case "intent" | "close":
                getattr(writers[slot], step)(entry(number))
                begun.add(f"d-{number}")
            case "die":
                writers[slot].release()
                births[slot] += 1
                writers[slot] = spool(root, f"w{slot}-{births[slot]}", rotate_bytes=900)
            case "poll":
                worker.poll(NOON)
            case "restart":
                worker.close()
                worker = Sequencer(root, checkpoint_interval_ms=0)
    for writer in writers.values():
        writer.release()
    worker.drain(NOON)
    verifier = worker.verifier
    worker.close()
    assert sorted(ids(root)) == sorted(begun)
    assert owners(root / SPOOL) == {}
    if begun:
        assert verify(root / LOG, verifier).intact
