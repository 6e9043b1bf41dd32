"""The evidence pack: records with their proofs, reports, the texts they name, and how to check.

Promises: a pack is checked by its own `verify.py` before anybody gets it; a log that does not give
its signed root gives no pack. Only signed entries are in it. Without filters but a period, every
entry between its first and its last is in it, and one more at each end.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extproc.audit.archive import Archive, Kind
from extproc.audit.entry import rfc3339
from extproc.audit.merkle import HASH_BYTES, node_position
from extproc.audit.query import Filter
from extproc.audit.questions import controls, standalone_verify
from extproc.audit.questions.database import Questions
from extproc.audit.questions.delimited import csv_text
from extproc.audit.questions.filters import condition
from extproc.audit.questions.multiproof import multiproof
from extproc.audit.questions.page import html
from extproc.audit.questions.period import said
from extproc.audit.questions.readme import readme
from extproc.audit.questions.report import Report
from extproc.audit.questions.reports import REPORTS
from extproc.audit.questions.reports.scope import Scope
from extproc.audit.questions.standing import Standing, evidence
from extproc.audit.read import NotProvable
from extproc.audit.reader import LogReader
from extproc.audit.segments import HASHES, closed, file_lines, opened
from extproc.audit.sequencer import LOG
from extproc.audit.tombstone import Tombstone, is_tombstone, read_tombstone

FORMAT = "envelope-evidence-pack/1"
TEXTS: dict[Kind, str] = {
    "config": "config_digest",
    "policy": "policy_bundle_digest",
    "prices": "price_table_digest",
}
"""Folder of the archive -> the column that names a text in it."""
_TOGETHER = 2_000
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Selection:
    """`filters`: those that were given beside the period, as the manifest shows them."""

    wanted: Filter
    filters: dict[str, Any] = field(default_factory=dict)
    data_classes: tuple[str, ...] = ()
    texts: bool = True

    @property
    def complete(self) -> bool:
        return not self.filters


@dataclass(slots=True)
class Picked:
    """Which records went in. `stones`: of entries that retention removed, by index: all that went
    together with one between the first and the last, for only together they can be checked."""

    indexes: array[int]
    first: int
    last: int
    stones: dict[int, Tombstone] = field(default_factory=dict)

    @property
    def pruned(self) -> int:
        """Places between the first and the last whose entry is gone."""
        return sum(1 for index in self.stones if self.first <= index <= self.last)

    @property
    def leaves(self) -> list[int]:
        """All places whose leaf hash the pack has."""
        return sorted({*self.indexes, *self.stones})


class _Writer:
    """A zip file that knows the SHA-256 of what it holds."""

    def __init__(self, path: Path, made_at_ms: int) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._when = datetime.fromtimestamp(made_at_ms / 1000, UTC).timetuple()[:6]
        self.digests: dict[str, str] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name, self._when)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        self.digests[name] = digest.hexdigest()

    def close(self) -> None:
        self._zip.close()


def build(
    audit: Path,
    questions: Questions,
    found: Standing,
    selection: Selection,
    target: Path,
    *,
    now_ms: int,
    asked: str,
    say: Progress = lambda _: None,
) -> dict[str, Any]:
    """Write a pack to `target`, check it, and return its manifest; `manifest_sha256` is added.

    `questions`: over the local log alone. Raises NotProvable, OSError.
    """
    where = f"{condition(selection.wanted)} AND index < {found.size}"
    wanted = _wanted(questions, selection, where, found)
    writer = _Writer(target, now_ms)
    try:
        say("records")
        picked = _add_records(writer, audit / LOG, wanted, found)
        _add_proof(writer, audit / LOG, picked, found)
        say("reports")
        period = said(selection.wanted.since_ms, selection.wanted.until_ms)
        made = _reports(questions, Scope(where, data_classes=selection.data_classes))
        standing_on = evidence(
            found, made_at=rfc3339(now_ms), period=period, asked=asked, sources=("records.jsonl",),
            notices=tuple(questions.notices),
        )  # fmt: skip
        writer.add("reports.html", [html(made, standing_on).encode()])
        for report in made:
            for table in report.tables:
                writer.add(f"reports/{report.name}/{table.name}.csv", [csv_text(table)])
        missing = list(_add_texts(writer, audit, questions, where)) if selection.texts else []
        manifest = _manifest(found, selection, picked, missing, now_ms)
        _add_words(writer, manifest, period)
        manifest["files"] = dict(sorted(writer.digests.items()))
        text = json.dumps(manifest, indent=1).encode() + b"\n"
        writer.add(standalone_verify.MANIFEST, [text])
    finally:
        writer.close()
    say("check")
    try:
        checked = standalone_verify.check(target, found.key)
    except standalone_verify.Bad as bad:
        raise NotProvable(f"the log is not what was signed ({bad}): envelope audit verify") from bad
    return manifest | {"manifest_sha256": checked.manifest_sha256}


def _wanted(
    questions: Questions, selection: Selection, where: str, found: Standing
) -> Sequence[int]:
    """Indexes in order; raises NotProvable where nothing fits."""
    if not selection.complete:
        rows = questions.ask(f"SELECT DISTINCT index FROM entries WHERE {where} ORDER BY index")
        listed = array("q", (row[0] for row in rows.rows))
    else:
        ends = questions.rows(f"SELECT min(index), max(index) FROM entries WHERE {where}")[0]
        low, high = (-1, -1) if ends[0] is None else ends
        listed = array("q", range(max(low - 1, 0), min(high + 2, found.size)))
        listed = listed if low >= 0 else array("q")
    if not listed:
        raise NotProvable("no signed entry fits: there is nothing to put into a pack")
    return listed


def _add_records(writer: _Writer, log: Path, wanted: Sequence[int], found: Standing) -> Picked:
    """The records, and the log's own entries about changes of its key and about what is gone."""
    picked = Picked(array("q"), wanted[0], wanted[-1])
    picked.stones = _stones(log, wanted)
    own = {line.index for line in found.keys if line.index < found.size}
    own |= {stone.event for stone in picked.stones.values()}
    if any(index >= found.size for index in own):
        raise NotProvable("entries were removed by retention meanwhile: ask once more")
    outside = own - set(wanted) if own else set()
    places = sorted({*wanted, *outside}) if outside else wanted

    def lines() -> Iterator[bytes]:
        for index, line in read_at(log, places):
            if not is_tombstone(line):
                picked.indexes.append(index)
                yield line + b"\n"
            elif index not in picked.stones:
                raise NotProvable(f"entry {index} was taken away: envelope audit verify")

    writer.add(standalone_verify.RECORDS, lines())
    stones = sorted(picked.stones.items())
    writer.add(standalone_verify.PRUNED, (stone.line() + b"\n" for _, stone in stones))
    if not picked.indexes:
        raise NotProvable("every entry that fits was removed by retention")
    return picked


