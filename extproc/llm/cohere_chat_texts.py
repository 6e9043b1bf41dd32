"""Every text of a Cohere chat answer or of one event of its stream, and what in them is none.

Promises: each string a caller could see has a slot, in order; an unknown field is walked, not
skipped; what cannot be read is named (P3, P5). An event's `delta.message` has the shape of the
answer's message, with one part where that has a list; the pieces of one text share a `channel`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, OPEN_KINDS, Found, is_identifier, is_name, walk
from extproc.llm.slots import json_slot

IDENTIFIERS = MACHINE_KEYS | frozenset(("role",))
_KNOWN = frozenset(("id", "type", "index", "finish_reason", "usage"))
_KNOWN_CHARS_MAX = 128
_ROLES: dict[str, Role] = {
    "thinking": "reasoning", "tool_plan": "reasoning", "citations": "tool",
    "tool_calls": "tool_arguments",
}  # fmt: skip
_PARTS = frozenset(("text", "thinking"))
_PLAIN_EVENT = frozenset(("type", "index", "delta"))
_PLAIN_PART = frozenset(("type", "text", "thinking"))


def answer_texts(body: Json) -> Found:
    """The message, then fields no documentation names."""
    found = Found()
    for key in body:
        if key == "message" and type(body[key]) is dict:
            _message(body[key], 0, found)
        else:
            _other(body, key, key, found)
    return found


def frame_texts(frame: Frame) -> Found:
    found = Found()
    data = frame.data or {}
    delta = data.get("delta")
    for key in data:
        if key != "delta" or type(delta) is not dict:
            _other(data, key, key, found)
            continue
        for name in delta:
            if name == "message" and type(delta[name]) is dict:
                _message(delta[name], data.get("index", 0), found)
            else:
                _other(delta, name, f"delta.{name}", found)
    return found


def frame_unread(frame: Frame) -> tuple[str, ...]:
    """Paths name the field, without the event: they repeat over a stream."""
    data = frame.data
    return () if not data or _is_plain(data) else tuple(frame_texts(frame).unread)


def _is_plain(data: Json) -> bool:
    """Whether an event is of the kind that most are: a piece of text, and nothing beside it."""
    delta = data.get("delta")
    if type(delta) is not dict or len(delta) != 1 or not _PLAIN_EVENT.issuperset(data):
        return False
    message = delta.get("message")
    if type(message) is not dict or len(message) != 1:
        return False
    part = message.get("content")
    return type(part) is dict and _PLAIN_PART.issuperset(part) and all(
        type(value) is str for value in part.values()
    )  # fmt: skip


def _other(holder: Json, key: str, path: str, found: Found) -> None:
    """Fields beside the message. Known ones hold names and numbers."""
    value = holder[key]
    if key in _KNOWN and (type(value) is not str or len(value) <= _KNOWN_CHARS_MAX):
        return
    if type(value) in OPEN_KINDS or not is_name(key):
        walk(holder, key, path, "assistant", found)


def _message(message: Json, index: Any, found: Found) -> None:
    for key, value in message.items():
        path = f"message.{key}"
        if key == "role" and type(value) is str and is_identifier(value):
            continue
        if key == "content":
            _each(message, key, path, index, _part, found)
        elif key == "tool_calls":
            _each(message, key, path, index, _tool_call, found)
        elif key == "citations" and type(value) is dict:
            walk(message, key, f"{path}[{index}]", "tool", found, IDENTIFIERS)
        elif key == "tool_plan" and type(value) is str:
            if value:
                found.slots.append(TextSlot(message, key, path, "reasoning", path))
        else:
            walk(message, key, path, _ROLES.get(key, "assistant"), found, IDENTIFIERS)


def _each(message: Json, key: str, path: str, index: Any, read: Any, found: Found) -> None:
    """All of a list, or the one that an event has in its place."""
    value = message[key]
    if type(value) is dict:
        read(value, f"{path}[{index}]", found)
        return
    if type(value) is not list:
        walk(message, key, path, _ROLES.get(key, "assistant"), found)
        return
    for position, one in enumerate(value):
        where = f"{path}[{position}]"
        if type(one) is dict:
            read(one, where, found)
        else:
            walk(value, position, where, _ROLES.get(key, "assistant"), found)


def _part(part: Json, path: str, found: Found) -> None:
    kind = part.get("type")
    known = kind is None or (type(kind) is str and kind in _PARTS)
    aside = found if known else found.aside()
    for key, value in part.items():
        where = f"{path}.{key}"
        role = _ROLES.get(key, "assistant")
        if key in _PARTS and type(value) is str:
            if value:
                found.slots.append(TextSlot(part, key, where, role, where))
        else:
            walk(part, key, where, role, aside, IDENTIFIERS)
    if not known:
        found.unread.append(path)


def _tool_call(call: Json, path: str, found: Found) -> None:
    for key, value in call.items():
        where = f"{path}.{key}"
        if key == "function" and type(value) is dict:
            _function(value, where, found)
        else:
            walk(call, key, where, "tool_arguments", found, IDENTIFIERS)


def _function(function: Json, path: str, found: Found) -> None:
    role: Role = "tool_arguments"
    for key, value in function.items():
        where = f"{path}.{key}"
        if key not in ("name", "arguments"):
            walk(function, key, where, role, found, frozenset())
        elif value and type(value) is str:
            is_json = key == "arguments"
            found.slots.append(TextSlot(function, key, where, role, where, is_json))
        elif value:
            found.slots.append(json_slot(function, key, where, role))
