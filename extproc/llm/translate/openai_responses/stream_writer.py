"""A streamed answer as the events of the Responses.

Source: platform.openai.com, "Streaming events". `sequence_number` rises by one from 0. An error is
one `response.failed`, the event that Codex reads, with an `error` beside its response, which makes
the official SDKs raise.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Citation, Finish, Image, Part, Seal
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
from extproc.llm.translate.openai_responses.answer_writer import (
    CUT,
    Ids,
    call_item,
    conclude,
    image_item,
    skeleton,
)
from extproc.llm.translate.openai_responses.custom_tools import custom_names
from extproc.llm.translate.openai_responses.stream_items import (
    Call,
    Events,
    Message,
    Thought,
    whole,
)
from extproc.usage.usage import Usage


def failed_frame(response: Json, error: Json, status: int, sequence_number: int) -> Frame:
    """The last event of a stream that broke. `error`: OpenAI's error object, of `status`."""
    told = {"code": _code(status), "message": error.get("message", "")}
    made = {**response, "status": "failed", "error": told}
    kind = "response.failed"
    data = {"type": kind, "sequence_number": sequence_number, "response": made, "error": error}
    return Frame(kind, data, b"", changed=True)


def refused_frame(tree: Json, status: int, *, model: str, created: int, asked: Json) -> Frame:
    """The same for a stream that the gateway itself ends. `tree`: OpenAI's error body."""
    ids = Ids(str(tree["error"].get("decision_id") or ""), created)
    response = skeleton(ids.response, model=model, created=created, asked=asked)
    return failed_frame(response, tree["error"], status, 0)


def _code(status: int) -> str:
    """In the words of a response's error. Codex tries all but an invalid prompt again."""
    if status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if 400 <= status < 500 else "server_error"


