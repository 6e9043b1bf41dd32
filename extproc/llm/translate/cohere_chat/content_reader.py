"""What the message of a Cohere answer says; shared by whole answers and streams."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Citation, Finish

_FINISH: dict[str, Finish] = {
    "COMPLETE": "stop", "STOP_SEQUENCE": "stop_sequence", "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length", "TOOL_CALL": "tool_calls", "ERROR_TOXIC": "content_filter",
}  # fmt: skip
FAILED = {"ERROR": 500, "TIMEOUT": 504}
"""Generation broke off: an error, not an answer. The value is the status that says so."""
_WORDS = ("snippet", "text", "content")


def finish_of(reason: Any) -> Finish:
    """Unknown and missing reasons are `stop`, the one that promises nothing."""
    return _FINISH.get(reason, "stop") if type(reason) is str else "stop"


def citations_of(said: Json) -> tuple[Citation, ...]:
    """One for each source; offsets are of the answer's own text.

    Raises TypeError or AttributeError on another shape.
    """
    start, end = _number(said.get("start")), _number(said.get("end"))
    sources: list[Json] = said.get("sources") or [{}]
    return tuple(_citation(source, start, end) for source in sources)


def stands_on_text(said: Json) -> bool:
    """Whether it belongs to the answer, not to a plan or a thought."""
    return said.get("type") in (None, "TEXT_CONTENT")


def _citation(source: Json, start: int | None, end: int | None) -> Citation:
    """What a document or a tool's output is made of, its author decides."""
    about = source.get("document") or source.get("tool_output") or {}
    cited = next((about[key] for key in _WORDS if type(about.get(key)) is str), "")
    url, names = about.get("url"), (about.get("title"), source.get("id"), "")
    return Citation(
        url=url if type(url) is str else "",
        title=next(name for name in names if type(name) is str),
        cited=cited,
        start=start,
        end=end,
    )


def _number(value: Any) -> int | None:
    return value if type(value) is int else None
