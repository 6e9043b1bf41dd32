"""The way to one target: is there something new, may it go, what became of it, when again.

Promises: one checkpoint at a time, the latest; at most one at each of the target's intervals; one
that failed is tried again with growing waits, bounded, so that a target that is away costs little
and is served soon after it is back. A conflict stands until a later checkpoint is taken. The log
says once when a target goes and once when it is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from extproc.audit.anchoring.blocking import Busy
from extproc.audit.anchoring.cursor import Cursor
from extproc.audit.anchoring.delivery import Delivery, Target, name_of
from extproc.audit.anchoring.head import Head, doubt, latest_head
from extproc.audit.anchoring.kept_files import errno_name
from extproc.audit.anchoring.values import Again, Conflict, Delivered, Outcome, Refused
from extproc.audit.note import NoteInvalid
from extproc.config.audit_model import Witness

log = logging.getLogger("envelope.audit")

FIRST_MS = 1_000
PASSING_MS_MAX = 5 * 60_000
LASTING_MS_MAX = 60 * 60_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Row:
    """What a target has come to, for metrics. `kind`: `anchor` or `witness`.

    Counts are since this process began. `size`: entries of the newest checkpoint it has taken, 0
    for none. `age_ms`: since it took it, None for none. `behind`: a newer one is not there yet.
    """

    kind: str
    target: str
    sent: int
    failed: int
    conflict: int
    size: int
    age_ms: int | None
    behind: bool

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome -> how often."""
        return {"sent": self.sent, "failed": self.failed, "conflict": self.conflict}


@dataclass(frozen=True, slots=True)
class Places:
    """`log`: the log's folder. `cursors`: where the cursors are kept."""

    log: Path
    cursors: Path


class Lane:
    """One target. `step` is all it does; who calls it waits as long as it says."""

    def __init__(
        self, target: Target, places: Places, delivery: Delivery, clock_ms: Callable[[], int],
        chance: Random,
    ) -> None:  # fmt: skip
        self.target = target
        self._places, self._delivery = places, delivery
        self._clock_ms, self._chance = clock_ms, chance
        self._cursor: Cursor | None = None
        self._loaded = False
        self._counts = {"sent": 0, "failed": 0, "conflict": 0}
        self._failures = 0
        self._trouble = ""
        self._newest = 0

    @property
    def row(self) -> Row:
        cursor = self._cursor
        size = cursor.sent.size if cursor else 0
        age_ms = max(0, self._clock_ms() - cursor.at_ms) if cursor else None
        kind = "witness" if isinstance(self.target, Witness) else "anchor"
        behind = self._newest > size or bool(self._trouble)
        return Row(kind, self.target.name, **self._counts, size=size, age_ms=age_ms, behind=behind)

    async def step(self) -> int:
        """Send what is new; returns how long to wait, in ms. Raises nothing."""
        try:
            outcome = await self._try()
        except Exception as error:  # a defect of ours must not end the lane
            outcome = Again(f"could not be tried ({type(error).__name__})")
        if outcome is None:
            self._well()
            return self.target.interval_ms
        return self._settle(outcome)

    # --- one checkpoint -----------------------------------------------------------------------

    async def _try(self) -> Outcome | None:
        """None: there is nothing new."""
        try:
            head = await self._bounded(self._look)
        except (TimeoutError, Busy):
            return Again("the log's disk does not answer")
        except NoteInvalid as error:
            return Conflict(f"the latest checkpoint is none: {error}")
        except OSError as error:
            return Again(f"the log cannot be read ({errno_name(error)})")
        if not isinstance(head, Head):
            return head
        self._newest = head.size
        outcome = await self._delivery.send(self.target, head, self._known(head))
        if isinstance(outcome, Delivered):
            return await self._note(head, outcome)
        return outcome

    def _known(self, head: Head) -> int:
        """Entries of the newest checkpoint of this log that the target has taken."""
        sent = self._cursor.sent if self._cursor else None
        return sent.size if sent and sent.origin == head.checkpoint.origin else 0

    def _look(self) -> Head | Conflict | None:
        """In a thread: the checkpoint that is to be sent. Raises OSError, NoteInvalid."""
        if not self._loaded:
            cursor = Cursor.load(self._path)
            self._cursor = cursor if cursor and cursor.place == place_of(self.target) else None
            self._loaded = True
        sent = self._cursor.sent if self._cursor else None
        head = latest_head(self._places.log)
        if head is None:
            why = f"a checkpoint of {sent.size} entries was sent, the log has none" if sent else ""
            return Conflict(why) if why else None
        if sent == head.checkpoint:
            return None
        if sent and sent.origin != head.checkpoint.origin:
            sent = None  # another log: what was sent before says nothing of it
        why = doubt(self._places.log, head, sent)
        return Conflict(why) if why else head

    async def _note(self, head: Head, outcome: Outcome) -> Outcome:
        cursor = Cursor(place_of(self.target), head.checkpoint, self._clock_ms())
        try:
            await self._bounded(partial(cursor.save, self._path))
        except (OSError, Busy):
            return Again("was sent, but that cannot be noted")
        self._cursor = cursor
        return outcome

    async def _bounded(self, work: Callable[[], _T]) -> _T:
        async with asyncio.timeout(self.target.timeout_ms / 1000):
            return await self._delivery.threads.run(name_of(self.target), work)

    @property
    def _path(self) -> Path:
        return self._places.cursors / f"{name_of(self.target)}.json"

    # --- what became of it --------------------------------------------------------------------

    def _settle(self, outcome: Outcome) -> int:
        match outcome:
            case Delivered():
                self._counts["sent"] += 1
                self._well()
                return self.target.interval_ms
            case Conflict(why=why):
                self._counts["conflict"] += 1
                self._tell("conflict", why)
                return self._pause_ms(LASTING_MS_MAX, 0)
            case Refused(why=why):
                self._counts["failed"] += 1
                self._tell("failed", why)
                return self._pause_ms(LASTING_MS_MAX, 0)
            case Again(why=why, retry_after_ms=asked_ms):
                self._counts["failed"] += 1
                self._tell("failed", why)
                return self._pause_ms(PASSING_MS_MAX, asked_ms)

    def _well(self) -> None:
        self._tell("", "")
        self._failures = 0

    def _pause_ms(self, most_ms: int, asked_ms: int) -> int:
        """Doubling from the interval, the upper half by chance; never more often than that."""
        self._failures += 1
        first = max(FIRST_MS, self.target.interval_ms)
        grown = min(max(first, most_ms), first << min(self._failures - 1, 16))
        return max(asked_ms, int(grown * (0.5 + self._chance.random() / 2)))

    def _tell(self, trouble: str, why: str) -> None:
        """Once when it goes, once when it is back; a conflict is news of its own."""
        name = f"{self.row.kind} {self.target.name!r}"
        if trouble and trouble != self._trouble:
            what = "CONFLICT" if trouble == "conflict" else "takes no checkpoint"
            log.error("audit log: %s: %s: %s", name, what, why)
        elif not trouble and self._trouble:
            log.warning("audit log: %s takes checkpoints again", name)
        self._trouble = trouble


def place_of(target: Target) -> str:
    """Names where a target keeps what it takes; another place begins anew."""
    if isinstance(target, Witness):
        named = ("witness", target.url, target.key)
    else:
        where = target.path or target.location or target.url or ""
        named = (target.type, where, target.endpoint or "")
    framed = "".join(f"{len(part)}:{part}" for part in named)
    return hashlib.sha256(framed.encode("utf-8", "surrogatepass")).hexdigest()[:32]
