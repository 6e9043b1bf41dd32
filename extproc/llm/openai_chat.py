"""OpenAI Chat Completions (`POST /v1/chat/completions`), whole and streamed.

Promises: a request it reads has the types OpenAI documents wherever the gateway decides on them;
texts are found by `openai_texts.py`. Refuses, by field name: missing or ill-typed `model`,
`messages` and their parts, `tools`, `stream`, `n`, maxima. Fields nobody here knows pass on as they
are and are scanned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields, openai_frames, openai_texts
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Frame, Json, LlmCall, Operation, TextSlot
from extproc.llm.openai_billable import chat_billable
from extproc.llm.openai_usage import larger, read_openai_usage
from extproc.usage.usage import Reported

CHOICES_MAX = 128
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
_MAXIMA = ("max_tokens", "max_completion_tokens")


class OpenAIChat:
    """The dialect; stateless."""

    name = "openai_chat"
    shape = "openai_chat"
    family: Family = "openai"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = (
            fields.model_fault(body)
            or fields.flag_fault(body, "stream")
            or fields.object_fault(body, "stream_options")
            or fields.count_fault(body, "max_tokens")
            or fields.count_fault(body, "max_completion_tokens")
            or fields.count_fault(body, "n", most=CHOICES_MAX)
            or _messages_fault(body)
            or _tools_fault(body)
        )
        if fault:
            return fault
        return LlmCall(
            operation="chat",
            model=body["model"],
            stream=body.get("stream") is True,
            max_output_tokens=fields.least(*(body.get(key) for key in _MAXIMA)),
            choices=body.get("n") or 1,
            tools=_tool_names(body),
            unscanned=openai_texts.request_unread(body),
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(openai_texts.request_slots(body))

    def billable(self, body: Json) -> Billable:
        return chat_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(openai_texts.answer_slots(body))

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(openai_frames.frame_slots(frame))

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return openai_texts.answer_unread(body)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return openai_frames.frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_openai_usage(body.get("usage"))

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """OpenAI sends one chunk with usage and no choices before `[DONE]`; compatible servers put
        running totals on any chunk, or send the last one twice. The largest counts, nothing is
        added up; an unsound one voids what came before."""
        usage = frame.data.get("usage") if frame.data else None
        return so_far if usage is None else larger(read_openai_usage(usage), so_far)

    def is_final(self, frame: Frame) -> bool:
        return frame.data is None

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = {**body, "model": model}
        if max_output_tokens is not None:
            stated = [key for key in _MAXIMA if body.get(key) is not None]
            for key in stated:
                call[key] = min(body[key], max_output_tokens)
            if not stated:
                # Predicted outputs do not know the newer name ("Predicted Outputs", limitations).
                key = "max_tokens" if body.get("prediction") else "max_completion_tokens"
                call[key] = max_output_tokens
        if include_usage and body.get("stream"):
            options = body.get("stream_options") or {}
            call["stream_options"] = {**options, "include_usage": True}
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/chat/completions"


OPENAI_CHAT = OpenAIChat()


def asked_for_usage(body: Json) -> bool:
    """Whether the caller itself wants the usage chunk at the end of its stream."""
    options = body.get("stream_options")
    return type(options) is dict and options.get("include_usage") is True


def is_usage_only(frame: Frame) -> bool:
    """The chunk that exists only because usage was asked for. A caller that did not ask must not
    see it: code such as `chunk.choices[0]` breaks on its empty list."""
    data = frame.data
    return data is not None and data.get("choices") == [] and data.get("usage") is not None


def _messages_fault(body: Json) -> Refusal | None:
    fault = fields.objects_fault(body, "messages", required=True)
    if fault:
        return fault
    for position, message in enumerate(body["messages"]):
        role = message.get("role")
        if type(role) is not str or role not in _ROLES:
            return fields.refuse(f"messages[{position}].role", "must be a role of this API")
        content = message.get("content")
        if type(content) is str and "tool_calls" not in message:
            continue
        fault = _content_fault(content, role, f"messages[{position}]") or _calls_fault(
            message, f"messages[{position}]"
        )
        if fault:
            return fault
    return None


def _content_fault(content: Any, role: str, path: str) -> Refusal | None:
    if type(content) is str or (content is None and role in ("assistant", "function")):
        return None
    if type(content) is not list:
        return fields.refuse(f"{path}.content", "must be a string or a list of parts")
    for position, part in enumerate(content):
        where = f"{path}.content[{position}]"
        if type(part) is not dict or type(part.get("type")) is not str:
            return fields.refuse(where, "must be an object with a 'type'")
        if part["type"] in ("text", "refusal"):
            fault = fields.text_fault(part, part["type"], where)
            if fault:
                return fault
    return None


def _calls_fault(message: Json, path: str) -> Refusal | None:
    calls = message.get("tool_calls")
    if calls is None:
        return None
    if type(calls) is not list:
        return fields.refuse(f"{path}.tool_calls", "must be a list")
    for position, call in enumerate(calls):
        where = f"{path}.tool_calls[{position}]"
        kind = call.get("type", "function") if type(call) is dict else None
        if kind not in ("function", "custom") or type(call.get(kind)) is not dict:
            return fields.refuse(where, "must be a function or custom tool call")
        text = "arguments" if kind == "function" else "input"
        fault = fields.text_fault(call[kind], "name", f"{where}.{kind}") or fields.text_fault(
            call[kind], text, f"{where}.{kind}"
        )
        if fault:
            return fault
    return None


def _tools_fault(body: Json) -> Refusal | None:
    fault = fields.objects_fault(body, "tools") or fields.objects_fault(body, "functions")
    if fault:
        return fault
    for position, tool in enumerate(body.get("tools") or ()):
        kind = tool.get("type")
        where = f"tools[{position}]"
        if type(kind) is not str:
            return fields.refuse(f"{where}.type", "must be a string")
        if kind in ("function", "custom"):
            if type(tool.get(kind)) is not dict:
                return fields.refuse(f"{where}.{kind}", "must be an object")
            fault = fields.text_fault(tool[kind], "name", f"{where}.{kind}")
            if fault:
                return fault
    return fields.first(
        fields.text_fault(function, "name", f"functions[{position}]")
        for position, function in enumerate(body.get("functions") or ())
    )


def _tool_names(body: Json) -> tuple[str, ...]:
    """Declared tools in order; a hosted tool of another type is known by that type."""
    names = []
    for tool in body.get("tools") or ():
        kind = tool["type"]
        names.append(tool[kind]["name"] if kind in ("function", "custom") else kind)
    return (*names, *(function["name"] for function in body.get("functions") or ()))
