"""Vectors as they stand in a body: numbers, or float32, little endian, in base64.

The official OpenAI SDK asks for base64 where its user said nothing, and reads either.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import Any

from extproc.llm.translate.not_carried import Unreadable

_NUMBERS = frozenset((int, float))


def read_vector(value: Any, where: str) -> list[float]:
    """Raises Unreadable."""
    if type(value) is str:
        return _decoded(value, where)
    if type(value) is not list or not value or not _NUMBERS.issuperset(map(type, value)):
        raise Unreadable(where)
    return value


def in_base64(vector: list[float], where: str) -> str:
    """Raises Unreadable where a number is beyond float32."""
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (OverflowError, struct.error):
        raise Unreadable(where) from None


def _decoded(text: str, where: str) -> list[float]:
    try:
        data = b64decode(text, validate=True)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    except (ValueError, struct.error):
        raise Unreadable(where) from None


def of_items(answer: Any, key: str, inner: str) -> list[list[float]]:
    """The vectors of a list of objects, `inner` of each."""
    listed = answer.get(key)
    if type(listed) is not list or not listed:
        raise Unreadable(key)
    return [
        read_vector(item.get(inner) if type(item) is dict else None, f"{key}[{at}].{inner}")
        for at, item in enumerate(listed)
    ]
