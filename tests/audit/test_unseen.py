"""Requests that only Envoy saw: one entry each, and never one for a request that has its own."""

from __future__ import annotations

from pathlib import Path

import orjson

from extproc.audit.unseen import Unseen, ids_in
from tests.audit.gateway import NOON

GRACE = 1_000


def line(decision_id: str | None, details: str = "http1.codec_error", **more: object) -> bytes:
    said = {"decision_id": decision_id, "details": details, "flags": "DPE", "status": 400,
            "method": "POST", "path": "/v1/x", "at": "2026-11-20T12:00:00.000Z",
            **more}  # fmt: skip
    return orjson.dumps(said) + b"\n"


def reader(tmp_path: Path, *lines: bytes) -> Unseen:
    with (tmp_path / "access.log").open("ab") as file:
        file.writelines(lines)
    return Unseen(tmp_path / "access.log", tmp_path, grace_ms=GRACE)


def test_a_line_waits_then_has_its_entry(tmp_path: Path) -> None:
    """P3: nothing is due while its exchange could still be closed; then the entry says why."""
    unseen = reader(tmp_path, line("d-1"))
    unseen.read(NOON)
    assert unseen.due(NOON + GRACE - 1) == {}
    ((decision_id, entry),) = unseen.due(NOON + GRACE).items()
    assert decision_id == "d-1"
    assert entry["decision"] == {
        "outcome": "unseen", "http_status": 400, "reason": "DPE http1.codec_error",
    }  # fmt: skip
    assert entry["at"] == "2026-11-20T12:00:00.000Z"
    assert entry["request"] == {"method": "POST", "path": "/v1/x"}


def test_what_a_worker_answered_is_not_suspected(tmp_path: Path) -> None:
    """P3: a provider's answer and our own refusals come from a worker, which records them."""
    unseen = reader(tmp_path, line("d-1", "via_upstream"), line("d-2", "envelope_refusal"))
    unseen.read(NOON)
    assert unseen.due(NOON + GRACE) == {}


def test_a_path_cannot_pass_for_an_answer(tmp_path: Path) -> None:
    """P3: a caller who writes the mark into its path is found all the same."""
    unseen = reader(tmp_path, line("d-1", path='/"details":"via_upstream"'))
    unseen.read(NOON)
    assert set(unseen.due(NOON + GRACE)) == {"d-1"}


def test_lines_without_an_id_get_one_that_stays(tmp_path: Path) -> None:
    """P3: bytes that were not HTTP have no decision; a second reading names them the same."""
    first, again = (reader(tmp_path, *lines) for lines in ([line(None), line(None)], []))
    first.read(NOON)
    again.read(NOON)
    assert len(first.due(NOON + GRACE)) == 2
    assert first.due(NOON + GRACE).keys() == again.due(NOON + GRACE).keys()


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """P3: what is done is not read again; what still waited is."""
    unseen = reader(tmp_path, line("d-1"))
    unseen.read(NOON)
    unseen.done([])
    again = reader(tmp_path)
    again.read(NOON)
    assert set(again.due(NOON + GRACE)) == {"d-1"}
    again.done(["d-1"])
    last = reader(tmp_path, line("d-2"))
    last.read(NOON)
    assert set(last.due(NOON + GRACE)) == {"d-2"}


def test_half_a_line_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    """P3: Envoy writes in pieces; a line counts once, and as a whole."""
    text = line("d-1")
    unseen = reader(tmp_path, text[:20])
    unseen.read(NOON)
    assert unseen.due(NOON + GRACE) == {}
    reader(tmp_path, text[20:])
    unseen.read(NOON)
    assert set(unseen.due(NOON + GRACE)) == {"d-1"}


def test_another_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    """P3: an access log that somebody rotated."""
    unseen = reader(tmp_path, line("d-1"), line("d-2"))
    unseen.read(NOON)
    (tmp_path / "access.log").unlink()
    (tmp_path / "access.log").write_bytes(line("d-3"))
    unseen.read(NOON)
    assert set(unseen.due(NOON + GRACE)) == {"d-1", "d-2", "d-3"}


def test_the_id_of_an_entry_is_its_own(tmp_path: Path) -> None:
    """P3: metadata that looks like an id stands behind the real one in a canonical line."""
    made = {"decision_id": "d-1", "metadata": {"decision_id": "d-2"}}
    data = orjson.dumps(made, option=orjson.OPT_SORT_KEYS)
    assert list(ids_in([data, b"{}"])) == ["d-1"]


def test_a_file_that_takes_anothers_number_has_ids_of_its_own(tmp_path: Path) -> None:
    """P3: where the log of Envoy begins again, a line at the same place is another request: it
    must not pass for one that has its entry."""
    first = reader(tmp_path, line(None, at="2026-11-20T12:00:00.000Z"), line(None))
    first.read(NOON)
    with (tmp_path / "access.log").open("r+b") as file:  # the same inode
        file.truncate(0)
        file.write(line(None, at="2026-11-21T12:00:00.000Z"))
    first.read(NOON + 1)
    assert len(first.due(NOON + 1 + GRACE)) == 3
