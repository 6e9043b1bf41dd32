"""Every text of an OpenAI chat request or answer, and what in them is none.

Promises: each string a provider or a caller would see has a slot, in order; an unknown field is
walked, not skipped; a part that cannot be read is named (P3, P5). Tool definitions, output schemas
and metadata are read whole, as JSON, one slot each. Streams: `openai_frames.py`.
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
from extproc.llm.openai_logprobs import read_logprobs
from extproc.llm.slots import json_slot

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
    "tool": "tool", "function": "tool",
}  # fmt: skip
FIELD_ROLES: dict[str, Role] = {
    "refusal": "refusal", "reasoning": "reasoning", "reasoning_content": "reasoning",
    "reasoning_details": "reasoning", "thinking": "reasoning", "thinking_blocks": "reasoning",
    "annotations": "tool", "citations": "tool", "search_results": "tool",
}  # fmt: skip
"""Annotations and citations quote what a search found: no model wrote it."""
_READ_ELSEWHERE = frozenset(("model", "messages", "tools", "functions"))
_NUMBERS = frozenset(
    ("stream", "store", "logprobs", "n", "seed", "temperature", "top_p", "top_k", "top_logprobs",
     "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty",
     "parallel_tool_calls")
)  # fmt: skip
_SETTINGS = frozenset(
    ("tool_choice", "function_call", "service_tier", "reasoning_effort", "verbosity", "modalities",
     "prompt_cache_retention")
)  # fmt: skip
_AUTHORED: dict[str, Role] = {"response_format": "tool_definition", "metadata": "input"}
ANSWER_KEYS = frozenset(
    ("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier",
     "obfuscation")
)  # fmt: skip
_CHOICE_KEYS = MACHINE_KEYS | frozenset(("logprobs", "native_finish_reason", "stop_reason"))
_ANSWER_NAMES = MACHINE_KEYS | ANSWER_KEYS
_ANSWER_CHARS_MAX = 128
_SENTENCES = frozenset(("content", "name", "refusal", "reasoning", "reasoning_content"))
_PLAIN_MESSAGE = frozenset(("role", "content", "name", "tool_calls", "tool_call_id"))
_PLAIN_CALL = frozenset(("index", "id", "type", "function"))
PLAIN_FUNCTION = frozenset(("name", "arguments"))


def request_slots(body: Json) -> list[TextSlot]:
    """Messages, then tool definitions, then every other string of the request."""
    found = Found()
    for position, message in enumerate(body["messages"]):
        content = message.get("content")
        if len(message) == 2 and type(content) is str:  # role and content: most messages
            if content:
                path = f"messages[{position}].content"
                role = _ROLES.get(message.get("role"), "user")
                found.slots.append(TextSlot(message, "content", path, role, path))
        else:
            role = _ROLES.get(message.get("role"), "user")
            read_message(message, f"messages[{position}]", role, found)
    for key in ("tools", "functions"):
        for position in range(len(body.get(key) or ())):
            found.slots.append(
                json_slot(body[key], position, f"{key}[{position}]", "tool_definition")
            )
    _fields(body, found)
    return found.slots


def request_unread(body: Json) -> tuple[str, ...]:
    """JSON paths of what holds no readable text. Tool definitions are text throughout."""
    found = Found()
    for position, message in enumerate(body["messages"]):
        if len(message) == 2 and type(message.get("content")) is str:
            continue
        if not _is_plain(message):
            read_message(message, f"messages[{position}]", "user", found)
    _fields(body, found)
    if body.get("audio"):
        found.unread.append("audio")  # the answer will be spoken
    return tuple(found.unread)


def answer_slots(body: Json) -> list[TextSlot]:
    """All choices of a whole answer, then fields no documentation names."""
    return _answer(body).slots


def answer_unread(body: Json) -> tuple[str, ...]:
    return tuple(_answer(body).unread)


def choices(body: Json, key: str, found: Found) -> list[tuple[str, Json]]:
    """(path, message or delta) of each choice; what is not of that shape is walked into `found`."""
    listed = body.get("choices")
    out: list[tuple[str, Json]] = []
    if type(listed) is not list:
        if listed is not None:
            walk(body, "choices", "choices", "assistant", found)
        return out
    for position, choice in enumerate(listed):
        if type(choice) is not dict:
            walk(listed, position, f"choices[{position}]", "assistant", found)
            continue
        path = f"choices[{choice.get('index', position)}]"
        for name, value in choice.items():
            if name == key and type(value) is dict:
                out.append((path, value))
            elif name == "index" or (value is None and (name in _CHOICE_KEYS or is_name(name))):
                continue
            elif name == "logprobs":
                read_logprobs(choice, f"{path}.logprobs", found)
            else:
                walk(choice, name, f"{path}.{name}", "assistant", found, _CHOICE_KEYS)
    return out


def others(body: Json, found: Found) -> None:
    """Fields of an answer or a chunk beside its choices. Known ones hold names and numbers."""
    for key, value in body.items():
        if key in ANSWER_KEYS and (type(value) is not str or len(value) <= _ANSWER_CHARS_MAX):
            continue
        if type(value) in OPEN_KINDS or not is_name(key):
            role = FIELD_ROLES.get(key, "assistant")
            walk(body, key, key, role, found, _ANSWER_NAMES)


def read_message(message: Json, path: str, role: Role, found: Found) -> None:
    """One message, of a request or of an answer."""
    for key, value in message.items():
        if key == "role" or (not value and is_name(key)):
            continue
        if key == "tool_call_id" and type(value) is str and is_identifier(value):
            continue
        where = f"{path}.{key}"
        if key == "content" and type(value) is list:
            for position in range(len(value)):
                _part(value, position, f"{where}[{position}]", role, found)
        elif key == "tool_calls" and type(value) is list:
            for position in range(len(value)):
                _tool_call(value, position, f"{where}[{position}]", found)
        elif key == "function_call" and type(value) is dict:
            _function(value, where, found)
        elif key == "audio":
            found.unread.append(where)
            walk(message, key, where, role, found.aside())
        elif key in _SENTENCES:
            add_text(message, key, where, FIELD_ROLES.get(key, role), found)
        else:
            walk(message, key, where, FIELD_ROLES.get(key, role), found)


def _is_plain(message: Json) -> bool:
    """Whether it holds nothing but text, as most do; any other one is walked to find out."""
    content = message.get("content")
    if not _PLAIN_MESSAGE.issuperset(message):
        return False
    if type(content) is list and not all(map(_is_plain_part, content)):
        return False
    return is_plain_calls(message.get("tool_calls"))


def is_plain_calls(calls: Any) -> bool:
    """Whether tool calls, whole or deltas of them, hold nothing but text."""
    return not calls or (type(calls) is list and all(map(_is_plain_call, calls)))


def _is_plain_part(part: Any) -> bool:
    return (
        type(part) is dict
        and len(part) == 2
        and part.get("type") == "text"
        and type(part.get("text")) is str
    )


def _is_plain_call(call: Any) -> bool:
    function = call.get("function") if type(call) is dict else None
    return (
        type(function) is dict
        and _PLAIN_CALL.issuperset(call)
        and PLAIN_FUNCTION.issuperset(function)
    )


def _answer(body: Json) -> Found:
    found = Found()
    for path, message in choices(body, "message", found):
        read_message(message, f"{path}.message", "assistant", found)
    others(body, found)
    return found


def _fields(body: Json, found: Found) -> None:
    for key, value in body.items():
        kind = type(value)
        if key in _READ_ELSEWHERE or (key in _NUMBERS and kind not in OPEN_KINDS):
            continue
        if key in _AUTHORED and kind is dict:
            if not _says_nothing(value):
                found.slots.append(json_slot(body, key, key, _AUTHORED[key]))
        elif kind is not str or key not in _SETTINGS or not is_identifier(value):
            walk(body, key, key, "input", found, MACHINE_KEYS if key in _SETTINGS else frozenset())


def _says_nothing(value: Json) -> bool:
    """`{"type": "json_object"}`, or nothing at all."""
    kind = value.get("type", "")
    return len(value) == ("type" in value) and type(kind) is str and is_identifier(kind)


def _part(parts: list[Any], position: int, path: str, role: Role, found: Found) -> None:
    """A text, a file that may be one, or what cannot be read and is named; its words are read."""
    part = parts[position]
    kind = part.get("type") if type(part) is dict else "text"
    if kind == "text" or kind == "refusal":
        shown: Role = "refusal" if kind == "refusal" else role
        if type(part) is dict and len(part) == 2 and kind in part:
            add_text(part, kind, f"{path}.{kind}", shown, found)
        else:
            walk(parts, position, path, shown, found)
        return
    aside = found.aside()
    walk(parts, position, path, role, aside)
    file = part.get("file") if kind == "file" else None
    if aside.unread or type(file) is not dict or type(file.get("file_data")) is not str:
        found.unread.append(path)


def _tool_call(calls: list[Any], position: int, path: str, found: Found) -> None:
    call = calls[position]
    if type(call) is not dict or type(call.get("function")) is not dict:
        walk(calls, position, path, "tool_arguments", found)
        return
    for key, value in call.items():
        if key == "function":
            _function(value, f"{path}.function", found)
        elif key not in MACHINE_KEYS or type(value) is not str or not is_identifier(value):
            walk(call, key, f"{path}.{key}", "tool_arguments", found)


def _function(function: Json, path: str, found: Found) -> None:
    for key, value in function.items():
        where = f"{path}.{key}"
        if not value and is_name(key):
            continue
        if type(value) is str and key in PLAIN_FUNCTION:
            is_json = key == "arguments"
            found.slots.append(TextSlot(function, key, where, "tool_arguments", where, is_json))
        elif key in PLAIN_FUNCTION:
            found.slots.append(json_slot(function, key, where, "tool_arguments"))
        else:
            walk(function, key, where, "tool_arguments", found, frozenset())
