"""Comparing the log with what left this machine: anchored copies, and witnesses' signatures.

Promises: every saved checkpoint is compared, each mismatch is named with where it was saved; a
place that holds nothing, and a witness that has signed nothing, is a fault (no vacuous truth).
The whole log is computed again once, beside the newest saved checkpoint; the others are compared
with the hashes that this has shown to be the entries'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from extproc.audit.anchoring.cosignature import WitnessKey
from extproc.audit.anchoring.cosigned import witnessed
from extproc.audit.anchoring.head import HashesShort, Head, stored_root
from extproc.audit.checkpoint import read_checkpoint
from extproc.audit.note import NoteInvalid, Verifier
from extproc.audit.publish import history_notes
from extproc.audit.verify import SAVED, verify

FAULTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that somebody kept. `where`: as people may be told."""

    where: str
    head: Head


@dataclass(slots=True)
class Finding:
    """What was compared. `newest`: entries of the newest checkpoint of each place or witness."""

    checkpoints: int = 0
    newest: dict[str, int] = field(default_factory=dict)
    witnessed_at_s: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.faults


def compare(
    folder: Path, verifier: Verifier, places: Sequence[Path], keys: Sequence[WitnessKey]
) -> Finding:
    """Check the log in `folder` beside saved checkpoints and witnesses' signatures.

    `places`: files and folders of anchors. Raises OSError for one that is not there.
    """
    finding = Finding()
    saved = [one for place in places for one in _of_place(place, verifier, finding)]
    saved += _of_witnesses(folder, verifier, keys, finding)
    finding.checkpoints = len(saved)
    if saved:
        finding.faults += _against_log(folder, verifier, saved)
    del finding.faults[FAULTS_MAX:]
    return finding


def saved_notes(place: Path) -> Iterator[str | None]:
    """The notes of an anchor: a folder of `*.checkpoint`, a file that grew, or one note.

    None for a line of a file that is none. Raises OSError.
    """
    if place.is_dir():
        for path in sorted(place.rglob("[!.]*.checkpoint")):
            yield path.read_bytes().decode(errors="replace")
        return
    data = place.read_bytes()
    if data.startswith(b'"') or not data:
        yield from history_notes(data)
    else:
        yield data.decode(errors="replace")


def _of_place(place: Path, verifier: Verifier, finding: Finding) -> list[Saved]:
    """Checkpoints of other logs are passed over; so is a line that a crash left unfinished."""
    found: list[Saved] = []
    for number, note in enumerate(saved_notes(place)):
        where = f"{place.name}, checkpoint {number}"
        if note is None:
            finding.unreadable += 1
            continue
        try:
            head = Head.read(note)
        except NoteInvalid as error:
            finding.faults.append(f"{where}: {error}")
            continue
        if head.checkpoint.origin == verifier.name:
            found.append(Saved(where, head))
    if not found:
        finding.faults.append(f"{place.name} holds no checkpoint of this log")
    finding.newest[place.name] = max((one.head.size for one in found), default=0)
    return found


def _of_witnesses(
    folder: Path, verifier: Verifier, keys: Sequence[WitnessKey], finding: Finding
) -> list[Saved]:
    if not keys:
        return []
    found, faults = witnessed(folder, keys)
    finding.faults += faults
    saved: list[Saved] = []
    for key, signed in found.items():
        ours = [one for one in signed if one.head.checkpoint.origin == verifier.name]
        if not ours:
            finding.faults.append(f"no checkpoint of this log is signed by {key.name}")
        finding.newest[key.name] = max((one.head.size for one in ours), default=0)
        finding.witnessed_at_s[key.name] = max((one.at_s for one in ours), default=0)
        where = "{} entries, signed by " + key.name
        saved += [Saved(where.format(one.head.size), one.head) for one in ours]
    return saved


def _against_log(folder: Path, verifier: Verifier, saved: list[Saved]) -> Iterator[str]:
    newest = max(saved, key=lambda one: one.head.size)
    report = verify(folder, verifier, newest.head.note)
    for fault in report.faults:
        yield f"{fault.kind}: {fault.text.replace(SAVED, newest.where)}"
    keys = [Verifier.parse(key) for key in report.keys]
    for one in saved:
        why = "" if one is newest else _misfit(folder, one.head, report.size, keys)
        if why:
            yield f"{one.where}: {why}"


def _misfit(folder: Path, head: Head, size: int, keys: Sequence[Verifier]) -> str:
    """Any key that the log ever had may have signed it: what counts is that the entries fit."""
    if not any(_signed(head, key) for key in keys):
        return "no key of this log signed it"
    if head.size > size:
        return f"truncated: it vouches for {head.size} entries, the log has {size}"
    try:
        fits = stored_root(folder, head.size) == head.checkpoint.root
    except (HashesShort, FileNotFoundError):
        return "the stored hashes are incomplete"
    return "" if fits else f"fork: the log's first {head.size} entries are not those"


def _signed(head: Head, key: Verifier) -> bool:
    try:
        read_checkpoint(head.note, key)
    except NoteInvalid:
        return False
    return True
