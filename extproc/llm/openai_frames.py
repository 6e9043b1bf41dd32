"""Every text of one chunk of an OpenAI stream, and what in it is none.

Promises: as in `openai_texts.py`; the pieces of one text share a `channel`, whatever frames they
come in (P5).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json, TextSlot
from extproc.llm.leaves import Found, is_name, walk
from extproc.llm.openai_texts import (
    ANSWER_KEYS,
    FIELD_ROLES,
    PLAIN_FUNCTION,
    choices,
    is_plain_calls,
    others,
)
from extproc.llm.slots import json_slot

_TEXTS = frozenset(("content", "refusal", "reasoning", "reasoning_content"))
_PLAIN_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs"))
_PLAIN_DELTA = _TEXTS | frozenset(("role", "tool_calls"))


def frame_slots(frame: Frame) -> list[TextSlot]:
    """All deltas of one chunk; `channel` names choice, field and tool call."""
    return _frame(frame.data).slots if frame.data else []


def frame_unread(frame: Frame) -> tuple[str, ...]:
    """Paths name the choice and the field, without the frame: they repeat over a stream."""
    data = frame.data
    if not data or _is_plain(data):
        return ()
    return tuple(_frame(data).unread)


def _is_plain(data: Json) -> bool:
    """Whether a chunk is of the kind that most are, which hold text alone."""
    listed = data.get("choices")
    if type(listed) is not list or not ANSWER_KEYS.issuperset(data):
        return False
    for choice in listed:
        if type(choice) is not dict or not _PLAIN_CHOICE.issuperset(choice):
            return False
        delta = choice.get("delta")
        if type(delta) is not dict or choice.get("logprobs") or not _PLAIN_DELTA.issuperset(delta):
            return False
        if type(delta.get("content")) is list or not is_plain_calls(delta.get("tool_calls")):
            return False
    return True


def _frame(body: Json) -> Found:
    found = Found()
    for path, delta in choices(body, "delta", found):
        _delta(delta, path, found)
    others(body, found)
    return found


def _delta(delta: Json, choice: str, found: Found) -> None:
    for key, value in delta.items():
        if key == "role" or (not value and (key in _PLAIN_DELTA or is_name(key))):
            continue
        if key in _TEXTS and type(value) is str:
            role = FIELD_ROLES.get(key, "assistant")
            path, channel = f"{choice}.delta.{key}", f"{choice}.{key}"
            found.slots.append(TextSlot(delta, key, path, role, channel))
        elif key == "tool_calls" and type(value) is list:
            _tool_calls(value, choice, found)
        elif key == "function_call" and type(value) is dict:
            path = f"{choice}.delta.function_call"
            _function(value, f"{choice}.function_call", path, found)
        elif key == "audio":
            found.unread.append(f"{choice}.audio")
            walk(delta, key, f"{choice}.audio", "assistant", found.aside())
        else:
            walk(delta, key, f"{choice}.{key}", FIELD_ROLES.get(key, "assistant"), found)


def _tool_calls(calls: list[Any], choice: str, found: Found) -> None:
    for position, call in enumerate(calls):
        number = call.get("index", position) if type(call) is dict else position
        channel = f"{choice}.tool_calls[{number}]"
        if type(call) is not dict or type(call.get("function")) is not dict:
            walk(calls, position, channel, "tool_arguments", found)
            continue
        for key in call:
            if key == "function":
                path = f"{choice}.delta.tool_calls[{position}].function"
                _function(call[key], channel, path, found)
            elif key != "index":
                walk(call, key, f"{channel}.{key}", "tool_arguments", found)


def _function(function: Json, channel: str, path: str, found: Found) -> None:
    for key, value in function.items():
        if key not in PLAIN_FUNCTION:
            walk(function, key, f"{channel}.{key}", "tool_arguments", found)
        elif value and type(value) is str:
            one_text, is_json = f"{channel}.{key}", key == "arguments"
            slot = TextSlot(function, key, f"{path}.{key}", "tool_arguments", one_text, is_json)
            found.slots.append(slot)
        elif value:
            found.slots.append(json_slot(function, key, f"{path}.{key}", "tool_arguments"))
