"""Headers that a configuration may put on a provider's connection, and those it may not.

Data, and one question. Refused are what carries credentials or belongs to the gateway (P4), and
what says how the message itself is made.
"""

from __future__ import annotations

from extproc.identity.reserved import never_sent, owned

# A caller may not choose who is billed; who configures the account may.
_THE_ACCOUNTS_OWN = frozenset({"openai-organization", "openai-project", "x-goog-user-project"})
_OF_THE_MESSAGE = frozenset({
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding",
    "accept-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect", "date",
})  # fmt: skip
_CREDENTIALS = ("x-amz-", "proxy-", "sec-")


def never_set(name: str) -> bool:
    """Whether no configuration may set or remove this header (lower case) at a provider."""
    if name in _THE_ACCOUNTS_OWN:
        return False
    mine = never_sent(name) or owned(name) or name in _OF_THE_MESSAGE
    return mine or name.startswith(_CREDENTIALS) or name.startswith(":")
