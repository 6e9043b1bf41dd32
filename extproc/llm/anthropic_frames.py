"""Every text of one event of an Anthropic stream, and what in it is none.

Promises: as in `anthropic_texts.py`; the pieces of one text share a `channel`, whatever events they
come in (P5).
"""

from __future__ import annotations

from extproc.llm.anthropic_texts import read_answer, read_block
from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import OPEN_KINDS, Found, is_name, walk

_EVENT_KEYS = frozenset(("type", "index", "message", "content_block", "delta", "usage"))
_PLAIN_EVENT = frozenset(("type", "index", "delta"))
_PLAIN_DELTA = frozenset(("type", "text", "partial_json", "thinking", "signature"))
_DELTA_ROLES: dict[str, Role] = {
    "thinking": "reasoning", "partial_json": "tool_arguments", "citation": "tool",
}  # fmt: skip
_NO_TEXT = frozenset(("type", "stop_reason"))
_TEXTS = frozenset(("text", "partial_json", "thinking"))


def frame_slots(frame: Frame) -> list[TextSlot]:
    """The text of one event; `channel` names the block and the field."""
    return _event(frame.data).slots if frame.data else []


def frame_unread(frame: Frame) -> tuple[str, ...]:
    """Paths name the block and the field, without the event: they repeat over a stream."""
    event = frame.data
    if not event:
        return ()
    if _PLAIN_EVENT.issuperset(event):
        delta = event.get("delta")
        if delta is None or (type(delta) is dict and _PLAIN_DELTA.issuperset(delta)):
            return ()
    return tuple(_event(event).unread)


def _event(event: Json) -> Found:
    found = Found()
    block = f"content[{event.get('index', 0)}]"
    delta = event.get("delta")
    if type(delta) is dict:
        _delta(delta, block, found)
    elif delta is not None:
        walk(event, "delta", block, "assistant", found)
    if type(event.get("content_block")) is dict:
        read_block(event["content_block"], block, "assistant", found)
    if type(event.get("message")) is dict:
        read_answer(event["message"], found)
    for key, value in event.items():
        if key not in _EVENT_KEYS and (type(value) in OPEN_KINDS or not is_name(key)):
            walk(event, key, key, "assistant", found)
    return found


def _delta(delta: Json, block: str, found: Found) -> None:
    for key, value in delta.items():
        if key in _NO_TEXT or (not value and is_name(key)):
            continue
        role = _DELTA_ROLES.get(key, "assistant")
        if type(value) is str and key in _TEXTS:
            is_json = key == "partial_json"
            channel = f"{block}.{'input' if is_json else key}"
            found.slots.append(TextSlot(delta, key, f"{block}.delta.{key}", role, channel, is_json))
        else:
            walk(delta, key, f"{block}.{key}", role, found)
