"""A streamed answer put together again, so that it can be compared with a whole one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from extproc.llm.call import Frame
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Finish,
    Part,
    Reasoning,
    Text,
    ToolCall,
)
from extproc.llm.translate.events import (
    Began,
    Cited,
    Ended,
    Event,
    Finished,
    TextPiece,
    ThoughtPiece,
    ThoughtSealed,
    ToolBegan,
    ToolPiece,
    Used,
    Whole,
)
from extproc.llm.translate.sides import StreamReader
from extproc.usage.usage import Usage


def events_of(reader: StreamReader, frames: Iterable[Frame]) -> list[Event]:
    """All events of a stream, its end included."""
    events = [event for frame in frames for event in reader.read(frame)]
    return [*events, *reader.finish()]


def assembled(events: list[Event]) -> ChatAnswer:
    """The answer of a stream with one choice. It must have begun and ended."""
    answer_id, usage = "", None
    finish: Finish | None = None
    met: str | None = None
    parts: list[Part] = []
    calls: dict[int, ToolCall] = {}
    assert type(events[-1]) is Ended and sum(type(event) is Ended for event in events) == 1
    for event in events[:-1]:
        match event:
            case Began():
                answer_id = event.answer_id
            case TextPiece():
                text = parts[-1] if parts else None
                if not isinstance(text, Text):
                    text = Text()
                    parts.append(text)
                text.text += event.text
            case ThoughtPiece():
                thought = parts[-1] if parts else None
                if not isinstance(thought, Reasoning) or thought.seal is not None:
                    thought = Reasoning()
                    parts.append(thought)
                thought.text += event.text
            case ThoughtSealed(hidden=True):
                parts.append(Reasoning(seal=event.seal, hidden=True))
            case ThoughtSealed():
                last = parts[-1]
                assert isinstance(last, Reasoning) and last.seal is None
                last.seal = event.seal
            case Cited():
                cited = next(part for part in reversed(parts) if isinstance(part, Text))
                cited.citations += (event.citation,)
            case ToolBegan():
                assert event.index == len(calls)
                call = ToolCall(call_id=event.call_id, name=event.name, arguments="")
                calls[event.index] = call
                parts.append(call)
            case ToolPiece():
                calls[event.index].arguments += event.text
            case Whole():
                parts.append(event.part)
            case Finished():
                finish, met = event.finish, event.stop_sequence
            case Used():
                usage = event.usage
            case _:
                raise AssertionError(event)
    assert finish is not None
    return ChatAnswer(answer_id, [Choice(parts, finish, met)], usage)


def well_typed(parts: list[Part]) -> None:
    """Whatever a provider sent, words are words and numbers are numbers."""
    for part in parts:
        words = [getattr(part, key, "") for key in ("text", "call_id", "name", "arguments")]
        for one in getattr(part, "citations", ()):
            words += [one.url, one.title, one.cited]
            assert {type(one.start), type(one.end), type(one.document)} <= {int, type(None)}
        assert {type(word) for word in words} == {str}


def normal(answer: ChatAnswer) -> tuple[str, list[Part], Finish, str | None, Usage | None]:
    """What a whole and a streamed answer share: neighbours of one kind are one, paths are gone."""
    (choice,) = answer.choices
    parts: list[Part] = []
    for part in choice.parts:
        last = parts[-1] if parts else None
        if isinstance(part, Text) and isinstance(last, Text):
            text, citations = last.text + part.text, last.citations + part.citations
            parts[-1] = Text(text=text, citations=citations)
        elif isinstance(part, Reasoning) and isinstance(last, Reasoning) and last.seal is None:
            parts[-1] = Reasoning(text=last.text + part.text, seal=part.seal)
        elif not isinstance(part, Text) or part.text:
            parts.append(replace(part, path=""))
    return answer.answer_id, parts, choice.finish, choice.stop_sequence, answer.usage
