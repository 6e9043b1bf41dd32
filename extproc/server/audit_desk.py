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
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from extproc.alerts.values import Alert
from extproc.audit.anchoring.desk import AnchorDesk
from extproc.audit.announced import Announced
from extproc.audit.checkpoint import VERIFIER_KEY, load_verifier
from extproc.audit.content.desk import ContentDesk
from extproc.audit.health import FILE as HEALTH_FILE
from extproc.audit.health import Health
from extproc.audit.journal import Journal
from extproc.audit.log import LogRefused
from extproc.audit.questions.sources import drop_stale
from extproc.audit.read import NoLog, lines_from
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.unseen import Unseen, ids_in
from extproc.audit.values import AuditUnavailable, Entry
from extproc.config.audit_model import Audit
from extproc.config.model import Config
from extproc.dataplane.envoy_process import write_atomically
from extproc.identity.internal_key import secret_at
from extproc.server.log_lease import ELSEWHERE, LogLease, place_of
from extproc.server.shipper import Shipper
from extproc.state import StateDir

log = logging.getLogger("envelope.audit")

SEQUENCE_S = 0.05
AGAIN_S = 1.0
HEALTH_S = 0.5
UNSEEN_S = 2.0
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
        self.health = Health()
        self._lease: LogLease | None = None
        audit = config.gateway.audit
        self._sequencer = Sequencer(
            state.audit,
            origin=audit.origin,
            checkpoint_interval_ms=audit.checkpoint_interval_ms,
            segment_bytes=audit.segment_bytes,
            retention=_days(audit),
        )
        self._anchors = AnchorDesk(state.audit / LOG, state.audit / "anchors", audit)
        self._shipper = Shipper(run, state, audit.origin)
        self._name = f"gateway-{clock_ms()}-{os.getpid()}"
        try:
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
        self._keep(self._lease.run())
        self._write_health()
        self._keep(self._sequence())
        self._keep(self._tell_health())
        self._keep(Announced(client, self._name, self.write).run())
        if access_log is not None:
            grace_ms = self._config.gateway.audit.unseen_after_ms
            self._keep(self._find_unseen(Unseen(access_log, self._state.audit, grace_ms)))
        self._keep(self._anchors.run())
        secret = secret_at(self._state.secrets)
        self._keep(ContentDesk(client, self._state.audit, secret, self._record).run())

    def ship(self, store_url: str) -> None:
        """Begin to send entries elsewhere; the configuration lies where workers read theirs."""
        self._shipper.begin(self._config, store_url)
        self._keep(self._shipper.watch())

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

    def alerted(self, alert: Alert, channel: str, outcome: str) -> None:
        """An alert reached its channel, or a round of attempts failed."""
        details = {"rule_id": alert.reading.rule_id, "condition": alert.due.name,
                   "channel": channel}  # fmt: skip
        self.note("alert.send", target=alert.id, outcome=outcome, details=details)

    async def close(self) -> None:
        """After the last worker has left: everything into the log, and a last checkpoint."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._journal.release()
        try:
            if self._lease is None or not self._lease.elsewhere:
                await asyncio.to_thread(self._sequencer.drain, self._clock_ms())
        except (AuditUnavailable, LogRefused) as error:
            log.error("audit log: %s; what is not in it waits in the spools", error)
        self._sequencer.close()
        await asyncio.gather(self._shipper.stop(), self._anchors.once(LAST_WORD_S))
        await self._anchors.close()
        if self._lease is not None:
            await self._lease.leave()

    # --- beside the requests ------------------------------------------------------------------

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _sequence(self) -> None:
        """Move what was recorded into the log; its disk never holds up the event loop."""
        said = ""
        while True:
            try:
                why = ELSEWHERE if self._lease is not None and self._lease.elsewhere else ""
                if not why:
                    await asyncio.to_thread(self._sequencer.poll, self._clock_ms())
            except (AuditUnavailable, LogRefused) as error:
                why = str(error)
            except Exception as error:  # a defect of ours must not end the log
                why = f"could not be written ({type(error).__name__})"
            if why != said:
                log.log(logging.ERROR if why else logging.WARNING, "audit log: %s",
                        why or "takes entries again")  # fmt: skip
            said = self.health.why = why
            await asyncio.sleep(AGAIN_S if why else SEQUENCE_S)

    async def _tell_health(self) -> None:
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.to_thread(self._write_health)
            await asyncio.sleep(HEALTH_S)

    def _look(self) -> None:
        counts = self._sequencer.counts
        health = self.health
        if counts.covered != health.covered:
            health.signed_at_ms = self._clock_ms()
        health.log_size, health.covered = counts.log_size, counts.covered
        if counts.pruned != health.counts.get("pruned", 0):
            drop_stale(self._state.audit)  # what was derived from entries that are gone
        health.backlog_bytes = self._sequencer.backlog_bytes
        health.counts = {
            "worker_lost": counts.worker_lost,
            "spool_damaged": counts.spool_damaged,
            "appended": counts.appended,
            "pruned": counts.pruned,
            "prune_failures": counts.prune_failures,
            "damaged_segments": counts.damaged_segments,
        }
        health.anchors = self._anchors.rows()

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
        """Requests that only Envoy saw get their entry; see `audit/unseen.py`."""
        while True:
            await asyncio.sleep(UNSEEN_S)
            try:
                due = await asyncio.to_thread(self._due, unseen)
                if due:
                    logged = await asyncio.to_thread(self._logged, due)
                    for decision_id in due.keys() - logged:
                        self.write(due[decision_id])
                await asyncio.to_thread(unseen.done, list(due))
            except (OSError, AuditUnavailable, NoLog):
                continue  # tried again; the cursor has not moved

    def _due(self, unseen: Unseen) -> dict[str, Entry]:
        now_ms = self._clock_ms()
        unseen.read(now_ms)
        return unseen.due(now_ms)

    def _logged(self, due: Mapping[str, Entry]) -> set[str]:
        """Those of these ids that the log has; they are looked for from its recent end."""
        recent = max(0, self._sequencer.counts.log_size - _RECENT)
        return {i for i in ids_in(lines_from(self._state.audit / LOG, recent)) if i in due}


_RECENT = 500_000
"""Entries to look back: far more than are written while a line waits."""


def _days(audit: Audit) -> dict[str, int]:
    """Class of record -> days that its entries are kept."""
    return {str(name): days for name, days in audit.retention.days.items()}
