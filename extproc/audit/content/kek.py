"""The key that wraps tenants' keys, from wherever a configuration says it lies.

Raises SecretMissing, ValueError (it is not 32 bytes in base64); neither quotes it (P4).
"""

from __future__ import annotations

from extproc.audit.content.seal import Kek, configured_kek
from extproc.config.audit_model import Content
from extproc.config.secrets import resolve


def kek_of(content: Content) -> Kek | None:
    """`audit.content.key`; None where this gateway's own secret makes it."""
    return None if content.key is None else configured_kek(resolve(content.key))