def _stones(log: Path, wanted: Sequence[int]) -> dict[int, Tombstone]:
    """Tombstones among these places, and those that one entry accounts for together with them."""
    found = (read_tombstone(line) for _, line in read_at(log, wanted))
    events = {stone.event for stone in found if stone is not None}
    together: dict[int, Tombstone] = {}
    for segment in closed(log) if events else ():
        with opened(segment.path) as fd:
            for line in file_lines(fd) if fd is not None else ():
                stone = read_tombstone(line)
                if stone is not None and stone.event in events:
                    together[stone.index] = stone
    return together


def read_at(log: Path, indexes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Lines of a log at ascending indexes; raises NotProvable where one is missing."""
    reader, start, lines = LogReader(log), 0, list[bytes]()
    for index in indexes:
        if not start <= index < start + len(lines):
            start, lines = index, reader.read(index, _TOGETHER)
        if not lines:
            raise NotProvable(f"entry {index} is missing: envelope audit verify")
        yield index, lines[index - start]


def _add_proof(writer: _Writer, log: Path, picked: Picked, found: Standing) -> None:
    with (log / HASHES).open("rb") as file:

        def node(level: int, index: int) -> bytes:
            file.seek(node_position(level, index) * HASH_BYTES)
            data = file.read(HASH_BYTES)
            if len(data) != HASH_BYTES:
                raise NotProvable("the stored hashes are incomplete: envelope audit verify")
            return data

        hashes = (base64.b64encode(h).decode() for h in multiproof(node, picked.leaves, found.size))
        proof = {"tree_size": found.size, "hashes": list(hashes)}
    writer.add(standalone_verify.PROOF, [json.dumps(proof, indent=0).encode() + b"\n"])
    writer.add(standalone_verify.CHECKPOINT, [found.note.encode()])
    writer.add(standalone_verify.KEY, [found.key.encode() + b"\n"])
    writer.add(standalone_verify.KEYS, found.keys_lines(log))


def _reports(questions: Questions, scope: Scope) -> list[Report]:
    order = ["customer-data", *(name for name in REPORTS if name != "customer-data")]
    return [REPORTS[name](questions, scope) for name in order]


def _add_texts(
    writer: _Writer, audit: Path, questions: Questions, where: str
) -> Iterator[tuple[str, str]]:
    """What the records name by digest; yields what the archive does not have, or has altered."""
    archive = Archive(audit / "archive")
    for kind, column in TEXTS.items():
        named = questions.rows(
            f"SELECT DISTINCT {column} FROM entries WHERE {where} AND {column} <> '' ORDER BY 1"
        )
        for (digest,) in named:
            if archive.holds(kind, digest):
                path = audit / "archive" / kind / digest
                writer.add(f"texts/{kind}/{digest}", [path.read_bytes()])
            else:
                yield kind, digest


def _manifest(
    found: Standing,
    selection: Selection,
    picked: Picked,
    missing: list[tuple[str, str]],
    now_ms: int,
) -> dict[str, Any]:
    wanted = selection.wanted
    return {
        "format": FORMAT,
        "made_at": rfc3339(now_ms),
        "origin": found.origin,
        "selection": {
            "since": None if wanted.since_ms is None else rfc3339(wanted.since_ms),
            "until": None if wanted.until_ms is None else rfc3339(wanted.until_ms),
            "filters": selection.filters,
            "complete": selection.complete,
            "first": picked.first,
            "last": picked.last,
            "records": len(picked.indexes),
            "pruned": picked.pruned,
        },
        "checkpoint": {"size": found.size, "root": found.root_base64},
        "missing_texts": missing,
    }


def _add_words(writer: _Writer, manifest: dict[str, Any], period: str) -> None:
    writer.add("README.md", [readme(manifest, period).encode()])
    writer.add("controls.md", [controls.markdown().encode()])
    controls_json = json.dumps(controls.as_json(), indent=1).encode() + b"\n"
    writer.add("controls.json", [controls_json])
    writer.add("verify.py", [Path(standalone_verify.__file__).read_bytes()])
