"""A streamed answer for a caller of Chat Completions.

Promises: the chunk with the role comes first, `[DONE]` last; the usage chunk comes only to callers
that asked for it; nothing follows an error. Lists that OpenAI's SDK adds up entry by entry carry an
`index`. Citations come together in one delta, before the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Image, Reasoning
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
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.openai_chat.answer_writer import annotation, sealed, shown_image
from extproc.llm.translate.openai_chat.finish import write_finish
from extproc.llm.translate.thinking_blocks import thinking_block
from extproc.usage.usage import Usage


@dataclass(slots=True)
class _Choice:
    """What has to be remembered of one choice. `chars`: length of its text."""

    chars: int = 0
    refused: bool = False
    thought: list[str] = field(default_factory=list)
    sealed: int = 0
    images: int = 0
    notes: list[Json] = field(default_factory=list)


class ChatStreamWriter:
    """State of one stream. `include_usage`: whether the caller asked for the usage chunk."""

    def __init__(self, *, model: str, created: int, include_usage: bool) -> None:
        self._head: Json = {
            "id": "", "object": "chat.completion.chunk", "created": created, "model": model,
        }  # fmt: skip
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}

    def write(self, event: Event) -> list[Frame]:
        """Raises StreamFault on a part that this dialect has no word for (sound)."""
        match event:
            case TextPiece(number, text):
                state = self._choices.get(number)
                if state is None:
                    return self._open(number) + self.write(event)
                state.chars += len(text)
                return [self._chunk(number, {"content": text})] if text else []
            case Began(answer_id):
                self._head["id"] = answer_id
                return self._open(0)
            case Used(usage):
                self._usage = usage
                return []
            case Ended():
                return self._end()
            case Failed(error, status):
                return [_made(map_error("openai", status, error))]
        opened = [] if event.choice in self._choices else self._open(event.choice)
        return opened + self._rest(event, event.choice, self._choices[event.choice])

    def _rest(self, event: Event, number: int, state: _Choice) -> list[Frame]:
        match event:
            case ToolPiece(_, index, text):
                call: Json = {"index": index, "function": {"arguments": text}}
                return [self._chunk(number, {"tool_calls": [call]})] if text else []
            case ThoughtPiece(_, text):
                state.thought.append(text)
                return [self._chunk(number, {"reasoning_content": text})] if text else []
            case ToolBegan(_, index, call_id, name, seal):
                function = {"name": name, "arguments": ""}
                call = {"index": index, "id": call_id, "type": "function", "function": function}
                return [self._chunk(number, {"tool_calls": [sealed(call, seal)]})]
            case RefusedPiece(_, text):
                state.refused = True
                return [self._chunk(number, {"refusal": text})] if text else []
            case LogprobsPiece(_, entries):
                return [self._chunk(number, {}, logprobs={"content": entries, "refusal": None})]
            case ThoughtSealed():
                return [self._seal(event, state)]
            case Cited():
                self._cite(event, state)
                return []
            case Whole():
                return [self._whole(event, state)]
            case Finished():
                return self._finish(event, state)
        raise AssertionError(event)

    def _open(self, number: int) -> list[Frame]:
        if number in self._choices:
            return []
        self._choices[number] = _Choice()
        return [self._chunk(number, {"role": "assistant", "content": ""})]

    def _seal(self, event: ThoughtSealed, state: _Choice) -> Frame:
        text = "" if event.hidden else "".join(state.thought)
        if not event.hidden:
            state.thought.clear()
        block = thinking_block(Reasoning(text=text, seal=event.seal, hidden=event.hidden))
        delta = {"thinking_blocks": [{"index": state.sealed, **block}]}
        state.sealed += 1
        return self._chunk(event.choice, delta)

    def _cite(self, event: Cited, state: _Choice) -> None:
        """A citation without a place stands on all of the text so far."""
        citation = event.citation
        if citation.url:
            start, end = citation.start, citation.end
            state.notes.append(
                annotation(citation, start or 0, state.chars if end is None else end)
            )

    def _whole(self, event: Whole, state: _Choice) -> Frame:
        if not isinstance(event.part, Image):
            raise StreamFault("a part of this kind cannot be carried over")
        try:
            image = {"index": state.images, **shown_image(event.part)}
        except Unreadable:
            raise StreamFault("an image that nobody can fetch") from None
        state.images += 1
        return self._chunk(event.choice, {"images": [image]})

    def _finish(self, event: Finished, state: _Choice) -> list[Frame]:
        frames = []
        if state.notes:
            frames.append(self._chunk(event.choice, {"annotations": state.notes}))
        reason = write_finish(event.finish, refused=state.refused)
        return [*frames, self._chunk(event.choice, {}, reason)]

    def _end(self) -> list[Frame]:
        if self._include_usage and self._usage is not None:
            usage = write_openai_usage(self._usage)
            return [_made({**self._head, "choices": [], "usage": usage}), _made(None)]
        return [_made(None)]

    def _chunk(
        self, number: int, delta: Json, reason: str | None = None, logprobs: Json | None = None
    ) -> Frame:
        choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return Frame("", {**self._head, "choices": [choice]}, b"", True)


def _made(data: Json | None) -> Frame:
    return Frame("", data, b"", changed=True)
