"""A worker's keeper of content: what the exchange asks, answered with files and keys.

Promises: never fails a call by an exception; in strict mode what was kept can be awaited until it
is durable, otherwise it is made durable within SYNC_S; keys that were destroyed are forgotten
within FORGET_S also where nobody calls. Work on a large body lets others go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import Any

from extproc.audit.content.prepare import Omitted, at_once, prepared
from extproc.audit.content.redact import Redacted, Redactor
from extproc.audit.content.rules import CaptureRules
from extproc.audit.content.store import ContentStore
from extproc.audit.content.values import Body, CaptureDecision, ContentLost, Part, Reference
from extproc.audit.group_sync import GroupSync
from extproc.audit.values import AuditUnavailable
from extproc.config.audit_model import Audit
from extproc.identity.principal import Principal

log = logging.getLogger("envelope.audit")

LARGE_BYTES = 32 * 1024
"""Redacting so much takes a few milliseconds."""
LARGE_WRITE_BYTES = 256 * 1024
SYNC_S = 1.0
FORGET_S = 2.0


@lru_cache(maxsize=4)
def _redactor(masked_fields: tuple[str, ...]) -> Redactor:
    """Every kind of personal data and of secrets, whatever the guardrails are set to."""
    from extproc.guardrails.detectors import pii, secrets  # a second of work where nobody redacts

    return Redactor((secrets.build({}), pii.build({"categories": ["ALL"]})), masked_fields)


def ready(audit: Audit) -> Redactor | None:
    """What redacts, where anything is to be redacted; its patterns are compiled by then."""
    content = audit.content
    asked_for = "redacted" in {content.capture, *(rule.capture for rule in content.rules)}
    return _redactor(content.masked_fields) if asked_for else None


class Keeping:
    """What outlives a reload: the files and their disk. One per worker."""

    def __init__(self, store: ContentStore) -> None:
        self.store = store
        self._group = GroupSync(store.sync)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._syncing: asyncio.Task[None] | None = None

    def touched(self, strict: bool) -> None:
        """Something was written: it becomes durable soon, and its key is forgotten in time."""
        if not strict:
            self._later("sync", SYNC_S)
        self._later("forget", FORGET_S)

    def _later(self, what: str, after_s: float) -> None:
        if what not in self._timers:
            run = self._sync if what == "sync" else self._forget
            self._timers[what] = asyncio.get_running_loop().call_later(after_s, run)

    def _sync(self) -> None:
        self._timers.pop("sync", None)
        self._syncing = asyncio.ensure_future(self._synced())

    async def _synced(self) -> None:
        try:
            await self.durable()
        except AuditUnavailable as error:
            log.error("kept content is not durable: %s", error)

    def durable(self) -> Awaitable[None]:
        """What to await until everything that was written is durable; raises AuditUnavailable."""
        return self._group.wait()

    def mend(self) -> None:
        """Before something is written: nothing more goes where a sync has failed."""
        if self._group.failed:
            self.store.begin_anew()
            self._group.failed = False

    def _forget(self) -> None:
        self._timers.pop("forget", None)
        if self.store.ring.forget_erased():
            self._later("forget", FORGET_S)


class Keeper:
    """The `ContentKeeper` of one configuration."""

    def __init__(self, audit: Audit, keeping: Keeping) -> None:
        self.strict = audit.durability == "strict"
        self.body_bytes_max = audit.content.body_bytes_max
        self._rules = CaptureRules(audit.content, audit.retention)
        self._redactor = ready(audit)
        self._keeping, self._store = keeping, keeping.store

    def decide(
        self,
        principal: Principal,
        models: tuple[str, ...] | None,
        metadata: Mapping[str, str],
        environment: str,
    ) -> CaptureDecision:
        return self._rules.decide(principal, models, metadata, environment)

    def is_large(self, body: Body, decision: CaptureDecision) -> bool:
        limit = LARGE_BYTES if decision.capture == "redacted" else LARGE_WRITE_BYTES
        return body.form != "binary" and min(len(body.data), self.body_bytes_max) > limit

    def keep(
        self, decision_id: str, part: Part, body: Body, decision: CaptureDecision
    ) -> Reference:
        try:
            text, cut = at_once(self._prepared(body, decision))
            self._keeping.mend()
            reference = self._store.put(decision_id, part, text, decision)
        except Exception as error:
            return _not_kept(decision, body, error)
        self._keeping.touched(self.strict)
        return reference | ({"cut": True} if cut else {})

    async def keep_large(
        self, decision_id: str, part: Part, body: Body, decision: CaptureDecision
    ) -> Reference:
        try:
            text, cut = await _in_turns(self._prepared(body, decision))
            self._keeping.mend()
            reserved = self._store.reserve(decision_id, part, text, decision)
            await asyncio.to_thread(self._store.write, reserved)
        except Exception as error:
            return _not_kept(decision, body, error)
        self._keeping.touched(self.strict)
        return reserved.reference | ({"cut": True} if cut else {})

    def durable(self) -> Awaitable[None] | None:
        return self._keeping.durable() if self.strict else None

    def _prepared(self, body: Body, decision: CaptureDecision) -> Redacted:
        return prepared(self._redactor, decision.capture, body, self.body_bytes_max)


async def _in_turns(work: Redacted) -> tuple[bytes, bool]:
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: tuple[bytes, bool] = done.value
            return result
        await asyncio.sleep(0)


def _not_kept(decision: CaptureDecision, body: Body, error: Exception) -> dict[str, Any]:
    said: dict[str, Any] = {"capture": decision.capture}
    match error:
        case Omitted():
            return said | {"omitted": error.reason, "size": body.size}
        case ContentLost():
            return said | {"lost": str(error)}
    log.error("content could not be kept: %s", type(error).__name__)
    return said | {"lost": "defect"}
