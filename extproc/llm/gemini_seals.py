"""Thought signatures: Google's own, and other vendors' seals in their place.

`thoughtSignature` is base64 that a caller sends back as it got it. Google's own stand there as they
are. A seal of another vendor is written with a mark in front, so that it goes back to that vendor;
Google gets in its place the word it documents for calls that another model made ("Thought
signatures", FAQ), where it wants a signature at all. Read and written in
`translate/gemini_generate/seals.py`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.gemini_fields import get, listed, spelling

NOT_SIGNED = "skip_thought_signature_validator"
FOREIGN_MARK = "ZW52ZWxvcGU6"
"""`envelope:` in base64, whose nine bytes fill twelve letters."""


def for_google(body: Json) -> Json:
    """The body itself, or a copy without the seals that Google cannot read."""
    contents = body.get("contents")
    if not any(map(_has_foreign, listed(contents))):
        return body
    mended = [
        _mended(content) if _has_foreign(content) else content for content in listed(contents)
    ]
    return {**body, "contents": [content for content in mended if content.get("parts")]}


def _has_foreign(content: Json) -> bool:
    return any(map(_is_foreign, listed(content.get("parts"))))


def _is_foreign(part: Any) -> bool:
    signature = get(part, "thoughtSignature") if len(part) > 1 else None
    return type(signature) is str and signature.startswith(FOREIGN_MARK)


def _mended(content: Json) -> Json:
    """Another model's thoughts go; the first call of the turn says that nobody signed it."""
    parts, calls = [], 0
    for part in listed(content.get("parts")):
        if _is_foreign(part):
            key = spelling(part, "thoughtSignature")
            part = {name: value for name, value in part.items() if name != key}
            if part.get("thought") or not part.get("text", True):
                continue
        if get(part, "functionCall"):
            calls += 1
            if calls == 1 and not get(part, "thoughtSignature"):
                part = {**part, "thoughtSignature": NOT_SIGNED}
        parts.append(part)
    return {**content, "parts": parts}
