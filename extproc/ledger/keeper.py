"""A gateway's own copy of the ledger, and what it does with it: one per gateway, in its supervisor.

Promises: a store that never held a ledger is opened; one that has lost data gets back what this
gateway ever saw spent, its own and everybody else's; reservations that died with a worker are
settled by what the worker noted on its slate; expired ones are closed also when nobody calls.
Refuses: a store that may evict counters, for as long as it may.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from extproc.ledger.epoch import EPOCH_KEY, NoLedger
from extproc.ledger.mark_file import MarkFile
from extproc.ledger.redis_ledger import (
    LOOK_BACK,
    RECOVERY_MS,
    RedisLedger,
    wall_clock_ms,
)
from extproc.ledger.slate import Line, Slate, State, is_abandoned, read
from extproc.limits.values import NOTHING, CounterReading, LedgerUnavailable, Measure
from extproc.store_client import StoreRefused, StoreUnavailable, check_policy, mapped_errors

log = logging.getLogger("envelope.ledger")

TICK_S = 0.5
PAGES_PER_TICK = 50
POLICY_EVERY = 10
"""Ticks between two looks at the store's eviction policy."""
MARKS_MAX = 2_000_000
Observe = Callable[[Sequence[CounterReading], int], None]


class LedgerKeeper:
    """`folder`: where its copy and the workers' slates are. `observe`: told of changed counters."""

    def __init__(
        self,
        client: Redis,
        folder: Path,
        *,
        timeout_ms: int = 500,
        recovery_ms: int = RECOVERY_MS,
        clock_ms: Callable[[], int] = wall_clock_ms,
        store_ms: Callable[[], int] | None = None,
        observe: Observe | None = None,
    ) -> None:
        self._client, self._folder, self._observe = client, folder, observe
        self._clock_ms = clock_ms
        self.ledger = RedisLedger(
            client, timeout_ms=timeout_ms, clock_ms=clock_ms, store_ms=store_ms,
            recovery_ms=recovery_ms, marks_max=MARKS_MAX,
        )  # fmt: skip
        self._file = MarkFile(folder / "marks.jsonl")
        self._written: tuple[str, int] = ("", 0)
        self._cursor, self._seen, self._last_seq = 0, 0, -1
        self._ticks = 0
        self._stopped = False
        self.trouble = ""
        """Why calls are refused, as far as this gateway knows; '' = they are not."""
        self.ledger.marks.follow_changes()

    def remember(self) -> None:
        """Read the copy of an earlier run. Raises OSError."""
        found = self._file.read()
        for key, mark in found.marks.items():
            self.ledger.marks.note(key, mark.spent, mark.meta, mark.seen_ms)
        self.ledger.store.epoch, self.ledger.store.seq = found.epoch, found.seq

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await self.tick()
            await asyncio.sleep(TICK_S)

    async def tick(self) -> None:
        """Follow the store once. Never raises: what fails now is tried again."""
        self._ticks += 1
        try:
            await self._open()
            await self._follow()
            await self.ledger.sweep()
            if self._ticks % POLICY_EVERY == 1:
                await self._check_policy()
        except (LedgerUnavailable, StoreUnavailable) as error:
            self._say(str(error))
        else:
            self._say("")
        await self._write()

    def _say(self, trouble: str) -> None:
        """Each trouble once; how long a wait still takes is no news."""
        known = self.trouble
        self.trouble = trouble
        if trouble and not known:
            log.warning("ledger: %s", trouble)
        elif known and not trouble:
            log.warning("ledger: the store answers again")

    async def _open(self) -> None:
        """Join the epoch that runs; begin the first one where there never was any."""
        try:
            await self.ledger.check()
        except NoLedger:
            log.info("a new ledger begins")
            await self.ledger.store.begin_first()

    async def _follow(self) -> None:
        """Remember all counters once, then what changes. What takes too long goes on next tick."""
        for _ in range(PAGES_PER_TICK):
            readings, over = await (self._look_at_all() if self._cursor >= 0 else self._look())
            if self._observe is not None and readings:
                self._observe(readings, self._clock_ms())
            if over:
                return

    async def _look_at_all(self) -> tuple[list[CounterReading], bool]:
        if self._cursor == 0:  # what changes from here on is found by its change
            self._seen, self._last_seq = max(0, self.ledger.store.seq - LOOK_BACK), -1
        readings, self._cursor = await self.ledger.page(self._cursor, note=True)
        return readings, False

    async def _look(self) -> tuple[list[CounterReading], bool]:
        found = await self.ledger.changed(self._seen, self._last_seq)
        if found is None:
            self._cursor = 0
            return [], False
        readings, onward, seq = found
        if onward >= 0:
            self._seen = onward
            return readings, False
        self._seen, self._last_seq = max(0, seq - LOOK_BACK), seq
        return readings, True

    async def _check_policy(self) -> None:
        """A store that may evict serves nobody, here or elsewhere, until it may not."""
        try:
            await check_policy(self._client)
        except StoreRefused as error:
            log.error("%s", error)
            await self._mark_stopped(str(error))
        else:
            if self._stopped:
                await self._mark_stopped("")

    async def _mark_stopped(self, why: str) -> None:
        with mapped_errors():
            if why:
                await self._client.hset(EPOCH_KEY, "stop", why)
            else:
                await self._client.hdel(EPOCH_KEY, "stop")
        self._stopped = bool(why)

    async def _write(self) -> None:
        """Append what has changed; the disk never holds up the event loop."""
        marks, store = self.ledger.marks, self.ledger.store
        known = (store.epoch, store.seq)
        changed = marks.take_changed()
        if not changed and known == self._written:
            return
        if self._file.wants_rewrite(len(marks)):
            marks.drop_dead(self._clock_ms())
            work = partial(self._file.rewrite, *known, marks.items())
        else:
            work = partial(self._file.append, *known, changed)
        try:
            await asyncio.to_thread(work)
            self._written = known
        except OSError as error:
            marks.put_back(changed)
            log.error("the copy of the ledger cannot be written: %s", error.strerror)

    # --- the dead -----------------------------------------------------------------------------

    def new_slate(self, owner: str) -> Slate:
        """The slate of a worker that begins."""
        return Slate(slate_path(self._folder, owner))

    def abandoned(self) -> list[str]:
        """Owners whose worker is gone but whose slate is still there, e.g. of an earlier run."""
        found = sorted(self._folder.glob("*.slate"))
        return [path.stem for path in found if is_abandoned(path)]

    async def bury(self, owner: str) -> tuple[int, int]:
        """Settle what a dead worker left: how many by its slate, how many in full.

        Never sent: given back. Sent: in full, as the provider may have billed it. Answered: what it
        used. Raises LedgerUnavailable; then call again.
        """
        path = slate_path(self._folder, owner)
        lines = list(read(path)) if path.exists() else []
        for line in lines:
            await self.ledger.settle_noted(line.reservation_id, _fate(line), line.held)
        in_full = await self.ledger.reap(owner)
        path.unlink(missing_ok=True)
        return len(lines), in_full


def slate_path(folder: Path, owner: str) -> Path:
    """Where the worker of that name keeps its slate."""
    return folder / f"{owner}.slate"


def _fate(line: Line) -> Mapping[Measure, int]:
    match line.state:
        case State.USED:
            return line.used
        case State.ASKED:
            return NOTHING
        case _:
            return {}
