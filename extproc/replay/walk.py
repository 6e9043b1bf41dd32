"""One recorded call, decided again: the gateway's own steps, over what the entry holds.

Promises: the steps are those of `exchange/govern.py`, in their order; only three are given the
recorded fact instead of the thing: who called, what the input counts, what the guardrails found.
The outcome is an entry like any other (`exchange/entry.py`), to be held against the recorded one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, cast

from extproc.errors import Refusal
from extproc.exchange import admission, capping, decision, govern, guarding
from extproc.exchange.pace import Pace
from extproc.exchange.record import Record
from extproc.exchange.request import Request
from extproc.exchange.selected import refusal_of
from extproc.exchange.values import Answered, Incoming
from extproc.identity import contract
from extproc.limits.values import Ledger
from extproc.llm.call import Json
from extproc.replay.candidates import RecordedRouter
from extproc.replay.ground import Ground
from extproc.replay.guards import ran, rejudge
from extproc.replay.recorded import Recorded, section


@dataclass(slots=True)
class Walked:
    """`refusal`: None where it goes through. `sent`: a provider got it, and is to be paid, also
    where its answer is refused then. `unjudged`: guardrails nothing is known of. `carried`: some
    target could carry its body."""

    request: Request
    refusal: Refusal | None = None
    answered: bool = False
    sent: bool = False
    unjudged: tuple[str, ...] = ()
    carried: bool = True
    rerouted: bool = False
    plan: tuple[str, ...] = ()

    @property
    def record(self) -> Record:
        return self.request.record


@dataclass(frozen=True, slots=True)
class Given:
    """What a walk is given beside the call. `before`: its ground was another one then."""

    ground: Ground
    ledger: Ledger
    before: Ground | None = None
    changed: Collection[str] = field(default=())


async def walk(call: Recorded, given: Given) -> Walked:
    """Decide again. Raises `candidates.NotFound` where the entry does not fit its ground."""
    ground, before = given.ground, given.before
    router = RecordedRouter(
        ground.candidates, call, before.candidates if before is not None else None
    )
    request = _request(call, given, router)
    walked = Walked(request)
    walked.refusal = _enter(request, call, given)
    if walked.refusal is not None:
        return _end(walked)
    if request.operation == "models":
        listed = govern.list_models(request)
        walked.answered = isinstance(listed, Answered)
        walked.refusal = request.record.refusal
        return walked if walked.answered else _end(walked)
    if call.call is None:  # the body was not read
        return walked
    end = await govern.find_room(request, _room(call))
    walked.rerouted = router.rerouted
    match end:
        case Refusal():
            walked.refusal = end
        case Answered():
            walked.answered = True
        case _:
            _send(walked, call, given)
    return _end(walked)


def _request(call: Recorded, given: Given, router: RecordedRouter) -> Request:
    world = replace(given.ground.world, router=cast(Any, router), ledger=given.ledger)
    record = Record(
        decision_id=call.decision_id, method=call.method, path=call.path,
        started_at_ms=call.at_ms, started_ns=0,
        environment=world.config.gateway.environment or "",
        config_digest=world.config.digest, price_table_digest=world.prices.digest,
    )  # fmt: skip
    asked = section(dict(section(call.entry, "guardrails")), "asked")
    headers = {"x-tfy-guardrails": json.dumps(asked)} if asked else {}
    incoming = Incoming(call.decision_id, call.method, call.path, headers, None)
    request = Request(world, incoming, record)
    request.call = record.call = call.call
    request.lane = record.basis.lane = call.lane
    if call.retry is not None:
        request.pace = Pace(None, *call.retry)
        record.basis.retry = call.retry
    return request


def _enter(request: Request, call: Recorded, given: Given) -> Refusal | None:
    """Path, caller and metadata."""
    refused = admission.endpoint(request)
    if refused is not None or not call.principal:
        return refused
    who = given.ground.principal(call, given.before)
    if isinstance(who, Refusal):
        return who
    request.principal = request.record.principal = who
    gateway = request.world.config.gateway
    agreed = contract.agree(
        json.dumps(dict(call.metadata)), who, gateway.metadata, gateway.environment
    )
    if isinstance(agreed, Refusal):
        return agreed
    request.metadata = request.record.metadata = agreed
    request.body = _like_it(call)
    return None


def _like_it(call: Recorded) -> Json:
    """A body of the call's kind without its words: whether another dialect could say what the call
    said is not judged."""
    if call.call is None:
        return {}
    said = [{"role": "user", "content": "."}]
    return {"model": call.call.model, "messages": said, "input": ".", "prompt": ".",
            "max_tokens": call.call.max_output_tokens or 1, "stream": call.call.stream,
            "contents": [{"role": "user", "parts": [{"text": "."}]}]}  # fmt: skip


def _room(call: Recorded) -> tuple[tuple[str, govern.Step], ...]:
    """A round of `govern.ROOM` with the recorded count in the place of counting, and without the
    words of prompts: candidates that had none fell out before."""

    def count(request: Request) -> None:
        request.bound = request.record.basis.bound = call.bound
        request.record.input_tokens = call.bound.input_tokens

    return (
        ("route", admission.route),
        ("count", count),
        ("policy", decision.ask_policy),
        ("guardrails", decision.select_guardrails),
        ("plan", decision.order),
        ("limits", capping.cap),
        ("limits", decision.reserve),
        ("count", _counts_itself),
    )


def _counts_itself(request: Request) -> Answered | None:
    """As `decision.answer_count`, without the words to count."""
    return Answered(b"") if request.counts_itself else None


def _send(walked: Walked, call: Recorded, given: Given) -> None:
    """The guardrails' findings, on the way in and on the way back."""
    request, record = walked.request, walked.record
    refusal = _input(walked, call, given)
    walked.plan = record.plan = tuple(t.name for t in request.targets if t.name not in call.dropped)
    walked.carried = bool(record.plan)
    if refusal is not None:
        walked.refusal, walked.sent = refusal, call.outcome == "blocked"
        return
    walked.sent = walked.carried
    walked.refusal = _output(walked, call, given)


