"""Every text of one Responses item, of a request or of an answer, and what in it is none.

Promises: each string of an item has a slot, in order, under the role of who wrote it; items, parts
and fields nobody here knows are walked, not skipped; what cannot be read is named (P3, P5). A
slot's path and channel are those of its place in a whole answer, `output[0].content[1].text`.
Source: platform.openai.com, "Responses", the input and output items.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.llm.call import Json, Role, TextSlot
from extproc.llm.leaves import (
    ENCRYPTED_KEYS,
    MACHINE_KEYS,
    REFERENCE_KEYS,
    Found,
    add_text,
    is_name,
    walk,
)
from extproc.llm.responses_slots import read_logprobs
from extproc.llm.slots import json_slot

MESSAGE_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
ITEM_ROLES: dict[str, Role] = {
    "reasoning": "reasoning", "compaction": "reasoning", "mcp_approval_response": "user",
    "mcp_list_tools": "tool_definition", "additional_tools": "tool_definition",
    "function_call": "tool_arguments", "custom_tool_call": "tool_arguments",
    "local_shell_call": "tool_arguments", "shell_call": "tool_arguments",
    "apply_patch_call": "tool_arguments", "computer_call": "tool_arguments",
    "mcp_call": "tool_arguments", "mcp_approval_request": "tool_arguments",
    "web_search_call": "tool_arguments", "file_search_call": "tool_arguments",
    "code_interpreter_call": "tool_arguments", "image_generation_call": "tool_arguments",
    "tool_search_call": "tool_arguments", "program": "tool_arguments",
    "function_call_output": "tool", "custom_tool_call_output": "tool", "tool_search_output": "tool",
    "local_shell_call_output": "tool", "shell_call_output": "tool", "program_output": "tool",
    "apply_patch_call_output": "tool", "computer_call_output": "tool",
}  # fmt: skip
_TEXT_PARTS = frozenset(("input_text", "output_text", "text", "summary_text", "reasoning_text"))
_MEDIA_PARTS = frozenset(("input_image", "input_file", "input_audio", "computer_screenshot"))
_NAMES = MACHINE_KEYS | frozenset(
    ("call_id", "item_id", "role", "phase", "server_label", "caller_id", "approval_request_id",
     "connector_id", "execution", "created_by")
)  # fmt: skip
_RESULTS = frozenset(("output", "outputs", "results", "result", "error"))
_PARTS = frozenset(("content", "summary", "output"))
_AUTHORED = frozenset(("arguments",))
_NO_SENTENCE = ENCRYPTED_KEYS | REFERENCE_KEYS | _NAMES
_ID = re.compile(r"[A-Za-z0-9_.:/+=-]{0,512}")
"""Azure's ids are encrypted and some 200 characters long."""


def is_id(value: Any) -> bool:
    return type(value) is str and _ID.fullmatch(value) is not None


def read_items(holder: Json, key: str, path: str, role: Role, found: Found) -> None:
    """`holder[key]` is a list of items. `role`: who is taken to speak where nothing tells."""
    items = holder[key]
    for position in range(len(items)):
        read_item(items, position, f"{path}[{position}]", role, found)


def read_item(items: Any, position: Any, path: str, role: Role, found: Found) -> None:
    item = items[position]
    if type(item) is not dict:
        walk(items, position, path, role, found)
        return
    kind = _kind(item)
    if kind == "message" or (kind is None and "role" in item):
        _message(item, path, role, found)
    elif kind == "item_reference" or (kind is None and "id" in item):
        found.unread.append(path)
        _fields(item, path, role, found.aside())
    else:
        if kind in ("computer_call_output", "image_generation_call") and _has_payload(item):
            found.unread.append(path)
            found = found.aside()
        _fields(item, path, ITEM_ROLES.get(kind or "", role), found)


def read_part(parts: Any, position: Any, path: str, role: Role, found: Found) -> None:
    """One part of a content: text, or what cannot be read and is named; its words are read."""
    part = parts[position]
    kind = _kind(part) if type(part) is dict else "text"
    if kind in _TEXT_PARTS or kind == "refusal":
        _text_part(parts, position, path, "refusal" if kind == "refusal" else role, found)
        return
    aside = found.aside()
    walk(parts, position, path, role, aside)
    if aside.unread or kind != "input_file" or type(part.get("file_data")) is not str:
        found.unread.append(path)


