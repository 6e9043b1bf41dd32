"""How many pixels an inline image has, told by its first bytes.

Promises: the size that a decoder sees, or None. The bytes decide, not the media type the caller
wrote beside them. Only PNG and JPEG are read: other formats have several places that state a size,
and a reader that picks the wrong one would bound the image too low.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

Size = tuple[int, int]
HEAD_CHARS = 2_048
SCAN_CHARS = 512 * 1_024
"""A JPEG may carry profiles and thumbnails before it states its size."""
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))


def image_size(base64_text: str) -> Size | None:
    """(width, height) of an image in base64; None when its head does not tell."""
    head = _decoded(base64_text[:HEAD_CHARS])
    if head.startswith(_PNG) and len(head) >= 24:
        return _positive(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(head) or _jpeg(_decoded(base64_text[:SCAN_CHARS]))
    return None


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text[: len(text) // 4 * 4])
    except (Error, ValueError):
        return b""


def _jpeg(data: bytes) -> Size | None:
    """Walk the segments (ITU-T T.81, B.1.1) to the frame header."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
        elif marker in _START_OF_FRAME:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return _positive(int.from_bytes(data[at + 7 : at + 9], "big"), height)
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _positive(width: int, height: int) -> Size | None:
    return (width, height) if width and height else None
