"""Where the rows come from: the log of this machine, and records that were exported from any.

Closed segments of the log are turned into Parquet once and kept beside it; the active file and
exported JSON lines are turned anew for each question.

    <state>/audit/index/<segment>.<stamp>.parquet    derived; may be deleted at any time

Promises: a derived file is used only for the very segment it was made of (size, time, inode); one
whose segment changed or went away is deleted, so that what retention removed is gone here too.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from extproc.audit.checkpoint import VERIFIER_KEY
from extproc.audit.questions.rows import DERIVED, SHARED, VERSION, quoted, select
from extproc.audit.read import NoLog
from extproc.audit.segments import ENTRIES, closed
from extproc.audit.sequencer import LOG

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

INDEX = "index"
_LINES = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".jsonl.zst",
          ".ndjson.zst", ".json.zst")  # fmt: skip
_ROWS = ".parquet"
_ORIGIN = re.compile(r"/origin=([A-Za-z0-9_.-]+)/")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Files:
    """Parquet files: `derived` ones have every column, `exported` ones are as they were found."""

    derived: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()


def origin_of(audit: Path) -> str:
    """The name of the log of this folder: that of its key."""
    try:
        return (audit / VERIFIER_KEY).read_text(errors="replace").partition("+")[0] or "envelope"
    except OSError:
        return "envelope"


def local_files(
    audit: Path, work: Path, maker: DuckDBPyConnection, say: Progress = lambda _: None
) -> Files:
    """The log below `audit` as Parquet; raises NoLog. `work`: for what is not kept."""
    log, origin = audit / LOG, origin_of(audit)
    if not (log / ENTRIES).exists() and not closed(log):
        raise NoLog(f"no audit log in {log}")
    active = work / "active.parquet"
    while True:  # a segment may be closed meanwhile: then its entries are not in the active file
        before = _identities(log)
        if (log / ENTRIES).exists():
            lines_to_rows(maker, [str(log / ENTRIES)], active, origin)
        if _identities(log) == before:
            break
    kept = list(_segments(log, _index_folder(audit, work), maker, origin, say))
    return Files(derived=(*kept, *([str(active)] if active.exists() else [])))


def drop_stale(audit: Path) -> None:
    """Delete derived files whose segment changed or is gone (after retention removed entries)."""
    folder = audit / INDEX
    if folder.is_dir():
        _clean(folder, {_derived_name(s.path) for s in closed(audit / LOG)})


def exported_files(
    patterns: Sequence[str], work: Path, maker: DuckDBPyConnection, origin: str
) -> Files:
    """Records in Parquet or JSON lines at paths, folders or globs; raises ValueError.

    `origin`: the log's name for lines that do not say theirs.
    """
    found = [path for pattern in patterns for path in _matching(pattern)]
    rows = [path for path in found if path.endswith(_ROWS)]
    lines = [path for path in found if not path.endswith(_ROWS)]
    for path in rows:
        _need_columns(maker, path)
    derived = []
    for number, (name, paths) in enumerate(_by_origin(lines, origin).items()):
        derived.append(str(work / f"exported-{number}.parquet"))
        lines_to_rows(maker, paths, Path(derived[-1]), name)
    return Files(derived=tuple(derived), exported=tuple(rows))


def _by_origin(paths: Iterable[str], origin: str) -> dict[str, list[str]]:
    """Files by the log that their path names (`origin=...`, as the object-storage sink writes)."""
    found: dict[str, list[str]] = {}
    for path in paths:
        named = _ORIGIN.search(path)
        name = unquote(named[1].replace("_", "%")) if named else origin
        found.setdefault(name, []).append(path)
    return found


def lines_to_rows(
    maker: DuckDBPyConnection, paths: Sequence[str], target: Path, origin: str
) -> None:
    """Turn files of entry lines into one Parquet file. A line may be an entry, or an object whose
    `entry` is one (as text or as it is) and that names its `origin`."""
    listed = ", ".join(map(quoted, paths))
    found = (
        "SELECT CASE WHEN json_exists(json, '$.entry') AND NOT json_exists(json, '$.decision') "
        "THEN (json->>'$.entry')::JSON ELSE json END AS line, "
        f"coalesce(json->>'$.origin', {quoted(origin)}) AS origin "
        f"FROM read_ndjson_objects([{listed}], ignore_errors = true)"
    )
    rows = select(found, {**SHARED, **DERIVED})
    maker.execute(f"COPY ({rows}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def _segments(
    log: Path, folder: Path, maker: DuckDBPyConnection, origin: str, say: Progress
) -> Iterator[str]:
    segments = closed(log)
    wanted = {_derived_name(segment.path) for segment in segments}
    _clean(folder, wanted)
    missing = [s for s in segments if not (folder / _derived_name(s.path)).exists()]
    for number, segment in enumerate(missing, 1):
        say(f"indexing segment {number} of {len(missing)}")
        aside = folder / f".new-{os.getpid()}-{segment.path.stem}"
        name = _derived_name(segment.path)
        lines_to_rows(maker, [str(segment.path)], aside, origin)
        aside.chmod(0o600)
        os.replace(aside, folder / name)
    yield from (str(folder / name) for name in sorted(wanted))


def _index_folder(audit: Path, work: Path) -> Path:
    """Beside the log, or among what is not kept where nothing may be written there."""
    folder = audit / INDEX
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        folder = work
    return folder if os.access(folder, os.W_OK) else work


def _clean(folder: Path, wanted: Iterable[str]) -> None:
    for path in folder.glob("*.parquet"):
        if path.name not in wanted and path.name[:12].isdigit():
            with suppress(FileNotFoundError):
                path.unlink()
    for path in folder.glob(".new-*"):
        if not _lives(path.name.split("-")[1]):
            with suppress(FileNotFoundError):
                path.unlink()


def _lives(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


def _identities(log: Path) -> tuple[object, ...]:
    try:
        active = (log / ENTRIES).stat().st_ino
    except FileNotFoundError:
        active = 0
    return active, [segment.first for segment in closed(log)]


def _derived_name(segment: Path) -> str:
    """Of a segment as it is now; changes when the segment does."""
    found = segment.stat()
    facts = f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {VERSION}"
    return f"{segment.stem}.{hashlib.sha256(facts.encode()).hexdigest()[:12]}{_ROWS}"


def _matching(pattern: str) -> list[str]:
    path = Path(pattern)
    if path.is_dir():
        found = [str(p) for p in sorted(path.rglob("*")) if p.name.endswith((*_LINES, _ROWS))]
    else:
        found = sorted(glob.glob(pattern, recursive=True)) if not path.is_file() else [pattern]
    if not found:
        raise ValueError(f"--records {pattern}: no JSON lines or Parquet there")
    for one in found:
        if not one.endswith((*_LINES, _ROWS)):
            raise ValueError(f"--records {one}: neither .parquet nor JSON lines ({_LINES[0]}, ...)")
    return [str(Path(one).absolute()) for one in found]


def _need_columns(maker: DuckDBPyConnection, path: str) -> None:
    missing = sorted({"index", "origin", "at", "entry"} - set(columns_of(maker, [path])))
    if missing:
        raise ValueError(f"--records {path}: has no column {', '.join(missing)}")


def columns_of(maker: DuckDBPyConnection, paths: Sequence[str]) -> list[str]:
    """The columns of Parquet files; raises ValueError for what is none."""
    import duckdb

    listed = ", ".join(map(quoted, paths))
    try:
        found = maker.execute(
            f"DESCRIBE SELECT * FROM read_parquet([{listed}], "
            "union_by_name = true, hive_partitioning = false)"
        )
        return [str(row[0]) for row in found.fetchall()]
    except duckdb.Error:
        raise ValueError(f"--records {', '.join(paths)}: not readable as Parquet") from None
