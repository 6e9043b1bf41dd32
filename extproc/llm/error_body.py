"""Errors in the caller's own dialect, so that official SDKs raise their own classes.

Promises: every refusal carries its code and the decision id; a provider's error keeps its status
and its words where they are the caller's business. Refuses to pass on what a provider says about
credentials (status 401; 403 of Google and AWS, which name keys, accounts and roles; Google's 400
about an API key): those are the gateway's, not the caller's (P4).

Shapes: `error_shapes.py`.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.errors import Code, Refusal
from extproc.llm.call import Family, Json
from extproc.llm.error_shapes import ErrorFacts, error_tree, error_type
from extproc.llm.sse import encode

__all__ = ["error_type", "map_error", "provider_error", "refusal_body", "refusal_tree",
           "stream_error_frame"]  # fmt: skip
_CREDENTIAL_TEXT = "The provider refused the gateway's credential."
_MESSAGE_CHARS_MAX = 4096
_OURS_TO_SETTLE: dict[Family, tuple[int, ...]] = {"gemini": (401, 403), "bedrock": (401, 403)}
_GOOGLE_REASONS = ("API_KEY", "ACCESS_TOKEN", "CONSUMER", "CREDENTIALS", "SERVICE_DISABLED")


def refusal_body(family: Family, refusal: Refusal, decision_id: str) -> bytes:
    """The body of an immediate response (contract, section 4)."""
    return orjson.dumps(refusal_tree(family, refusal, decision_id))


def refusal_tree(family: Family, refusal: Refusal, decision_id: str) -> Json:
    kind = error_type(family, refusal.status)
    if refusal.code is Code.OVERLOADED and family in ("openai", "anthropic"):
        kind = "overloaded_error"
    facts = ErrorFacts(
        refusal.status,
        kind,
        refusal.message,
        refusal.code.value,
        refusal.param,
        decision_id,
        refusal.retry_after_ms,
    )
    return error_tree(family, facts)


def stream_error_frame(family: Family, refusal: Refusal, decision_id: str) -> bytes:
    """The last event of a stream the gateway ends; nothing, not even `[DONE]`, may follow it."""
    event = "error" if family == "anthropic" else ""
    return encode(event, refusal_tree(family, refusal, decision_id))


def provider_error(
    family_out: Family, family_in: Family, status: int, body: bytes, decision_id: str
) -> bytes:
    """A provider's error for the caller: the same bytes when they are already in its dialect."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        tree = None
    same = family_out == family_in and _is_error(family_in, tree)
    if same and not _about_credentials(family_in, status, tree["error"]):
        return body
    return orjson.dumps(map_error(family_out, status, tree, decision_id, family_in))


def map_error(
    family_out: Family,
    status: int,
    tree: Any,
    decision_id: str = "",
    family_in: Family | None = None,
) -> Json:
    """A provider's error (parsed, of any shape) in the caller's dialect."""
    if type(tree) is list and tree:  # Google's, where a stream would have been a JSON array
        tree = tree[0]
    error = tree.get("error") if type(tree) is dict else None
    code = param = None
    message = _CREDENTIAL_TEXT
    if not _about_credentials(family_in, status, error):
        message = _message(status, tree, error)
        if type(error) is dict:
            code, param = error.get("code"), error.get("param")
    facts = ErrorFacts(
        status,
        error_type(family_out, status),
        message,
        code if type(code) is str else "upstream_error",
        param if type(param) is str else None,
        decision_id,
    )
    return error_tree(family_out, facts)


def _is_error(family: Family, tree: Any) -> bool:
    """Whether it has the shape that the family's SDKs read."""
    if type(tree) is not dict or type(tree.get("error")) is not dict:
        return False
    match family:
        case "anthropic":
            return bool(tree.get("type") == "error")
        case "gemini":
            return type(tree["error"].get("code")) is int
    return family == "openai"


def _about_credentials(family: Family | None, status: int, error: Any) -> bool:
    if status == 401 or (family is not None and status in _OURS_TO_SETTLE.get(family, ())):
        return True
    if type(error) is not dict or type(error.get("code")) is not int:
        return False
    if error["code"] in _OURS_TO_SETTLE["gemini"]:  # in the middle of a stream
        return True
    details = error.get("details")
    reasons = [
        detail.get("reason")
        for detail in (details if type(details) is list else ())
        if type(detail) is dict
    ]
    if any(str(reason).startswith(_GOOGLE_REASONS) for reason in reasons):
        return True
    return "api key" in str(error.get("message")).lower()


def _message(status: int, tree: Any, error: Any) -> str:
    """The provider's own words where its body has them in a known place."""
    places = [error.get("message") if type(error) is dict else error]
    if type(tree) is dict:
        places += [tree.get("message"), tree.get("Message"), tree.get("detail")]
    found = next((text for text in places if type(text) is str and text), None)
    return found[:_MESSAGE_CHARS_MAX] if found else f"The provider answered with status {status}."
