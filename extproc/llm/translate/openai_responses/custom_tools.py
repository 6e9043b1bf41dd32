"""Custom tools: OpenAI's tools that take any text. Elsewhere they are functions of one string.

The model answers `{"input": "..."}`; the caller gets the string.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.call import Json

FIELD = "input"
SCHEMA: Json = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
    "additionalProperties": False,
}


def arguments_of(text: str) -> str:
    """What the caller's model wrote, as a function's arguments."""
    return orjson.dumps({FIELD: text}).decode()


def input_of(arguments: str) -> str:
    """The text in a function's arguments; all of them where they are of another shape."""
    try:
        told: Any = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if type(told) is dict and len(told) == 1 and type(told.get(FIELD)) is str:
        return told[FIELD]  # type: ignore[no-any-return]
    return arguments


def custom_names(asked: Json) -> frozenset[str]:
    """The custom tools that a request's body declares."""
    tools = asked.get("tools") or ()
    return frozenset(tool["name"] for tool in tools if tool.get("type") == "custom")
