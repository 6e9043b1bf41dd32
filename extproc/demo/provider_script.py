"""Directives in a prompt: how a test tells the provider stand-in what to do.

    [[reply: text]]             answer with this text          [[tokens: 50]]  exactly 50 words
    [[think: text]]             think this first, asked for or not
    [[tool: name {"a": 1}]]     call a tool; repeatable        [[chars: 3]]    3 characters a delta
    [[usage: in=12,out=34]]     pin usage, also cached= cache_write= reasoning=
    [[usage: none]] [[usage: negative]] [[usage: {raw JSON}]]  leave it out, lie, send it verbatim
    [[status: 429]] [[retry-after: 7]]                         refuse in the vendor's error shape
    [[delay: 2.0]] [[ttft: 0.2]] [[pause: 0.01]]               seconds before headers, the first
                                                               frame, between frames
    [[cut: 3]]                  drop the connection after 3 frames (0: before any byte)
    [[stream-error: 3]]         an error event after 3 frames  [[hang]]        never answer
    [[split: 1]]                write in pieces of 1 byte, each its own TCP write

Promises: text without a known directive comes back unchanged, whatever brackets it holds. Refuses a
known directive with a value it cannot read, so that a misspelt test fails loudly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast


class BadDirective(Exception):
    """A known directive with an unreadable value: the provider answers 400."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call the reply makes. `arguments`: a JSON object."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UsageScript:
    """What to report instead of the count. None = the count. Fields carry the vendor's own meaning:
    OpenAI's prompt tokens include `cached`, Anthropic's input tokens do not.

    `hidden`: report no usage at all. `raw`: report this object as it is.
    """

    input: int | None = None
    output: int | None = None
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    hidden: bool = False
    raw: Mapping[str, Any] | None = None


COUNTED = UsageScript()


@dataclass(frozen=True, slots=True)
class Script:
    """How one exchange goes. Times in seconds; `cut` and `stream_error` in frames, None = not."""

    text: str = ""
    reply: str | None = None
    think: str = ""
    tokens: int | None = None
    tools: tuple[ToolCall, ...] = ()
    usage: UsageScript = COUNTED
    status: int = 200
    retry_after: str = "1"
    delay: float = 0.0
    ttft: float = 0.0
    pause: float = 0.0
    cut: int | None = None
    stream_error: int | None = None
    hang: bool = False
    split: int = 0
    chars: int = 0


_OPENING = re.compile(
    r"\[\[(reply|think|tokens|tool|usage|status|retry-after|delay|ttft|pause|cut|stream-error|hang"
    r"|split|chars)\s*(?::\s*|(?=\]\]))"
)
_TOOL_NAME = re.compile(r"[\w.-]+\s*")
_JSON = json.JSONDecoder()
_USAGE_FIELDS = {
    "in": "input",
    "out": "output",
    "cached": "cached",
    "cache_write": "cache_write",
    "reasoning": "reasoning",
}


def read_script(text: str) -> Script:
    """Read the directives of a text; what is left of it becomes `Script.text`. Raises
    BadDirective."""
    if "[[" not in text:
        return Script(text=text)
    changes: dict[str, Any] = {}
    kept: list[str] = []
    at = 0
    while opening := _OPENING.search(text, at):
        kept.append(text[at : opening.start()])
        at = _read_one(opening[1], text, opening.end(), changes)
    kept.append(text[at:])
    left = "".join(kept)
    return replace(Script(text=left.strip() if changes else left), **changes)


def read_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same from a JSON object (`{"status": 503, "delay": 0.5}`), as changes to a Script.
    Raises BadDirective, also for a name that is no directive."""
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        read = READERS.get(name.replace("_", "-"))
        if read is None:
            raise BadDirective(f"no such directive: {name}")
        try:
            changes[name.replace("-", "_")] = read(str(value))
        except (ValueError, TypeError, KeyError) as fault:
            raise BadDirective(f"cannot read {name}") from fault
    return changes


def _read_one(name: str, text: str, start: int, changes: dict[str, Any]) -> int:
    """Note one directive in `changes`; returns where it ended."""
    try:
        if name == "tool":
            call, end = _read_tool(text, start)
            changes["tools"] = (*changes.get("tools", ()), call)
            return end
        end = text.index("]]", start)
        changes[name.replace("-", "_")] = READERS[name](text[start:end].strip())
        return end + 2
    except (ValueError, TypeError, KeyError) as fault:
        raise BadDirective(f"cannot read the directive [[{name}]]") from fault


def _read_tool(text: str, start: int) -> tuple[ToolCall, int]:
    """Arguments may themselves hold `]]`, so JSON decides where they end."""
    name = _TOOL_NAME.match(text, start)
    if name is None:
        raise ValueError("a tool needs a name")
    arguments: dict[str, Any] = {}
    end = name.end()
    if text[end : end + 1] == "{":
        arguments, end = _JSON.raw_decode(text, end)
    close = text.index("]]", end)
    if text[end:close].strip():
        raise ValueError("text after the arguments")
    return ToolCall(name[0].strip(), arguments), close + 2


def _read_usage(value: str) -> UsageScript:
    match value:
        case "none":
            return UsageScript(hidden=True)
        case "negative":
            return UsageScript(input=-7, output=-5)
        case _ if value.startswith("{"):
            return UsageScript(raw=_JSON.decode(value))
    pairs = (part.split("=") for part in value.split(","))
    pinned = {_USAGE_FIELDS[name.strip()]: int(number) for name, number in pairs}
    return replace(COUNTED, **cast(dict[str, Any], pinned))


def _whole(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("negative")
    return number


def _status(value: str) -> int:
    status = int(value)
    if status != 200 and not 300 <= status <= 599:
        raise ValueError("not a refusal")
    return status


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 <= number < 3600:
        raise ValueError("not within an hour")
    return number


READERS: Mapping[str, Callable[[str], Any]] = {
    "reply": str,
    "think": str,
    "tokens": _whole,
    "usage": _read_usage,
    "status": _status,
    "retry-after": str,
    "delay": _seconds,
    "ttft": _seconds,
    "pause": _seconds,
    "cut": _whole,
    "stream-error": _whole,
    "hang": lambda value: True,
    "split": _whole,
    "chars": _whole,
}
