"""Errors in the caller's own dialect, so that official SDKs raise their own classes.

Promises: every refusal carries its code and the decision id; a provider's error keeps its status
and its words where they are the caller's business. Refuses to pass on what a provider says about
credentials (status 401): that key is the gateway's, not the caller's (P4).

Shapes: OpenAI "Error codes", Anthropic "Errors" (api documentation of both vendors).
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.errors import Code, Refusal
from extproc.llm.call import Family, Json
from extproc.llm.sse import encode

_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
    404: "not_found_error", 409: "invalid_request_error", 413: "invalid_request_error",
    415: "invalid_request_error", 422: "invalid_request_error", 429: "rate_limit_error",
    503: "api_error", 529: "overloaded_error",
}  # fmt: skip
_ANTHROPIC_TYPES = {402: "billing_error", 413: "request_too_large", 504: "timeout_error"}
_CREDENTIAL_TEXT = "The provider refused the gateway's credential."
_MESSAGE_CHARS_MAX = 4096


def refusal_body(family: Family, refusal: Refusal, decision_id: str) -> bytes:
    """The body of an immediate response (contract, section 4)."""
    return orjson.dumps(refusal_tree(family, refusal, decision_id))


def refusal_tree(family: Family, refusal: Refusal, decision_id: str) -> Json:
    kind = error_type(family, refusal.status)
    if refusal.code is Code.OVERLOADED:
        kind = "overloaded_error"
    code = refusal.code.value
    return _tree(family, kind, refusal.message, code, refusal.param, decision_id)


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
    if status != 401 and family_out == family_in and _is_error(family_in, tree):
        return body
    return orjson.dumps(map_error(family_out, status, tree, decision_id))


def map_error(family_out: Family, status: int, tree: Any, decision_id: str = "") -> Json:
    """A provider's error (parsed, of any shape) in the caller's dialect."""
    error = tree.get("error") if type(tree) is dict else None
    message = _message(status, tree, error)
    code = error.get("code") if type(error) is dict and status != 401 else None
    param = error.get("param") if type(error) is dict and status != 401 else None
    return _tree(
        family_out,
        error_type(family_out, status),
        message,
        code if type(code) is str else "upstream_error",
        param if type(param) is str else None,
        decision_id,
    )


def error_type(family: Family, status: int) -> str:
    """The vendor's word for a status."""
    if family == "anthropic" and status in _ANTHROPIC_TYPES:
        return _ANTHROPIC_TYPES[status]
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def _tree(
    family: Family, kind: str, message: str, code: str, param: str | None, decision_id: str
) -> Json:
    if family == "anthropic":
        error: Json = {"type": kind, "message": message, "code": code}
        if param:
            error["param"] = param
        return {"type": "error", "error": error, "request_id": decision_id or None}
    error = {"message": message, "type": kind, "param": param, "code": code}
    if decision_id:
        error["decision_id"] = decision_id
    return {"error": error}


def _is_error(family: Family, tree: Any) -> bool:
    if type(tree) is not dict or type(tree.get("error")) is not dict:
        return False
    return family == "openai" or tree.get("type") == "error"


def _message(status: int, tree: Any, error: Any) -> str:
    """The provider's own words where its body has them in a known place."""
    if status == 401:
        return _CREDENTIAL_TEXT
    places = [error.get("message") if type(error) is dict else error]
    if type(tree) is dict:
        places += [tree.get("message"), tree.get("detail")]
    found = next((text for text in places if type(text) is str and text), None)
    return found[:_MESSAGE_CHARS_MAX] if found else f"The provider answered with status {status}."
