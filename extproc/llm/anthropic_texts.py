"""Every text of an Anthropic Messages request or answer, and what in them is none.

Promises: each string a provider or a caller would see has a slot, in order; an unknown block or
field is walked, not skipped; what cannot be read is named (P3, P5). Tool definitions, tool inputs,
output schemas and metadata are read whole, as JSON, one slot each, as a stream of them reads.
Streams: `anthropic_frames.py`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json, Role, TextSlot
from extproc.llm.leaves import (
    MACHINE_KEYS,
    OPEN_KINDS,
    Found,
    add_text,
    is_identifier,
    is_name,
    walk,
)
from extproc.llm.slots import json_slot

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_READ_ELSEWHERE = frozenset(("model", "messages", "system", "tools"))
_NUMBERS = frozenset(("max_tokens", "stream", "temperature", "top_p", "top_k"))
_SETTINGS = frozenset(
    ("tool_choice", "service_tier", "thinking", "cache_control", "inference_geo", "speed")
)
_AUTHORED: dict[str, Role] = {
    "output_config": "tool_definition", "output_format": "tool_definition", "metadata": "input",
}  # fmt: skip
_ANSWER_KEYS = frozenset(("id", "type", "role", "model", "content", "stop_reason", "usage"))
_ANSWER_CHARS_MAX = 128
_READABLE = frozenset(
    ("text", "thinking", "tool_use", "server_tool_use", "mcp_tool_use", "search_result",
     "tool_reference")
)  # fmt: skip
_READABLE_ENDS = ("_result", "_error", "_output")
"""What tools of the vendor's own give back: `web_search_tool_result`, `web_fetch_result`, ..."""
_TOOL_USE = frozenset(("type", "id", "name", "input"))
_TOOL_RESULT = frozenset(("type", "tool_use_id", "content", "is_error"))


def request_slots(body: Json) -> list[TextSlot]:
    """System prompt, messages, tool definitions, then every other string of the request."""
    found = Found()
    if body.get("system"):
        _content(body, "system", "system", "system", found)
    for position, message in enumerate(body["messages"]):
        _message(message, f"messages[{position}]", found)
    for position in range(len(body.get("tools") or ())):
        found.slots.append(
            json_slot(body["tools"], position, f"tools[{position}]", "tool_definition")
        )
    _fields(body, found)
    return found.slots


def request_unread(body: Json) -> tuple[str, ...]:
    """JSON paths of what holds no readable text. Tool definitions are text throughout."""
    found = Found()
    if type(body.get("system")) is list:
        _content(body, "system", "system", "system", found)
    for position, message in enumerate(body["messages"]):
        if not _is_plain(message):
            _message(message, f"messages[{position}]", found)
    _fields(body, found)
    return tuple(found.unread)


def answer_slots(body: Json) -> list[TextSlot]:
    """All blocks of a whole answer, then fields no documentation names."""
    return read_answer(body, Found()).slots


def answer_unread(body: Json) -> tuple[str, ...]:
    return tuple(read_answer(body, Found()).unread)


def read_answer(body: Json, found: Found) -> Found:
    if body.get("content"):
        _content(body, "content", "content", "assistant", found)
    for key, value in body.items():
        kind = type(value)
        if key in _ANSWER_KEYS and (kind is not str or len(value) <= _ANSWER_CHARS_MAX):
            continue
        if kind in OPEN_KINDS or not is_name(key):
            walk(body, key, key, "assistant", found)
    return found


def read_block(block: Json, path: str, role: Role, found: Found) -> None:
    """One block. One that cannot be read is named whole; its words are read all the same."""
    kind = block.get("type")
    if kind == "text" and len(block) == 2 and "text" in block:
        add_text(block, "text", f"{path}.text", role, found)
        return
    if type(kind) is not str:
        kind = ""
    if kind == "thinking" and block.get("signature") and not block.get("thinking"):
        found.unread.append(path)  # it was left out: only the vendor can read what the seal holds
    if kind in _READABLE or kind.endswith(_READABLE_ENDS):
        _block_fields(block, path, role if kind in _READABLE else "tool", found)
    elif kind == "document" and _source_type(block) == "content":
        _block_fields(block, path, role, found)
    else:
        aside = found.aside()
        _block_fields(block, path, role, aside)
        is_read = kind == "document" and _source_type(block) in ("text", "base64")
        if not is_read or aside.unread:
            found.unread.append(path)


def _message(message: Json, path: str, found: Found) -> None:
    role: Role = _ROLES.get(message["role"], "user")
    for key in message:
        if key == "content":
            _content(message, key, f"{path}.content", role, found)
        elif key != "role":
            walk(message, key, f"{path}.{key}", role, found)


def _fields(body: Json, found: Found) -> None:
    for key, value in body.items():
        kind = type(value)
        if key in _READ_ELSEWHERE or (key in _NUMBERS and kind not in OPEN_KINDS):
            continue
        if key in _AUTHORED and kind is dict:
            found.slots.append(json_slot(body, key, key, _AUTHORED[key]))
        elif kind is not str or key not in _SETTINGS or not is_identifier(value):
            if key == "container" and value:  # files of an earlier call are in it
                found.unread.append(key)
            names = MACHINE_KEYS if key in _SETTINGS else frozenset()
            walk(body, key, key, "input", found, names)


def _content(holder: Any, key: Any, path: str, role: Role, found: Found) -> None:
    content = holder.get(key)
    if type(content) is str:
        if content:
            found.slots.append(TextSlot(holder, key, path, role, path))
    elif type(content) is dict:
        read_block(content, path, role, found)
    elif type(content) is list:
        for position, block in enumerate(content):
            where = f"{path}[{position}]"
            if type(block) is dict:
                read_block(block, where, role, found)
            else:
                walk(content, position, where, role, found)


def _block_fields(block: Json, path: str, role: Role, found: Found) -> None:
    for key, value in block.items():
        if key in MACHINE_KEYS and type(value) is str and is_identifier(value):
            continue
        where = f"{path}.{key}"
        if key == "content":
            _content(block, key, where, role, found)
        elif key == "input":
            if value:
                found.slots.append(json_slot(block, key, where, "tool_arguments"))
        elif key == "source" and type(value) is dict and "content" in value:
            _source(value, where, role, found)
        elif key == "thinking":
            add_text(block, key, where, "reasoning", found)
        elif key == "name":
            add_text(block, key, where, role, found)
        elif value is not None or not is_name(key):
            # Citations quote what a search or a document said: no model wrote it.
            walk(block, key, where, "tool" if key == "citations" else role, found)


def _source(source: Json, path: str, role: Role, found: Found) -> None:
    for key in source:
        if key == "content":
            _content(source, key, f"{path}.content", role, found)
        else:
            walk(source, key, f"{path}.{key}", role, found)


def _is_plain(message: Json) -> bool:
    """Whether it holds nothing but text, as most do; any other one is walked to find out."""
    if len(message) != 2:
        return False
    content = message.get("content")
    return type(content) is str or (type(content) is list and all(map(_is_plain_block, content)))


def _is_plain_block(block: Any) -> bool:
    if type(block) is not dict:
        return False
    match block.get("type"):
        case "text":
            return len(block) == 2 and type(block.get("text")) is str
        case "tool_use":
            return _TOOL_USE.issuperset(block)
        case "tool_result":
            return _TOOL_RESULT.issuperset(block) and type(block.get("content")) is str
    return False


def _source_type(block: Json) -> Any:
    source = block.get("source")
    return source.get("type") if type(source) is dict else None
