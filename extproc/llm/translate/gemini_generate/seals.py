"""Seals in `thoughtSignature`: Google's as they are, others behind a mark (`gemini_seals.py`).

Behind the mark stand the vendor's name, `hidden` for a thought of which the seal is all, and the
seal, so that the vendor gets back what it gave.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from typing import get_args

from extproc.llm.call import Family
from extproc.llm.gemini_seals import FOREIGN_MARK, NOT_SIGNED
from extproc.llm.translate.conversation import Seal


def signature_of(seal: Seal, *, hidden: bool = False) -> str:
    if seal.family == "gemini":
        return seal.value
    said = f"{seal.family}:{'hidden' if hidden else ''}:{seal.value}"
    return FOREIGN_MARK + urlsafe_b64encode(said.encode()).decode()


def seal_of(signature: str) -> tuple[Seal | None, bool]:
    """(seal, whether it was all of a thought); no seal where the signature says so."""
    if not signature or signature == NOT_SIGNED:
        return None, False
    if signature.startswith(FOREIGN_MARK):
        family, _, rest = _said(signature).partition(":")
        hidden, _, value = rest.partition(":")
        for known in get_args(Family):
            if family == known:
                return Seal(known, value), hidden == "hidden"
    return Seal("gemini", signature), False


def _said(signature: str) -> str:
    try:
        return urlsafe_b64decode(signature[len(FOREIGN_MARK) :]).decode()
    except (Error, ValueError):
        return ""
