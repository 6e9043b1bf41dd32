"""Why an answer ended, in either vendor's words."""

from __future__ import annotations

from typing import Any

_TO_OPENAI = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TO_ANTHROPIC = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def openai_finish_reason(stop_reason: Any) -> str:
    """Unknown and missing reasons are `stop`, the one that promises nothing."""
    return _TO_OPENAI.get(stop_reason, "stop") if type(stop_reason) is str else "stop"


def anthropic_stop_reason(finish_reason: Any) -> str:
    return (
        _TO_ANTHROPIC.get(finish_reason, "end_turn") if type(finish_reason) is str else "end_turn"
    )
