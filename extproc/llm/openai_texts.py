"""Every text of an OpenAI chat request, answer or streamed frame.

Promises: each string a provider or a caller would see has a slot, in order; an unknown field is
walked, not skipped (P3, P5). Not seen: object keys, numbers, `logprobs`, binary payloads, which
`unscanned` names on the request.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, add_leaves

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
    "tool": "tool", "function": "tool",
}  # fmt: skip
_FIELD_ROLES: dict[str, Role] = {
    "refusal": "refusal", "reasoning": "reasoning", "reasoning_content": "reasoning",
    "reasoning_details": "reasoning", "thinking": "reasoning",
}  # fmt: skip
_NO_TEXT = frozenset(("role", "tool_call_id", "id", "type"))
_NO_TEXT_IN_REQUEST = frozenset(
    ("model", "messages", "tools", "functions", "stream", "stream_options", "tool_choice",
     "function_call", "service_tier", "reasoning_effort", "verbosity", "modalities")
)  # fmt: skip
_NO_TEXT_IN_ANSWER = frozenset(
    ("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier",
     "obfuscation")
)  # fmt: skip
_NO_TEXT_IN_CHOICE = frozenset(
    ("index", "finish_reason", "native_finish_reason", "stop_reason", "logprobs")
)


def request_slots(body: Json) -> list[TextSlot]:
    """Messages, then tool definitions, then every other string of the request."""
    out: list[TextSlot] = []
    for position, message in enumerate(body["messages"]):
        _message(message, f"messages[{position}]", _ROLES.get(message.get("role"), "user"), out)
    for key in ("tools", "functions"):
        if body.get(key):
            add_leaves(body, key, key, "tool_definition", out)
    for key, value in body.items():
        if key not in _NO_TEXT_IN_REQUEST and type(value) in (str, list, dict):
            role: Role = "tool_definition" if key == "response_format" else "input"
            add_leaves(body, key, key, role, out)
    return out


def answer_slots(body: Json) -> list[TextSlot]:
    """All choices of a whole answer, then fields no documentation names."""
    out: list[TextSlot] = []
    for path, message in _choices(body, "message", out):
        _message(message, f"{path}.message", "assistant", out)
    _others(body, out)
    return out


def frame_slots(frame: Frame) -> list[TextSlot]:
    """All deltas of one chunk; `channel` names choice, field and tool call."""
    body = frame.data
    out: list[TextSlot] = []
    if not body:
        return out
    for path, delta in _choices(body, "delta", out):
        _delta(delta, path, out)
    _others(body, out)
    return out


def _choices(body: Json, key: str, out: list[TextSlot]) -> list[tuple[str, Json]]:
    """(path, message or delta) of each choice; what is not of that shape is walked into `out`."""
    choices = body.get("choices")
    found: list[tuple[str, Json]] = []
    if type(choices) is not list:
        if choices is not None:
            add_leaves(body, "choices", "choices", "assistant", out)
        return found
    for position, choice in enumerate(choices):
        if type(choice) is not dict:
            add_leaves(choices, position, f"choices[{position}]", "assistant", out)
            continue
        path = f"choices[{choice.get('index', position)}]"
        for name, value in choice.items():
            if name == key and type(value) is dict:
                found.append((path, value))
            elif name not in _NO_TEXT_IN_CHOICE and type(value) in (str, list, dict):
                add_leaves(choice, name, f"{path}.{name}", "assistant", out, MACHINE_KEYS)
    return found


def _others(body: Json, out: list[TextSlot]) -> None:
    for key, value in body.items():
        if key not in _NO_TEXT_IN_ANSWER and type(value) in (str, list, dict):
            add_leaves(body, key, key, "assistant", out, MACHINE_KEYS)


def _message(message: Json, path: str, role: Role, out: list[TextSlot]) -> None:
    for key, value in message.items():
        if key == "content" and type(value) is str:
            if value:
                out.append(TextSlot(message, key, f"{path}.content", role, f"{path}.content"))
        elif value is None or key in _NO_TEXT:
            continue
        elif key == "content":
            _content(message, f"{path}.content", role, out)
        elif key == "tool_calls" and type(value) is list:
            _tool_calls(value, f"{path}.tool_calls", out)
        elif key == "function_call" and type(value) is dict:
            _function(value, f"{path}.function_call", out)
        else:
            shown = _FIELD_ROLES.get(key, role)
            add_leaves(message, key, f"{path}.{key}", shown, out, MACHINE_KEYS)


def _content(message: Json, path: str, role: Role, out: list[TextSlot]) -> None:
    parts = message["content"]
    for position, part in enumerate(parts if type(parts) is list else ()):
        where = f"{path}[{position}]"
        if type(part) is dict and part.get("type") in ("image_url", "input_audio"):
            continue
        shown: Role = "refusal" if type(part) is dict and "refusal" in part else role
        add_leaves(parts, position, where, shown, out, MACHINE_KEYS)
    if type(parts) is not list:
        add_leaves(message, "content", path, role, out)


def _tool_calls(calls: list[Any], path: str, out: list[TextSlot]) -> None:
    for position, call in enumerate(calls):
        where = f"{path}[{position}]"
        if type(call) is dict and type(call.get("function")) is dict:
            _function(call["function"], f"{where}.function", out)
        else:
            add_leaves(calls, position, where, "tool_arguments", out, MACHINE_KEYS)


def _function(function: Json, path: str, out: list[TextSlot]) -> None:
    for key in function:
        if key == "arguments" and type(function[key]) is str:
            where = f"{path}.arguments"
            if function[key]:
                out.append(TextSlot(function, key, where, "tool_arguments", where, json_text=True))
        else:
            add_leaves(function, key, f"{path}.{key}", "tool_arguments", out)


def _delta(delta: Json, choice: str, out: list[TextSlot]) -> None:
    for key, value in delta.items():
        if not value or key in _NO_TEXT:
            continue
        if type(value) is str:
            role = _FIELD_ROLES.get(key, "assistant")
            path, channel = f"{choice}.delta.{key}", f"{choice}.{key}"
            out.append(TextSlot(delta, key, path, role, channel))
        elif key == "tool_calls" and type(value) is list:
            _tool_call_deltas(value, choice, out)
        elif key == "function_call" and type(value) is dict:
            _function_delta(value, f"{choice}.function_call", f"{choice}.delta.function_call", out)
        else:
            role = _FIELD_ROLES.get(key, "assistant")
            add_leaves(delta, key, f"{choice}.{key}", role, out, MACHINE_KEYS)


def _tool_call_deltas(calls: list[Any], choice: str, out: list[TextSlot]) -> None:
    for position, call in enumerate(calls):
        number = call.get("index", position) if type(call) is dict else position
        channel = f"{choice}.tool_calls[{number}]"
        if type(call) is dict and type(call.get("function")) is dict:
            path = f"{choice}.delta.tool_calls[{position}].function"
            _function_delta(call["function"], channel, path, out)
        else:
            add_leaves(calls, position, channel, "tool_arguments", out, MACHINE_KEYS)


def _function_delta(function: Json, channel: str, path: str, out: list[TextSlot]) -> None:
    for key, value in function.items():
        if value and type(value) is str:
            one_text = f"{channel}.{key}"
            is_json = key == "arguments"
            slot = TextSlot(function, key, f"{path}.{key}", "tool_arguments", one_text, is_json)
            out.append(slot)
        elif value:
            add_leaves(function, key, f"{channel}.{key}", "tool_arguments", out)
