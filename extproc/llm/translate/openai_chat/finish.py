"""Why an answer ended, in Chat Completions' words ("The chat completion object")."""

from __future__ import annotations

from typing import Any

from extproc.llm.translate.conversation import Finish

_READ: dict[str, Finish] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
    "content_filter": "content_filter",
}  # fmt: skip
_WRITTEN: dict[Finish, str] = {
    "stop": "stop", "stop_sequence": "stop", "pause": "stop", "length": "length",
    "tool_calls": "tool_calls", "refusal": "content_filter", "content_filter": "content_filter",
}  # fmt: skip


def read_finish(reason: Any, *, refused: bool, has_calls: bool) -> Finish:
    """Unknown and missing reasons are `stop`, the one that promises nothing.

    A model that refuses ends with `stop`, and so does one that was told which tool to call
    ("Function calling", forced calls); what it said tells them apart.
    """
    finish = _READ.get(reason, "stop") if type(reason) is str else "stop"
    if refused:
        return "refusal"
    return "tool_calls" if finish == "stop" and has_calls else finish


def write_finish(finish: Finish, *, refused: bool) -> str:
    """`refused`: the refusal's own text is in the answer, as OpenAI's models give it."""
    return "stop" if refused and finish == "refusal" else _WRITTEN[finish]
