"""What a lane hands to a sink, and what a sink makes of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from extproc.audit.values import Entry


@dataclass(frozen=True, slots=True)
class Item:
    """One entry to be sent. `line`: the leaf's exact bytes, without the newline."""

    index: int
    line: bytes
    entry: Entry


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries `first`..`last` of a log, those of the sink's classes: `items`, in order.

    `origin`: the log's name. `log_id`: tells logs of one name apart (hex). Sent again after a
    crash it is the same, so that whatever is named after it exists once. `pruned`: entries of the
    range that had been removed from the log before they could be sent.
    """

    origin: str
    log_id: str
    first: int
    last: int
    items: tuple[Item, ...]
    pruned: int = 0
    unreadable: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Entries of the range, sent or not."""
        return self.last - self.first + 1

    @property
    def key(self) -> str:
        """What a receiver can tell repeats by; ASCII."""
        return f"{_ascii(self.origin)}/{self.first}-{self.last}-{self.log_id[:8]}"


@dataclass(frozen=True, slots=True)
class Taken:
    """The sink has the batch. `refused`: of how many entries it says that it did not keep them."""

    refused: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """It may pass by itself. `why`: fixed text; `after_ms`: what the sink asked for."""

    why: str
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Somebody must change something; tried again slowly, and nothing is skipped."""

    why: str


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """This batch will never be taken. `code`: short and fixed, e.g. `http-400`."""

    code: str


Outcome = Taken | Again | Misconfigured | Unacceptable


class Sender(Protocol):
    """One open way to a sink."""

    async def send(self, batch: Batch) -> Outcome:
        """One attempt. Bounded from outside; what it raises counts as `Again`."""
        ...

    async def close(self) -> None:
        """Let go of connections; whatever is still being sent breaks off."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """How entries of one kind of sink are put together. `bytes_max`: of a batch's lines.

    `together`: entries with the same value may share a batch ('' = all).
    """

    bytes_max: int = 4 * 1024 * 1024
    together: Callable[[Entry], str] = lambda _: ""


def log_id_of(leaf: bytes) -> str:
    """64 hex digits that name a log: from the leaf hash of its first entry."""
    return hashlib.sha256(b"envelope log\n" + leaf).hexdigest()


def _ascii(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c != " " else "_" for c in text)
