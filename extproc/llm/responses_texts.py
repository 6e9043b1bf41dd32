"""Every text of a Responses request or of a whole answer, and what in them is none.

Promises: as in `responses_items.py`. A request that names state kept at the provider (an earlier
response, a conversation, a stored prompt, files) says so in its unread paths: what is there reaches
the model and was read by nobody here (P3).
An answer repeats the settings of its request (instructions, tools, metadata, ...): no model wrote
them, they were read when they were asked, and no output guardrail judges them again.
Streams: `responses_frames.py`.
"""

from __future__ import annotations

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
from extproc.llm.responses_items import is_id, is_plain, read_item, read_items
from extproc.llm.slots import json_slot

STATE = ("previous_response_id", "conversation", "prompt")
"""Fields that make the provider read what it has kept."""
_READ_ELSEWHERE = frozenset(("model", "input", "instructions", "tools", "previous_response_id"))
_NUMBERS = frozenset(
    ("stream", "store", "background", "temperature", "top_p", "top_logprobs", "max_output_tokens",
     "max_tool_calls", "parallel_tool_calls")
)  # fmt: skip
_SETTINGS = frozenset(("tool_choice", "service_tier", "truncation", "reasoning", "include",
                       "prompt_cache_retention", "stream_options"))  # fmt: skip
_SETTING_NAMES = MACHINE_KEYS | frozenset(("effort", "summary", "generate_summary", "mode"))
_AUTHORED: dict[str, Role] = {"text": "tool_definition", "metadata": "input"}
_KEPT_AT_PROVIDER = ("vector_store_ids", "container", "server_url", "connector_id", "file_ids")

ECHOED = frozenset(
    ("instructions", "tools", "tool_choice", "text", "metadata", "prompt", "reasoning", "user",
     "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
     "conversation", "previous_response_id", "truncation", "service_tier", "include", "moderation",
     "access_programs", "image", "context_management", "stream_options", "max_output_tokens",
     "max_tool_calls", "parallel_tool_calls", "temperature", "top_p", "top_logprobs", "store",
     "background")
)  # fmt: skip
"""Fields of an answer that say what was asked."""
_ANSWER_NAMES = MACHINE_KEYS | frozenset(("model", "completed_at"))
_FIGURES = frozenset(("usage", "tool_usage", "incomplete_details", "prompt_cache_diagnostics"))


def request_slots(body: Json) -> list[Any]:
    """Instructions, input, tool definitions, then every other string of the request."""
    found = Found()
    _instructions(body, found)
    given = body.get("input")
    if type(given) is list:
        read_items(body, "input", "input", "user", found)
    elif given is not None:
        add_text(body, "input", "input", "user", found)
    for position in range(len(body.get("tools") or ())):
        slot = json_slot(body["tools"], position, f"tools[{position}]", "tool_definition")
        found.slots.append(slot)
    _others(body, found)
    return found.slots


def request_unread(body: Json) -> tuple[str, ...]:
    """JSON paths of what holds no readable text. Tool definitions are text throughout."""
    found = Found()
    found.unread += [key for key in STATE if body.get(key)]
    if type(body.get("instructions")) is list:
        _instructions(body, found)
    given = body.get("input")
    for position in range(len(given) if type(given) is list else 0):
        if not is_plain(body["input"][position]):
            read_item(given, position, f"input[{position}]", "user", found)
    for position, tool in enumerate(body.get("tools") or ()):
        kept = (key for key in _KEPT_AT_PROVIDER if tool.get(key) and not _is_fresh(tool[key]))
        found.unread += [f"tools[{position}].{key}" for key in kept]
    _others(body, found)
    return tuple(dict.fromkeys(found.unread))


def read_response(body: Json, found: Found) -> Found:
    """A whole answer, or the `response` of a stream's frame: items, then unknown fields."""
    for key, value in body.items():
        if value is None or key in _FIGURES or (key in ECHOED and is_name(key)):
            continue
        if key == "output" and type(value) is list:
            read_items(body, key, key, "assistant", found)
        elif key in _ANSWER_NAMES and (type(value) not in OPEN_KINDS or is_id(value)):
            continue
        elif type(value) in OPEN_KINDS or not is_name(key):
            walk(body, key, key, "assistant", found, _ANSWER_NAMES)
    return found


def _instructions(body: Json, found: Found) -> None:
    given = body.get("instructions")
    if type(given) is list:
        read_items(body, "instructions", "instructions", "system", found)
    elif given:
        add_text(body, "instructions", "instructions", "system", found)


def _others(body: Json, found: Found) -> None:
    for key, value in body.items():
        kind = type(value)
        if key in _READ_ELSEWHERE or (key in _NUMBERS and kind not in OPEN_KINDS):
            continue
        if key in _AUTHORED and kind is dict:
            if not _says_nothing(value):
                found.slots.append(json_slot(body, key, key, _AUTHORED[key]))
        elif key in STATE:
            walk(body, key, key, "input", found.aside())
        elif kind is not str or key not in _SETTINGS or not is_identifier(value):
            skip = _SETTING_NAMES if key in _SETTINGS else frozenset()
            walk(body, key, key, "input", found, skip)


def _says_nothing(value: Json) -> bool:
    """Plain text, and how long it is to be."""
    kind = value.get("format")
    kind = kind.get("type") if type(kind) is dict and len(kind) == 1 else kind
    plain = kind is None or (type(kind) is str and is_identifier(kind))
    verbosity = value.get("verbosity")
    short = verbosity is None or (type(verbosity) is str and is_identifier(verbosity))
    return plain and short and frozenset(("format", "verbosity")).issuperset(value)


def _is_fresh(container: Any) -> bool:
    """A container that is made for this request and holds no file yet."""
    return type(container) is dict and not container.get("file_ids")