class ResponsesStreamWriter:
    """One stream. `items`: those that are done, by their index."""

    def __init__(self, *, model: str, created: int, asked: Json) -> None:
        self._model, self._created, self._asked = model, created, asked
        self._custom = custom_names(asked)
        self._ids = Ids("", created)
        self._response: Json = {}
        self._number = 0
        self._count = 0
        self._done: dict[int, Json] = {}
        self._open: Message | Thought | None = None
        self._calls: dict[int, Call] = {}
        self._finish: Finish = "stop"
        self._said_no = False
        self._usage: Usage | None = None

    def write(self, event: Event) -> list[Frame]:
        """Raises StreamFault where an event makes no sense."""
        if type(event) is Failed:
            return [*self._begin(""), self._failed(event)]
        begun = self._begin(event.answer_id if type(event) is Began else "")
        return begun + [self._frame(kind, fields) for kind, fields in self._events(event)]

    def _events(self, event: Event) -> Events:
        match event:
            case TextPiece(_, text):
                return self._message("output_text", text)
            case ToolPiece(_, index, text):
                return self._call(index).grow(text)
            case ThoughtPiece(_, text):
                return self._think(text)
            case RefusedPiece(_, text):
                self._said_no = True
                return self._message("refusal", text)
            case ToolBegan():
                return self._tool(event)
            case ThoughtSealed(_, seal, hidden):
                return self._seal(seal, hidden)
            case Cited(_, citation):
                return self._cite(citation)
            case LogprobsPiece(_, entries):
                return self._logprobs(entries)
            case Whole(_, part):
                return self._whole(part)
            case Finished(_, finish):
                self._finish = finish
                return self._close_all()
            case Used(usage):
                self._usage = usage
            case Ended():
                return self._end()
        return []

    # --- the response itself ----------------------------------------------------------------------

    def _begin(self, answer_id: str) -> list[Frame]:
        if self._response:
            return []
        self._ids = Ids(answer_id, self._created)
        self._response = skeleton(
            self._ids.response, model=self._model, created=self._created, asked=self._asked
        )
        names = ("response.created", "response.in_progress")
        return [self._frame(name, {"response": dict(self._response)}) for name in names]

    def _end(self) -> Events:
        out = self._close_all()
        made = {**self._response, "output": [self._done[i] for i in sorted(self._done)]}
        conclude(made, self._finish, self._usage, said_no=self._said_no)
        return [*out, (f"response.{made['status']}", {"response": made})]

    def _failed(self, event: Failed) -> Frame:
        tree = event.error
        if not (type(tree) is dict and "error" in tree):
            tree = {"error": tree}
        error: Json = map_error("openai", event.status, tree)["error"]
        done = [self._done[i] for i in sorted(self._done)]
        response = {**self._response, "output": done}
        return failed_frame(response, error, event.status, self._next())

    # --- items ------------------------------------------------------------------------------------

    def _message(self, kind: str, text: str) -> Events:
        if not text:
            return []
        message, begun = self._open_message()
        return begun + message.say(kind, text)

    def _open_message(self) -> tuple[Message, Events]:
        if type(self._open) is Message:
            return self._open, []
        out = self._close()
        index = self._take_index()
        item = {"id": self._ids.item("msg", index), "type": "message", "status": "in_progress",
                "role": "assistant", "content": []}  # fmt: skip
        message = self._open = Message(item, index)
        return message, out + message.begin()

    def _think(self, text: str) -> Events:
        if not text:
            return []
        thought, begun = self._open_thought()
        return begun + thought.think(text)

    def _open_thought(self) -> tuple[Thought, Events]:
        if type(self._open) is Thought:
            return self._open, []
        out = self._close()
        index = self._take_index()
        thought = self._open = Thought(self._ids.item("rs", index), index)
        return thought, out + thought.begin()

    def _seal(self, seal: Seal, hidden: bool, call_id: str = "") -> Events:
        """The end of a thought, or one whose text nobody shows."""
        out = self._close() if hidden else []
        thought, begun = self._open_thought()
        thought.seal, thought.call_id = seal, call_id
        return out + begun + self._close()

    def _cite(self, citation: Citation) -> Events:
        message, begun = self._open_message()
        return begun + message.cite(citation)

    def _logprobs(self, entries: list[Json]) -> Events:
        message, begun = self._open_message()
        message.note_logprobs(entries)
        return begun

    def _tool(self, event: ToolBegan) -> Events:
        out = self._close()
        if event.seal is not None:
            out += self._seal(event.seal, True, event.call_id)
        if event.index in self._calls:
            raise StreamFault("a tool call began twice")
        index, custom = self._take_index(), event.name in self._custom
        item = call_item(self._ids, index, event.call_id, event.name, "", custom)
        call = self._calls[event.index] = Call(item, index, custom)
        return out + call.begin()

    def _call(self, index: int) -> Call:
        if index not in self._calls:
            raise StreamFault("arguments came for a tool call that has not begun")
        return self._calls[index]

    def _whole(self, part: Part) -> Events:
        out = self._close()
        item = image_item(self._ids, self._count, part) if isinstance(part, Image) else None
        if item is None:
            raise StreamFault("a part that this dialect has no item for")
        index = self._take_index()
        self._done[index] = item
        return out + whole(index, item)

    def _take_index(self) -> int:
        self._count += 1
        return self._count - 1

    def _close(self) -> Events:
        """End what is open, and calls that are complete; others may go on beside the next item."""
        out: Events = []
        if self._open is not None:
            current, self._open = self._open, None
            out += current.end(self._status()) if type(current) is Message else _ended(current)
            self._done[current.index] = current.item
        for call in self._calls.values():
            if not call.closed and call.is_complete:
                out += self._close_call(call)
        return out

    def _close_all(self) -> Events:
        out = self._close()
        for call in self._calls.values():
            if not call.closed:
                out += self._close_call(call)
        return out

    def _close_call(self, call: Call) -> Events:
        out = call.end(self._ids)
        self._done[call.index] = call.item
        return out

    def _status(self) -> str:
        return "incomplete" if self._finish in CUT else "completed"

    # --- frames -----------------------------------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _frame(self, kind: str, fields: Json) -> Frame:
        data: dict[str, Any] = {"type": kind, "sequence_number": self._next(), **fields}
        return Frame(kind, data, b"", changed=True)


def _ended(current: Message | Thought) -> Events:
    assert type(current) is Thought
    return current.end()
