"""Where rows come from: segments, their derived files, exported records of every form."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import orjson
import pytest

from extproc.audit.entry import canonical
from extproc.audit.questions.database import open_questions
from extproc.audit.questions.sources import INDEX, drop_stale
from extproc.audit.read import NoLog
from extproc.audit.shipping.sinks.objects import Format, object_of
from extproc.audit.shipping.values import Batch, Item
from tests.audit.gateway import entry
from tests.audit.questions.ledger_of_calls import (
    BEDROCK,
    CALLS,
    EVENTS,
    asked,
    call,
    sent,
    write,
)


def counted(audit: Path, *records: str) -> int:
    with asked(audit, *records) as questions:
        return int(questions.rows("SELECT count(*) FROM entries")[0][0])


def close_segment(audit: Path, first: int, last: int) -> Path:
    """What the writer does when the active file has grown: its entries become a segment."""
    active = audit / "log" / "entries.jsonl"
    segment = audit / "log" / "segments" / f"{first:012d}.jsonl"
    segment.parent.mkdir(exist_ok=True)
    lines = active.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[: last - first + 1]))
    active.write_bytes(b"".join(lines[last - first + 1 :]))
    return segment


def test_a_segment_is_turned_into_rows_once(tmp_path: Path) -> None:
    """Audit: the derived file is used again, and made again when its segment changes."""
    audit = write(tmp_path)
    whole = counted(audit)
    segment = close_segment(audit, 0, 4)
    assert counted(audit) == whole
    (derived,) = (audit / INDEX).glob("*.parquet")
    made = derived.stat().st_mtime_ns
    assert counted(audit) == whole and derived.stat().st_mtime_ns == made
    tombstone = b'{"event":9,"index":1,"leaf_hash":"' + b"A" * 43 + b'=","pruned":true}\n'
    lines = segment.read_bytes().splitlines(keepends=True)
    aside = segment.with_suffix(".new")
    aside.write_bytes(b"".join([lines[0], tombstone, *lines[2:]]))
    os.replace(aside, segment)
    assert counted(audit) == whole - 1
    assert [p.exists() for p in (derived,)] == [False], "what retention removed is gone here too"
    for path in (audit / INDEX).iterdir():
        path.unlink()
    assert counted(audit) == whole - 1


def test_stale_files_can_be_dropped_without_a_question(tmp_path: Path) -> None:
    """P4: retention need not wait for the next question."""
    audit = write(tmp_path)
    segment = close_segment(audit, 0, 4)
    counted(audit)
    drop_stale(audit)
    assert len(list((audit / INDEX).iterdir())) == 1
    segment.unlink()
    drop_stale(audit)
    assert list((audit / INDEX).iterdir()) == []


def test_torn_and_foreign_lines_are_left_to_verify(tmp_path: Path) -> None:
    """Contract: as `audit query` does."""
    audit = write(tmp_path)
    whole = counted(audit)
    with (audit / "log" / "entries.jsonl").open("ab") as file:
        file.write(b'not json\n[1]\n"x"\n{"index":99}\n{"decision_id":"torn","at":"20')
    assert counted(audit) == whole


def exported(form: Format, folder: Path, first: int = 0, origin: str = "eu gateway") -> Path:
    """As the object-storage sink leaves it."""
    given = [{**one, "index": first + n} for n, one in enumerate([*CALLS, *EVENTS])]
    items = tuple(Item(one["index"], canonical(one), one) for one in given)
    folder.mkdir(parents=True, exist_ok=True)
    made = object_of(Batch(origin, "ab" * 16, first, first + len(items) - 1, items), form, folder)
    path = folder / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.content)
    return path


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_what_a_sink_exported_is_answered_alike(tmp_path: Path, form: Format) -> None:
    """Contract: the same rows from the log and from its exported records; their origin is kept."""
    audit = write(tmp_path / "state")
    exported(form, tmp_path / "out")
    asking = ("SELECT * EXCLUDE (origin) FROM entries ORDER BY index",
              "SELECT * EXCLUDE (origin) FROM attempts ORDER BY index, n",
              "SELECT * EXCLUDE (origin) FROM findings ORDER BY index")  # fmt: skip
    with asked(audit) as local:
        expected = [local.rows(sql) for sql in asking]
    with open_questions(None, [str(tmp_path / "out")], threads=1) as questions:
        assert [questions.rows(sql) for sql in asking] == expected
        assert questions.rows("SELECT DISTINCT origin FROM entries") == [("eu gateway",)]
        assert questions.notices == []


def test_records_that_came_twice_count_once(tmp_path: Path) -> None:
    """Contract: at least once is what sinks promise; (origin, index) is one record."""
    audit = write(tmp_path / "state")
    whole = counted(audit)
    forms: tuple[Format, ...] = ("parquet", "jsonl")
    for form in forms:
        exported(form, tmp_path / "out", origin="envelope")
    copied = tmp_path / "lines.ndjson"
    copied.write_bytes((audit / "log" / "entries.jsonl").read_bytes() * 2)
    with asked(audit, str(tmp_path / "out"), str(copied)) as questions:
        assert questions.rows("SELECT count(*) FROM entries") == [(whole,)]
        assert questions.rows("SELECT sum(cost_nano_usd) FROM entries") == [
            (sum(one.get("cost_nano_usd", 0) for one in CALLS),)
        ]
        assert questions.notices == []


def test_two_records_of_one_place_that_differ_are_said(tmp_path: Path) -> None:
    """P3: never one of them silently."""
    audit = write(tmp_path / "state")
    other = call(3, "research", **sent(BEDROCK), index=3)
    path = tmp_path / "altered.jsonl"
    path.write_bytes(orjson.dumps(other) + b"\n")
    with asked(audit, str(path)) as questions:
        assert "1 places of a log have records that differ" in questions.notices[0]
        assert questions.rows("SELECT count(*) FROM entries WHERE index = 3") == [(2,)]


def test_lines_compressed_with_zstd_are_read(tmp_path: Path) -> None:
    """Contract: .jsonl.zst; a glob; lines that wrap their entry and name their log."""
    line = orjson.dumps({"origin": "other", "entry": entry(1, index=7)}).decode()
    with duckdb.connect() as maker:
        maker.execute(
            f"COPY (SELECT ?) TO '{tmp_path}/one.jsonl.zst' "
            "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION zstd)",
            [line],
        )
    with open_questions(None, [f"{tmp_path}/*.zst"], threads=1) as questions:
        assert questions.rows("SELECT origin, index, team FROM entries") == [
            ("other", 7, "support-ai")
        ]


@pytest.mark.parametrize("name", ["nothing", "*.parquet", "text.txt", "bad.parquet", "odd.parquet"])
def test_what_are_no_records_is_refused(tmp_path: Path, name: str) -> None:
    """Contract: exit 2, with a word about what is wrong."""
    audit = write(tmp_path / "state")
    (tmp_path / "text.txt").write_text("x")
    if name == "bad.parquet":
        (tmp_path / name).write_text("not parquet")
    if name == "odd.parquet":
        with duckdb.connect() as maker:
            maker.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path / name}'")
    with pytest.raises(ValueError, match="--records"):
        counted(audit, str(tmp_path / name))


def test_without_a_log_there_is_no_answer(tmp_path: Path) -> None:
    """P3: nothing is not an empty answer."""
    with pytest.raises(NoLog):
        counted(tmp_path)
