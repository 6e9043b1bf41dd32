"""One exchange, from its first byte to its settlement.

Promises: closed once, settled once, one audit entry, however it ends (P2, P3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from extproc.audit.values import AuditUnavailable, Entry
from extproc.config.tier_model import DEFAULT
from extproc.errors import Code, Refusal
from extproc.exchange import billing, capturing, pacing
from extproc.exchange.answer import Answer
from extproc.exchange.entry import closing_entry, intent_entry, least_entry
from extproc.exchange.govern import govern, refuse, refuse_early
from extproc.exchange.guarding import late_refusal
from extproc.exchange.headers import answer_headers
from extproc.exchange.record import Record
from extproc.exchange.request import Request
from extproc.exchange.trace import begin, opted_out
from extproc.exchange.values import (
    BodyReply,
    HeadReply,
    Incoming,
    Refused,
    ResponseHead,
    Verdict,
)
from extproc.exchange.world import World
from extproc.guardrails.hook import HookRun
from extproc.limits.values import Measure
from extproc.llm import endpoints
from extproc.llm.facts import request_numbers
from extproc.llm.fields import least
from extproc.routing.observed import observe, timing
from extproc.routing.values import Ended, Ending


class Exchange:
    """Owned by one stream handler; `settle` runs after it, in a task of its own."""

    def __init__(self, world: World, incoming: Incoming, now_ms: int) -> None:
        self.world = world
        began_ns = world.now_ns()
        self.record = Record(
            decision_id=incoming.decision_id,
            method=incoming.method,
            path=incoming.path,
            started_at_ms=now_ms,
            started_ns=began_ns,
            marked_ns=began_ns,
            environment=world.config.gateway.environment or "",
            config_digest=world.config.digest,
            price_table_digest=world.prices.digest,
            traceparent=incoming.headers.get("traceparent", ""),
            request_id=incoming.headers.get("x-request-id", "")[:128],
            masked=world.config.gateway.audit.masked_metadata,
        )
        self._trace(incoming)
        self._request = Request(world, incoming, self.record)
        self._answer = Answer(self._request)
        self._closed = self._uncounted = False
        self._keeping: list[Awaitable[None]] = []

    def _trace(self, incoming: Incoming) -> None:
        """Its place in a trace; where spans are kept, what they will need of its way."""
        telemetry, headers = self.world.config.gateway.telemetry, incoming.headers
        trace = self.record.trace = begin(
            self.record.traceparent,
            incoming.decision_id,
            tracestate=headers.get("tracestate", ""),
            ratio=telemetry.sample_ratio,
        )
        if telemetry.exports_traces and trace.sampled:
            asked = headers.get("x-tfy-logging-config")
            self.record.spans = None if asked and opted_out(asked) else []

    @property
    def decision_id(self) -> str:
        return self.record.decision_id

    @property
    def holds_reservation(self) -> bool:
        return self._request.reserving is not None

    @property
    def sent(self) -> bool:
        """The verdict was to go on: a provider may have had it."""
        return self._request.sent

    # --- on the caller's path -----------------------------------------------------------------

    def begin(self) -> None:
        """Record that there is an exchange: should this process die now, the log still says so.

        A spool that cannot be written stops the exchange later, before anything is sent (P3).
        """
        with suppress(AuditUnavailable):
            self.world.audit.intent(intent_entry(self.record))
        self.record.passed("audit", self.world.now_ns())

    def patience(self, ask: Callable[[int], Awaitable[None]]) -> None:
        """How to ask Envoy for more time, in ms, before somebody has to be waited for."""
        self._request.patience = ask

    def body_arrived(self, body: bytes | None) -> None:
        incoming = self._request.incoming
        self._request.incoming = Incoming(
            incoming.decision_id, incoming.method, incoming.path, incoming.headers, body
        )
        self.record.passed("receive", self.world.now_ns())

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
        self.record.passed("verdict", self.record.sent_ns)
        return verdict

    def upstream_headers(self) -> dict[str, str]:
        """Headers that go on with the request: W3C Trace Context, and how long it may take."""
        trace, spans = self.record.trace, self.record.spans
        assert trace is not None
        # Its parent is the span of the attempt, where there will be one; later attempts name their
        # own (`govern._on_the_wire`).
        traceparent = trace.traceparent if spans is None else trace.attempt(1)
        return {"traceparent": traceparent, **self._deadline()}

    def _deadline(self) -> dict[str, str]:
        """Time limits as the router takes them (Envoy, "Router", `x-envoy-upstream-rq-timeout-ms`
        for all attempts together, `...-per-try-timeout-ms` for one). They shorten the listener's
        limits, never lengthen them."""
        left_ms, try_ms = self._left_ms(), pacing.attempt_ms(self._request)
        if left_ms is None and try_ms is None:
            return {}
        tiers, headers = self.world.config.gateway.listener.all_tiers, {}
        limits = tiers[pacing.tier(self._request) or DEFAULT]
        if left_ms is not None and left_ms < (limits.request_timeout_ms or left_ms):
            headers["x-envoy-upstream-rq-timeout-ms"] = str(left_ms)
        if try_ms is not None and try_ms < (limits.first_token_timeout_ms or try_ms):
            headers["x-envoy-upstream-rq-per-try-timeout-ms"] = str(try_ms)
        return headers

    def _left_ms(self) -> int | None:
        """Until a latency cap, counted from the start, or the rule's limit, counted from now."""
        cap, left_ms = self.record.caps.max_latency_ms, pacing.call_ms(self._request)
        if cap is None:
            return left_ms
        return least(left_ms, max(1, cap.limit - self._took_ms(self.record.sent_ns)))

    def _took_ms(self, until_ns: int) -> int:
        return (until_ns - self.record.started_ns) // 1_000_000

    def judging(self) -> asyncio.Future[None] | None:
        """Ends when the judges that began with the call have spoken; None where there are none."""
        hook = self._request.input_hook
        if hook is None or not hook.panel.waits:
            return None
        return asyncio.ensure_future(hook.panel.meanwhile())

    def refuse_late(self) -> Refused | None:
        """A judge has refused while the provider was at work, and before it said anything."""
        refusal = late_refusal(self._request)
        if refusal is None:
            return None
        self.record.waited(self.world.now_ns())
        self._request.cut, self.record.outcome = True, "blocked"
        self.record.refusal, self.record.status = refusal, refusal.status
        return Refused(refusal, self._request.family, answer_headers(self._request, whole=True))

    def on_head(self, head: ResponseHead) -> HeadReply | Awaitable[HeadReply]:
        return self._answer.on_head(head)

    def on_body(self, body: bytes, *, last: bool) -> BodyReply | Awaitable[BodyReply]:
        if not self._request.sent:
            return BodyReply(None)
        return self._answer.on_body(body, last=last)

    @property
    def idle_s(self) -> float:
        """How long a stream may say nothing between two pieces."""
        tiers = self.world.config.gateway.listener.all_tiers
        tier = tiers.get(pacing.tier(self._request) or DEFAULT, tiers[DEFAULT])
        return (tier.stream_idle_timeout_ms or 0) / 1000

    def fell_silent(self) -> None:
        """The provider has said nothing for so long: its stream is given up."""
        self.record.outcome, self.record.upstream_details = "truncated", "stream_idle_timeout"

    # --- after it -----------------------------------------------------------------------------

    def close(self, *, complete: bool) -> None:
        """Fix the facts and record them; the second call does nothing.

        Raises what a defect of ours raises; it is then recorded and charged as it was reserved.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._fix(complete)
        except BaseException:
            self._uncounted = True
            self.record.outcome = "aborted"
            self.record.usage_flags.append("not_counted")
            raise
        finally:
            if self._request.flying:
                self.world.router.figures.back(self._request.flying)
            self._dismiss()
            self._keeping = capturing.keep_rest(self._request, self._answer.copy)
            if self.lingers:
                self._record_so_far()
            else:
                self._record_end()

    @property
    def lingers(self) -> bool:
        """Closed, but judges that nobody waits for have not all spoken, or a large body is still
        being kept: the entry waits for them.

        Then `linger` must be awaited.
        """
        return bool(self._keeping) or any(hook.panel.open for hook in self._hooks)

    async def linger(self) -> None:
        """The last judges, each within its own time limit, then the entry; also when cancelled."""
        try:
            for keeping in self._keeping:
                await keeping
            for hook in self._hooks:
                await hook.panel.finished()
        finally:
            self._dismiss(everybody=True)
            self._record_end()

    @property
    def _hooks(self) -> list[HookRun]:
        request = self._request
        return [hook for hook in (request.input_hook, request.output_hook) if hook is not None]

    def _dismiss(self, everybody: bool = False) -> None:
        """Judges whose verdict can no longer change anything need not go on."""
        for hook in self._hooks:
            hook.panel.close(everybody)

    def _record_so_far(self) -> None:
        """Should this process die before the last judges speak, the log knows all but them (P3)."""
        with suppress(AuditUnavailable):
            self.world.audit.intent(closing_entry(self.record))

    def _record_end(self) -> None:
        self._hear_the_last()
        if self.world.shadow_policies is not None:
            self.world.shadow_policies.note(self.record, self.world.now_ns)
        # The log keeps what it cannot write now and writes it first, as soon as it can.
        with suppress(AuditUnavailable):
            self.world.audit.close(self._entry())
        self.world.observer.exchange_closed(self.record)

    def _entry(self) -> Entry:
        """A defect of ours in one part of the entry must not cost the rest of it (P3)."""
        try:
            return closing_entry(self.record)
        except Exception as error:
            return least_entry(self.record, type(error).__name__)

    def _hear_the_last(self) -> None:
        """What judges said after the answer had left."""
        request, record = self._request, self.record
        if request.input_hook is not None:
            record.input_guard = request.input_hook.result()
        if request.output_hook is not None and record.output_guard is not None:
            record.output_guard = request.output_hook.result()

    def _fix(self, complete: bool) -> None:
        record = self.record
        record.ended_ns = self.world.now_ns()
        if record.spans is not None:
            record.asked = request_numbers(self._request.body)
        head = self._answer.head
        if head is not None:
            self._answer.end(complete=complete)
        if not complete:
            record.outcome = record.outcome if record.outcome in _ENDED else self._broken()
        made = head.attempts if head is not None else ()
        attempts = self._request.attempts
        record.tried = tuple((attempts[e.slot - 1].target, e) for e in made)
        billing.bill(self._request, made, complete=complete)
        if made:
            self._tell_figures(made, complete)

    @property
    def _impatient(self) -> bool:
        """A time limit that is this call's own was set: missing it says nothing of a target, or one
        caller could put targets last for all."""
        return self._request.pace.attempt_ms is not None or (
            self.record.caps.max_latency_ms is not None
        )

    def _tell_figures(self, made: tuple[Ended, ...], complete: bool) -> None:
        """How each target did, for the plans to come."""
        record, usage = self.record, self.record.usage
        took = timing(
            sent_ns=record.sent_ns,
            first_token_ns=record.first_token_ns,
            last_token_ns=record.last_token_ns,
            ended_ns=record.ended_ns,
            output_tokens=usage.total_output_tokens if usage is not None else 0,
            attempts=len(made),
        )
        if self._impatient:
            made = tuple(ended for ended in made if ended.ending is not Ending.LATE)
        if not made:
            return
        slots = [attempt.target for attempt in self._request.attempts]
        now_ms = record.started_at_ms + self._took_ms(record.ended_ns)
        broke_off = complete and record.outcome == "truncated"
        observe(self.world.router.figures, slots, made, took, now_ms, broke_off=broke_off)

    def _broken(self) -> str:
        """Who ended what has no end: the time limit, when it was up by then, else the caller."""
        cap = self.record.caps.max_latency_ms
        took_ms = self._took_ms(self.record.ended_ns)
        late = cap is not None and took_ms >= cap.limit - _EARLY_MS
        return "truncated" if late else "aborted"

    def actual(self) -> Mapping[Measure, int]:
        """What the exchange used, by measure; final once it is closed."""
        return {"slots": 0} if self._uncounted else billing.actual(self._request)

    def note_used(self) -> None:
        """Before `settle`: should this process die in between, the ledger knows what to charge."""
        self.world.ledger.used(self.record.reservation_id, self.actual())

    async def settle(self) -> None:
        """Replace the reservation by what happened. Raises LedgerUnavailable; then call again."""
        reserving = self._request.reserving
        assert reserving is not None
        with suppress(Exception):
            await reserving
        await self.world.ledger.settle(self.record.reservation_id, self.actual())


_ENDED = frozenset({"refused", "answered", "blocked", "upstream_error", "truncated"})
_EARLY_MS = 20
"""Envoy's timers count from when its event loop last looked at the clock."""
