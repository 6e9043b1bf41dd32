"""Anthropic Messages as Google Vertex serves it (`:rawPredict`, `:streamRawPredict`).

Wire (cloud.google.com, "Use partner models: Claude requests"; platform.claude.com, "Claude on
Vertex AI"): a Messages body without `model`, which stands in the path, and with
`anthropic_version`. Answers and events are those of Anthropic Messages. The publisher's part of the
path is put before it by `providers/paths.py`.
"""

from __future__ import annotations

from urllib.parse import quote

from extproc.llm.anthropic_messages import AnthropicMessages
from extproc.llm.call import Json

VERSION = "vertex-2023-10-16"


class VertexAnthropic(AnthropicMessages):
    """The dialect; stateless."""

    name = "vertex_anthropic"

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = super().with_call(
            body, model=model, max_output_tokens=max_output_tokens, include_usage=include_usage
        )
        del call["model"]
        call["anthropic_version"] = VERSION
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        method = "streamRawPredict" if stream else "rawPredict"
        return f"/models/{quote(model, safe='@')}:{method}"


VERTEX_ANTHROPIC = VertexAnthropic()
