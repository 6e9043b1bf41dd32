"""Every text of one part of a Gemini content, and what in it is none.

Promises: each string of a part has a slot; an unknown field is walked, not skipped; a part that
cannot be read is named by its path (P3, P5). Arguments and results of functions are read whole, as
JSON, one slot each. A part reads the same under either spelling of its fields.
"""

from __future__ import annotations

import re
from typing import Any
from zlib import crc32

import orjson

from extproc.llm import encoded_text
from extproc.llm.call import Json, Role, TextSlot
from extproc.llm.gemini_fields import camel, get, listed, spelling, standard
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, is_identifier, is_name, walk
from extproc.llm.slots import EncodedSlot, json_slot

_ROLES: dict[Any, Role] = {"user": "user", "model": "assistant", "function": "tool"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*")
_CODE: dict[str, Role] = {
    "executableCode": "tool_arguments", "codeExecutionResult": "tool", "toolCall": "tool_arguments",
    "toolResponse": "tool",
}  # fmt: skip
_WORDS = MACHINE_KEYS | frozenset(
    ("language", "outcome", "toolType", "tool_type", "level", "scheduling")
)
"""Keys of known fields that hold one of Google's own words."""


def role_of(content: Json, otherwise: Role) -> Role:
    role = content.get("role")
    return _ROLES.get(role, otherwise) if type(role) is str else otherwise


def read_content(holder: Any, key: Any, path: str, role: Role, found: Found) -> None:
    """`holder[key]`, a Content; anything else in its place is walked."""
    content = holder[key]
    if type(content) is not dict:
        walk(holder, key, path, role, found)
        return
    for name in content:
        if name == "parts":
            read_parts(content, f"{path}.parts", role, found)
        elif name != "role" or not _is_role(content[name]):
            walk(content, name, f"{path}.{name}", role, found)


def read_parts(content: Json, path: str, role: Role, found: Found, stream: str = "") -> None:
    """`stream`: what the channels of a streamed candidate begin with; '' for a whole body."""
    parts = content["parts"]
    if type(parts) is dict:
        _part(parts, path, role, found, stream)
    elif type(parts) is not list:
        walk(content, "parts", path, role, found)
    else:
        for position, part in enumerate(parts):
            where = f"{path}[{position}]"
            if type(part) is dict:
                _part(part, where, role, found, stream)
            else:
                walk(parts, position, where, role, found)


def is_plain(content: Any) -> bool:
    """Whether it holds nothing but text, calls and seals, as most do; any other is read to find
    out."""
    if type(content) is not dict or not _PLAIN_CONTENT.issuperset(content):
        return False
    if not _is_role(content.get("role")):
        return False
    for part in listed(content.get("parts")):
        if type(part) is not dict:
            return False
        for key, value in part.items():
            if not (type(value) is str if key in _PLAIN_TEXTS else _is_plain_field(key, value)):
                return False
    return True


def seals_of(content: Json, path: str) -> list[str]:
    """Paths of the seals of a plain content."""
    return [
        f"{path}.parts[{position}].thoughtSignature"
        for position, part in enumerate(listed(content.get("parts")))
        if part.get("thoughtSignature")
    ]


_PLAIN_CONTENT = frozenset(("role", "parts"))
_PLAIN_TEXTS = frozenset(("text", "thoughtSignature"))
_PLAIN_CALL = frozenset(("id", "name", "args", "response"))


def _is_plain_field(key: str, value: Any) -> bool:
    if key in ("functionCall", "functionResponse"):
        return (
            type(value) is dict
            and _PLAIN_CALL.issuperset(value)
            and type(value.get("name")) is str
            and type(value.get("id", "")) is str
        )
    return key == "thought" and type(value) is bool


def _is_role(value: Any) -> bool:
    return value is None or (type(value) is str and is_identifier(value))


def _part(part: Json, path: str, role: Role, found: Found, stream: str) -> None:
    if part.get("thought") is True:
        role = "reasoning"
    for key, value in part.items():
        where = f"{path}.{key}"
        if key == "text" and type(value) is str:
            if value:
                kind = "thought" if role == "reasoning" else "text"
                channel = f"{stream}.{kind}" if stream else where
                found.slots.append(TextSlot(part, key, where, role, channel))
        elif value is None or type(value) is bool:
            if not is_name(key):
                walk(part, key, where, role, found)
        else:
            _field(part, key, where, role, found, stream)


def _field(part: Json, key: str, path: str, role: Role, found: Found, stream: str) -> None:
    value, name = part[key], camel(key)
    kind = type(value)
    if name == "functionCall" and kind is dict:
        _call(value, path, found, stream)
    elif name == "functionResponse" and kind is dict:
        _result(value, path, found)
    elif name == "inlineData" or name == "fileData":
        _media(part, key, path, role, found)
    elif name == "thoughtSignature":
        _seal(part, key, path, role, found)
    elif name in _CODE and kind is dict:
        _code(value, path, _CODE[name], found)
    elif name == "partMetadata" and kind is dict:
        found.slots.append(json_slot(part, key, path, role))
    else:
        words = _WORDS if name == "mediaResolution" else MACHINE_KEYS
        walk(part, key, path, role, found, words)


def _call(call: Json, path: str, found: Found, stream: str) -> None:
    """A call comes whole, in one frame: each has a channel of its own."""
    channel = f"{stream}.functionCall[{_mark(call)}]" if stream else path
    for key, value in call.items():
        where, name = f"{path}.{key}", camel(key)
        if name == "args" and value:
            text = f"{channel}.args"
            found.slots.append(json_slot(call, key, where, "tool_arguments", text))
        elif name == "name" and type(value) is str:
            if value:
                text = f"{channel}.name"
                found.slots.append(TextSlot(call, key, where, "tool_arguments", text))
        elif name == "partialArgs" and stream:
            _pieces(call, key, f"{stream}.functionCall.partialArgs", found)
        else:
            walk(call, key, where, "tool_arguments", found)


def _mark(call: Json) -> str:
    call_id = call.get("id")
    if type(call_id) is str and call_id and is_identifier(call_id):
        return call_id
    return f"{crc32(orjson.dumps(call)):08x}"


def _pieces(call: Json, key: str, path: str, found: Found) -> None:
    """Vertex streams arguments value by value, where it was asked to (`partialArgs`)."""
    for position, piece in enumerate(listed(call[key])):
        if type(piece) is not dict:
            walk(call, key, path, "tool_arguments", found)
            return
        place = str(get(piece, "jsonPath"))
        channel = f"{path}[{place if is_identifier(place.strip('$')) else position}]"
        text = spelling(piece, "stringValue")
        for name, value in piece.items():
            if name == text and type(value) is str:
                slot = TextSlot(piece, name, f"{channel}.{name}", "tool_arguments", channel)
                found.slots.append(slot)
            else:
                walk(piece, name, f"{channel}.{name}", "tool_arguments", found)


def _result(result: Json, path: str, found: Found) -> None:
    for key, value in result.items():
        where = f"{path}.{key}"
        if key == "response" and value:
            found.slots.append(json_slot(result, key, where, "tool"))
        elif key == "parts":
            read_parts(result, where, "tool", found)
        else:
            walk(result, key, where, "tool", found, _WORDS)


def _code(part: Json, path: str, role: Role, found: Found) -> None:
    for key, value in part.items():
        if key in ("args", "response") and value:
            found.slots.append(json_slot(part, key, f"{path}.{key}", role))
        else:
            walk(part, key, f"{path}.{key}", role, found, _WORDS)


def _media(part: Json, key: str, path: str, role: Role, found: Found) -> None:
    """A text file is read; a picture, sound, or a reference is named, its words are read."""
    blob, aside = part[key], found.aside()
    if type(blob) is not dict:
        walk(part, key, path, role, aside)
        found.unread.append(path)
        return
    read = False
    for name in blob:
        if name == "data":
            read = _data(blob, f"{path}.{name}", role, aside)
        else:
            walk(blob, name, f"{path}.{name}", role, aside)
    if not read or aside.unread:
        found.unread.append(path)


def _data(blob: Json, path: str, role: Role, found: Found) -> bool:
    """Whether the payload is a text that was read."""
    data, media = blob["data"], get(blob, "mimeType")
    if type(data) is str and type(media) is str:
        encoded = encoded_text.read(standard(data), media)
        if encoded is not None:
            found.slots.append(
                EncodedSlot(blob, "data", path, role, path, encoded.json, False, encoded)
            )
            return True
    walk(blob, "data", path, role, found)
    return False


def _seal(part: Json, key: str, path: str, role: Role, found: Found) -> None:
    """The model's own thoughts, which only Google can read. Words in its place are words."""
    value = part[key]
    if value:
        found.unread.append(path)
    if type(value) is not str or not _BASE64.fullmatch(value):
        add_text(part, key, path, role, found)
