"""What a judge's answer says, or why it says nothing.

Promises: pure. A judgement counts only if it is the one JSON object in the answer that echoes this
prompt's token, has a score for every label and no other, and every score is a number from 0 to 1.
Prose and code fences around it do not matter; another object with the token makes it ambiguous.
What the gateway itself refused is told apart by its own codes (contract, section 4).
Refuses: everything else, as a fault that holds nothing of the answer (P4).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

import orjson

from extproc.guardrails.services.ports import Reply
from extproc.guardrails.values import Fault, GuardrailFault

ANSWER_CHARS_MAX = 32_768
BRACE_CHARS = 256
"""What trying a brace that begins no object counts for, at least."""

_TOO_LARGE = frozenset(("context_length_exceeded", "request_cap_exceeded"))
_NOT_ALLOWED = frozenset(("metadata_contract_violation", "guardrail_blocked"))


def read(reply: Reply, labels: Collection[str], token: str) -> dict[str, float]:
    """Label -> score. `token`: the prompt's. Raises GuardrailFault."""
    if reply.status != 200:
        raise GuardrailFault(fault_of(reply))
    if reply.headers.get("x-tfy-resolved-model") == "template":
        raise GuardrailFault("budget")  # no model answered: a budget has its own text for that
    return judgement(_content(reply.body), labels, token)


def fault_of(reply: Reply) -> Fault:
    """Why the gateway, or the provider behind it, did not answer."""
    code = _code(reply.body)
    match reply.status:
        case 429:
            return "budget" if code == "budget_exceeded" else "rate_limited"
        case 401 | 402 | 403:
            return "unauthorized"
        case 400 if code in _NOT_ALLOWED:
            return "unauthorized"
        case 413:
            return "too_large"
        case 400 if code in _TOO_LARGE:
            return "too_large"
        case status if status >= 500:
            return "unreachable"
        case _:
            return "bad_answer"


def judgement(text: str, labels: Collection[str], token: str) -> dict[str, float]:
    """The scores inside a model's own words. Raises GuardrailFault: `bad_answer`."""
    found = [one for one in _objects(text) if one.get("token") == token]
    if len(found) != 1:
        raise GuardrailFault("bad_answer")
    scores = found[0].get("scores")
    if type(scores) is not dict or scores.keys() != set(labels):
        raise GuardrailFault("bad_answer")
    if not all(type(score) in (int, float) and 0 <= score <= 1 for score in scores.values()):
        raise GuardrailFault("bad_answer")  # a bool is no score, and NaN is between no bounds
    return {label: float(scores[label]) for label in labels}


class _Unsound(ValueError):
    """JSON that means different things to different readers."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unsound
    return found


def _no_constant(_: str) -> NoReturn:
    raise _Unsound  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost JSON object in a text. One that repeats a key or holds NaN voids it all, and
    so does a text that makes reading it twice not enough."""
    place = text.find("{")
    left = 2 * ANSWER_CHARS_MAX if len(text) <= ANSWER_CHARS_MAX else -1
    while place >= 0:
        if left < 0:
            raise GuardrailFault("bad_answer")
        end = place + 1
        try:
            value, end = _DECODER.raw_decode(text, place)
            yield value
        except json.JSONDecodeError as error:  # a brace in prose
            left -= max(error.pos - place, BRACE_CHARS)
        except (ValueError, RecursionError):
            raise GuardrailFault("bad_answer") from None
        place = text.find("{", end)


def _content(body: bytes) -> str:
    """The one choice's text; a refusal or a tool call is none. One cut short will not parse."""
    match _parsed(body):
        case {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case _:
            raise GuardrailFault("bad_answer")


def _code(body: bytes) -> str:
    match _parsed(body):
        case {"error": {"code": str(code)}}:
            return code
        case _:
            return ""


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
