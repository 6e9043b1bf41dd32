"""A provider's Responses stream, read event by event.

Texts come from their deltas; what repeats them is passed over, but for arguments that came without
a delta. Events that tell only of progress say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.responses_usage import read_responses_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Finish, Part, Refused, Text, ToolCall
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsPiece,
    RefusedPiece,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
    Whole,
)
from extproc.llm.translate.openai_responses.answer_reader import (
    finish_of,
    read_citation,
    read_image,
    read_seal,
)
from extproc.usage.usage import sound

_STATUSES = {"rate_limit_exceeded": 429, "server_error": 500}


class ResponsesStreamReader:
    """One stream. `calls`: number and length so far of each tool call, by its item's place."""

    def __init__(self) -> None:
        self._calls: dict[int, list[int]] = {}
        self._thoughts: set[int] = set()
        self._seen: list[Part] = []

    def read(self, frame: Frame) -> Sequence[Event]:
        data = frame.data
        if not data:
            return ()
        match data.get("type"):
            case "response.output_text.delta":
                return self._text(data)
            case "response.function_call_arguments.delta":
                return self._arguments(data, _delta(data))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return self._thought(data, _delta(data))
            case "response.reasoning_summary_part.added" if data.get("summary_index"):
                return self._thought(data, "\n\n")
            case "response.refusal.delta":
                self._note(Refused())
                return (RefusedPiece(0, _delta(data)),)
            case "response.output_item.added":
                return self._added(data)
            case "response.output_item.done":
                return self._done(data)
            case "response.function_call_arguments.done":
                return self._whole_arguments(data)
            case "response.output_text.annotation.added":
                citation = read_citation(data.get("annotation"))
                return () if citation is None else (Cited(0, citation),)
            case "response.created":
                return (Began(str(_response(data).get("id") or "")),)
            case "response.completed" | "response.incomplete":
                return self._end(_response(data))
            case "response.failed" | "error":
                return (_failed(data),)
        return ()

    def finish(self) -> Sequence[Event]:
        """OpenAI's stream has an end of its own; one without it was cut."""
        return ()

    def _text(self, data: Json) -> Sequence[Event]:
        self._note(Text())
        piece = TextPiece(0, _delta(data))
        entries = data.get("logprobs")
        return (piece, LogprobsPiece(0, entries)) if entries else (piece,)

    def _thought(self, data: Json, text: str) -> Sequence[Event]:
        self._thoughts.add(_place(data))
        return (ThoughtPiece(0, text),)

    def _added(self, data: Json) -> Sequence[Event]:
        match data.get("item"):
            case {"type": "function_call", "call_id": str(call_id), "name": str(name)}:
                number = len(self._calls)
                self._calls[_place(data)] = [number, 0]
                self._note(ToolCall())
                return (ToolBegan(0, number, call_id, name),)
            case {"type": "function_call"}:
                raise StreamFault("a tool call without id or name")
        return ()

    def _arguments(self, data: Json, text: str) -> Sequence[Event]:
        call = self._calls.get(_place(data))
        if call is None:
            raise StreamFault("arguments came for a tool call that has not begun")
        call[1] += len(text)
        return (ToolPiece(0, call[0], text),)

    def _whole_arguments(self, data: Json) -> Sequence[Event]:
        call, text = self._calls.get(_place(data)), data.get("arguments")
        if call is None or call[1] or type(text) is not str:
            return ()
        return self._arguments(data, text)

    def _done(self, data: Json) -> Sequence[Event]:
        item: Any = data.get("item")
        match item:
            case {"type": "function_call"}:
                return self._whole_arguments({**data, "arguments": item.get("arguments")})
            case {"type": "reasoning"} if (seal := read_seal(item)) is not None:
                return (ThoughtSealed(0, seal, hidden=_place(data) not in self._thoughts),)
            case {"type": "image_generation_call"} if (image := read_image(item)) is not None:
                return (Whole(0, image),)
        return ()

    def _end(self, response: Json) -> Sequence[Event]:
        finish: Finish = finish_of(response, self._seen)
        usage = sound(read_responses_usage(response))
        used = () if usage is None else (Used(usage),)
        return (Finished(0, finish), *used, Ended())

    def _note(self, part: Part) -> None:
        """One of each kind is enough to tell why the answer ended."""
        if all(type(one) is not type(part) for one in self._seen):
            self._seen.append(part)


def _delta(data: Json) -> str:
    delta = data.get("delta")
    if type(delta) is not str:
        raise StreamFault("a delta is not a string")
    return delta


def _place(data: Json) -> int:
    place = data.get("output_index")
    return place if type(place) is int else 0


def _response(data: Json) -> Json:
    response = data.get("response")
    if type(response) is not dict:
        raise StreamFault("an event without its response")
    return response


def _failed(data: Json) -> Failed:
    """`error` of a failed response; or an error event, whose error is the event or is in it."""
    response = data.get("response")
    error = response.get("error") if type(response) is dict else data.get("error") or data
    code = error.get("code") if type(error) is dict else None
    return Failed(error, _STATUSES.get(code, 400 if code else 500) if type(code) is str else 500)
