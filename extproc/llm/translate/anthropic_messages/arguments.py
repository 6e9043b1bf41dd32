"""Tool arguments: JSON text elsewhere, an object at Anthropic."""

from __future__ import annotations

import orjson

from extproc.llm.call import Json


def read_arguments(arguments: str) -> Json | None:
    """Tool arguments as an object; None when they are not one (yet). No arguments are `{}`."""
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        return None
    return read if type(read) is dict else None
