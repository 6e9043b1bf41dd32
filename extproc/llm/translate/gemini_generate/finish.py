"""Why an answer ended, in Gemini's words (API reference, `FinishReason`, `BlockReason`)."""

from __future__ import annotations

from typing import Any

from extproc.llm.translate.conversation import Finish

_READ: dict[str, Finish] = {
    "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter",
    "RECITATION": "content_filter", "LANGUAGE": "content_filter", "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter", "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter", "IMAGE_RECITATION": "content_filter",
    "CONTINUATION": "pause",
}  # fmt: skip
_WRITTEN: dict[Finish, str] = {
    "stop": "STOP", "stop_sequence": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS",
    "refusal": "SAFETY", "content_filter": "SAFETY", "pause": "OTHER",
}  # fmt: skip


def read_finish(reason: Any, *, has_calls: bool) -> tuple[Finish, bool]:
    """(finish, whether no other dialect has a word for it).

    A model that failed (`MALFORMED_FUNCTION_CALL`, `OTHER`, ...) has stopped, and there is no word
    for why. One that called a function ends with `STOP`.
    """
    known = _READ.get(reason) if type(reason) is str else None
    finish = known or "stop"
    return ("tool_calls" if finish == "stop" and has_calls else finish), known is None


def write_finish(finish: Finish) -> str:
    return _WRITTEN[finish]
