"""`multipart/form-data` (RFC 7578) as a body of fields, and back.

A field is a string; one whose name ends in `[]` is a list; a file is `{"filename", "content_type",
"data"}` with `data` as bytes. What is sent on is written anew from these fields, so that a provider
reads what was judged here, however a form might be understood elsewhere (P1, P5).

Refuses: another media type, a boundary that RFC 2046 does not allow, a form that is not whole, text
around it, more than PARTS_MAX parts, a field given twice, a name both with brackets and without,
other charsets than UTF-8, encoded parts, `_charset_` (RFC 7578, 4.6 and 4.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from extproc.errors import Code, Refusal
from extproc.llm import fields
from extproc.llm.call import Json

PARTS_MAX = 128
NAME_CHARS_MAX = 128
HEAD_BYTES = 4_096
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]")
_MEDIA_TYPE = re.compile(
    r"multipart/form-data[ \t]*;[ \t]*boundary=(?:\"([^\"\\]*)\"|([^\s;\"]+))[ \t]*;?", re.I
)
_MEDIA = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_PLAIN_ENCODINGS = frozenset(("", "7bit", "8bit", "binary"))
_CHARSETS = frozenset(("", "utf-8", "utf8", "us-ascii"))
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How names are written (RFC 7578, 2: percent-encoded)."""


class _Unsound(Exception):
    """`args`: as `fields.refuse` wants them."""


def parse(body: bytes, content_type: str) -> Json | Refusal:
    """The form's fields, in order. Never raises on any input."""
    boundary = _boundary(content_type)
    if boundary is None:
        return Refusal(Code.UNSUPPORTED_MEDIA_TYPE, "multipart/form-data needs its boundary.")
    tree: Json = {}
    try:
        for segment, data in _parts(body, boundary):
            _add(tree, segment, data)
    except MultipartError:
        return Refusal(Code.INVALID_REQUEST, "The form is not valid multipart/form-data.")
    except _Unsound as no:
        return fields.refuse(*no.args)
    return tree


def dump(tree: Json) -> tuple[bytes, str]:
    """(body, content type). The boundary follows from the content, so that none can hold it."""
    parts = [(name, item) for name, value in tree.items() for item in _items(value)]
    written = [(_head(name, item), _data(item)) for name, item in parts if item is not None]
    boundary = _unlike([piece for pair in written for piece in pair])
    mark, out = b"--" + boundary.encode(), list[bytes]()
    for head, data in written:
        out += (mark, b"\r\n", head, b"\r\n\r\n", data, b"\r\n")
    return b"".join((*out, mark, b"--\r\n")), f"multipart/form-data; boundary={boundary}"


def _boundary(content_type: str) -> str | None:
    found = _MEDIA_TYPE.fullmatch(content_type.strip())
    if found is None:
        return None
    boundary = found[1] or found[2] or ""
    return boundary if _BOUNDARY.fullmatch(boundary) else None


def _parts(body: bytes, boundary: str) -> Iterator[tuple[MultipartSegment, bytes]]:
    """Each part's head and bytes. Raises MultipartError."""
    mark = b"--" + boundary.encode()
    if not body.startswith(mark) or not body.rstrip(b"\r\n").endswith(mark + b"--"):
        raise MultipartError("text around the form")
    with PushMultipartParser(boundary, max_segment_count=PARTS_MAX, strict=True) as parser:
        segment: MultipartSegment | None = None
        pieces: list[bytes] = []
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segment, pieces = event, []
            elif event is None:
                yield segment, b"".join(pieces)
            else:
                pieces.append(event)


def _add(tree: Json, segment: MultipartSegment, data: bytes) -> None:
    name = str(segment.name)
    if not name or len(name) > NAME_CHARS_MAX or name == "_charset_" or not name.isprintable():
        raise _Unsound("name", "of a field is missing, too long or not offered")
    if len({header for header, _ in segment.headerlist}) < len(segment.headerlist):
        raise _Unsound(name, "has a header twice")
    if segment.header("Content-Transfer-Encoding", "").lower() not in _PLAIN_ENCODINGS:
        raise _Unsound(name, "must not be encoded")
    if (segment.charset or "").lower() not in _CHARSETS:
        raise _Unsound(name, "must be in UTF-8")
    value = _text(name, data) if segment.filename is None else _file(segment, data)
    if name.endswith("[]"):
        _alone(tree, name)
        tree.setdefault(name, []).append(value)
        return
    if name in tree:
        raise _Unsound(name, "is given twice")
    _alone(tree, name)
    tree[name] = value


def _alone(tree: Json, name: str) -> None:
    """`a`, `a[]` and `a[b]` are three ways to say one field."""
    base, form = _base(name)
    for other in tree:
        if other != name and _base(other)[0] == base and (form != "{}" or _base(other)[1] != "{}"):
            raise _Unsound(base, "is given in two ways")


def _base(name: str) -> tuple[str, str]:
    """(name without brackets, which brackets: '', '[]' or '{}' for a named key)."""
    base, bracket, rest = name.partition("[")
    return (name, "") if not bracket or not base else (base, "[]" if rest == "]" else "{}")


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _Unsound(name, "must be in UTF-8") from None


def _file(segment: MultipartSegment, data: bytes) -> Json:
    return {"filename": str(segment.filename), "content_type": str(segment.content_type or ""),
            "data": data}  # fmt: skip


def _items(value: Any) -> list[Any]:
    return value if type(value) is list else [value]


def _head(name: str, item: Any) -> bytes:
    head = f'Content-Disposition: form-data; name="{name.translate(_QUOTED)}"'
    if type(item) is dict:
        stated = str(item["content_type"])
        media = stated if _MEDIA.fullmatch(stated) else "application/octet-stream"
        file_name = str(item["filename"]).translate(_QUOTED)
        head += f'; filename="{file_name}"\r\nContent-Type: {media}'
    return head.encode("utf-8", "replace")


def _data(item: Any) -> bytes:
    match item:
        case dict():
            return bytes(item["data"])
        case bool():
            return b"true" if item else b"false"
        case _:
            return str(item).encode("utf-8", "replace")


def _unlike(pieces: list[bytes]) -> str:
    """A boundary that no piece holds. Of their beginnings first, which is fast; who writes that one
    into a file gets the one of all the bytes, which no bytes can hold."""
    boundary = _digest(pieces, HEAD_BYTES)
    return _digest(pieces, None) if any(boundary.encode() in p for p in pieces) else boundary


def _digest(pieces: list[bytes], most: int | None) -> str:
    digest = blake2b(digest_size=18)
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(memoryview(piece)[:most])
    return "form-" + digest.hexdigest()
