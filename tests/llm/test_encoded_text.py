"""Text files inside a body: what is read, what is refused."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.encoded_text import DECODED_BYTES_MAX, Encoded, read


def b64(data: bytes | str) -> str:
    return b64encode(data if isinstance(data, bytes) else data.encode()).decode()


@given(
    st.text().filter(
        lambda t: (
            t and "\x00" not in t and not t.lstrip("\ufeff \t\r\n").startswith(("%PDF-", "{\\rtf"))
        )
    ),
    st.text(),
    st.sampled_from(("data:text/plain;base64,", "")),
)
def test_what_is_written_is_read_again(text: str, other: str, head: str) -> None:
    """P5: a redacted file decodes to the redacted text."""
    found = read(head + b64(text))
    assert found == Encoded(text, head)
    if other and "\x00" not in other and "{\\" not in other and "%P" not in other:
        assert read(found.again(other)) == Encoded(other, head)


@pytest.mark.parametrize(
    "media",
    ["text/plain", "text/html", "TEXT/CSV", "text/x-new", "application/json", "application/xml",
     "application/vnd.api+json", "application/x-yaml", "image/svg+xml", "application/javascript",
     "text/plain;charset=utf-8", 'text/plain; charset="US-ASCII"', "",  "message/rfc822"],
)  # fmt: skip
def test_textual_media_types_are_read(media: str) -> None:
    """P5: whatever a model reads as text; no type means text/plain (RFC 2397)."""
    found = read(f"data:{media};base64,{b64('hello')}")
    assert found is not None and found.text == "hello"
    assert found.head == f"data:{media};base64,"
    assert found.json == ("json" in media)


@pytest.mark.parametrize(
    "value",
    [
        f"data:application/pdf;base64,{b64('hello')}",
        f"data:image/png;base64,{b64('hello')}",
        f"data:audio/wav;base64,{b64('hello')}",
        f"data:application/octet-stream;base64,{b64('hello')}",
        f"data:text/rtf;base64,{b64('hello')}",
        f"data:text/plain;charset=utf-16;base64,{b64('hello')}",
        f"data:text/plain;base64,{b64('hello'.encode('utf-16'))}",
        f"data:text/plain;base64,{b64('hello'.encode('utf-16-le'))}",
        f"data:text/plain;base64,{b64(b'caf' + bytes([0xE9]))}",
        f"data:text/plain;base64,{b64('%PDF-1.7 ...')}",
        f"data:text/plain;base64,{b64('hello')}!",
        f"data:text/plain;base64,{b64('hello')[:-1]}",
        "data:text/plain;base64,aGVs bG8=",
        "data:text/plain;base64,",
        "data:text/plain;base64",
        "data:" + "x" * 300 + ",abc",
        "data:text/plain,%ff",
        b64(bytes(range(256))),
        "",
    ],
)
def test_everything_else_is_not(value: str) -> None:
    """P3: other types and charsets, unsound base64, bytes that are no UTF-8, false names."""
    assert read(value) is None


def test_the_type_or_the_name_beside_it_decides() -> None:
    """P3: a PDF made of ASCII is no text."""
    data = b64("hello")
    assert read(data) == read(data, "text/csv") == read(data, "", "a.TXT") == Encoded("hello", "")
    assert read(data, "application/pdf") is None
    assert read(data, "", "a.pdf") is None
    assert read(data, "", "a.json") == Encoded("hello", "", json=True)


def test_percent_encoding_is_read_and_written_as_base64() -> None:
    """P5: the other form of a `data:` URL (RFC 2397)."""
    found = read("Data:text/plain,a%20b%E2%98%82")
    assert found is not None and found.text == "a b☂"
    assert found.again("x") == f"Data:text/plain;base64,{b64('x')}"


def test_the_size_is_bounded() -> None:
    """P8: four megabytes of text, not more."""
    assert read(b64(b"x" * DECODED_BYTES_MAX)) is not None
    assert read(b64(b"x" * (DECODED_BYTES_MAX + 9))) is None


def test_a_lone_surrogate_is_written_as_a_question_mark() -> None:
    """P8: a replacement never breaks the body."""
    assert read(Encoded("", "").again("a\ud800")) == Encoded("a?", "")
