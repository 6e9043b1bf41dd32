"""The few file operations that the audit log rests on.

Promises: `write_all` writes everything or raises; `replace_file` is seen whole or not at all, also
after a power cut; a lock that `hold_lock` made is visible only once it is held.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

PRIVATE = 0o600


def write_all(fd: int, data: bytes) -> None:
    """Write every byte at the end of `fd`; raises OSError, then the end of the file is unknown."""
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest)
        if written <= 0:
            raise OSError(errno.EIO, "nothing was written")
        rest = rest[written:]


def open_append(path: Path) -> int:
    """A descriptor that reads anywhere and writes at the end; the file is created private."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE)


def open_read(path: Path) -> int:
    """A descriptor for reading a regular file; raises OSError for a pipe or a device, which would
    hold up or feed its reader for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path.name)
    return fd


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step: written aside, synced, renamed, folder synced."""
    aside = path.with_name(path.name + ".new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(aside, path)
    sync_folder(path.parent)


def replace_secret(path: Path, aside: Path) -> None:
    """Put the file `aside` at `path` in one step, and overwrite the secret that was there.

    The overwriting is for the disk's sake and best effort: by then the old one has no name.
    """
    try:
        old = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        old = None
    try:
        os.replace(aside, path)
        sync_folder(path.parent)
        if old is not None:
            with contextlib.suppress(OSError):
                os.pwrite(old, b"0" * os.fstat(old).st_size, 0)
                os.fsync(old)
    finally:
        if old is not None:
            os.close(old)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable (fsync(2): a file's own sync does not cover its name)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def hold_lock(path: Path) -> int:
    """Create `path` already locked; raises FileExistsError where the name was ever used.

    Locked under a hidden name first and linked after, so that nobody can find the file unlocked
    while its owner lives.
    """
    hidden = path.with_name("." + path.name)
    fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.link(hidden, path)
        os.unlink(hidden)
    except BaseException:
        os.close(fd)
        raise
    return fd


def try_lock(path: Path) -> int | None:
    """Lock an existing or new file; None when another holder lives. Close the result to release."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    return fd


def is_locked(path: Path) -> bool:
    """Whether a living holder has `path` locked; a missing file is not locked."""
    try:
        fd = open_read(path)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
