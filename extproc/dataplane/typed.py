"""How rendered parts are written: type names, durations, the Lua filters of this package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

Json = dict[str, Any]

TYPE = "type.googleapis.com/envoy.extensions."


@cache
def lua(name: str) -> str:
    return files("extproc.dataplane").joinpath("lua", f"{name}.lua").read_text("utf-8")


def quoted(text: str) -> str:
    """Text as Lua writes it: printable text is quoted there as it is in JSON."""
    return json.dumps(text, ensure_ascii=False)


def lua_filter(name: str, before: str = "") -> Json:
    """`before`: Lua that stands before the script, for what differs from place to place."""
    return {
        "name": f"envelope.{name}",
        "typed_config": {
            "@type": TYPE + "filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": before + lua(name)},
        },
    }


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g}s"
