"""A stream for a Gemini caller.

Promises: read to its end, the chunks say what the whole answer would have said. A function call
leaves whole, as Google sends it, once its arguments are complete. Each candidate's `finishReason`
is kept for the last chunk, beside the usage, where Google's SDK looks for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.llm.call import Frame, Json
from extproc.llm.error_body import map_error
from extproc.llm.sse import StreamFault
from extproc.llm.translate.conversation import Finish, Part, Reasoning, Seal, Text, ToolCall
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
from extproc.llm.translate.gemini_generate.answer_writer import (
    read_arguments,
    tail,
    wants_thoughts,
    written,
)
from extproc.llm.translate.gemini_generate.finish import write_finish
from extproc.llm.translate.gemini_generate.grounding import Grounding
from extproc.llm.translate.gemini_generate.logprobs import write_logprobs
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import Usage


@dataclass(slots=True)
class _Call:
    call_id: str
    name: str
    seal: Seal | None
    pieces: list[str] = field(default_factory=list)

    def part(self) -> ToolCall:
        return ToolCall("", None, self.call_id, self.name, "".join(self.pieces), self.seal)

    @property
    def is_whole(self) -> bool:
        text = "".join(self.pieces)
        return text.rstrip().endswith("}") and read_arguments(text) is not None


@dataclass(slots=True)
class _Choice:
    """`run`: the text that came last, `before`: how many bytes of text stood in front of it.
    `thought`: one that is not shown unless a seal follows."""

    calls: dict[int, _Call] = field(default_factory=dict)
    run: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    before: int = 0
    grounding: Grounding = field(default_factory=Grounding)
    logprobs: list[Json] = field(default_factory=list)
    finish: Finish | None = None


class GeminiStreamWriter:
    """State of one stream."""

    def __init__(self, *, model: str, asked: Json) -> None:
        self._model = model
        self._thoughts = wants_thoughts(asked)
        self._answer_id = ""
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}

    def write(self, event: Event) -> list[Frame]:
        """Raises StreamFault when a call's arguments are no JSON object."""
        try:
            return self._frames(event)
        except Unreadable as no:
            raise StreamFault(f"{no.where} cannot be carried over") from None

    def _frames(self, event: Event) -> list[Frame]:
        match event:
            case TextPiece(choice, text) | RefusedPiece(choice, text):
                frames = self._complete_calls(choice)
                self._choice(choice).run.append(text)
                return [*frames, self._chunk(choice, [{"text": text}])] if text else frames
            case ThoughtPiece(choice, text):
                self._break(choice)
                if self._thoughts:
                    return self._part(choice, Reasoning(text=text))
                self._choice(choice).thought.append(text)
            case ThoughtSealed(choice, seal, hidden):
                text = "".join(self._choice(choice).thought)
                self._choice(choice).thought = []
                return self._part(choice, Reasoning(text=text, seal=seal, hidden=hidden))
            case ToolBegan(choice, index, call_id, name, seal):
                self._choice(choice).calls[index] = _Call(call_id, name, seal)
            case ToolPiece(choice, index, text):
                self._call(choice, index).pieces.append(text)
            case Whole(choice, part):
                self._break(choice)
                return [*self._complete_calls(choice), *self._part(choice, part)]
            case _:
                return self._state(event)
        return []

    def _state(self, event: Event) -> list[Frame]:
        """Events that add no words."""
        match event:
            case Began(answer_id):
                self._answer_id = answer_id
            case Used(usage):
                self._usage = usage
            case Cited(index, citation):
                choice = self._choice(index)
                choice.grounding.add(citation, "".join(choice.run), 0, choice.before)
            case LogprobsPiece(index, entries):
                self._choice(index).logprobs += entries
            case Finished(index, finish, _):
                self._choice(index).finish = finish
                return self._all_calls(index)
            case Failed(error, status):
                return [Frame("", map_error("gemini", status, error), b"", changed=True)]
            case Ended():
                return [self._last()]
        return []

    def _choice(self, index: int) -> _Choice:
        return self._choices.setdefault(index, _Choice())

    def _call(self, choice: int, index: int) -> _Call:
        call = self._choice(choice).calls.get(index)
        if call is None:
            raise StreamFault("more arguments came for a call that was complete")
        return call

    def _break(self, index: int) -> None:
        """The text that came last has ended: what follows is no part of it."""
        choice = self._choice(index)
        choice.before += len("".join(choice.run).encode())
        choice.run = []

    def _complete_calls(self, index: int) -> list[Frame]:
        """Calls that came before more words leave before them, where they are complete."""
        calls = self._choice(index).calls
        whole = [number for number, call in calls.items() if call.is_whole]
        if whole:
            self._break(index)
        return [f for number in whole for f in self._part(index, calls.pop(number).part())]

    def _all_calls(self, index: int) -> list[Frame]:
        choice = self._choice(index)
        parts = [call.part() for _, call in sorted(choice.calls.items())]
        choice.calls = {}
        made = [part for call in parts for part in written(call, thoughts=self._thoughts)]
        return [self._chunk(index, made)] if made else []

    def _part(self, index: int, part: Part) -> list[Frame]:
        return [self._chunk(index, [made]) for made in written(part, thoughts=self._thoughts)]

    def _chunk(self, index: int, parts: list[Json]) -> Frame:
        candidate = {"content": {"role": "model", "parts": parts}, "index": index}
        data = {"candidates": [candidate], **tail(self._answer_id, self._model, None)}
        return Frame("", data, b"", changed=True)

    def _last(self) -> Frame:
        candidates = [self._finished(i, choice) for i, choice in sorted(self._choices.items())]
        data = {"candidates": candidates, **tail(self._answer_id, self._model, self._usage)}
        return Frame("", data, b"", changed=True)

    def _finished(self, index: int, choice: _Choice) -> Json:
        """With an empty text: Google's SDK keeps no chat whose last chunk has no content."""
        (empty,) = written(Text(text=""), thoughts=False)
        made: Json = {
            "content": {"role": "model", "parts": [empty]},
            "finishReason": write_finish(choice.finish or "stop"),
            "index": index,
        }
        if (told := choice.grounding.made()) is not None:
            made["groundingMetadata"] = told
        if choice.logprobs:
            made["logprobsResult"] = write_logprobs(choice.logprobs)
        return made
