"""Everything about the audit log that the gateway's own process does, beside the request path.

    sequencing     spools into the log, checkpoints, retention
    journal        events of the gateway itself; events announced in the store; unseen requests
    anchoring      checkpoints to witnesses and other places (`audit/anchoring/`)
    content        erasures of other gateways, and days that are over (`audit/content/`)
    shipping       entries to other systems, by a process of its own (`shipper.py`)
    health         one small file that workers, readiness and metrics read

Promises: nothing here holds up a request, the event loop or the rest of the gateway; a log that
cannot be written is tried again for ever, and everybody who must know is told. Workers refuse calls
where the mode asks for it (`refusing` in the health file).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from extproc.alerts.values import Alert
from extproc.audit.anchoring.blocking import Blocking, Busy
from extproc.audit.anchoring.desk import AnchorDesk
from extproc.audit.announced import Announced
from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.content.desk import ContentDesk
from extproc.audit.health import FILE as HEALTH_FILE
from extproc.audit.health import NOT_BEGUN, Health
from extproc.audit.journal import Journal
from extproc.audit.log import LogRefused
from extproc.audit.questions.sources import drop_stale
from extproc.audit.read import NoLog, lines_from
from extproc.audit.sequencer import LOG, SPOOL, Sequencer
from extproc.audit.unseen import Unseen, ids_in, waiting_ids
from extproc.audit.values import AuditUnavailable, Entry
from extproc.config.audit_model import Audit
from extproc.config.model import Config
from extproc.dataplane.envoy_process import write_atomically
from extproc.identity.internal_key import secret_at
from extproc.policy.choose import policy_digest
from extproc.server.log_lease import ELSEWHERE, LogLease, place_of
from extproc.server.shipper import Shipper
from extproc.state import StateDir

log = logging.getLogger("envelope.audit")

SEQUENCE_S = 0.05
AGAIN_S = 1.0
HEALTH_S = 0.5
UNSEEN_S = 2.0
STUCK_S = 15.0
STUCK = "its disk does not answer"
LAST_ENTRIES_S = 30.0
_SEQUENCER = "sequencer"
LAST_WORD_S = 3.0
"""How long the last checkpoint's anchors are waited for when the gateway stops."""
Clock = Callable[[], int]


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class AuditDesk:
    """Owned by the gateway. `run`: its folder for what lives as long as it does."""

    def __init__(
        self, state: StateDir, run: Path, config: Config, clock_ms: Clock = wall_clock_ms
    ) -> None:
        self._state, self._run, self._config = state, run, config
        self._clock_ms = clock_ms
        self._tasks: list[asyncio.Task[Any]] = []
        self._threads = Blocking()
        self._step_since: float | None = None
        """Since when the sequencer's step has been at work (monotonic), while it is."""
        self.health = Health()
        self._lease: LogLease | None = None
        self._announced: Announced | None = None
        self._policy_digest = ""
        audit = config.gateway.audit
        self._sequencer = Sequencer(
            state.audit,
            origin=audit.origin,
            checkpoint_interval_ms=audit.checkpoint_interval_ms,
            segment_bytes=audit.segment_bytes,
            retention=_days(audit),
        )
        self._anchors = AnchorDesk(state.audit / LOG, state.audit / "anchors", audit)
        self._name = f"gateway-{clock_ms()}-{os.getpid()}"
        try:  # a log that was begun again has another name than `audit.origin`
            self._shipper = Shipper(run, state, load_verifier(state.audit / VERIFIER_KEY).name)
            self._journal = self._new_journal()
        except BaseException:
            self._sequencer.close()
            raise

    def _new_journal(self) -> Journal:
        owner = f"gateway-{self._clock_ms()}-{os.getpid()}"
        environment = self._config.gateway.environment or ""
        return Journal(self._state.audit, owner, environment=environment)

    def write(self, entry: Entry) -> None:
        """Write down an entry that is already made; raises AuditUnavailable."""
        if self._journal.taken_away:  # its file was deleted under us: another one
            lost, self._journal = self._journal, self._new_journal()
            lost.release()
        self._journal.write(entry)

    async def start(self, client: Redis, access_log: Path | None) -> None:
        """Begin. `access_log`: of the Envoy that is ours, where there is one.

        Raises AuditUnavailable where another gateway writes the log of this key.
        """
        first = load_verifier(self._state.audit / VERIFIER_KEY)  # the same after any rotation
        self._lease = LogLease(client, first.key_hash.hex(), place_of(self._state.audit))
        if not await self._lease.take_soon():
            raise AuditUnavailable(ELSEWHERE)
        self._keep(self._lease.run)
        self._write_health()
        self._keep(self._sequence)
        self._keep(self._tell_health)
        self._announced = Announced(client, self._name, self.write)
        self._keep(self._announced.run)
        if access_log is not None:
            grace_ms = self._config.gateway.audit.unseen_after_ms
            unseen = Unseen(access_log, self._state.audit, grace_ms)
            self._keep(lambda: self._find_unseen(unseen))
        self._keep(self._anchors.run)
        secret = secret_at(self._state.secrets)
        self._keep(ContentDesk(client, self._state.audit, secret, self._record).run)

    def ship(self, store_url: str) -> None:
        """Begin to send entries elsewhere; the configuration lies where workers read theirs."""
        self._shipper.begin(self._config, store_url)
        self._keep(self._shipper.watch)

    def use(self, config: Config) -> None:
        """Another configuration is in force; what needs a restart was said elsewhere."""
        self._config = config
        self._sequencer.keep_for(_days(config.gateway.audit))
        self._anchors.use(config.gateway.audit)
        self._shipper.use(config)

    def _record(
        self, action: str, *, target: str, outcome: str, details: Mapping[str, Any]
    ) -> object:
        """For what must not happen unrecorded; raises AuditUnavailable."""
        entry = self._journal.event(action, target=target, outcome=outcome, details=details)
        self.write(entry)
        return entry["decision_id"]

    def note(
        self,
        action: str,
        *,
        target: str = "",
        outcome: str = "done",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Record an event of the gateway's own. It has happened: what cannot be written now is
        kept and written as soon as it can."""
        with suppress(AuditUnavailable):
            self.write(self._journal.event(action, target=target, outcome=outcome, details=details))

    async def policy_changed(self, config: Config) -> str:
        """The digest of its policies where it is not the one before; '' where it is, or where an
        OPA server has its own."""
        digest = await asyncio.to_thread(policy_digest, config.gateway.policy)
        if digest == self._policy_digest:
            return ""
        self._policy_digest = digest
        return digest

    async def note_load(self, before: str, config: Config) -> None:
        """Another configuration, or another text of its policies, came into force."""
        if config.digest != before:
            self.note("config.load", target=config.digest, details={"before": before})
        old = self._policy_digest
        if new := await self.policy_changed(config):
            self.note("policy.load", target=new, details={"before": old})

    def alerted(self, alert: Alert, channel: str, outcome: str) -> None:
        """An alert reached its channel, or a round of attempts failed."""
        details = {"rule_id": alert.reading.rule_id, "condition": alert.due.name,
                   "channel": channel}  # fmt: skip
        self.note("alert.send", target=alert.id, outcome=outcome, details=details)

    async def close(self) -> None:
        """After the last worker has left: everything into the log, and a last checkpoint.

        Bounded: what a disk does not take in LAST_ENTRIES_S waits in the spools.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._announced is not None:
            await self._announced.last(LAST_WORD_S)
        self._journal.release()
        await self._last_entries()
        await asyncio.gather(self._shipper.stop(), self._anchors.once(LAST_WORD_S))
        await self._anchors.close()
        if self._lease is not None:
            await self._lease.leave()

    async def _last_entries(self) -> None:
        """A step that still works is waited for, for two at once would write one place twice; one
        that hangs keeps its files, and its thread ends with the process."""
        ours = self._lease is None or not self._lease.elsewhere
        last = partial(self._sequencer.drain, self._clock_ms()) if ours else int
        try:
            async with asyncio.timeout(LAST_ENTRIES_S):
                while True:
                    with suppress(Busy):
                        await self._threads.run(_SEQUENCER, last)
                        break
        except TimeoutError:
            log.error("audit log: %s; what is not in it waits in the spools", STUCK)
            return
        except Exception as error:
            known = isinstance(error, AuditUnavailable | LogRefused)
            said = error if known else f"could not be written ({type(error).__name__})"
            log.error("audit log: %s; what is not in it waits in the spools", said)
        self._sequencer.close()

    # --- beside the requests ------------------------------------------------------------------

    def _keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(asyncio.create_task(for_ever(work)))

    async def _sequence(self) -> None:
        """Move what was recorded into the log; its disk never holds up the event loop."""
        while True:
            try:
                why = ELSEWHERE if self._lease is not None and self._lease.elsewhere else ""
                if not why:
                    self._step_since = time.monotonic()
                    poll = partial(self._sequencer.poll, self._clock_ms())
                    await self._threads.run(_SEQUENCER, poll)
            except (AuditUnavailable, LogRefused) as error:
                why = str(error)
            except Exception as error:  # a defect of ours must not end the log
                why = f"could not be written ({type(error).__name__})"
            self._step_since = None
            self._tell(why)
            await asyncio.sleep(AGAIN_S if why else SEQUENCE_S)

    def _tell(self, why: str) -> None:
        before, self.health.why = self.health.why, why
        if why != before and (why or before != NOT_BEGUN):
            log.log(logging.ERROR if why else logging.WARNING, "audit log: %s",
                    why or "takes entries again")  # fmt: skip

    async def _tell_health(self) -> None:
        told = ""
        while True:
            since = self._step_since
            if since is not None and time.monotonic() - since > STUCK_S:
                self._tell(STUCK)
            fault = ""
            try:
                await asyncio.to_thread(self._look)
            except Exception as error:  # that there is a keeper is told all the same
                fault = type(error).__name__
            if fault and fault != told:
                log.error("audit log: how it stands cannot be seen (%s)", fault)
            told = fault
            await asyncio.to_thread(self._write_health)
            await asyncio.sleep(HEALTH_S)

    def _look(self) -> None:
        counts = self._sequencer.counts
        health = self.health
        if counts.covered != health.covered:
            health.signed_at_ms = self._clock_ms()
        health.log_size, health.covered = counts.log_size, counts.covered
        health.backlog_bytes = self._sequencer.backlog_bytes
        health.anchors = self._anchors.rows()
        if counts.pruned != health.counts.get("pruned", 0):
            drop_stale(self._state.audit)  # what was derived from entries that are gone
        health.counts = {
            "worker_lost": counts.worker_lost,
            "spool_damaged": counts.spool_damaged,
            "appended": counts.appended,
            "pruned": counts.pruned,
            "prune_failures": counts.prune_failures,
            "damaged_segments": counts.damaged_segments,
        }

    def refusing(self) -> str:
        """Why workers must not begin a call now; '' where they may.

        `standard` goes on while spools can be written; `strict` does not without its log.
        """
        audit = self._config.gateway.audit
        if self.health.backlog_bytes > audit.spool_bytes_max:
            return "more waits for the audit log than audit.spool_bytes_max allows"
        return self.health.why if audit.durability == "strict" else ""

    def _write_health(self) -> None:
        with suppress(OSError):
            write_atomically(
                self._run / HEALTH_FILE, self.health.to_json(self.refusing(), self._clock_ms())
            )

    async def _find_unseen(self, unseen: Unseen) -> None:
        """Requests that only Envoy saw get their entry; see `audit/unseen.py`.

        Looking for them takes a tenth of the time at most: anybody can send what causes it.
        """
        took_s = 0.0
        while True:
            await asyncio.sleep(max(UNSEEN_S, 9 * took_s))
            began = time.monotonic()
            try:
                due = await asyncio.to_thread(self._due, unseen)
                if due:
                    logged = await asyncio.to_thread(self._logged, due)
                    for decision_id in due.keys() - logged:
                        self.write(due[decision_id])
                await asyncio.to_thread(unseen.done, list(due))
            except (OSError, AuditUnavailable, NoLog):
                pass  # tried again; the cursor has not moved
            took_s = time.monotonic() - began

    def _due(self, unseen: Unseen) -> dict[str, Entry]:
        now_ms = self._clock_ms()
        unseen.read(now_ms)
        return unseen.due(now_ms)

    def _logged(self, due: Mapping[str, Entry]) -> set[str]:
        """Those of these ids that the log has, or will have: what a worker recorded may wait in a
        spool for a disk that is full. Spools first, for their lines move into the log meanwhile.
        The log is looked through from its recent end."""
        waiting = {i for i in waiting_ids(self._state.audit / SPOOL) if i in due}
        recent = max(0, self._sequencer.counts.log_size - _RECENT)
        logged = {i for i in ids_in(lines_from(self._state.audit / LOG, recent)) if i in due}
        return waiting | logged


_RECENT = 500_000
"""Entries to look back: far more than are written while a line waits."""


async def for_ever(
    work: Callable[[], Coroutine[Any, Any, None]],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Until cancelled. What ends with an error is begun again, later each time: a defect of ours
    must not end a duty for good."""
    pause_s = AGAIN_S
    while True:
        try:
            await work()
        except Exception as error:
            name = getattr(work, "__qualname__", "a task")
            log.error("audit log: %s failed (%s), begun again", name, type(error).__name__)
        await sleep(pause_s)
        pause_s = min(60.0, 2 * pause_s)


def _days(audit: Audit) -> dict[str, int]:
    """Class of record -> days that its entries are kept."""
    return {str(name): days for name, days in audit.retention.days.items()}
