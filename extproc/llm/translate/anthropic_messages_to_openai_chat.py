"""The caller speaks Anthropic Messages, the provider Chat Completions."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.error_body import map_error
from extproc.llm.translate.anthropic_request_to_openai import request
from extproc.llm.translate.openai_answer_to_anthropic import response
from extproc.llm.translate.openai_stream_to_anthropic import OpenAIStreamToAnthropic as Stream

__all__ = ["Stream", "error", "request", "response"]


def error(status: int, body: Any, *, decision_id: str = "") -> Json:
    """An OpenAI error (parsed body, or None) as an Anthropic one; the status stays."""
    return map_error("anthropic", status, body, decision_id)
