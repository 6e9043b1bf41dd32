"""What witnesses signed, beside the log: `cosigned`, one JSON string per line, like `checkpoints`.

    cosigned    each a checkpoint's note with a witness's signature lines behind the log's own

Promises: durable when `append` returns; a line that a crash left unfinished is dropped by the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from extproc.audit.anchoring.cosignature import Cosignature, WitnessKey, read_cosignatures
from extproc.audit.anchoring.head import Head
from extproc.audit.disk import open_append, sync_folder, write_all
from extproc.audit.note import Note, NoteInvalid
from extproc.audit.publish import history_line, history_notes

COSIGNED = "cosigned"
_TAIL = 256 * 1024


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that a witness signed, and when, by the witness's clock (Unix time, s)."""

    head: Head
    at_s: int


def append(folder: Path, head: Head, signatures: Sequence[Cosignature]) -> None:
    """Keep a checkpoint with a witness's signatures; raises OSError."""
    note = head.note + "".join(f"{one.line}\n" for one in signatures)
    fd = open_append(folder / COSIGNED)
    try:
        _drop_unfinished(fd)
        write_all(fd, history_line(note))
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(folder)


def cosigned_notes(folder: Path) -> Iterator[str | None]:
    """All of them, in order; None for a line that is none. Raises OSError."""
    try:
        data = (folder / COSIGNED).read_bytes()
    except FileNotFoundError:
        return
    yield from history_notes(data)


def witnessed(
    folder: Path, keys: Sequence[WitnessKey]
) -> tuple[dict[WitnessKey, list[Witnessed]], list[str]]:
    """Which checkpoints each of `keys` signed, in order, and what of the file is no good.

    The log's own signature is not looked at. Raises OSError.
    """
    found: dict[WitnessKey, list[Witnessed]] = {key: [] for key in keys}
    faults: list[str] = []
    for number, note in enumerate(cosigned_notes(folder)):
        try:
            if note is None:
                raise NoteInvalid("not a checkpoint")
            head, taken = Head.read(note), Note.parse(note)
            for key in keys:
                signed = read_cosignatures(taken, key)
                found[key] += [Witnessed(head, one.at_s) for one in signed]
        except NoteInvalid as error:
            faults.append(f"line {number} of {COSIGNED}: {error}")
    return found, faults


def cosigned_sizes(folder: Path, keys: Sequence[WitnessKey]) -> dict[str, tuple[int, ...]]:
    """Name of a witness -> sizes of the checkpoints it really signed, as they were signed."""
    found, _ = witnessed(folder, keys)
    return {key.name: tuple(one.head.size for one in signed) for key, signed in found.items()}


def _drop_unfinished(fd: int) -> None:
    end = os.fstat(fd).st_size
    start = max(0, end - _TAIL)
    tail = os.pread(fd, _TAIL, start)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(fd, start + tail.rfind(b"\n") + 1)