def _input(walked: Walked, call: Recorded, given: Given) -> Refusal | None:
    request, selection = walked.request, walked.request.guards.input
    assert request.call is not None
    if selection.no_unscanned and request.call.unscanned:
        return guarding.unscanned_refusal(selection.no_unscanned, request.call.unscanned)
    if not selection.gates:
        return None
    if not ran(call, "llm_input"):
        walked.unjudged += tuple(g.selector for g in selection.gates if g.strategy != "audit")
        return None
    judged = rejudge(call, "llm_input", selection, given.changed)
    walked.record.input_guard = judged.result
    walked.unjudged += judged.unjudged
    return refusal_of(judged.result)


def _output(walked: Walked, call: Recorded, given: Given) -> Refusal | None:
    """Of a call that was answered; what nobody can read in an answer is named in the entry."""
    selection = walked.request.guards.output
    unread = section(call.entry, "guardrails").get("unscanned_answer", ())
    if unread:
        walked.record.unscanned_answer = tuple(unread)
        if selection.no_unscanned:
            return guarding.unscanned_refusal(selection.no_unscanned, tuple(unread))
    if not selection.gates:
        return None
    if not ran(call, "llm_output"):
        if call.outcome in ("allowed", "truncated") or not call.through:
            walked.unjudged += tuple(g.selector for g in selection.gates if g.strategy != "audit")
        return None
    judged = rejudge(call, "llm_output", selection, given.changed)
    walked.record.output_guard = judged.result
    walked.unjudged += judged.unjudged
    return refusal_of(judged.result)


def _end(walked: Walked) -> Walked:
    record, refusal = walked.record, walked.refusal
    if refusal is not None:
        record.refusal, record.status = refusal, refusal.status
        record.outcome = "blocked" if walked.sent else "refused"
    else:
        record.outcome = "answered" if walked.answered else "allowed"
    return walked


__all__ = ["Given", "Walked", "walk"]
