"""One exchange, from its first byte to its settlement.

Promises: closed once, settled once, one audit entry, however it ends (P2, P3).
"""

from __future__ import annotations

from contextlib import suppress

from extproc.audit.values import AuditUnavailable
from extproc.errors import Code, Refusal
from extproc.exchange.answer import Answer
from extproc.exchange.entry import closing_entry, intent_entry
from extproc.exchange.govern import govern, refuse, refuse_early
from extproc.exchange.record import Record
from extproc.exchange.request import Request
from extproc.exchange.trace import child_of
from extproc.exchange.values import (
    BodyReply,
    HeadReply,
    Incoming,
    Refused,
    ResponseHead,
    Verdict,
)
from extproc.exchange.world import World
from extproc.limits.values import Measure
from extproc.llm import endpoints
from extproc.usage.prices import cost_nano_usd
from extproc.usage.usage import Usage


class Exchange:
    """Owned by one stream handler; `settle` runs after it, in a task of its own."""

    def __init__(self, world: World, incoming: Incoming, now_ms: int) -> None:
        self.world = world
        self.record = Record(
            decision_id=incoming.decision_id,
            method=incoming.method,
            path=incoming.path,
            started_at_ms=now_ms,
            started_ns=world.now_ns(),
            environment=world.config.gateway.environment or "",
            config_digest=world.config.digest,
            price_table_digest=world.prices.digest,
            traceparent=incoming.headers.get("traceparent", ""),
            request_id=incoming.headers.get("x-request-id", "")[:128],
        )
        self._request = Request(world, incoming, self.record)
        self._answer = Answer(self._request)
        self._closed = False

    @property
    def decision_id(self) -> str:
        return self.record.decision_id

    @property
    def holds_reservation(self) -> bool:
        return self._request.reserving is not None

    # --- on the caller's path -----------------------------------------------------------------

    def begin(self) -> None:
        """Record that there is an exchange: should this process die now, the log still says so.

        A spool that cannot be written stops the exchange later, before anything is sent (P3).
        """
        with suppress(AuditUnavailable):
            self.world.audit.intent(intent_entry(self.record))

    def body_arrived(self, body: bytes | None) -> None:
        incoming = self._request.incoming
        self._request.incoming = Incoming(
            incoming.decision_id, incoming.method, incoming.path, incoming.headers, body
        )

    def refuse_early(self) -> Refused | None:
        """What the head alone already decides, before a body is taken in."""
        return refuse_early(self._request)

    def refuse(self, refusal: Refusal) -> Refused:
        self._request.family = endpoints.family_of(self.record.path)
        return refuse(self._request, refusal)

    def refused_by_envoy(self, head: ResponseHead) -> None:
        """Envoy answered before the body was whole."""
        code = Code.REQUEST_TOO_LARGE if head.status == 413 else Code.INVALID_REQUEST
        self.record.refusal = Refusal(code, reason=head.details[:200])
        self.record.outcome, self.record.status = "refused", head.status

    async def govern(self) -> Verdict:
        verdict = await govern(self._request)
        self.record.sent_ns = self.world.now_ns()
        return verdict

    def upstream_headers(self) -> dict[str, str]:
        """Headers that go to the provider with the request (W3C Trace Context)."""
        traceparent, self.record.trace_id, self.record.span_id = child_of(
            self.record.traceparent, self.record.decision_id
        )
        return {"traceparent": traceparent}

    def on_head(self, head: ResponseHead) -> HeadReply:
        return self._answer.on_head(head)

    def on_body(self, body: bytes, *, last: bool) -> BodyReply:
        if not self._request.sent:
            return BodyReply(None)
        return self._answer.on_body(body, last=last)

    # --- after it -----------------------------------------------------------------------------

    def close(self, *, complete: bool) -> None:
        """Fix the facts and record them; the second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._fix(complete)
        # The log keeps what it cannot write now and writes it first, as soon as it can.
        with suppress(AuditUnavailable):
            self.world.audit.close(closing_entry(self.record))
        self.world.observer.exchange_closed(self.record)

    def _fix(self, complete: bool) -> None:
        record = self.record
        record.ended_ns = self.world.now_ns()
        if self._answer.head is not None:
            self._answer.end(complete=complete)
        if not complete:
            record.outcome = record.outcome if record.outcome in _ENDED else "aborted"
        timed_out = record.refusal is not None and record.refusal.code is Code.UPSTREAM_TIMEOUT
        if self._request.sent and record.usage is None and (timed_out or not complete):
            # The provider has had the input; what it made of it nobody saw.
            record.usage = Usage(self._request.input_tokens, 0, source="counted")
            record.usage_flags.append("answer_not_seen")
        self._price()

    def _price(self) -> None:
        """Only what a provider bills: an answer of its own with usage, or a stream that was cut."""
        record = self.record
        if record.usage is None:
            return
        target = record.served or self._request.attempts[0].target
        price = self.world.prices.price(target.name)
        if price is None:
            record.usage_flags.append("unpriced")
        else:
            tier = self._request.service_tier
            record.cost_nano_usd = cost_nano_usd(record.usage, price.in_service_tier(tier))

    async def settle(self) -> None:
        """Replace the reservation by what happened. Raises LedgerUnavailable; then call again."""
        reserving = self._request.reserving
        assert reserving is not None
        with suppress(Exception):
            await reserving
        await self.world.ledger.settle(self.record.reservation_id, self._actual())

    def _actual(self) -> dict[Measure, int]:
        if not self._request.sent:
            return {"requests": 0, "tokens": 0, "cost": 0}
        usage = self.record.usage
        tokens = usage.total_tokens if usage is not None else 0
        return {"requests": 1, "tokens": tokens, "cost": self.record.cost_nano_usd}


_ENDED = frozenset({"refused", "answered", "blocked", "upstream_error", "truncated"})
