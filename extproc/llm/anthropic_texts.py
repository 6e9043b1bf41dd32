"""Every text of an Anthropic Messages request, answer or streamed event.

Promises: each string a provider or a caller would see has a slot, in order; an unknown block or
field is walked, not skipped (P3, P5). Not seen: object keys, numbers, binary payloads, which
`unscanned` names on the request.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, add_leaves, add_text

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_NO_TEXT_IN_REQUEST = frozenset(
    ("model", "messages", "system", "tools", "tool_choice", "stream", "service_tier", "thinking",
     "cache_control", "inference_geo")
)  # fmt: skip
_NO_TEXT_IN_ANSWER = frozenset(
    ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "container")
)
_NO_TEXT_IN_EVENT = frozenset(("type", "index", "message", "content_block", "delta", "usage"))
_DELTA_ROLES: dict[str, Role] = {"thinking": "reasoning", "partial_json": "tool_arguments"}
_BINARY = frozenset(("image", "redacted_thinking", "container_upload"))


def request_slots(body: Json) -> list[TextSlot]:
    """System prompt, messages, tool definitions, then every other string of the request."""
    out: list[TextSlot] = []
    if body.get("system"):
        _content(body, "system", "system", "system", out)
    for position, message in enumerate(body["messages"]):
        role = _ROLES.get(message.get("role"), "user")
        _content(message, "content", f"messages[{position}].content", role, out)
        for key in message:
            if key not in ("role", "content"):
                add_leaves(message, key, f"messages[{position}].{key}", role, out)
    if body.get("tools"):
        add_leaves(body, "tools", "tools", "tool_definition", out)
    for key, value in body.items():
        if key not in _NO_TEXT_IN_REQUEST and type(value) in (str, list, dict):
            shown: Role = "tool_definition" if key == "output_config" else "input"
            add_leaves(body, key, key, shown, out)
    return out


def answer_slots(body: Json) -> list[TextSlot]:
    """All blocks of a whole answer, then fields no documentation names."""
    out: list[TextSlot] = []
    if body.get("content"):
        _content(body, "content", "content", "assistant", out)
    for key, value in body.items():
        if key not in _NO_TEXT_IN_ANSWER and type(value) in (str, list, dict):
            add_leaves(body, key, key, "assistant", out, MACHINE_KEYS)
    return out


def frame_slots(frame: Frame) -> list[TextSlot]:
    """The text of one event; `channel` names the block and the field."""
    event = frame.data
    out: list[TextSlot] = []
    if not event:
        return out
    block = f"content[{event.get('index', 0)}]"
    delta = event.get("delta")
    if type(delta) is dict:
        _delta(delta, block, out)
    elif delta is not None:
        add_leaves(event, "delta", block, "assistant", out)
    if type(event.get("content_block")) is dict:
        _block(event["content_block"], block, "assistant", out)
    if type(event.get("message")) is dict:
        out += answer_slots(event["message"])
    for key, value in event.items():
        if key not in _NO_TEXT_IN_EVENT and type(value) in (str, list, dict):
            add_leaves(event, key, key, "assistant", out, MACHINE_KEYS)
    return out


def unscanned_parts(body: Json) -> tuple[str, ...]:
    """JSON paths of blocks that hold no readable text, nested ones included."""
    out: list[str] = []
    for position, message in enumerate(body["messages"]):
        _unscanned(message.get("content"), f"messages[{position}].content", out)
    return tuple(out)


def _delta(delta: Json, block: str, out: list[TextSlot]) -> None:
    for key, value in delta.items():
        if not value or key in ("type", "stop_reason", "stop_sequence", "signature"):
            continue
        role = _DELTA_ROLES.get(key, "assistant")
        if type(value) is str:
            json_text = key == "partial_json"
            channel = f"{block}.{'input' if json_text else key}"
            out.append(TextSlot(delta, key, f"{block}.delta.{key}", role, channel, json_text))
        else:
            add_leaves(delta, key, f"{block}.{key}", role, out, MACHINE_KEYS)


def _content(holder: Json, key: str, path: str, role: Role, out: list[TextSlot]) -> None:
    content = holder.get(key)
    if type(content) is list:
        for position, block in enumerate(content):
            where = f"{path}[{position}]"
            if type(block) is dict:
                _block(block, where, role, out)
            else:
                add_leaves(content, position, where, role, out)
    elif content is not None:
        add_text(holder, key, path, role, out, MACHINE_KEYS)


def _block(block: Json, path: str, role: Role, out: list[TextSlot]) -> None:
    kind = block.get("type")
    if kind == "text" and "text" in block and len(block) == 2:
        add_text(block, "text", f"{path}.text", role, out, MACHINE_KEYS)
        return
    if kind in _BINARY:
        return
    for key in block:
        where = f"{path}.{key}"
        if key == "content":
            nested: Role = "tool" if str(kind).endswith("tool_result") else role
            _content(block, key, where, nested, out)
        elif key == "input":
            add_leaves(block, key, where, "tool_arguments", out)
        elif key == "source" and type(block[key]) is dict:
            _source(block[key], where, role, out)
        elif key == "thinking":
            add_text(block, key, where, "reasoning", out, MACHINE_KEYS)
        elif key not in MACHINE_KEYS and key != "cache_control":
            add_leaves(block, key, where, role, out, MACHINE_KEYS)


def _source(source: Json, path: str, role: Role, out: list[TextSlot]) -> None:
    """A document's source: plain text and nested blocks are read, base64 is not."""
    if source.get("type") == "text" and "data" in source:
        add_leaves(source, "data", f"{path}.data", role, out)
    for key in source:
        if key == "content":
            _content(source, key, f"{path}.content", role, out)
        elif key not in MACHINE_KEYS:
            add_leaves(source, key, f"{path}.{key}", role, out, MACHINE_KEYS)


_READABLE = frozenset(("text", "thinking", "tool_use", "server_tool_use", "search_result"))


def _unscanned(content: Any, path: str, out: list[str]) -> None:
    if type(content) is not list:
        return
    for position, block in enumerate(content):
        where, kind = f"{path}[{position}]", block.get("type") if type(block) is dict else None
        if kind in _READABLE:
            continue
        source = block.get("source") if kind == "document" else None
        if kind == "tool_result":
            _unscanned(block.get("content"), f"{where}.content", out)
        elif type(source) is dict and source.get("type") == "content":
            _unscanned(source.get("content"), f"{where}.source.content", out)
        elif not (type(source) is dict and source.get("type") == "text"):
            out.append(where)
