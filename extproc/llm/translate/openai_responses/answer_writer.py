"""An answer as a Responses object: items, status, usage, and the request's settings once more.

Source: platform.openai.com, "The response object". `store` is false, whatever was asked: nothing
was kept, and nothing can be fetched later.
"""

from __future__ import annotations

import re
from typing import Any

from extproc.llm.call import Json
from extproc.llm.responses_usage import write_responses_usage
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Finish,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.openai_responses.custom_tools import custom_names, input_of
from extproc.llm.translate.openai_responses.seals import pack
from extproc.usage.usage import Usage

_STEM = re.compile(r"[^A-Za-z0-9]")
_STEM_CHARS_MAX = 48
_ECHOED: dict[str, Any] = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "safety_identifier": None,
    "service_tier": None, "temperature": None, "tool_choice": "auto", "top_logprobs": None,
    "top_p": None, "truncation": "disabled", "user": None, "prompt_cache_key": None,
}  # fmt: skip
_INCOMPLETE: dict[Finish, str] = {
    "length": "max_output_tokens", "content_filter": "content_filter", "refusal": "content_filter",
}  # fmt: skip
CUT: tuple[Finish, ...] = ("length", "content_filter")
"""Endings in the middle of what a model was saying."""
_NEEDED: dict[str, tuple[str, ...]] = {"function": ("parameters", "strict")}


class Ids:
    """Ids of one answer and of its items, made from the provider's id."""

    def __init__(self, answer_id: str, created: int) -> None:
        stem = _STEM.sub("", answer_id.removeprefix("resp_"))[-_STEM_CHARS_MAX:]
        self._stem = stem or str(created)
        self.response = f"resp_{self._stem}"

    def item(self, prefix: str, index: int) -> str:
        return f"{prefix}_{self._stem}{index:02d}"


