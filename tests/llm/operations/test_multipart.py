"""Forms: strict to read, exact to write (RFC 7578)."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Code, Refusal
from extproc.llm.call import Json
from extproc.llm.multipart import HEAD_BYTES, PARTS_MAX, dump, parse

TYPE = "multipart/form-data; boundary=b"
LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="[%\\/")
NAME = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name != "_charset_")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
FILE = st.builds(
    lambda name, data: {"filename": name, "content_type": "audio/wav", "data": data},
    st.text(LETTERS, min_size=1, max_size=12),
    st.binary(max_size=200),
)
VALUE = TEXT | FILE


def part(name: str, data: bytes = b"x", *more: str, disposition: str = "") -> bytes:
    head = disposition or f'Content-Disposition: form-data; name="{name}"'
    return b"\r\n".join([b"--b", head.encode(), *(m.encode() for m in more), b"", data, b""])


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


def read(body: bytes, content_type: str = TYPE) -> Json:
    tree = parse(body, content_type)
    assert not isinstance(tree, Refusal), tree
    return tree


def refusal(body: bytes, content_type: str = TYPE) -> Refusal:
    no = parse(body, content_type)
    assert isinstance(no, Refusal), no
    return no


@given(st.dictionaries(NAME, VALUE, max_size=6),
       st.dictionaries(NAME, st.lists(VALUE, min_size=1, max_size=3), max_size=2))  # fmt: skip
def test_what_is_written_is_read_again(plain: Any, listed: Any) -> None:
    """P5: a form means the same to who reads what was written as it did here."""
    tree = {**plain, **{f"{name}[]": v for name, v in listed.items() if name not in plain}}
    body, content_type = dump(tree)
    if tree:
        assert read(body, content_type) == tree
    assert dump(tree) == (body, content_type)


def test_quotes_and_line_breaks_stay_inside_their_name() -> None:
    """P5: a file's name cannot end its header and begin another part."""
    evil = 'a"\r\n\r\n--b\r\nContent-Disposition: form-data; name="model'
    tree = {"file": {"filename": evil, "content_type": "x/y\r\nEvil: 1", "data": b"1"}}
    body, content_type = dump(tree)
    again = read(body, content_type)
    assert list(again) == ["file"] and again["file"]["filename"] == evil
    assert again["file"]["content_type"] == "application/octet-stream"


def test_a_file_that_holds_the_boundary_gets_another() -> None:
    """P5: the boundary can be foretold from a file's beginning; then another one is taken."""

    def sent(tail: bytes) -> tuple[bytes, str]:
        data = bytes(HEAD_BYTES) + tail.ljust(200, b".")
        return dump({"a": {"filename": "f", "content_type": "x/y", "data": data}})

    foretold = sent(b"")[1]
    mark = f"\r\n--{foretold.partition('=')[2]}\r\n".encode()
    body, content_type = sent(mark + b'Content-Disposition: form-data; name="model"\r\n\r\nother')
    assert mark in body and content_type != foretold
    assert list(read(body, content_type)) == ["a"]
    assert len(mark + b'Content-Disposition: form-data; name="model"\r\n\r\nother') <= 200


@given(st.binary(max_size=300), st.sampled_from((TYPE, "text/plain", "", "multipart/form-data")))
def test_no_bytes_break_the_reader(body: bytes, content_type: str) -> None:
    """P1: any input is a body or a refusal."""
    for given_body in (body, b"--b\r\n" + body, form(part("a", body))):
        assert isinstance(parse(given_body, content_type), dict | Refusal)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (form(part("model"), part("model")), "model"),
        (form(part("a"), part("a[]")), "a"),
        (form(part("a[]"), part("a")), "a"),
        (form(part("a[b]"), part("a")), "a"),
        (form(part("a[b]"), part("a[]")), "a"),
        (form(part("a", b"\xff")), "a"),
        (form(part("a", b"x", "Content-Type: text/plain; charset=utf-16")), "a"),
        (form(part("a", b"eA==", "Content-Transfer-Encoding: base64")), "a"),
        (form(part("a", b"x", "Content-Type: a/b", "Content-Type: c/d")), "a"),
        (form(part("_charset_", b"utf-16")), "name"),
        (form(part("")), "name"),
        (form(part("n" * 129)), "name"),
    ],
)
def test_what_could_be_understood_in_two_ways_is_refused(body: bytes, param: str) -> None:
    """P1: a field that is said twice, in two forms or in another charset."""
    no = refusal(body)
    assert (no.code, no.param) == (Code.INVALID_REQUEST, param)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\nafter",
        form(part("a"))[:-4],
        b"before\r\n" + form(part("a")),
        form(part("a")) + b"after",
        form(part("a", disposition="Content-Disposition: attachment; name=a")),
        form(part("a", disposition="Content-Type: text/plain")),
        form(*(part(f"a{n}") for n in range(PARTS_MAX + 1))),
        b"--b\nContent-Disposition: form-data; name=a\n\nx\n--b--\n",
    ],
)
def test_what_is_not_a_whole_form_is_refused(body: bytes) -> None:
    """P1: text around a form, a form that is cut off, or one of other parts."""
    assert refusal(body).code is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=b",
     "multipart/form-data; boundary=", "multipart/form-data; boundary=b; boundary=c",
     "multipart/form-data; boundary=" + "b" * 71, 'multipart/form-data; boundary="b'],
)  # fmt: skip
def test_a_boundary_that_is_not_clear_is_refused(content_type: str) -> None:
    """P1: who cuts the body elsewhere reads other fields."""
    assert refusal(form(part("a")), content_type).code is Code.UNSUPPORTED_MEDIA_TYPE


def test_lists_and_keys_in_brackets() -> None:
    """Contract: `name[]` is a list even of one; `name[key]` is a field of that name."""
    body = form(part("i[]", b"1"), part("i[]", b"2"), part("j[]"), part("c[type]"), part("c[x]"))
    assert read(body) == {"i[]": ["1", "2"], "j[]": ["x"], "c[type]": "x", "c[x]": "x"}


def test_the_official_sdk_is_understood() -> None:
    """Contract: what the OpenAI SDK sends for a transcription is read, field by field."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        request.read()
        seen.append(request)
        return httpx2.Response(200, json={"text": "hi", "usage": {"type": "duration",
                                                                 "seconds": 3}})  # fmt: skip

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="k", base_url="http://gw/v1", http_client=transport)
    client.audio.transcriptions.create(
        model="whisper-1", file=("größe.wav", b"RIFF\r\n--\x00", "audio/wav"), prompt="Ärzte",
        timestamp_granularities=["word", "segment"], temperature=0.5,
        chunking_strategy={"type": "server_vad", "threshold": 0.5},
    )  # fmt: skip
    tree = read(seen[0].content, seen[0].headers["content-type"])
    assert tree == {
        "model": "whisper-1", "prompt": "Ärzte", "temperature": "0.5",
        "timestamp_granularities[]": ["word", "segment"],
        "chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "0.5",
        "file": {"filename": "größe.wav", "content_type": "audio/wav", "data": b"RIFF\r\n--\x00"},
    }  # fmt: skip
    body, content_type = dump(tree)
    assert read(body, content_type) == tree
