"""The open items of a streamed Responses answer: what begins, grows and ends, event by event.

Promises: the order of events that OpenAI documents ("Streaming events"): an item is added, its
parts are added, grow and are done, then the item is done, with its whole text each time. Messages
and thoughts come one after another; tool calls may grow beside each other, as they do in chat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from extproc.llm.call import Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Citation, Seal
from extproc.llm.translate.openai_responses.answer_writer import (
    Ids,
    annotation_of,
    call_item,
    logprobs_of,
    reasoning_item,
    text_part,
)

Events = list[tuple[str, Json]]
"""(type, fields) of events, in order."""


@dataclass(slots=True)
class Message:
    """`parts`: those that are done; the last one may still be open (`texts`)."""

    item: Json
    index: int
    kind: str = ""
    texts: list[str] = field(default_factory=list)
    length: int = 0
    annotations: list[Json] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)
    unsent: list[Json] = field(default_factory=list)

    def begin(self) -> Events:
        shown = {**self.item, "status": "in_progress", "content": []}
        return [("response.output_item.added", {"output_index": self.index, "item": shown})]

    def say(self, kind: str, text: str) -> Events:
        """`kind`: `output_text` or `refusal`."""
        out: Events = []
        if self.kind != kind:
            out += self._end_part()
            self.kind = kind
            out.append(("response.content_part.added", self._place(part=self._part(""))))
        self.texts.append(text)
        self.length += len(text)
        delta = self._place(delta=text)
        if kind == "output_text":
            delta["logprobs"], self.unsent = self.unsent, []
        out.append((f"response.{kind}.delta", delta))
        return out

    def cite(self, citation: Citation) -> Events:
        out = self.say("output_text", "") if self.kind != "output_text" else []
        annotation = annotation_of(citation, self.length)
        fields = self._place(annotation_index=len(self.annotations), annotation=annotation)
        self.annotations.append(annotation)
        return [*out, ("response.output_text.annotation.added", fields)]

    def note_logprobs(self, entries: list[Json]) -> None:
        told = logprobs_of(entries)
        self.logprobs += told
        self.unsent += told

    def end(self, status: str) -> Events:
        out = self._end_part()
        self.item["status"] = status
        return [*out, _item_done(self.index, self.item)]

    def _end_part(self) -> Events:
        if not self.kind:
            return []
        text, kind = "".join(self.texts), self.kind
        part = self._part(text)
        whole = self._place(**{"text" if kind == "output_text" else "refusal": text})
        if kind == "output_text":
            part["annotations"], part["logprobs"] = self.annotations, self.logprobs
            whole["logprobs"] = self.logprobs
        out = [(f"response.{kind}.done", whole),
               ("response.content_part.done", self._place(part=part))]  # fmt: skip
        self.item["content"].append(part)
        self.kind, self.texts, self.length = "", [], 0
        self.annotations, self.logprobs, self.unsent = [], [], []
        return out

    def _part(self, text: str) -> Json:
        return (
            text_part(text) if self.kind == "output_text" else {"type": "refusal", "refusal": text}
        )

    def _place(self, **fields: Any) -> Json:
        return {
            "item_id": self.item["id"], "output_index": self.index,
            "content_index": len(self.item["content"]), **fields,
        }  # fmt: skip


@dataclass(slots=True)
class Thought:
    """One reasoning item; its text is its summary."""

    item_id: str
    index: int
    texts: list[str] = field(default_factory=list)
    seal: Seal | None = None
    call_id: str = ""
    item: Json = field(default_factory=dict)

    def begin(self) -> Events:
        shown = {"id": self.item_id, "type": "reasoning", "summary": []}
        return [("response.output_item.added", {"output_index": self.index, "item": shown})]

    def think(self, text: str) -> Events:
        out: Events = []
        if not self.texts:
            part = {"type": "summary_text", "text": ""}
            out.append(("response.reasoning_summary_part.added", self._place(part=part)))
        self.texts.append(text)
        out.append(("response.reasoning_summary_text.delta", self._place(delta=text)))
        return out

    def end(self) -> Events:
        out: Events = []
        text = "".join(self.texts)
        if self.texts:
            part = {"type": "summary_text", "text": text}
            out = [("response.reasoning_summary_text.done", self._place(text=text)),
                   ("response.reasoning_summary_part.done", self._place(part=part))]  # fmt: skip
        self.item = reasoning_item(self.item_id, text, self.seal, self.call_id)
        return [*out, _item_done(self.index, self.item)]

    def _place(self, **fields: Any) -> Json:
        return {
            "item_id": self.item_id, "output_index": self.index, "summary_index": 0, **fields
        }  # fmt: skip


@dataclass(slots=True)
class Call:
    """One call of a function, or of a custom tool, whose text is known at its end only."""

    item: Json
    index: int
    custom: bool
    texts: list[str] = field(default_factory=list)
    closed: bool = False

    def begin(self) -> Events:
        field_name = "input" if self.custom else "arguments"
        shown = {**self.item, "status": "in_progress", field_name: ""}
        return [("response.output_item.added", {"output_index": self.index, "item": shown})]

    def grow(self, text: str) -> Events:
        if self.closed:
            if text.strip():
                raise StreamFault("a delta came for a tool call that was already complete")
            return []
        self.texts.append(text)
        if self.custom or not text:
            return []
        return [("response.function_call_arguments.delta", self._place(delta=text))]

    @property
    def is_complete(self) -> bool:
        """Whether nothing but white space can follow."""
        text = "".join(self.texts).strip()
        if not text.endswith("}"):
            return False
        try:
            return type(orjson.loads(text)) is dict
        except orjson.JSONDecodeError:
            return False

    def end(self, ids: Ids) -> Events:
        self.closed = True
        arguments = "".join(self.texts) or "{}"
        call_id, name = self.item["call_id"], self.item["name"]
        self.item = call_item(ids, self.index, call_id, name, arguments, self.custom)
        if self.custom:
            text = self.item["input"]
            kind = "response.custom_tool_call_input"
            out: Events = [(f"{kind}.delta", self._place(delta=text))] if text else []
            out.append((f"{kind}.done", self._place(input=text)))
        else:
            kind = "response.function_call_arguments"
            out = [(f"{kind}.done", self._place(name=name, arguments=arguments))]
        return [*out, _item_done(self.index, self.item)]

    def _place(self, **fields: Any) -> Json:
        return {"item_id": self.item["id"], "output_index": self.index, **fields}


def whole(index: int, item: Json) -> Events:
    """An item that comes at once."""
    shown = {"output_index": index, "item": {**item, "status": "in_progress", "result": None}}
    return [("response.output_item.added", shown), _item_done(index, item)]


def _item_done(index: int, item: Json) -> tuple[str, Json]:
    return "response.output_item.done", {"output_index": index, "item": item}
