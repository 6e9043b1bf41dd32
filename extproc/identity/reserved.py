"""Headers that belong to the gateway: what clients may not say, and what providers never see.

Data only; the data plane's renderer turns it into Envoy configuration. Names are lower case.
"""

from __future__ import annotations

from extproc.identity.keys import KEY_HEADERS

# Removed from every request before anything reads it (contract, section 3).
OWNED_PREFIXES = ("x-envelope-", "x-envoy-")
OWNED_NAMES = (
    "x-tfy-resolved-model",
    "x-tfy-applied-configurations",
    "x-tfy-applied-rules",
    "x-tfy-cache-status",
    "x-tfy-guardrails-applied",
    "server-timing",
    "ratelimit",
    "ratelimit-policy",
)

# Removed from what goes to a provider (P4). The provider's own credential is put on afterwards, on
# the provider's connection alone.
NEVER_SENT_PREFIXES = ("x-tfy-", "x-envelope-", "x-envoy-", "x-forwarded-", "x-bf-")
NEVER_SENT_NAMES = (
    *KEY_HEADERS,
    "idempotency-key",  # the caller's promise to the gateway; attempts differ from one another
    "x-request-id",
    "cookie",
    "forwarded",
    "x-real-ip",
    "proxy-authorization",
    # These choose who is billed at the provider; beside the gateway's own key they are a lie.
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
)

# Removed from a provider's answer: our own marks, and what tells one caller about the account that
# all callers share (its name, what others have left of its rate limits).
NEVER_RETURNED_PREFIXES = (
    "x-envelope-", "x-envoy-", "x-tfy-", "set-cookie", "openai-organization", "openai-project",
    "anthropic-organization", "x-ratelimit-", "anthropic-ratelimit-",
)  # fmt: skip


def owned(name: str) -> bool:
    """Whether a client may not send this header."""
    return name in OWNED_NAMES or name.startswith(OWNED_PREFIXES)


def never_sent(name: str) -> bool:
    """Whether no provider may see this header as the caller sent it."""
    return name in NEVER_SENT_NAMES or name.startswith(NEVER_SENT_PREFIXES)
