"""What the SDKs are made to ask, and what every one of them must hear; in no vendor's words."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"q": {"type": "string"}},
    "required": ["q"],
    "additionalProperties": False,
}
TOOLS = ("search", "weather")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
FOLLOWED = {"city": "ok", "degrees": 7}
"""What the stand-in says when an answer must follow `SCHEMA`."""
CALLS = (("search", {"q": "rain"}), ("weather", {"q": "Oslo"}))
CALLING = '[[tool: search {"q": "rain"}]] [[tool: weather {"q": "Oslo"}]]'


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `effort`: the model is to think, and to show it."""

    name: str
    prompt: str
    tools: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    image: bytes | None = None
    effort: bool = False
    max_tokens: int = 4000


@dataclass(slots=True)
class Heard:
    """One answer as its SDK's user sees it. `finish`: stop, tools or length."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    thought: str = ""
    finish: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An SDK's own exception. `kind`: its class's name; `code`: the gateway's, where it stands."""

    kind: str
    status: int
    message: str
    code: str
    retry_after: str | None


PLAIN = Case("plain", "hi [[reply: fine weather today]]")
TOOL = Case("tools", CALLING, tools=TOOLS)
STRUCTURED = Case("structured", "where is it warm?", schema=SCHEMA)
IMAGE = Case("image", "what is this? [[reply: a dot]]", image=PNG)
REASONING = Case("reasoning", "why? [[think: two and two]] [[reply: four]]", effort=True)
SHORT = Case("short", "[[tokens: 50]]", max_tokens=20)
CASES = {case.name: case for case in (PLAIN, TOOL, STRUCTURED, IMAGE, REASONING, SHORT)}
