"""The opaque proofs that vendors put on a model's thoughts and want back unchanged.

Promises: a seal opens only at the vendor that made it, and where it seals a text, only over that
very text; so a gateway that sends one vendor's seal to another, or alters a thought, is found out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib


def seal(vendor: str, text: str = "") -> str:
    """A seal in base64, as long for one text as for another."""
    digest = hashlib.blake2b(text.encode(), digest_size=24, person=b"demo-seal").digest()
    return base64.b64encode(vendor.encode()[:8].ljust(8) + digest).decode()


def opens(vendor: str, sealed: str, text: str | None = None) -> bool:
    """Whether this is a seal of this vendor (and of this text, where one is given)."""
    if text is not None:
        return sealed == seal(vendor, text)
    try:
        decoded = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(decoded) == 32 and decoded[:8] == vendor.encode()[:8].ljust(8)
