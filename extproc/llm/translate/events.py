"""A streamed answer in nobody's dialect: what a provider's frames say, piece by piece.

Order within one choice: pieces of one text, thought or tool call may be interleaved with those of
others (OpenAI interleaves parallel calls); a writer whose dialect wants blocks one after another
queues them. `Finished` comes once a choice, `Ended` once a stream, last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Citation, Finish, Part, Seal
from extproc.usage.usage import Usage


@dataclass(frozen=True, slots=True)
class Began:
    answer_id: str


@dataclass(frozen=True, slots=True)
class TextPiece:
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class RefusedPiece:
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class ThoughtPiece:
    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class ThoughtSealed:
    """Ends a thought. `hidden`: there was no text, the seal is all."""

    choice: int
    seal: Seal
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Cited:
    """Belongs to the text that came last."""

    choice: int
    citation: Citation


@dataclass(frozen=True, slots=True)
class ToolBegan:
    """`index`: tells the calls of one choice apart, from 0."""

    choice: int
    index: int
    call_id: str
    name: str
    seal: Seal | None = None


@dataclass(frozen=True, slots=True)
class ToolPiece:
    """More of the call's arguments, JSON text."""

    choice: int
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A part that comes in one piece: an image, sound."""

    choice: int
    part: Part


@dataclass(frozen=True, slots=True)
class LogprobsPiece:
    """OpenAI's `logprobs.content` entries."""

    choice: int
    entries: list[Json]


@dataclass(frozen=True, slots=True)
class Finished:
    choice: int
    finish: Finish
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """All of the stream so far; a later one replaces it."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider's own error in the middle of its stream, parsed. Nothing follows it."""

    error: Any
    status: int = 500


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider's own end mark."""


Event = (
    Began | TextPiece | RefusedPiece | ThoughtPiece | ThoughtSealed | Cited | ToolBegan | ToolPiece
    | Whole | LogprobsPiece | Finished | Used | Failed | Ended
)  # fmt: skip
