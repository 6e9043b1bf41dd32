"""A question reads the records, and can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.questions.database import QuestionRefused, Questions
from tests.audit.questions.ledger_of_calls import CALLS, EVENTS, asked, write


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database")
    (folder / "secret.csv").write_text("a\ntop-secret\n")
    return folder


@pytest.fixture(scope="module")
def questions(state: Path) -> Iterator[Questions]:
    with asked(write(state)) as opened:
        yield opened


HOSTILE = [
    "SELECT * FROM read_csv('{root}/secret.csv')",
    "SELECT * FROM '{root}/secret.csv'",
    "SELECT content FROM read_text('{root}/secret.csv')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('{root}/*')",
    "SELECT * FROM read_parquet('http://127.0.0.1:1/x')",
    "SELECT getenv('HOME')",
    "SELECT * FROM private_variable",
    "COPY (SELECT 1) TO '{root}/written.csv'",
    "COPY (SELECT 1) TO '{kept}' (FORMAT csv, USE_TMP_FILE false)",
    "WITH x AS (COPY (SELECT 1) TO '{kept}' (FORMAT csv, USE_TMP_FILE false)) SELECT 1",
    "WITH x AS MATERIALIZED (COPY (SELECT 1) TO '{kept}') SELECT * FROM entries",
    "WITH x AS (INSERT INTO repeated VALUES ('a', 1)) SELECT 1",
    "INSERT INTO repeated VALUES ('a', 1)",
    "CREATE TABLE t AS SELECT 1",
    "DROP VIEW entries",
    "ATTACH '{root}/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{kept}'",
    "EXPORT DATABASE '{root}/all'",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{root}/written.csv'",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{root}/written.csv''')",
    "",
    "-- nothing",
    "SELECT 1) UNION (SELECT 2",
]


def _before(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_question_cannot_reach_out(state: Path, questions: Questions, sql: str) -> None:
    """P4: no other file, no write, no network, no setting, no second statement."""
    private_variable = [1, 2, 3]  # noqa: F841  (DuckDB would find it in this frame)
    kept = Path(questions.files.derived[0])
    bytes_before, folder_before = kept.read_bytes(), _before(state)
    with pytest.raises(QuestionRefused) as told:
        list(questions.ask(sql.format(root=state, kept=kept)).rows)
    assert "top-secret" not in str(told.value)
    assert kept.read_bytes() == bytes_before
    assert _before(state) == folder_before
    assert _count(questions) == len(CALLS) + len(EVENTS)


def test_ordinary_questions_are_answered(questions: Questions) -> None:
    """Audit: SELECT in its usual forms, order kept."""
    assert rows(questions, "SELECT index FROM entries ORDER BY index DESC LIMIT 2;") == [
        (len(CALLS) + len(EVENTS) - 1,), (len(CALLS) + len(EVENTS) - 2,),
    ]  # fmt: skip
    assert rows(questions, "FROM entries SELECT count(*)") == [(_count(questions),)]
    assert rows(questions, "WITH a AS (SELECT 1 AS b) SELECT b FROM a -- done") == [(1,)]
    named = {row[0] for row in rows(questions, "DESCRIBE entries")}
    assert {"time", "team", "provider", "region", "data_class", "metadata", "entry"} <= named
    assert len(rows(questions, 'SELECT "at", time FROM entries WHERE "at" = time')) > 10


def test_memory_is_bounded(questions: Questions) -> None:
    """P4: a question that needs too much fails, and says so."""
    size = rows(questions, "SELECT current_setting('memory_limit'), current_setting('threads')")
    assert size[0][0].endswith("MiB") and size[0][1] == 1
    with pytest.raises(QuestionRefused, match=r"(?i)memory"):
        rows(questions, "SELECT list(repeat('x', 1000) || i) FROM range(1000000) t(i)")


def rows(questions: Questions, sql: str) -> list[Any]:
    return list(questions.ask(sql).rows)


def _count(questions: Questions) -> int:
    return int(questions.rows("SELECT count(*) FROM entries")[0][0])
