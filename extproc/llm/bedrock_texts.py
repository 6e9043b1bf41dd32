"""Every text of a whole Converse answer, and what in it is none.

Promises: each string a caller could see has a slot, in order; an unknown block or field is walked,
not skipped; what cannot be read is named (P3, P5). A tool's input is read whole, as JSON, as a
stream of it reads. Streams: `bedrock_frames.py`.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.llm.call import Json, Role
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

IDENTIFIERS = MACHINE_KEYS | frozenset(("toolUseId", "stopReason", "role"))
_ANSWER_KEYS = frozenset(
    ("output", "stopReason", "usage", "metrics", "performanceConfig", "serviceTier")
)
_IDENTIFIER_CHARS_MAX = 128
_BASE64 = re.compile(r"[A-Za-z0-9+/=]*")
_READABLE = frozenset(
    ("text", "toolUse", "toolResult", "reasoningContent", "citationsContent", "searchResult")
)
_ROLES: dict[str, Role] = {
    "toolResult": "tool", "searchResult": "tool", "reasoningContent": "reasoning",
}  # fmt: skip


def answer_texts(body: Json) -> Found:
    """The message's blocks, then fields no documentation names."""
    found = Found()
    output = body.get("output")
    if type(output) is dict:
        _output(output, found)
    elif output is not None:
        walk(body, "output", "output", "assistant", found)
    for key, value in body.items():
        kind = type(value)
        if key in _ANSWER_KEYS and (kind is not str or len(value) <= _IDENTIFIER_CHARS_MAX):
            continue
        if kind in OPEN_KINDS or not is_name(key):
            walk(body, key, key, "assistant", found)
    return found


def read_blocks(holder: Json, key: str, path: str, role: Role, found: Found) -> None:
    """A list of blocks; what is not one is walked."""
    blocks = holder[key]
    if type(blocks) is not list:
        walk(holder, key, path, role, found)
        return
    for position, block in enumerate(blocks):
        where = f"{path}[{position}]"
        if type(block) is dict:
            read_block(block, where, role, found)
        else:
            walk(blocks, position, where, role, found)


def read_block(block: Json, path: str, role: Role, found: Found) -> None:
    """One block: a union, whose one key says what it is. What cannot be read is named whole; its
    words are read all the same."""
    for kind, value in block.items():
        where = f"{path}.{kind}"
        if kind == "text":
            add_text(block, kind, where, role, found)
        elif kind == "toolUse" and type(value) is dict:
            _tool_use(value, where, found)
        elif kind == "toolResult" and type(value) is dict:
            _tool_result(value, where, found)
        elif kind == "reasoningContent" and type(value) is dict:
            _reasoning(value, where, found)
        elif kind == "citationsContent" and type(value) is dict:
            _citations(value, where, role, found)
        elif kind == "json" and value:
            found.slots.append(json_slot(block, kind, where, role))
        elif kind in _READABLE or kind == "cachePoint" or type(value) not in (dict, list):
            walk(block, kind, where, _ROLES.get(kind, role), found, IDENTIFIERS)
        else:
            walk(block, kind, where, role, found.aside(), IDENTIFIERS)
            found.unread.append(where)


def add_redacted(holder: Json, path: str, found: Found) -> None:
    """`redactedContent`: encrypted by the vendor. What does not look so is read as well."""
    value = holder["redactedContent"]
    if value is None or value == "":
        return
    found.unread.append(path)
    if type(value) is not str or not _BASE64.fullmatch(value):
        walk(holder, "redactedContent", path, "reasoning", found.aside())


def _output(output: Json, found: Found) -> None:
    for key, message in output.items():
        if key != "message" or type(message) is not dict:
            walk(output, key, f"output.{key}", "assistant", found)
            continue
        for name, value in message.items():
            path = f"output.message.{name}"
            if name == "content":
                read_blocks(message, name, path, "assistant", found)
            elif name != "role" or type(value) is not str or not is_identifier(value):
                walk(message, name, path, "assistant", found)


def _tool_use(use: Json, path: str, found: Found) -> None:
    for key, value in use.items():
        where = f"{path}.{key}"
        if key == "input":
            if value:
                found.slots.append(json_slot(use, key, where, "tool_arguments"))
        elif key == "name":
            add_text(use, key, where, "tool_arguments", found)
        else:
            walk(use, key, where, "tool_arguments", found, IDENTIFIERS)


def _tool_result(result: Json, path: str, found: Found) -> None:
    for key, value in result.items():
        if key == "content" and type(value) is list:
            read_blocks(result, key, f"{path}.content", "tool", found)
        else:
            walk(result, key, f"{path}.{key}", "tool", found, IDENTIFIERS)


def _reasoning(content: Json, path: str, found: Found) -> None:
    for key in content:
        if key == "redactedContent":
            add_redacted(content, f"{path}.{key}", found)
        else:
            walk(content, key, f"{path}.{key}", "reasoning", found, IDENTIFIERS)


def _citations(content: Json, path: str, role: Role, found: Found) -> None:
    """The words are the model's; what they cite, a search or a document said."""
    for key in content:
        said: Role = role if key == "content" else "tool"
        walk(content, key, f"{path}.{key}", said, found, IDENTIFIERS)


def is_plain_delta(delta: Any) -> bool:
    """Whether a delta is of the kind that most are, which hold nothing but one text."""
    if type(delta) is not dict or len(delta) != 1:
        return False
    use = delta.get("toolUse")
    return type(delta.get("text")) is str or (
        type(use) is dict and len(use) == 1 and type(use.get("input")) is str
    )
