"""Anthropic Messages (`POST /v1/messages`), whole and streamed.

Promises: a request it reads has the types Anthropic documents wherever the gateway decides on them;
texts are found by `anthropic_texts.py`. Refuses, by field name: missing or ill-typed `model`,
`max_tokens`, `messages` and their blocks, `system`, `tools`, `stream`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import anthropic_frames, anthropic_texts, fields
from extproc.llm.anthropic_billable import messages_billable
from extproc.llm.anthropic_usage import read_anthropic_usage
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Frame, Json, LlmCall, Operation, TextSlot
from extproc.usage.usage import Reported, Unsound

_ROLES = frozenset(("user", "assistant", "system"))


class AnthropicMessages:
    """The dialect; stateless."""

    name = "anthropic_messages"
    shape = "anthropic_messages"
    family: Family = "anthropic"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = (
            fields.model_fault(body)
            or fields.count_fault(body, "max_tokens", required=True)
            or fields.flag_fault(body, "stream")
            or _messages_fault(body)
            or _system_fault(body)
            or _tools_fault(body)
        )
        if fault:
            return fault
        return LlmCall(
            operation="chat",
            model=body["model"],
            stream=body.get("stream") is True,
            max_output_tokens=body["max_tokens"],
            choices=1,
            tools=tuple(tool["name"] for tool in body.get("tools") or ()),
            unscanned=anthropic_texts.request_unread(body),
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(anthropic_texts.request_slots(body))

    def billable(self, body: Json) -> Billable:
        return messages_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(anthropic_texts.answer_slots(body))

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(anthropic_frames.frame_slots(frame))

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return anthropic_texts.answer_unread(body)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return anthropic_frames.frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_anthropic_usage(body.get("usage"))

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """`message_start` states the input and a token or so of output; `message_delta` the totals.

        Until `message_delta` the output is a floor, not a total: whoever settles a stream that was
        cut must not take it for the whole. An unsound event voids what came before, and what comes
        after it.
        """
        event = frame.data or {}
        if isinstance(so_far, Unsound):
            return so_far
        if event.get("type") == "message_delta":
            usage, before = event.get("usage"), so_far
        elif event.get("type") == "message_start" and type(event.get("message")) is dict:
            usage, before = event["message"].get("usage"), so_far
        else:
            return so_far
        return so_far if usage is None else read_anthropic_usage(usage, before)

    def is_final(self, frame: Frame) -> bool:
        return frame.data is not None and frame.data.get("type") == "message_stop"

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = {**body, "model": model}
        if max_output_tokens is not None:
            call["max_tokens"] = min(body.get("max_tokens") or max_output_tokens, max_output_tokens)
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/v1/messages"


ANTHROPIC_MESSAGES = AnthropicMessages()


def _messages_fault(body: Json) -> Refusal | None:
    fault = fields.objects_fault(body, "messages", required=True)
    if fault:
        return fault
    for position, message in enumerate(body["messages"]):
        role = message.get("role")
        if type(role) is not str or role not in _ROLES:
            return fields.refuse(f"messages[{position}].role", "must be a role of this API")
        content = message.get("content")
        if type(content) is str:
            continue
        fault = _blocks_fault(content, f"messages[{position}].content")
        if fault:
            return fault
    return None


def _blocks_fault(content: Any, path: str) -> Refusal | None:
    if type(content) is not list:
        return fields.refuse(path, "must be a string or a list of blocks")
    for position, block in enumerate(content):
        fault = _block_fault(block, f"{path}[{position}]")
        if fault:
            return fault
    return None


def _block_fault(block: Any, path: str) -> Refusal | None:
    if type(block) is not dict or type(block.get("type")) is not str:
        return fields.refuse(path, "must be an object with a 'type'")
    match block["type"]:
        case "text" | "thinking" as field:
            return fields.text_fault(block, field, path)
        case "tool_use":
            return fields.text_fault(block, "name", path) or (
                None if type(block.get("input")) is dict
                else fields.refuse(f"{path}.input", "must be an object")
            )  # fmt: skip
        case "tool_result":
            content = block.get("content")
            if content is None or type(content) is str:
                return None
            return _blocks_fault(content, f"{path}.content")
    return None


def _system_fault(body: Json) -> Refusal | None:
    system = body.get("system")
    return None if system is None or type(system) is str else _blocks_fault(system, "system")


def _tools_fault(body: Json) -> Refusal | None:
    return fields.objects_fault(body, "tools") or fields.first(
        fields.text_fault(tool, "name", f"tools[{position}]")
        for position, tool in enumerate(body.get("tools") or ())
    )
