"""Every text of one event of a Responses stream, and what in it is none.

Promises: as in `responses_texts.py`; the deltas of one text share a channel, which is that text's
path in the whole answer; what says a text again is a channel of its own (`responses_slots.py`), so
that it is redacted as the deltas were, whatever frames they came in (P5). Events nobody here knows
are walked. Source: platform.openai.com, "Responses", streaming events.
"""

from __future__ import annotations

from dataclasses import dataclass

from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import OPEN_KINDS, Found, is_name, walk
from extproc.llm.responses_items import is_id, read_item, read_part
from extproc.llm.responses_slots import DeltaSlot, as_repeats, as_whole, read_logprobs
from extproc.llm.responses_texts import read_response
from extproc.llm.slots import json_slot

ENDS = frozenset(("response.completed", "response.incomplete", "response.failed", "error"))
"""Nothing follows one of these."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A kind of streamed text. `place`: below its item, `{}` for the index in the event's `index`.
    `whole`: the name of the full text in the `.done` event."""

    place: str
    index: str
    role: Role
    whole: str
    json: bool = False


_TEXTS: dict[str, _Text] = {
    "response.output_text": _Text(".content[{}].text", "content_index", "assistant", "text"),
    "response.refusal": _Text(".content[{}].refusal", "content_index", "refusal", "refusal"),
    "response.reasoning_text": _Text(".content[{}].text", "content_index", "reasoning", "text"),
    "response.reasoning_summary_text":
        _Text(".summary[{}].text", "summary_index", "reasoning", "text"),
    "response.function_call_arguments":
        _Text(".arguments", "", "tool_arguments", "arguments", True),
    "response.mcp_call_arguments": _Text(".arguments", "", "tool_arguments", "arguments", True),
    "response.custom_tool_call_input": _Text(".input", "", "tool_arguments", "input"),
    "response.code_interpreter_call_code": _Text(".code", "", "tool_arguments", "code"),
    "response.shell_call_command":
        _Text(".action.commands[{}]", "command_index", "tool_arguments", "command"),
    "response.audio.transcript": _Text(".transcript", "", "assistant", "transcript"),
}  # fmt: skip
_DELTAS = {f"{name}.delta": text for name, text in _TEXTS.items()}
_DONES = {f"{name}.done": text for name, text in _TEXTS.items()}
_STREAMED = frozenset(("message", "reasoning", "function_call", "custom_tool_call"))
"""Items whose texts came in deltas before they are done."""
_KNOWN = frozenset(
    ("type", "sequence_number", "item_id", "output_index", "content_index", "summary_index",
     "annotation_index", "command_index", "partial_image_index", "obfuscation", "name")
)  # fmt: skip
_PLAIN_DELTA = _KNOWN - {"name"} | {"delta", "logprobs"}
_PAYLOADS = frozenset(("response.audio.delta", "response.image_generation_call.partial_image"))


def is_end(data: Json) -> bool:
    kind = data.get("type")
    return type(kind) is str and kind in ENDS


def frame_slots(frame: Frame) -> list[TextSlot]:
    """All texts of one event."""
    return _frame(frame.data).slots if frame.data else []


def frame_unread(frame: Frame) -> tuple[str, ...]:
    """Paths are those of the whole answer: they repeat over a stream."""
    data = frame.data
    if not data or _is_plain(data):
        return ()
    return tuple(dict.fromkeys(_frame(data).unread))


def _is_plain(data: Json) -> bool:
    """Whether it is a delta as most are, which holds text alone."""
    kind = data.get("type")
    return (
        type(kind) is str
        and kind in _DELTAS
        and type(data.get("delta")) is str
        and not data.get("logprobs")
        and _PLAIN_DELTA.issuperset(data)
        and not _has_odd_name(data)
    )


def _has_odd_name(data: Json) -> bool:
    """Whether a field that holds an id or a number in every event holds something else."""
    for key, value in data.items():
        if type(value) in OPEN_KINDS and key in _KNOWN and not is_id(value):
            return True
    return False


