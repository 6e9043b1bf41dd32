"""An audit entry read back: what was asked, by whom, and what was decided (P6).

Promises: an entry that lacks what its decision was made of is named by the reason, never guessed
at. Pure. The fields are those that `exchange/entry.py` and `exchange/entry_basis.py` write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from extproc.audit.entry import MASK
from extproc.audit.event import EVENT
from extproc.audit.query import time_of
from extproc.audit.values import Entry
from extproc.llm.call import LlmCall
from extproc.usage.input_bound import TEXT_ONLY, InputBound
from extproc.usage.price import Reach
from extproc.usage.usage import Units, Usage

Reason = Literal[
    "event", "pruned", "cut_to_size", "never_seen_by_a_worker", "worker_lost", "spool_damaged",
    "older_version", "caller_not_known", "metadata_refused", "metadata_masked", "body_not_read",
    "not_decided", "dependency_failed", "content_needed", "target_could_not_carry",
    "config_not_archived", "policy_not_archived", "prices_not_archived", "policy_elsewhere",
    "routing_not_found", "answer_refused_for_its_form",
]  # fmt: skip
"""Why a decision cannot be made again. A closed set."""
REASONS: Final[Mapping[Reason, str]] = {
    "event": "not a call",
    "pruned": "the entry was removed after its retention time",
    "cut_to_size": "the entry was cut to fit its size",
    "never_seen_by_a_worker": "no worker saw the call",
    "worker_lost": "the worker died before it closed the entry",
    "spool_damaged": "the entry could not be read when it was written",
    "older_version": "written by a version that did not record what it takes",
    "caller_not_known": "refused for its key, which is not kept",
    "metadata_refused": "refused for its metadata, which is not kept",
    "metadata_masked": "its metadata is masked",
    "body_not_read": "refused for its body, which is not kept",
    "not_decided": "the caller left before the decision",
    "dependency_failed": "refused because something was away at that moment",
    "content_needed": "what refused it judges content, which is not kept",
    "target_could_not_carry": "no target could carry its body, which is not kept",
    "config_not_archived": "the configuration of its digest is not in the archive",
    "policy_not_archived": "the policy bundle of its digest is not in the archive",
    "prices_not_archived": "the price table of its digest is not in the archive",
    "policy_elsewhere": "an OPA server decided; name a bundle with --policy",
    "routing_not_found": "its candidates do not follow from its configuration",
    "answer_refused_for_its_form": "refused for its answer, which is not kept",
}

_AWAY = frozenset(("store_unavailable", "policy_unavailable", "audit_unavailable", "overloaded"))
PINNED = "environment pin"
"""Why `identity/contract.py` refused: what the caller said of itself is not kept then."""
_FORMS = frozenset(("request_too_large", "unsupported_media_type", "invalid_request"))


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call as the log has it. Amounts as in the entry; times in Unix milliseconds.

    `candidates`: in order; `keys`: (target, key) in order, () where no account has several.
    `retry`: what the caller asked for. `headers`: those that decide and can be known again.
    """

    entry: Entry
    decision_id: str
    at_ms: int
    duration_ms: int
    config_digest: str
    policy_digest: str
    prices_digest: str
    principal: Mapping[str, Any]
    metadata: Mapping[str, str]
    method: str
    path: str
    call: LlmCall | None
    bound: InputBound
    lane: str | None
    retry: tuple[int, tuple[int, ...]] | None
    candidates: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    dropped: frozenset[str]
    code: str
    rule_id: str
    reason: str
    outcome: str
    served: str
    usage: Usage | None
    cost_nano_usd: int

    @property
    def through(self) -> bool:
        """The gateway let it go to a provider, or answered it itself."""
        return "plan" in self.entry or self.outcome == "answered"

    @property
    def final_model(self) -> str:
        """The name that was routed in the end: the caller's, or what a budget made of it."""
        assert self.call is not None
        steps = section(self.entry, "limits").get("degraded", ())
        names = [step["to_model"] for step in steps if "to_model" in step]
        return names[-1] if names else self.call.model

    @property
    def counters(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = section(self.entry, "limits").get("counters", ())
        return found


def section(entry: Entry, name: str) -> Mapping[str, Any]:
    """One object of an entry; empty where there is none."""
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


def read(entry: Entry) -> Recorded | Reason:
    """The call that an entry tells of, or why its decision cannot be made again."""
    reason = _unreadable(entry)
    if reason is not None:
        return reason
    try:
        found = _read(entry)
    except (KeyError, TypeError, ValueError, AttributeError):
        return "older_version"
    return _out_of_reach(found) or found


def _unreadable(entry: Entry) -> Reason | None:
    """What is wrong with the entry itself."""
    outcome = section(entry, "decision").get("outcome")
    if entry.get("kind") == EVENT:
        return "event"
    if outcome is None or time_of(entry) is None:
        return "pruned"
    if entry.get("truncated") is True:
        return "cut_to_size"
    match outcome:
        case "unseen":
            return "never_seen_by_a_worker"
        case "worker_lost":
            return "worker_lost"
        case "spool_damaged":
            return "spool_damaged"
    return "older_version" if "duration_ms" not in entry else None


def _read(entry: Entry) -> Recorded:
    request, decision = section(entry, "request"), section(entry, "decision")
    routing, policy = section(entry, "routing"), section(entry, "policy")
    retry, at_ms = request.get("retry"), time_of(entry)
    assert at_ms is not None
    return Recorded(
        entry=entry,
        decision_id=entry["decision_id"],
        at_ms=at_ms,
        duration_ms=entry["duration_ms"],
        config_digest=entry["config_digest"],
        policy_digest=policy.get("bundle_digest", ""),
        prices_digest=entry["price_table_digest"],
        principal=section(entry, "principal"),
        metadata=section(entry, "metadata"),
        method=request["method"],
        path=request["path"],
        call=_call(entry, request),
        bound=_bound(request),
        lane=request.get("lane"),
        retry=None if retry is None else (retry["attempts"], tuple(retry["on_status_codes"])),
        candidates=tuple(routing.get("candidates", ())),
        keys=tuple((name, key) for name, key in routing.get("keys", ())),
        dropped=frozenset(section(entry, "dropped_targets")),
        code=decision.get("code", ""),
        rule_id=decision.get("rule_id", ""),
        reason=decision.get("reason", ""),
        outcome=decision["outcome"],
        served=section(entry, "served").get("model", ""),
        usage=usage_of(entry),
        cost_nano_usd=entry.get("cost_nano_usd", 0),
    )


def _call(entry: Entry, request: Mapping[str, Any]) -> LlmCall | None:
    if "model" not in request:
        return None
    return LlmCall(
        operation=request["operation"],
        model=request["model"],
        stream=request["stream"],
        max_output_tokens=request["max_tokens"],
        choices=request.get("choices", 1),
        tools=tuple(request.get("tools", ())),
        unscanned=tuple(section(entry, "guardrails").get("unscanned", ())),
    )


def _bound(request: Mapping[str, Any]) -> InputBound:
    more = request.get("bound", {})
    reach = more.get("reach")
    return InputBound(
        request.get("input_tokens", 0),
        more.get("more_output_tokens", 0),
        more.get("open_ended", False),
        TEXT_ONLY if reach is None else _reach(reach),
    )


def _reach(said: Mapping[str, Any]) -> Reach:
    """Inverse of `entry_basis._reach`: what is not there is nothing."""
    return Reach(
        audio_input=said.get("audio_input", False),
        audio_output=said.get("audio_output", False),
        image_input=said.get("image_input", False),
        cache_write_1h=said.get("cache_write_1h", False),
        web_searches=said.get("web_searches", 0),
        units=Units(**said.get("units", {})),
        unseen=said.get("unseen", ""),
    )


def usage_of(entry: Entry) -> Usage | None:
    """The usage of the attempt that answered; None where there is none."""
    said = dict(section(entry, "usage"))
    if not said:
        return None
    said.pop("flags", None)
    units = {name: said.pop(name) for name in Units.__dataclass_fields__ if name in said}
    return Usage(**said, units=Units(**units))


def _out_of_reach(call: Recorded) -> Reason | None:
    """What the entry does not hold because nobody may keep it, or because it was of a moment."""
    if call.code in _AWAY:
        return "dependency_failed"
    if MASK in call.metadata.values():
        return "metadata_masked"
    if call.code == "unknown_route":
        return None
    if not call.principal:
        if call.code == "invalid_api_key":
            return "caller_not_known"
        return "body_not_read" if call.code in _FORMS else "not_decided"
    if call.code == "metadata_contract_violation" or call.reason == PINNED:
        return "metadata_refused"
    if call.call is None:
        return _without_call(call)
    if call.outcome == "aborted" and not call.through:
        return "not_decided"
    return "body_not_read" if call.code in _FORMS and not call.through else None


def _without_call(call: Recorded) -> Reason | None:
    """No body was read: a list of models needs none."""
    if section(call.entry, "request").get("operation") == "models":
        return None
    return "body_not_read" if call.code else "not_decided"
