"""One question in JSON, and what its answer means.

Promises: only 2xx is an answer; the rest is a fault of the closed set. JSON is read strictly: two
equal keys could be two verdicts. What is missing or of another type is `bad_answer`, never a pass.
Nothing of an answer's text goes into a fault (P4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from extproc.errors import Refusal
from extproc.guardrails.services.ports import Http, Reply
from extproc.guardrails.values import Fault, GuardrailFault
from extproc.llm import strict_json

# An answer may hold a whole request one level further down.
DEPTH_MAX = strict_json.DEPTH_MAX + 8
_JSON = {"content-type": "application/json", "accept": "application/json"}


async def ask_json(http: Http, url: str, question: Any, headers: Mapping[str, str]) -> Any:
    """POST `question`; the parsed answer. Raises GuardrailFault."""
    return answer_of(await http.post(url, orjson.dumps(question), {**_JSON, **headers}))


def fault_of(status: int) -> Fault | None:
    """What a status says; None: there is an answer."""
    match status:
        case 401 | 403:
            return "unauthorized"
        case 429:
            return "rate_limited"
        case 413:
            return "too_large"
        case _ if 200 <= status < 300:
            return None
    return "unreachable" if status >= 500 else "bad_answer"


def answer_of(reply: Reply) -> Any:
    """The JSON of an answer. Raises GuardrailFault."""
    fault = fault_of(reply.status)
    if fault is not None:
        raise GuardrailFault(fault)
    if reply.body.lstrip()[:1] == b"{":
        tree = strict_json.parse(reply.body, depth_max=DEPTH_MAX)
        if isinstance(tree, Refusal):
            raise GuardrailFault("bad_answer")
        return tree
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise GuardrailFault("bad_answer") from None


def an_object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise GuardrailFault("bad_answer")
    return value


def a_list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise GuardrailFault("bad_answer")
    return value


def a_text(value: Any) -> str:
    if type(value) is not str:
        raise GuardrailFault("bad_answer")
    return value


def a_flag(value: Any) -> bool:
    if type(value) is not bool:
        raise GuardrailFault("bad_answer")
    return value


def a_count(value: Any) -> int:
    """A whole number from 0."""
    if type(value) is not int or value < 0:
        raise GuardrailFault("bad_answer")
    return value


def a_score(value: Any) -> float:
    """From 0 to 1."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise GuardrailFault("bad_answer")
    return float(value)