def is_plain(item: Any) -> bool:
    """Whether it surely holds nothing but text, as most items of a long conversation do."""
    if type(item) is not dict:
        return False
    kind = _kind(item) or "message"
    if kind in ("function_call", "custom_tool_call"):
        return type(item.get("arguments", item.get("input"))) is str and len(item) <= 6
    if kind in ("function_call_output", "custom_tool_call_output"):
        return type(item.get("output")) is str and len(item) <= 5
    if kind != "message" or not _PLAIN_MESSAGE.issuperset(item):
        return False
    content = item.get("content")
    return type(content) is str or (type(content) is list and all(map(_is_plain_part, content)))


_PLAIN_MESSAGE = frozenset(("type", "role", "content", "id", "status"))


def _is_plain_part(part: Any) -> bool:
    return (
        type(part) is dict
        and _kind(part) in _TEXT_PARTS
        and type(part.get("text")) is str
        and (len(part) == 2 or not (part.get("annotations") or part.get("logprobs")))
        and len(part) <= 4
    )


def _message(item: Json, path: str, role: Role, found: Found) -> None:
    said = item.get("role")
    role = MESSAGE_ROLES.get(said, role) if type(said) is str else role
    for key, value in item.items():
        where = f"{path}.{key}"
        if key == "content" and type(value) is list:
            for position in range(len(value)):
                read_part(value, position, f"{where}[{position}]", role, found)
        elif key == "content":
            add_text(item, key, where, role, found)
        elif not (key in _NAMES and is_id(value)) and (value or not is_name(key)):
            walk(item, key, where, role, found, _NAMES)


def _text_part(parts: Any, position: Any, path: str, role: Role, found: Found) -> None:
    part = parts[position]
    if type(part) is not dict:
        walk(parts, position, path, role, found)
        return
    for key, value in part.items():
        where = f"{path}.{key}"
        if key in ("text", "refusal"):
            add_text(part, key, where, role, found)
        elif key == "logprobs":
            read_logprobs(part, key, where, found)
        elif key != "type" and (value or not is_name(key)):
            # Annotations quote what a search found: no model wrote it.
            walk(part, key, where, "tool" if key == "annotations" else role, found, _NAMES)


def _fields(item: Json, path: str, role: Role, found: Found) -> None:
    """An item that is no message, field by field."""
    for key, value in item.items():
        if (key in _NAMES and is_id(value)) or (not value and is_name(key)):
            continue
        where = f"{path}.{key}"
        shown: Role = "tool" if key in _RESULTS else role
        if key in _PARTS and type(value) is list:
            for position in range(len(value)):
                _either(value, position, f"{where}[{position}]", shown, found)
        elif key == "tools" and type(value) is list:
            for position in range(len(value)):
                slot = json_slot(value, position, f"{where}[{position}]", "tool_definition")
                found.slots.append(slot)
        elif key in _AUTHORED and type(value) is str:
            found.slots.append(TextSlot(item, key, where, shown, where, True))
        elif key in _AUTHORED and type(value) in (dict, list):
            found.slots.append(json_slot(item, key, where, shown))
        elif type(value) is str and is_name(key) and key not in _NO_SENTENCE:
            _sentence(item, key, where, shown, found)
        else:
            walk(item, key, where, shown, found, _NAMES)


def _sentence(item: Json, key: str, where: str, role: Role, found: Found) -> None:
    if key == "result" and item.get("type") == "image_generation_call":
        return  # the picture; its item is named
    add_text(item, key, where, role, found)


def _either(values: Any, position: int, where: str, role: Role, found: Found) -> None:
    """A part of a content, or a result of a shape of its own (a shell's, an interpreter's)."""
    value = values[position]
    kind = _kind(value) if type(value) is dict else None
    if kind is not None and (kind in _TEXT_PARTS or kind in _MEDIA_PARTS or kind == "refusal"):
        read_part(values, position, where, role, found)
    else:
        walk(values, position, where, role, found, _NAMES)


def _kind(holder: Json) -> str | None:
    """Its type, None where it has none; what is no string is a kind that nobody knows."""
    kind = holder.get("type")
    return kind if type(kind) is str or kind is None else ""


def _has_payload(item: Json) -> bool:
    return bool(item.get("output") or item.get("result"))
