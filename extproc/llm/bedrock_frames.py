"""Every text of one event of a Converse stream, and what in it is none.

Promises: as in `bedrock_texts.py`; the pieces of one text share a `channel`, whatever events they
come in (P5). Every event ends in a `p`: padding that hides its length, made of letters and digits.
"""

from __future__ import annotations

from extproc.llm.bedrock_texts import IDENTIFIERS, add_redacted, is_plain_delta, read_block
from extproc.llm.call import Frame, Json, Role, TextSlot
from extproc.llm.leaves import OPEN_KINDS, Found, is_identifier, is_name, walk

_PLAIN = frozenset(("contentBlockIndex", "delta", "p"))
_KNOWN = frozenset(("contentBlockIndex", "usage", "metrics", "performanceConfig", "serviceTier"))
_MACHINE = frozenset(("p", "role", "stopReason"))


def frame_texts(frame: Frame) -> Found:
    """The texts of one event; `channel` names the block and the field."""
    found = Found()
    data = frame.data or {}
    block = f"output.message.content[{data.get('contentBlockIndex', 0)}]"
    for key, value in data.items():
        if key == "delta" and type(value) is dict:
            _delta(value, block, found)
        elif key == "start" and type(value) is dict:
            read_block(value, block, "assistant", found)
        elif key in _KNOWN or (key in _MACHINE and type(value) is str and is_identifier(value)):
            continue
        elif type(value) in OPEN_KINDS or not is_name(key):
            skip = IDENTIFIERS if key == "error" else frozenset()
            walk(data, key, key, "assistant", found, skip)
    return found


def frame_unread(frame: Frame) -> tuple[str, ...]:
    """Paths name the block and the field, without the event: they repeat over a stream."""
    data = frame.data
    if not data or (_PLAIN.issuperset(data) and is_plain_delta(data.get("delta"))):
        return ()
    return tuple(frame_texts(frame).unread)


def _delta(delta: Json, block: str, found: Found) -> None:
    for kind, value in delta.items():
        path = f"{block}.{kind}"
        if kind == "text" and type(value) is str:
            if value:
                found.slots.append(TextSlot(delta, kind, path, "assistant", path))
        elif kind == "toolUse" and type(value) is dict:
            _pieces(value, path, found)
        elif kind == "reasoningContent" and type(value) is dict:
            _thought(value, path, found)
        elif kind in ("citation", "toolResult"):
            walk(delta, kind, path, "tool", found, IDENTIFIERS)
        elif kind == "image":
            walk(delta, kind, path, "assistant", found.aside(), IDENTIFIERS)
            found.unread.append(path)
        else:
            walk(delta, kind, path, "assistant", found)


def _pieces(use: Json, path: str, found: Found) -> None:
    for key, value in use.items():
        where = f"{path}.{key}"
        if key == "input" and type(value) is str:
            if value:
                found.slots.append(TextSlot(use, key, where, "tool_arguments", where, True))
        else:
            walk(use, key, where, "tool_arguments", found, IDENTIFIERS)


def _thought(content: Json, path: str, found: Found) -> None:
    role: Role = "reasoning"
    for key, value in content.items():
        if key == "redactedContent":
            add_redacted(content, f"{path}.{key}", found)
        elif key == "text" and type(value) is str:
            if value:
                channel = f"{path}.reasoningText.text"
                found.slots.append(TextSlot(content, key, f"{path}.text", role, channel))
        else:
            walk(content, key, f"{path}.{key}", role, found, IDENTIFIERS)
