"""What the blocks of a Converse answer say; shared by whole answers and streams."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Citation, Finish

_FINISH: dict[str, Finish] = {
    "end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length",
    "model_context_window_exceeded": "length", "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter", "content_filtered": "content_filter",
    "refusal": "refusal", "pause_turn": "pause",
}  # fmt: skip
MALFORMED = ("malformed_model_output", "malformed_tool_use")
"""The model did not manage to say anything that can be passed on: an error, not an answer."""
SERVER_TOOL = "server_tool_use"


def finish_of(stop_reason: Any) -> Finish:
    """Unknown and missing reasons are `stop`, the one that promises nothing."""
    return _FINISH.get(stop_reason, "stop") if type(stop_reason) is str else "stop"


def stop_sequence_of(holder: Json) -> str | None:
    """Which sequence was met, for models that say so when asked."""
    more = holder.get("additionalModelResponseFields")
    met = more.get("stop_sequence") if type(more) is dict else None
    return met if type(met) is str and met else None


def citation_of(said: Json) -> Citation:
    """One citation. Where in its source the cited words stand has no place in other dialects.

    Raises TypeError or AttributeError on another shape.
    """
    location = said.get("location") or {}
    web = location.get("web") or {}
    source = _words(said, "source")
    url = _words(web, "url") or (source if source.startswith(("https://", "http://")) else "")
    cited = "".join(_words(one, "text") for one in said.get("sourceContent") or ())
    title, document = _words(said, "title"), _document(location)
    return Citation(url=url, title=title, cited=cited, document=document)


def _words(holder: Json, key: str) -> str:
    value = holder.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        raise TypeError
    return value


def _document(location: Json) -> int | None:
    for kind in ("documentChar", "documentPage", "documentChunk"):
        if type(location.get(kind)) is dict:
            position = location[kind].get("documentIndex")
            return position if type(position) is int else None
    return None
