"""Why an answer ended, in Anthropic's words ("Handling stop reasons")."""

from __future__ import annotations

from typing import Any

from extproc.llm.translate.conversation import Finish

_READ: dict[str, Finish] = {
    "end_turn": "stop", "stop_sequence": "stop_sequence", "max_tokens": "length",
    "model_context_window_exceeded": "length", "tool_use": "tool_calls", "pause_turn": "pause",
    "refusal": "refusal",
}  # fmt: skip
_WRITTEN: dict[Finish, str] = {
    "stop": "end_turn", "stop_sequence": "stop_sequence", "length": "max_tokens",
    "tool_calls": "tool_use", "refusal": "refusal", "content_filter": "refusal",
    "pause": "pause_turn",
}  # fmt: skip


def read_finish(reason: Any) -> Finish:
    """Unknown and missing reasons are `stop`, the one that promises nothing."""
    return _READ.get(reason, "stop") if type(reason) is str else "stop"


def write_finish(finish: Finish) -> str:
    return _WRITTEN[finish]
