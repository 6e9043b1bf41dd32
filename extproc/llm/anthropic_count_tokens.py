"""Anthropic's token counting (`POST /v1/messages/count_tokens`): a Messages body without a maximum
in, one number out.

Wire: platform.claude.com, "Count tokens in a message". It costs nothing: there is nothing to
reserve and nothing to settle. The texts reach the provider all the same and are read like those of
a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from extproc.errors import Refusal
from extproc.llm.anthropic_messages import AnthropicMessages
from extproc.llm.billable import Billable
from extproc.llm.call import Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import Found, is_name, walk
from extproc.llm.whole_answer import stream_fault
from extproc.usage.usage import Reported, Usage


class AnthropicCountTokens(AnthropicMessages):
    """The dialect; stateless. There are no streams."""

    name = "anthropic_count_tokens"
    shape = "anthropic_count_tokens"
    operation: Operation = "count_tokens"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        call = stream_fault(body) or super().read_call(path, {"max_tokens": 1, **body})
        if isinstance(call, Refusal):
            return call
        return replace(call, operation="count_tokens", stream=False, max_output_tokens=None)

    def billable(self, body: Json) -> Billable:
        return Billable(free=True)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        """Nothing was used: the number is what another call would use."""
        return Usage()

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        return {**body, "model": model}

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/v1/messages/count_tokens"


ANTHROPIC_COUNT_TOKENS = AnthropicCountTokens()


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "assistant", found)
    return found
