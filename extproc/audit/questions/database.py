"""A locked DuckDB over the rows: whoever asks can read them, and nothing else.

Promises: a question is one SELECT. It cannot read another file, write one, reach the network,
attach a database, load an extension, see a variable of this program, or change a setting; it gets
so much memory, so many threads and so much disk, and no more. A record that came twice is counted
once; two records of one place that differ are said.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from extproc.audit.questions.rows import quoted
from extproc.audit.questions.sources import (
    Files,
    Progress,
    columns_of,
    exported_files,
    local_files,
    origin_of,
)
from extproc.audit.questions.views import ORIGIN_OF_ROW, VIEWS, raw, read
from extproc.audit.read import NoLog

MEMORY_MB, SPILL_GB = 1024, 16
WITHIN_S = 300.0
"""How long a question of people may take until its first row."""
_CONFIG = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}


class QuestionRefused(ValueError):
    """Not a question that may be asked, or not one that can be answered. The text says why."""


@dataclass(slots=True)
class Answer:
    """`types`: DuckDB's names. `rows` may be read once."""

    names: list[str]
    types: list[str]
    rows: Iterator[tuple[Any, ...]]


@dataclass(slots=True)
class Questions:
    """An open database. `notices`: what whoever asks should know about the records."""

    connection: duckdb.DuckDBPyConnection
    files: Files
    notices: list[str] = field(default_factory=list)

    def ask(self, sql: str, within_s: float = WITHIN_S) -> Answer:
        """Answer one SELECT; raises QuestionRefused, also when it takes longer than `within_s`
        to begin."""
        one = self._one_select(sql)
        impatience = threading.Timer(within_s, self.connection.interrupt)
        impatience.daemon = True
        impatience.start()
        try:
            # A WITH may hold a COPY or an INSERT; inside another SELECT it may not.
            self.connection.execute(f"EXPLAIN SELECT * FROM (\n{one}\n)")
            found = self.connection.execute(one)
        except duckdb.InterruptException:
            text = f"it took longer than {within_s:g} seconds; ask about less (--since, --until)"
            raise QuestionRefused(text) from None
        except (duckdb.Error, RuntimeError) as error:
            raise QuestionRefused(_reason(error)) from None
        finally:
            impatience.cancel()
        described = found.description or []
        names = [str(column[0]) for column in described]
        return Answer(names, [str(column[1]) for column in described], self._rows(found))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a SELECT of this program's own; what people wrote goes through `ask`."""
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise QuestionRefused(_reason(error)) from None

    def _one_select(self, sql: str) -> str:
        try:
            statements = self.connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QuestionRefused(_reason(error)) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QuestionRefused(
                "a question is one SELECT over entries, attempts, guardrails, findings and events "
                "(a PIVOT goes into FROM (...))"
            )
        return str(statements[0].query).strip().rstrip(";")

    def _rows(self, found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
        try:
            while batch := found.fetchmany(1024):
                yield from batch
        except duckdb.Error as error:
            raise QuestionRefused(_reason(error)) from None


@contextmanager
def open_questions(
    audit: Path | None,
    records: Sequence[str] = (),
    *,
    memory_mb: int = MEMORY_MB,
    threads: int = 0,
    say: Progress = lambda _: None,
) -> Iterator[Questions]:
    """The rows of the log below `audit` (None: not asked) and of exported `records`.

    Raises NoLog where there is neither, ValueError for records that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="envelope-questions-") as folder:
        work = Path(folder)
        limits = {"memory_limit": f"{memory_mb}MB", "threads": str(threads or os.cpu_count() or 1)}
        with duckdb.connect(config={**_CONFIG, **limits}) as maker:
            maker.execute(f"SET temp_directory = {quoted(str(work / 'making'))}")
            files = _found(audit, records, work, maker, say)
        with duckdb.connect(config={**_CONFIG, **limits}) as connection:
            connection.execute(f"SET temp_directory = {quoted(str(work / 'spill'))}")
            connection.execute(f"SET max_temp_directory_size = '{SPILL_GB}GB'")
            connection.execute("SET TimeZone = 'UTC'")
            questions = Questions(connection, files)
            _make_views(questions, several=bool(records))
            _lock(connection, files)
            yield questions


def _found(
    audit: Path | None,
    records: Sequence[str],
    work: Path,
    maker: duckdb.DuckDBPyConnection,
    say: Progress,
) -> Files:
    local = Files()
    if audit is not None:
        try:
            local = local_files(audit, work, maker, say)
        except NoLog:
            if not records:
                raise
    origin = origin_of(audit) if audit is not None else "envelope"
    more = exported_files(records, work, maker, origin) if records else Files()
    return Files((*local.derived, *more.derived), more.exported)


def _make_views(questions: Questions, *, several: bool) -> None:
    """`several`: a record may have come from more than one place."""
    connection, files = questions.connection, questions.files
    known = columns_of(connection, files.exported) if files.exported else []
    connection.execute(f"CREATE VIEW arrived AS {raw(files.derived, files.exported, known)}")
    connection.execute("CREATE TABLE repeated (filename VARCHAR, file_row_number BIGINT)")
    if several:
        questions.notices += _find_repeated(connection, [*files.derived, *files.exported])
    twice = connection.execute("SELECT count(*) FROM repeated").fetchone()
    without = f" ANTI JOIN repeated USING ({ORIGIN_OF_ROW})" if twice and twice[0] else ""
    connection.execute(f"CREATE VIEW kept AS SELECT * FROM arrived{without}")
    for name, text in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {text}")
    questions.notices += _removed(connection)


def _removed(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What retention took away is in no answer: "none" would be read as "there was none" (P3)."""
    found = connection.execute(
        "SELECT sum((entry->>'$.event.count')::BIGINT) FROM entries WHERE action = 'audit.prune'"
    ).fetchone()
    if found and found[0]:
        yield (
            f"retention has removed {found[0]:,} entries, which no answer counts; of which class "
            "and up to when: envelope audit query --where event.action=audit.prune --json"
        )


def _find_repeated(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> Iterator[str]:
    """Fill `repeated` with rows that came before; files whose ranges overlap are compared."""
    differing = 0
    for group in _overlapping(connection, paths):
        places = f"SELECT origin, index FROM {read(group)}"
        counted = f"SELECT count(*) - count(DISTINCT (origin, index)) FROM ({places})"
        found = connection.execute(counted).fetchone()
        if not found or not found[0]:
            continue
        connection.execute(
            f"INSERT INTO repeated SELECT {ORIGIN_OF_ROW} FROM (SELECT {ORIGIN_OF_ROW}, "
            "row_number() OVER (PARTITION BY origin, index, sha256(entry) "
            f"ORDER BY {ORIGIN_OF_ROW}) AS n FROM {read(group)}) WHERE n > 1"
        )
        different = connection.execute(
            f"SELECT count(*) FROM (SELECT origin, index FROM {read(group)} "
            "GROUP BY ALL HAVING count(DISTINCT sha256(entry)) > 1)"
        ).fetchone()
        differing += different[0] if different else 0
    if differing:
        yield (f"{differing} places of a log have records that differ: two logs of one origin, or "
               "a record that was changed; verify the log")  # fmt: skip


def _overlapping(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str]
) -> Iterator[list[str]]:
    """Files in groups whose ranges of indexes touch; a file of its own is a group too."""
    ranges = connection.execute(
        f"SELECT origin, min(index) AS low, max(index), filename FROM {read(paths)} "
        "GROUP BY origin, filename ORDER BY origin, low, filename"
    ).fetchall()
    group: list[str] = []
    reached: tuple[str, int] | None = None
    for origin, low, high, path in ranges:
        if group and (reached is None or origin != reached[0] or (low or 0) > reached[1]):
            yield group
            group, reached = [], None
        group = group if path in group else [*group, path]
        reached = (origin, max(high or 0, reached[1] if reached else 0))
    if group:
        yield group


def _lock(connection: duckdb.DuckDBPyConnection, files: Files) -> None:
    listed = ", ".join(map(quoted, (*files.derived, *files.exported)))
    connection.execute(f"SET allowed_paths = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _reason(error: Exception) -> str:
    """DuckDB's own words, without the banner of what it thinks went wrong inside."""
    return str(error).strip() or type(error).__name__
