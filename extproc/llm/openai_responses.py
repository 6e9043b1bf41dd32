"""OpenAI Responses (`POST /v1/responses`), whole and streamed.

Promises: a request it reads has the types OpenAI documents wherever the gateway decides on them;
texts are found by `responses_texts.py` and `responses_frames.py`. Refuses, by field name: missing
or ill-typed `model`, `input` and its items, `tools`, `stream`, maxima; and `background`, whose
answer would be fetched later, past the gateway. Fields nobody here knows pass on as they are and
are scanned. Tools that an input item brings along count as declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields, responses_frames, responses_texts
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Frame, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import Found
from extproc.llm.openai_usage import larger
from extproc.llm.responses_billable import responses_billable
from extproc.llm.responses_items import MESSAGE_ROLES
from extproc.llm.responses_usage import read_responses_usage
from extproc.usage.usage import Reported

_TEXT_OF = {
    "input_text": "text", "output_text": "text", "text": "text", "summary_text": "text",
    "reasoning_text": "text", "refusal": "refusal",
}  # fmt: skip
_BRINGS_TOOLS = ("additional_tools", "tool_search_output")


class OpenAIResponses:
    """The dialect; stateless."""

    name = "openai_responses"
    shape = "openai_responses"
    family: Family = "openai"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = (
            fields.model_fault(body)
            or fields.flag_fault(body, "stream")
            or fields.flag_fault(body, "background")
            or fields.count_fault(body, "max_output_tokens")
            or fields.object_fault(body, "text")
            or fields.object_fault(body, "reasoning")
            or fields.object_fault(body, "stream_options")
            or _background_fault(body)
            or _input_fault(body)
            or _tools_fault(body)
        )
        if fault:
            return fault
        return LlmCall(
            operation="chat",
            model=body["model"],
            stream=body.get("stream") is True,
            max_output_tokens=body.get("max_output_tokens"),
            choices=1,
            tools=tuple(_tool_names(body)),
            unscanned=responses_texts.request_unread(body),
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(responses_texts.request_slots(body))

    def billable(self, body: Json) -> Billable:
        return responses_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(responses_texts.read_response(body, Found()).slots)

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(responses_frames.frame_slots(frame))

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(responses_texts.read_response(body, Found()).unread)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return responses_frames.frame_unread(frame)

    def response_usage(self, body: Json) -> Reported:
        return read_responses_usage(body)

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """`response.completed` and `response.incomplete` hold it; earlier events hold null."""
        told = read_responses_usage(frame.data.get("response")) if frame.data else None
        return so_far if told is None else larger(told, so_far)

    def is_final(self, frame: Frame) -> bool:
        """OpenAI sends no `[DONE]` here; compatible servers do."""
        return frame.data is None or responses_frames.is_end(frame.data)

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        """Usage comes unasked."""
        call = {**body, "model": model}
        if max_output_tokens is not None:
            call["max_output_tokens"] = fields.least(
                body.get("max_output_tokens"), max_output_tokens
            )
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/responses"


OPENAI_RESPONSES = OpenAIResponses()


def _background_fault(body: Json) -> Refusal | None:
    if body.get("background"):
        return fields.refuse("background", "is refused: its answer would pass the gateway by")
    return None


def _input_fault(body: Json) -> Refusal | None:
    given = body.get("input")
    if given is None:
        if any(body.get(key) for key in responses_texts.STATE):
            return None
        return fields.refuse("input", "must be a string or a list of items")
    if type(body.get("instructions")) not in (str, list, type(None)):
        return fields.refuse("instructions", "must be a string or a list of items")
    for key in ("instructions", "input"):
        if type(body.get(key)) in (str, type(None)):
            continue
        fault = fields.objects_fault(body, key) or fields.first(
            _item_fault(item, f"{key}[{position}]") for position, item in enumerate(body[key])
        )
        if fault:
            return fault
    return None


def _item_fault(item: Json, path: str) -> Refusal | None:
    kind = item.get("type")
    if kind is not None and type(kind) is not str:
        return fields.refuse(f"{path}.type", "must be a string")
    if kind in ("function_call", "custom_tool_call"):
        return fields.text_fault(item, "name", path) or fields.text_fault(
            item, "arguments" if kind == "function_call" else "input", path
        )
    if kind in _BRINGS_TOOLS:
        return _listed_tools_fault(item, f"{path}.")
    if kind != "message" and (kind is not None or "role" not in item):
        return None
    role, content = item.get("role"), item.get("content")
    if type(role) is not str or role not in MESSAGE_ROLES:
        return fields.refuse(f"{path}.role", "must be a role of this API")
    if type(content) is str:
        return None
    if type(content) is not list:
        return fields.refuse(f"{path}.content", "must be a string or a list of parts")
    return fields.first(
        _part_fault(part, f"{path}.content[{position}]") for position, part in enumerate(content)
    )


def _part_fault(part: Any, path: str) -> Refusal | None:
    if type(part) is not dict or type(part.get("type")) is not str:
        return fields.refuse(path, "must be an object with a 'type'")
    text = _TEXT_OF.get(part["type"])
    return None if text is None else fields.text_fault(part, text, path)


def _tools_fault(body: Json) -> Refusal | None:
    return _listed_tools_fault(body, "")


def _listed_tools_fault(holder: Json, prefix: str) -> Refusal | None:
    fault = fields.objects_fault(holder, "tools")
    if fault:
        return fields.refuse(prefix + (fault.param or ""), "must be a list of objects")
    for position, tool in enumerate(holder.get("tools") or ()):
        where = f"{prefix}tools[{position}]"
        kind = tool.get("type")
        if type(kind) is not str:
            return fields.refuse(f"{where}.type", "must be a string")
        if kind in ("function", "custom"):
            fault = fields.text_fault(tool, "name", where)
        elif kind == "namespace":
            fault = _listed_tools_fault(tool, f"{where}.")
        if fault:
            return fault
    return None


def _tool_names(body: Json) -> Iterator[str]:
    """Declared tools in order; a hosted tool is known by its type."""
    yield from _names(body.get("tools") or ())
    given = body.get("input")
    for item in given if type(given) is list else ():
        if item.get("type") in _BRINGS_TOOLS:
            yield from _names(item.get("tools") or ())


def _names(tools: Sequence[Json]) -> Iterator[str]:
    for tool in tools:
        if tool["type"] == "namespace":
            yield from _names(tool.get("tools") or ())
        else:
            yield tool["name"] if tool["type"] in ("function", "custom") else tool["type"]
