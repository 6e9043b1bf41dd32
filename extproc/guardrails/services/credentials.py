"""Secrets of remote guardrails, read at each use: a rotated one works at once (P4).

Refuses (`unauthorized`): a secret that is not there, and one that could not stand in a header.
"""

from __future__ import annotations

from extproc.config.base import SecretRef
from extproc.config.secrets import SecretMissing, resolve
from extproc.guardrails.values import GuardrailFault


def secret_text(ref: SecretRef) -> str:
    """The secret as printable ASCII. Raises GuardrailFault `unauthorized`."""
    try:
        text = resolve(ref).decode("ascii")
    except (SecretMissing, UnicodeDecodeError):
        raise GuardrailFault("unauthorized") from None
    if not text.isprintable():
        raise GuardrailFault("unauthorized")
    return text


def bearer(ref: SecretRef) -> dict[str, str]:
    """RFC 6750, 2.1."""
    return {"authorization": f"Bearer {secret_text(ref)}"}