def write_answer(answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
    """One choice is all that a Responses object has room for."""
    ids, choice = Ids(answer.answer_id, created), answer.choices[0]
    output = _Output(ids, custom_names(asked), answer)
    for part in choice.parts:
        output.add(part)
    if choice.logprobs:
        output.note_logprobs(choice.logprobs)
    made = skeleton(ids.response, model=model, created=created, asked=asked)
    made["output"] = output.items
    if choice.finish in CUT and output.items and output.items[-1]["type"] == "message":
        output.items[-1]["status"] = "incomplete"
    conclude(made, choice.finish, answer.usage, said_no=said_no(choice))
    return made


def skeleton(response_id: str, *, model: str, created: int, asked: Json) -> Json:
    """A response in progress, without output."""
    made: Json = {
        "id": response_id, "object": "response", "created_at": created, "status": "in_progress",
        "background": False, "error": None, "incomplete_details": None, "model": model,
        "output": [], "store": False, "usage": None,
    }  # fmt: skip
    for key, default in _ECHOED.items():
        value = asked.get(key)
        made[key] = default if value is None else value
    made["reasoning"] = {"effort": None, "summary": None, **(asked.get("reasoning") or {})}
    made["text"] = {"format": {"type": "text"}, **(asked.get("text") or {})}
    made["tools"] = [_shown(tool) for tool in asked.get("tools") or ()]
    return made


def conclude(made: Json, finish: Finish, usage: Usage | None, *, said_no: bool) -> None:
    """Its status, and what it used. A model that has said no has said all that it wants to."""
    reason = None if finish == "refusal" and said_no else _INCOMPLETE.get(finish)
    made["status"] = "completed" if reason is None else "incomplete"
    made["incomplete_details"] = None if reason is None else {"reason": reason}
    made["usage"] = None if usage is None else write_responses_usage(usage)


def said_no(choice: Choice) -> bool:
    return any(type(part) is Refused for part in choice.parts)


def text_part(text: str, citations: tuple[Citation, ...] = ()) -> Json:
    annotations = [annotation_of(citation, len(text)) for citation in citations]
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def annotation_of(citation: Citation, length: int) -> Json:
    """A link, or the name of a document of the request, which has no id at OpenAI."""
    end = citation.end if citation.end is not None else length
    if citation.url:
        return {
            "type": "url_citation", "url": citation.url, "title": citation.title,
            "start_index": citation.start or 0, "end_index": end,
        }  # fmt: skip
    number = "" if citation.document is None else str(citation.document)
    return {
        "type": "file_citation", "file_id": number, "filename": citation.title, "index": end
    }  # fmt: skip


def logprobs_of(entries: list[Json]) -> list[Json]:
    """Chat's entries; the Responses know no null in them."""
    return [
        {**entry, "bytes": entry.get("bytes") or [], "top_logprobs": [
            {**other, "bytes": other.get("bytes") or []}
            for other in entry.get("top_logprobs") or ()
        ]}
        for entry in entries
    ]  # fmt: skip


def reasoning_item(item_id: str, text: str, seal: Seal | None, call_id: str = "") -> Json:
    summary = [{"type": "summary_text", "text": text}] if text else []
    item: Json = {"id": item_id, "type": "reasoning", "summary": summary}
    if seal is not None:
        item["encrypted_content"] = pack(seal, call_id)
    return item


def call_item(ids: Ids, index: int, call_id: str, name: str, arguments: str, custom: bool) -> Json:
    if custom:
        return {
            "id": ids.item("ctc", index), "type": "custom_tool_call", "status": "completed",
            "call_id": call_id, "name": name, "input": input_of(arguments),
        }  # fmt: skip
    return {
        "id": ids.item("fc", index), "type": "function_call", "status": "completed",
        "call_id": call_id, "name": name, "arguments": arguments,
    }  # fmt: skip


def image_item(ids: Ids, index: int, image: Image) -> Json | None:
    """What another vendor's model drew stands where OpenAI's tool puts its pictures."""
    if not isinstance(image.source, Inline):
        return None
    return {
        "id": ids.item("ig", index), "type": "image_generation_call", "status": "completed",
        "result": image.source.data, "output_format": image.source.media_type.rpartition("/")[2],
    }  # fmt: skip


class _Output:
    """The items of a whole answer, in order; texts in a row are one message."""

    def __init__(self, ids: Ids, custom: frozenset[str], answer: ChatAnswer) -> None:
        self._ids, self._custom, self._answer = ids, custom, answer
        self.items: list[Json] = []

    def add(self, part: Part) -> None:
        index = len(self.items)
        match part:
            case Text():
                self._say(text_part(part.text, part.citations))
            case Refused():
                self._say({"type": "refusal", "refusal": part.text})
            case Reasoning():
                item_id = self._ids.item("rs", index)
                self.items.append(reasoning_item(item_id, part.text, part.seal))
            case ToolCall():
                self._call(part)
            case Image() if (item := image_item(self._ids, index, part)) is not None:
                self.items.append(item)
            case _:
                self._answer.left_out.append(f"output[{index}]")

    def note_logprobs(self, entries: list[Json]) -> None:
        """To the first text there is: they are told for the answer as a whole."""
        for item in self.items:
            for part in item.get("content") or ():
                if part["type"] == "output_text":
                    part["logprobs"] = logprobs_of(entries)
                    return

    def _say(self, part: Json) -> None:
        if self.items and self.items[-1]["type"] == "message":
            self.items[-1]["content"].append(part)
            return
        item_id = self._ids.item("msg", len(self.items))
        self.items.append(
            {"id": item_id, "type": "message", "status": "completed", "role": "assistant",
             "content": [part]}
        )  # fmt: skip

    def _call(self, call: ToolCall) -> None:
        if call.seal is not None:
            item_id = self._ids.item("rs", len(self.items))
            self.items.append(reasoning_item(item_id, "", call.seal, call.call_id))
        custom = call.name in self._custom
        index = len(self.items)
        item = call_item(self._ids, index, call.call_id, call.name, call.arguments, custom)
        self.items.append(item)


def _shown(tool: Json) -> Json:
    """With the fields that OpenAI always tells, null where the caller did not."""
    missing = [key for key in _NEEDED.get(tool["type"], ()) if key not in tool]
    return {**tool, **dict.fromkeys(missing)} if missing else tool
