"""The size of an inline image, told by its bytes (P2)."""

from __future__ import annotations

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.image_size import Size, image_size

SIDE = st.integers(1, 65_535)


def png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return b64encode(head + struct.pack(">II", width, height) + b"\x08\x02" + b"\0" * 40).decode()


def jpeg(width: int, height: int, *, before: bytes = b"", marker: int = 0xC0) -> str:
    frame = bytes((0xFF, marker)) + struct.pack(">HBHH", 17, 8, height, width) + b"\x03" + b"\0" * 9
    return b64encode(b"\xff\xd8" + before + frame).decode()


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


@given(SIDE, SIDE)
def test_sizes_are_read(width: int, height: int) -> None:
    """P2: PNG and JPEG tell their size, whatever the caller calls them."""
    assert image_size(png(width, height)) == (width, height)
    assert image_size(jpeg(width, height, before=segment(0xE0, b"JFIF\0"))) == (width, height)


def test_a_thumbnail_is_not_the_image() -> None:
    """P2: a small frame inside a profile does not make a large image cheap."""
    thumbnail = b"Exif\0\0\xff\xd8\xff\xc0" + struct.pack(">HBHH", 17, 8, 16, 16)
    before = segment(0xE1, thumbnail) + segment(0xE2, b"\0" * 60_000)
    assert image_size(jpeg(4_000, 3_000, before=before, marker=0xC2)) == (4_000, 3_000)


@pytest.mark.parametrize(
    "text",
    ["", "AAAA", "!!!!", "é" * 40, "R0lGODlhAQABAIAAAAAAAP", png(0, 5), jpeg(5, 0),
     png(9, 9)[:20], jpeg(9, 9)[:12], b64encode(b"\xff\xd8" + segment(0xC4, b"x")).decode()],
)  # fmt: skip
def test_what_does_not_tell_has_no_size(text: str) -> None:
    """P2: no size means the dearest, so a broken head is never a cheap image."""
    assert image_size(text) is None


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """P8: whatever a caller sends has a size or none."""
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):
        found: Size | None = image_size(b64encode(head + data).decode())
        assert found is None or min(found) > 0
