"""The two sides of a translation, and how any two of them are put together.

A dialect that callers may speak has a caller's side: it reads requests and writes answers. One that
providers speak has a provider's side: it writes requests and reads answers. A folder beside this
file holds both sides of one dialect, as far as it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from extproc.errors import Code, Refusal
from extproc.llm.call import Frame, Json
from extproc.llm.translate.conversation import ChatAnswer, ChatRequest
from extproc.llm.translate.events import Began, Ended, Event, Failed
from extproc.llm.translate.not_carried import NotCarried, Unreadable, unreadable_answer


class StreamWriter(Protocol):
    """Events -> frames of the caller's dialect. One per stream."""

    def write(self, event: Event) -> list[Frame]:
        """Raises StreamFault on a part that this dialect has no word for."""
        ...


class StreamReader(Protocol):
    """Frames of the provider's dialect -> events. One per stream."""

    def read(self, frame: Frame) -> Sequence[Event]:
        """Raises StreamFault when a frame is not of the dialect's shape."""
        ...

    def finish(self) -> Sequence[Event]:
        """The provider's bytes have ended: what follows from that, for those that send no mark."""
        ...


class CallerSide(Protocol):
    """`asked`: the caller's own body; some answers repeat parts of it."""

    def read_request(self, body: Json) -> ChatRequest:
        """A body that the dialect's `read_call` has accepted. Raises NotCarried. The model and
        `stream` are set by others."""
        ...

    def write_answer(self, answer: ChatAnswer, *, model: str, created: int, asked: Json) -> Json:
        """`model`: what the caller is to read as its name; `created`: Unix seconds. May add to
        `answer.left_out`. Raises Unreadable on a part that this dialect has no word for."""
        ...

    def stream_writer(self, *, model: str, created: int, asked: Json) -> StreamWriter: ...


class ProviderSide(Protocol):
    """`default_max_tokens`: for dialects that want a maximum where the caller stated none."""

    def write_request(self, request: ChatRequest, *, default_max_tokens: int) -> Json:
        """Without the model's name where the dialect has it in the path. Raises NotCarried; may
        add to `request.left_out`."""
        ...

    def read_answer(self, body: Json) -> ChatAnswer:
        """Raises Unreadable."""
        ...

    def stream_reader(self) -> StreamReader: ...


@dataclass(frozen=True, slots=True)
class Carried:
    """A translated body, and what of the caller's it does not say (JSON paths)."""

    body: Json
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class StreamTranslator:
    """Provider frames in, caller frames out. `complete`: the provider's stream reached its end.
    `closed`: nothing more may be sent."""

    reader: StreamReader
    writer: StreamWriter
    own_id: str = ""
    complete: bool = field(default=False, init=False)
    closed: bool = field(default=False, init=False)

    def feed(self, frame: Frame) -> list[Frame]:
        """Raises StreamFault when the frame cannot be carried over."""
        return [] if self.closed else self._write(self.reader.read(frame))

    def finish(self) -> list[Frame]:
        """To be called when the provider's bytes end."""
        return [] if self.closed else self._write(self.reader.finish())

    def _write(self, events: Sequence[Event]) -> list[Frame]:
        out: list[Frame] = []
        for event in events:
            if self.closed:
                break
            if type(event) is Began and not event.answer_id:
                event = Began(self.own_id)
            out += self.writer.write(event)
            if type(event) is Ended:
                self.complete = self.closed = True
            elif type(event) is Failed:
                self.closed = True
        return out


@dataclass(frozen=True, slots=True)
class Translation:
    """One caller's dialect at one provider's."""

    caller: CallerSide
    provider: ProviderSide

    def request(self, body: Json, *, stream: bool, default_max_tokens: int) -> Carried | Refusal:
        """`stream`: not every dialect says it in the body."""
        try:
            request = self.caller.read_request(body)
            request.stream = stream
            made = self.provider.write_request(request, default_max_tokens=default_max_tokens)
        except NotCarried as no:
            detail = f"'{no.param}' {no.what}."
            return Refusal(Code.INVALID_REQUEST, detail=detail, reason=detail, param=no.param)
        return Carried(made, tuple(request.left_out))

    def response(
        self, body: Json, *, model: str, created: int, asked: Json, own_id: str = ""
    ) -> Carried | Refusal:
        """`own_id`: the answer's name where its provider gives it none."""
        try:
            answer = self.provider.read_answer(body)
            if type(answer) is ChatAnswer:
                answer.answer_id = answer.answer_id or own_id
            made = self.caller.write_answer(answer, model=model, created=created, asked=asked)
        except Unreadable as no:
            return unreadable_answer(no.where)
        return Carried(made, tuple(answer.left_out))

    def stream(
        self, *, model: str, created: int, asked: Json, own_id: str = ""
    ) -> StreamTranslator:
        writer = self.caller.stream_writer(model=model, created=created, asked=asked)
        return StreamTranslator(self.provider.stream_reader(), writer, own_id)
