"""A single request against its caps: refused, or made to fit where the rule says so.

Promises: what passes cannot use more than the smallest cap that matches, worst case and all
attempts included (P2); the number that was judged is the number that is reserved and sent. A cap
that clamps lowers `max_tokens`; an input that is too large cannot be lowered and is refused.
"""

from __future__ import annotations

from dataclasses import replace

from extproc.errors import Code, Refusal
from extproc.exchange import bounds
from extproc.exchange.record import Clamped
from extproc.exchange.request import Request
from extproc.limits.caps import NONE, Cap


def cap(request: Request) -> Refusal | None:
    assert request.principal is not None
    found = request.world.caps.caps(
        request.principal, request.model_names, request.kind, request.metadata
    )
    if isinstance(found, Refusal):
        return found
    request.caps = request.record.caps = found
    request.record.rule_ids += found.rule_ids
    if found is NONE:
        return None
    _give_default(request)
    return _input(request) or _output(request) or _cost(request)


def _give_default(request: Request) -> None:
    """A maximum for a caller that stated none; never above what the caps let pass."""
    assert request.call is not None
    default, most = request.caps.default_max_tokens, request.caps.max_tokens
    if default is None or request.call.max_output_tokens is not None or not _has_output(request):
        return
    given = default.limit if most is None else min(default.limit, most.limit // _choices(request))
    if given >= 1 and (request.max_output_tokens is None or given < request.max_output_tokens):
        _lower(request, given, default)


def _input(request: Request) -> Refusal | None:
    cap = request.caps.max_input_tokens
    if cap is None or request.input_tokens <= cap.limit:
        return None
    return _refusal(cap, f"An input of at most {cap.limit} tokens would fit.")


def _output(request: Request) -> Refusal | None:
    """All choices together count."""
    cap, demand = request.caps.max_tokens, request.demand
    if cap is None or max(map(demand.output, request.targets)) <= cap.limit:
        return None
    return _fit(request, cap, cap.limit // _choices(request))


def _cost(request: Request) -> Refusal | None:
    cap, demand, steps = request.caps.max_cost_nano_usd, request.demand, request.steps
    if cap is None or bounds.most(steps, demand.cost_nano_usd) <= cap.limit:
        return None

    def fits(most: int) -> bool:
        lowered = replace(demand, stated=most)
        return bounds.most(steps, lowered.cost_nano_usd) <= cap.limit

    return _fit(request, cap, bounds.largest_fitting(fits, _bound(request)))


def _fit(request: Request, cap: Cap, most: int) -> Refusal | None:
    """Lower the maximum to `most` where the cap clamps; 0: nothing fits."""
    if most < 1 or not _has_output(request):
        return _refusal(cap, "Not even the shortest answer to this input would fit.")
    if not cap.clamp:
        return _refusal(cap, f"A maximum of {most} output tokens would fit.", "max_tokens")
    _lower(request, most, cap)
    return None


def _lower(request: Request, most: int, cap: Cap) -> None:
    request.record.clamped.append(Clamped(cap.rule_id, request.max_output_tokens, most))
    request.max_output_tokens = most


def _bound(request: Request) -> int:
    """Most output tokens of one choice, as things stand."""
    stated = request.max_output_tokens
    return max(bounds.output_bound(t, stated, request.operation) for t in request.targets)


def _choices(request: Request) -> int:
    assert request.call is not None
    return max(bounds.choices(target, request.call) for target in request.targets)


def _has_output(request: Request) -> bool:
    return request.operation == "chat"


def _refusal(cap: Cap, what: str, param: str | None = None) -> Refusal:
    detail = f"Rule: {cap.rule_id}. {what}"
    return Refusal(Code.REQUEST_CAP_EXCEEDED, detail, rule_id=cap.rule_id, param=param)
