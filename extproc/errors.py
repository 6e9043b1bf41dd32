"""The closed table of refusals: code -> HTTP status -> public text -> metric label.

Promises: whatever goes wrong, the caller gets one of these, in its own dialect, with the decision
id. Refuses: any other code. The public text never carries a secret, a balance or another tenant
(P4); `detail` may name the rule, the guardrail or the field that refused, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Code(str, Enum):
    """Refusal codes of the contract; the value is what callers and metrics see."""

    INVALID_REQUEST = "invalid_request"
    METADATA_CONTRACT_VIOLATION = "metadata_contract_violation"
    GUARDRAIL_BLOCKED = "guardrail_blocked"
    REQUEST_CAP_EXCEEDED = "request_cap_exceeded"
    INVALID_API_KEY = "invalid_api_key"
    PERMISSION_DENIED = "permission_denied"
    UNKNOWN_ROUTE = "unknown_route"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    BUDGET_EXCEEDED = "budget_exceeded"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    POLICY_UNAVAILABLE = "policy_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    GUARDRAIL_UNAVAILABLE = "guardrail_unavailable"
    OVERLOADED = "overloaded"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: HTTP status and the text every caller may read."""

    status: int
    text: str


TABLE: dict[Code, Row] = {
    Code.INVALID_REQUEST: Row(400, "The request is not valid."),
    Code.METADATA_CONTRACT_VIOLATION: Row(400, "The request's metadata breaks the contract."),
    Code.GUARDRAIL_BLOCKED: Row(400, "A guardrail refused this content."),
    Code.REQUEST_CAP_EXCEEDED: Row(400, "The request asks for more than one request may."),
    Code.INVALID_API_KEY: Row(
        401, "No valid API key. Send one virtual key as 'Authorization: Bearer ...'."
    ),
    Code.PERMISSION_DENIED: Row(
        403, "This key may not call this model here, or the model does not exist."
    ),
    Code.UNKNOWN_ROUTE: Row(404, "The gateway governs no such path."),
    Code.IDEMPOTENCY_CONFLICT: Row(409, "This idempotency key was used with another body."),
    Code.REQUEST_TOO_LARGE: Row(413, "The request body is larger than the gateway accepts."),
    Code.UNSUPPORTED_MEDIA_TYPE: Row(
        415, "Send an uncompressed body with 'content-type: application/json'."
    ),
    Code.RATE_LIMIT_EXCEEDED: Row(429, "A rate limit is used up."),
    Code.BUDGET_EXCEEDED: Row(429, "A budget has no room for this request."),
    Code.UPSTREAM_ERROR: Row(502, "No provider of this model could be reached."),
    Code.UPSTREAM_TIMEOUT: Row(504, "No provider of this model answered in time."),
    Code.POLICY_UNAVAILABLE: Row(503, "The policy engine did not decide; nothing was sent."),
    Code.STORE_UNAVAILABLE: Row(503, "The limits store did not answer; nothing was sent."),
    Code.AUDIT_UNAVAILABLE: Row(503, "The audit log cannot be written; nothing was sent."),
    Code.GUARDRAIL_UNAVAILABLE: Row(503, "A strict guardrail could not judge this call."),
    Code.OVERLOADED: Row(503, "The gateway cannot take this request now. Try again shortly."),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as a value.

    `detail` is appended to the public text: it names a rule, a field or a guardrail.
    `reason` goes to the audit entry only (never to the caller).
    `retry_after_ms` becomes `retry-after`, rounded up to whole seconds (RFC 9110, 10.2.3).
    """

    code: Code
    detail: str = ""
    reason: str = ""
    rule_id: str = ""
    param: str | None = None
    retry_after_ms: int | None = None

    @property
    def status(self) -> int:
        return TABLE[self.code].status

    @property
    def message(self) -> str:
        text = TABLE[self.code].text
        return f"{text} {self.detail}" if self.detail else text
