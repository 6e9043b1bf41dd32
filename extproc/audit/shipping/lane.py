"""One sink's way through the log: what is next, one attempt, what came of it.

Promises: every entry of the sink's classes, from the beginning of the log, at least once and in
order; a batch that was on its way when the process died goes again as it was. What fails is tried
again until it passes. What the sink will never take is cut in halves until the one entry is found;
that one is set aside and counted, so that it does not stop the others. Nothing of an entry is
logged (P4): a line when the sink goes, a line when it is back.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import assert_never

from extproc.audit.columns import instant
from extproc.audit.shipping.backoff import REFUSED_IN_A_ROW_MAX, slow_ms, wait_ms
from extproc.audit.shipping.cursor import Cursor, Desk
from extproc.audit.shipping.figures import Figures
from extproc.audit.shipping.pace import Pace
from extproc.audit.shipping.plan import batch_of
from extproc.audit.shipping.source import Source
from extproc.audit.shipping.values import (
    Again,
    Batch,
    Misconfigured,
    Outcome,
    Sender,
    Shape,
    Taken,
    Unacceptable,
)
from extproc.config.audit_model import Sink
from extproc.config.secrets import SecretMissing

log = logging.getLogger("envelope.shipping")

POLL_MS = 100
DISK_AGAIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class Means:
    """What a lane works with. `opening` makes a new way to the sink, reading its secrets."""

    source: Source
    desk: Desk
    opening: Callable[[], Awaitable[Sender]]
    pace: Pace
    chance: Random


class Lane:
    """Owns one sink's cursor, its open sender and its figures. `origin`: the log's name."""

    def __init__(self, sink: Sink, shape: Shape, origin: str, means: Means) -> None:
        self._sink, self._shape, self._origin, self._means = sink, shape, origin, means
        self.figures = Figures()
        self._log_id = ""
        self._cursor = Cursor()
        self._since_ms: int | None = None
        self._end: int | None = None
        self._limit = sink.batch_entries_max
        self._sender: Sender | None = None
        self._failures = 0
        self._refused_in_a_row = 0

    async def run(self) -> None:
        """Until it is time to leave; then what is there still goes, up to the first failure."""
        try:
            while await self._step():
                pass
        finally:
            await self._drop_sender()

    async def _step(self) -> bool:
        """One attempt or one wait. False: leave."""
        pace = self._means.pace
        if pace.leaving and not pace.finishing:
            return False
        try:
            batch = await asyncio.to_thread(self._next)
            if batch is None:
                if pace.leaving:
                    return False
                await pace.rest(POLL_MS)
                return True  # when it is time to finish, there may be something after all
            rest_ms = await self._deliver(batch)
        except Exception as error:
            number = error.errno if isinstance(error, OSError) else None
            what = errno.errorcode.get(number or 0, type(error).__name__)
            self._fails(f"the log or the state folder cannot be used ({what})")
            rest_ms = DISK_AGAIN_MS
        return rest_ms == 0 or await pace.rest(rest_ms)

    # --- what is next -------------------------------------------------------------------------

    def _next(self) -> Batch | None:
        """The batch to send, its range durable; None: not yet. Raises OSError."""
        count = self._count()
        if not count:
            return None
        # A range that is fixed is read whole, so that it gives the very batch it was.
        bytes_max = None if self._cursor.last is not None else self._shape.bytes_max
        lines = self._means.source.read(self._cursor.next, count, bytes_max)
        if not lines:
            raise OSError(errno.EIO, "an entry that should be there is not")
        batch = batch_of(
            lines, self._cursor.next, classes=self._sink.classes, shape=self._shape,
            origin=self._origin, log_id=self._log_id,
        )  # fmt: skip
        if batch.items:
            self._note_oldest(batch)
            self._move(Cursor(batch.first, batch.last))
        return batch

    def _count(self) -> int:
        """How many entries the next batch may span; 0: wait."""
        source, pace = self._means.source, self._means.pace
        if not self._log_id:
            self._log_id = source.log_id()
            self._cursor = self._means.desk.load(self._log_id) if self._log_id else Cursor()
            self.figures.next = self._cursor.next
        if self._cursor.last is not None:
            return self._cursor.last - self._cursor.next + 1
        size = source.size()
        if pace.finishing:
            # The log may go on growing; this lane does not.
            size = self._end = size if self._end is None else min(size, self._end)
        waiting = size - self._cursor.next
        if waiting <= 0 or not self._log_id:
            self._since_ms = self.figures.oldest_ms = None
            return 0
        now_ms = pace.now_ms()
        if self._since_ms is None:
            self._since_ms = self.figures.oldest_ms = now_ms
        waited = now_ms - self._since_ms >= self._sink.batch_wait_ms
        return self._limit if waited or waiting >= self._limit or pace.finishing else 0

    def _move(self, cursor: Cursor) -> None:
        """Durable when it returns. Raises OSError; what has been sent stays sent all the same."""
        if cursor != self._cursor:
            self._cursor = cursor
            self.figures.next = cursor.next
            try:
                self._means.desk.save(self._log_id, cursor)
            except OSError:
                # Not a range that is known to be durable: nothing may be named after it.
                self._cursor = Cursor(cursor.next)
                raise

    def _note_oldest(self, batch: Batch) -> None:
        at = instant(batch.items[0].entry)
        if at is not None:
            self.figures.oldest_ms = int(at.timestamp() * 1000)

    # --- one attempt --------------------------------------------------------------------------

    async def _deliver(self, batch: Batch) -> int:
        """Send it and note what came of it; how long to rest then, in ms. Raises OSError."""
        if not batch.items:
            await asyncio.to_thread(self._pass, batch)
            return 0
        outcome = await self._attempt(batch)
        if not isinstance(outcome, Taken | Unacceptable):
            await self._drop_sender()
            self.figures.entries["failed"] += len(batch.items)
            self._fails(outcome.why)
        match outcome:
            case Taken(refused=refused):
                self._works()
                self._count_taken(batch, refused)
                await asyncio.to_thread(self._pass, batch)
                return 0
            case Unacceptable(code=code):
                return await asyncio.to_thread(self._narrow, batch, code)
            case Again(after_ms=after_ms):
                return wait_ms(self._failures, after_ms, self._means.chance)
            case Misconfigured():
                return slow_ms(self._means.chance)
            case _:
                assert_never(outcome)

    async def _attempt(self, batch: Batch) -> Outcome:
        try:
            async with asyncio.timeout(self._sink.timeout_ms / 1000):
                if self._sender is None:
                    self._sender = await self._means.opening()
                return await self._sender.send(batch)
        except TimeoutError:
            return Again("no answer in time")
        except SecretMissing:
            return Misconfigured("a secret of it cannot be read")
        except Exception as error:
            return Again(f"cannot be reached ({type(error).__name__})")

    def _pass(self, batch: Batch) -> None:
        """Behind this batch."""
        for index in batch.unreadable:
            self._set_aside(index, "unreadable")
        self.figures.entries["pruned"] += batch.pruned
        self._since_ms = self.figures.oldest_ms = None
        self._move(Cursor(batch.last + 1))

    def _narrow(self, batch: Batch, code: str) -> int:
        """Half of it next time; a single entry is set aside."""
        if len(batch.items) > 1:
            self._limit = max(1, batch.size // 2)
            self._move(Cursor(batch.first))
            return 0
        self._set_aside(batch.items[0].index, code)
        self._pass(batch)
        self._refused_in_a_row += 1
        if self._refused_in_a_row <= REFUSED_IN_A_ROW_MAX:
            return 0
        self._fails(f"it refuses every entry ({code})")
        return slow_ms(self._means.chance)

    def _set_aside(self, index: int, code: str) -> None:
        self._means.desk.set_aside(index, code, self._means.pace.now_ms())
        self.figures.entries["refused"] += 1

    async def _drop_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            try:
                await sender.close()
            except Exception as error:
                log.debug("sink %s: closing failed (%s)", self._sink.name, type(error).__name__)

    # --- how it goes --------------------------------------------------------------------------

    def _count_taken(self, batch: Batch, refused: int) -> None:
        self.figures.entries["shipped"] += len(batch.items) - refused
        if refused:
            self.figures.entries["refused"] += refused
        self._refused_in_a_row = 0
        self._limit = min(self._sink.batch_entries_max, self._limit * 2)

    def _works(self) -> None:
        self._failures = 0
        if not self.figures.up:
            self.figures.up = True
            log.warning("audit sink %s is back", self._sink.name)

    def _fails(self, why: str) -> None:
        self._failures += 1
        if self.figures.up:
            self.figures.up = False
            log.warning("audit sink %s does not take entries: %s", self._sink.name, why)
