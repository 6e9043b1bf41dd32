"""The caller speaks Chat Completions, the provider Anthropic Messages."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.error_body import map_error
from extproc.llm.translate.anthropic_answer_to_openai import response
from extproc.llm.translate.anthropic_stream_to_openai import AnthropicStreamToOpenAI as Stream
from extproc.llm.translate.openai_request_to_anthropic import request

__all__ = ["Stream", "error", "request", "response"]


def error(status: int, body: Any, *, decision_id: str = "") -> Json:
    """An Anthropic error (parsed body, or None) as an OpenAI one; the status stays."""
    return map_error("openai", status, body, decision_id)
