"""Anchors that are files: one that grows, or a folder with one file for each checkpoint.

    FILE        one JSON string per line, each a signed note
    FOLDER/     00000000000000000042.checkpoint: the note as it is

Promises: on the disk when it returns; nothing that is there is ever overwritten or cut, so that
the file may be append-only and the folder write-once; what is there and does not fit is a
conflict. Refuses to make folders: where a mount is missing, nothing is written under it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from extproc.audit.anchoring.head import Head
from extproc.audit.anchoring.values import Again, Conflict, Delivered, Outcome
from extproc.audit.disk import PRIVATE, open_append, sync_folder, write_all
from extproc.audit.note import NoteInvalid
from extproc.audit.publish import history_line, history_notes

_TAIL = 256 * 1024
RootOf = Callable[[int], bytes]
"""The root of the log's first so many entries."""


def file_name(size: int) -> str:
    """The name of a checkpoint's own file or object: 20 digits, so that they sort."""
    return f"{size:020}.checkpoint"


def keep_in(path: Path, head: Head, root_of: RootOf) -> Outcome:
    """Keep a checkpoint at `path`, a file or an existing folder. Raises OSError."""
    return put_in_folder(path, head) if path.is_dir() else append_to_file(path, head, root_of)


def append_to_file(path: Path, head: Head, root_of: RootOf) -> Outcome:
    """Add a line, unless the last one of this log says the same. Raises OSError."""
    fd = open_append(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end = os.fstat(fd).st_size
        tail = os.pread(fd, _TAIL, max(0, end - _TAIL))
        last = _last_of(tail, head.checkpoint.origin)
        if last is not None and (known := _against(last, head, root_of)) is not None:
            return known
        # What a crash left unfinished stays: the file may be append-only.
        lead = b"" if not tail or tail.endswith(b"\n") else b"\n"
        write_all(fd, lead + history_line(head.note))
        os.fsync(fd)
    except BlockingIOError:
        return Again("another process is writing it")
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return Delivered()


def put_in_folder(folder: Path, head: Head) -> Outcome:
    """Put a file of its own there. Raises OSError."""
    path = folder / file_name(head.size)
    aside = folder / f".{path.name}.{os.getpid()}"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        write_all(fd, head.note.encode())
        os.fsync(fd)
        # A link is made only where no such name exists; a rename would replace it.
        os.link(aside, path)
    except FileExistsError:
        return same_or_conflict(path.read_bytes(), head)
    finally:
        os.close(fd)
        aside.unlink()
    sync_folder(folder)
    return Delivered()


def same_or_conflict(existing: bytes, head: Head) -> Outcome:
    """What is kept of this size already: the same statement, or another one.

    Signatures may differ: keys are rotated, and the same tree is signed again.
    """
    try:
        same = Head.read(existing.decode()).text == head.text
    except (NoteInvalid, UnicodeDecodeError):
        same = False
    if same:
        return Delivered()
    return Conflict(f"it keeps another checkpoint of {head.size} entries")


def errno_name(error: OSError) -> str:
    """`ENOSPC` and the like: the whole text would name the path (P4)."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _last_of(tail: bytes, origin: str) -> Head | None:
    """The last checkpoint of this log; lines of others and damaged ones are passed over."""
    for note in reversed(list(history_notes(tail))):
        try:
            head = Head.read(note or "")
        except NoteInvalid:
            continue
        if head.checkpoint.origin == origin:
            return head
    return None


def _against(last: Head, head: Head, root_of: RootOf) -> Outcome | None:
    """The last line beside the new checkpoint; None: it is to be added."""
    if last.size > head.size:
        return Conflict(f"it keeps a checkpoint of {last.size} entries, the latest has {head.size}")
    if root_of(last.size) != last.checkpoint.root:
        return Conflict(f"it keeps a checkpoint of {last.size} entries that is not of this log")
    return Delivered() if last.size == head.size else None
