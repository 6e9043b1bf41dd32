"""What a budget does instead of refusing: a cheaper model, a shorter answer, a fixed text.

Promises: a step gives a caller nothing its key, its policy and its caps do not; one that cannot be
taken counts as not there. Whatever is done instead stands in the entry and in the answer's headers.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from extproc.config.limit_model import DegradeStep
from extproc.errors import Code, Refusal
from extproc.exchange import sending
from extproc.exchange.admission import asking
from extproc.exchange.basis import DueStep
from extproc.exchange.headers import TEMPLATE, answer_headers
from extproc.exchange.record import Degraded
from extproc.exchange.request import Request
from extproc.exchange.values import Answered, Due, Shape
from extproc.identity import scope
from extproc.llm.fixed_answer import FixedAnswer, fixed_answer

_CANNOT_BE_SERVED = frozenset(
    (Code.PERMISSION_DENIED, Code.INVALID_REQUEST, Code.REQUEST_CAP_EXCEEDED)
)


def step_down(request: Request, due: Due) -> Answered | None:
    """Take the next step that can be taken; None: ask for room again, in the shape it has now.

    Each call uses up at least one step, so that there are never more rounds than steps.
    """
    rule_id, limit = due.charge.rule_id, due.charge.limit
    request.record.basis.dues.append(DueStep(rule_id, due.spent, due.full))
    next_step = request.world.limits.next_step
    while True:
        taken = request.steps_taken.get(rule_id, 0)
        found = next_step(rule_id, taken, due.spent, limit, due.full)
        if found is None:
            return None
        request.steps_taken[rule_id], step = found
        if step.template is not None:
            answered = _answer(request, rule_id, step, step.template)
            if answered is not None:
                return answered
        elif (shape := _shaped(request, step)) is not None:
            _reshape(request, due, step, shape)
            return None


def step_back(request: Request, refusal: Refusal) -> Due | None:
    """The shape before, if this refusal is about the model that a step put in the caller's place.

    A caller is not refused for what it never asked for.
    """
    if request.way_back is None or refusal.code not in _CANNOT_BE_SERVED:
        return None
    due, request.shape = request.way_back
    request.way_back = None
    request.record.degraded.pop()
    return due


def _reshape(request: Request, due: Due, step: DegradeStep, shape: Shape) -> None:
    changes_model = shape.model != request.shape.model
    request.record.degraded.append(
        Degraded(
            due.charge.rule_id,
            step.at_percent,
            "model" if changes_model else "max_tokens",
            from_model=request.model,
            to_model=shape.model if changes_model else None,
            max_tokens=step.max_tokens,
        )
    )
    request.way_back = (due, request.shape) if changes_model else None
    request.shape = shape


def _shaped(request: Request, step: DegradeStep) -> Shape | None:
    """The shape after this step; None when it cannot be taken or would change nothing."""
    shape = request.shape
    if step.model is not None and step.model != request.model:
        if not _serves(request, step.model):
            return None
        shape = replace(shape, model=step.model)
    if step.max_tokens is not None and request.operation == "chat":
        now = request.max_output_tokens
        if now is None or step.max_tokens < now:
            shape = replace(shape, max_tokens=step.max_tokens)
    return None if shape == request.shape else shape


def _serves(request: Request, model: str) -> bool:
    """Whether this key may call that model, and the model can take this request."""
    principal = request.principal
    assert principal is not None
    if not scope.in_scope(principal, model):
        return False
    routed = request.world.router.route(asking(request, model))
    return routed is not None and any(sending.carries(request, t) for t in routed.targets)


def _answer(request: Request, rule_id: str, step: DegradeStep, text: str) -> Answered | None:
    """The template in the caller's dialect; None where an answer is no text."""
    assert request.call is not None and request.caller is not None
    record = request.record
    created = record.started_at_ms // 1000
    made = fixed_answer(
        request.caller,
        FixedAnswer(text, request.call, record.decision_id, created, request.body),
    )
    if made is None:
        return None
    body, content_type = made
    record.degraded.append(Degraded(rule_id, step.at_percent, "template", from_model=request.model))
    record.outcome, record.status = "answered", 200
    record.response_sha256 = hashlib.sha256(body).hexdigest()
    headers = answer_headers(request, whole=True)
    return Answered(body, {**headers, **TEMPLATE, "content-type": content_type})
