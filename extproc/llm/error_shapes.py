"""One error, written in each vendor's shape, so that its SDK raises its own classes.

Sources: OpenAI "Error codes"; Anthropic "Errors"; Google "API errors" (`google.rpc.Status`, with
`ErrorInfo` and `RetryInfo` among its details); AWS "Common errors" (`__type`); Cohere "Errors".
The gateway's own code stands in `code`, at Google in `reason` (`code` is the HTTP status there).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extproc.llm.call import Family, Json

_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
    404: "not_found_error", 409: "invalid_request_error", 413: "invalid_request_error",
    415: "invalid_request_error", 422: "invalid_request_error", 429: "rate_limit_error",
    503: "api_error", 529: "overloaded_error",
}  # fmt: skip
_ANTHROPIC_TYPES = {402: "billing_error", 413: "request_too_large", 504: "timeout_error"}
_GOOGLE_TYPES = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE",
}  # fmt: skip
_AWS_TYPES = {
    403: "AccessDeniedException", 404: "ResourceNotFoundException", 408: "ModelTimeoutException",
    409: "ConflictException", 424: "ModelErrorException", 429: "ThrottlingException",
    503: "ServiceUnavailableException", 504: "ModelTimeoutException",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """`status`: HTTP. `kind`: the vendor's word for it. `code`: the gateway's, or the provider's
    own. `decision_id`: '' where there is none."""

    status: int
    kind: str
    message: str
    code: str
    param: str | None = None
    decision_id: str = ""
    retry_after_ms: int | None = None


def error_type(family: Family, status: int) -> str:
    """The vendor's word for a status."""
    if family == "gemini":
        return _GOOGLE_TYPES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    if family == "bedrock":
        other = "ValidationException" if status < 500 else "InternalServerException"
        return _AWS_TYPES.get(status, other)
    if family == "anthropic" and status in _ANTHROPIC_TYPES:
        return _ANTHROPIC_TYPES[status]
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def error_tree(family: Family, facts: ErrorFacts) -> Json:
    return _SHAPES[family](facts)


def _openai(facts: ErrorFacts) -> Json:
    error: Json = {
        "message": facts.message,
        "type": facts.kind,
        "param": facts.param,
        "code": facts.code,
    }
    if facts.decision_id:
        error["decision_id"] = facts.decision_id
    return {"error": error}


def _anthropic(facts: ErrorFacts) -> Json:
    error: Json = {"type": facts.kind, "message": facts.message, "code": facts.code}
    if facts.param:
        error["param"] = facts.param
    return {"type": "error", "error": error, "request_id": facts.decision_id or None}


def _gemini(facts: ErrorFacts) -> Json:
    """The code twice: where Google's clients look for a reason, and where a person does."""
    told = {"decision_id": facts.decision_id, "param": facts.param}
    details: list[Json] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": facts.code,
            "domain": "envelope",
            "metadata": {name: value for name, value in told.items() if value},
        }
    ]
    if facts.retry_after_ms is not None:
        delay = f"{-(-facts.retry_after_ms // 1000)}s"
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        details.append({"@type": kind, "retryDelay": delay})
    error = {"code": facts.status, "message": facts.message, "status": facts.kind,
             "reason": facts.code, "details": details}  # fmt: skip
    return {"error": error}


def _bedrock(facts: ErrorFacts) -> Json:
    made = {"message": facts.message, "__type": facts.kind, "reason": facts.code}
    return {**made, "decision_id": facts.decision_id} if facts.decision_id else made


def _cohere(facts: ErrorFacts) -> Json:
    made = {"message": facts.message, "code": facts.code}
    return {"id": facts.decision_id, **made} if facts.decision_id else made


_SHAPES: dict[Family, Callable[[ErrorFacts], Json]] = {
    "openai": _openai, "anthropic": _anthropic, "gemini": _gemini, "bedrock": _bedrock,
    "cohere": _cohere,
}  # fmt: skip