def _frame(data: Json) -> Found:
    found = Found()
    kind = data.get("type")
    if type(kind) is not str:
        walk([data], 0, "event", "assistant", found)
    elif kind in _DELTAS:
        _piece(data, _DELTAS[kind], found)
    elif kind in _DONES:
        _done(data, _DONES[kind], found)
    elif kind in _PAYLOADS:
        found.unread.append(f"output[{_number(data, 'output_index')}]")
        _rest(data, kind, _KNOWN | {"delta", "partial_image_b64"}, found)
    elif type(data.get("response")) is dict:
        inner = read_response(data["response"], Found())
        found.slots += as_repeats(inner.slots, kind)
        found.unread += inner.unread
        _rest(data, kind, _KNOWN | {"response"}, found)
    else:
        _part_or_item(data, kind, found)
    return found


def _piece(data: Json, text: _Text, found: Found) -> None:
    channel = _place(data, text)
    value = data.get("delta")
    if type(value) is str:
        if value:
            slot = DeltaSlot(data, "delta", channel, text.role, channel, text.json)
            found.slots.append(slot)
    elif value:
        found.slots.append(json_slot(data, "delta", channel, text.role, f"{channel}|delta"))
    if data.get("logprobs"):
        read_logprobs(data, "logprobs", f"{channel}|logprobs", found)
    if not _PLAIN_DELTA.issuperset(data) or _has_odd_name(data):
        _rest(data, channel, _PLAIN_DELTA, found)


def _done(data: Json, text: _Text, found: Found) -> None:
    channel = _place(data, text)
    inner = Found()
    value = data.get(text.whole)
    if type(value) is str and value:
        inner.slots.append(TextSlot(data, text.whole, channel, text.role, channel, text.json))
    elif value:
        inner.slots.append(json_slot(data, text.whole, channel, text.role))
    if data.get("logprobs"):
        read_logprobs(data, "logprobs", f"{channel}|logprobs", inner)
    found.slots += as_repeats(inner.slots, "done")
    found.unread += inner.unread
    _rest(data, f"{channel}|done", _KNOWN | {text.whole, "logprobs"}, found)


def _part_or_item(data: Json, kind: str, found: Found) -> None:
    """A part or an item as it begins or ends; or an event of a kind nobody here knows."""
    place = f"output[{_number(data, 'output_index')}]"
    inner, handled = Found(), "part"
    if type(data.get("part")) is dict:
        below = "content" if "content_index" in data else "summary"
        place += f".{below}[{_number(data, f'{below}_index')}]"
        role: Role = "assistant" if below == "content" else "reasoning"
        if data["part"].get("type") == "reasoning_text":
            role = "reasoning"
        read_part(data, "part", place, role, inner)
    elif type(data.get("item")) is dict:
        handled = "item"
        read_item(data, "item", place, "assistant", inner)
    else:
        _rest(data, f"{place}|{kind}", _KNOWN, found)
        return
    again = kind.endswith(".done") and (handled == "part" or _was_streamed(data["item"]))
    found.slots += (as_repeats if again else as_whole)(inner.slots, kind)
    found.unread += inner.unread
    _rest(data, f"{place}|{kind}", _KNOWN | {handled}, found)


def _rest(data: Json, where: str, known: frozenset[str], found: Found) -> None:
    """Fields beside the known ones, and known ones that hold what they should not."""
    inner = Found()
    for key, value in data.items():
        if key in known and (key not in _KNOWN or type(value) not in OPEN_KINDS or is_id(value)):
            continue
        if type(value) in OPEN_KINDS or not is_name(key):
            role: Role = "tool" if key == "annotation" else "assistant"
            walk(data, key, f"{where}.{key}", role, inner)
    found.slots += as_whole(inner.slots, str(_number(data, "sequence_number")))
    found.unread += inner.unread


def _place(data: Json, text: _Text) -> str:
    place = f"output[{_number(data, 'output_index')}]"
    return place + (text.place.format(_number(data, text.index)) if text.index else text.place)


def _number(data: Json, key: str) -> int:
    value = data.get(key)
    return value if type(value) is int else 0


def _was_streamed(item: Json) -> bool:
    kind = item.get("type")
    return type(kind) is str and kind in _STREAMED
