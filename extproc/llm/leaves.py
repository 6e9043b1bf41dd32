"""Finds every string inside a part of a body whose shape is open.

Used for tool schemas, tool inputs and parts no dialect file knows by name, so that text cannot hide
from the guardrails in an unknown field (P3, P5). Trees come from `strict_json.parse` or from a
stream frame of bounded depth, hence the recursion is bounded.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Role, TextSlot

SCHEMA_WORDS = frozenset(
    ("object", "string", "number", "integer", "boolean", "array", "null", "function", "")
)
"""JSON Schema's closed vocabulary of types: most leaves of a tool definition, and never content."""

MACHINE_KEYS = frozenset(
    ("type", "id", "index", "tool_use_id", "tool_call_id", "signature", "encrypted_content",
     "encrypted_index", "media_type", "data", "file_data", "expires_at")
)  # fmt: skip
"""Identifiers and opaque payloads: rewriting one would break the message, reading one tells
nothing. Skipped in parts, never inside a tool's input or schema, where any key is the author's."""


def add_leaves(
    holder: Any,
    key: Any,
    path: str,
    role: Role,
    out: list[TextSlot],
    skip: frozenset[str] = frozenset(),
) -> None:
    """Append a slot for each string below `holder[key]`, in order."""
    value = holder[key]
    kind = type(value)
    if kind is str:
        if value not in SCHEMA_WORDS:
            out.append(TextSlot(holder, key, path, role, path))
    elif kind is dict:
        for name, below in value.items():
            if name in skip and type(below) is str:
                continue
            add_leaves(value, name, f"{path}.{name}", role, out, skip)
    elif kind is list:
        for position in range(len(value)):
            add_leaves(value, position, f"{path}[{position}]", role, out, skip)


def add_text(
    holder: Any, key: Any, path: str, role: Role, out: list[TextSlot], skip: frozenset[str]
) -> None:
    """A field that is a string in every known answer; anything else in it is walked."""
    if type(holder[key]) is str:
        if holder[key]:
            out.append(TextSlot(holder, key, path, role, path))
    else:
        add_leaves(holder, key, path, role, out, skip)
