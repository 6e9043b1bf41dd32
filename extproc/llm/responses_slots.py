"""Texts of a Responses stream that one frame holds whole, and what only repeats earlier ones.

OpenAI says everything again ("Streaming events"): the deltas of a text, then the text in `.done`,
in `content_part.done`, in `output_item.done` and in `response.completed`. Promises: every one of
them is a text of its own that can be read and replaced, so that a redacted delta is redacted in its
repeats too (P5), and none of the repeats is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from extproc.llm.call import TextSlot
from extproc.llm.leaves import Found
from extproc.llm.slots import LogprobsSlot


@dataclass(slots=True)
class DeltaSlot(TextSlot):
    """A piece of a text that later events say again."""

    again: ClassVar[bool] = True


@dataclass(slots=True)
class WholeSlot(TextSlot):
    """A text that begins and ends in its frame: nothing of its channel follows. `inner` is where
    it stands."""

    whole: ClassVar[bool] = True
    again: ClassVar[bool] = True

    inner: TextSlot | None = None

    @property
    def text(self) -> str:
        assert self.inner is not None
        return self.inner.text

    @text.setter
    def text(self, value: str) -> None:
        assert self.inner is not None
        self.inner.text = value


@dataclass(slots=True)
class RepeatSlot(WholeSlot):
    """It says again, and in full, what the channel `of` said; that channel has ended with it."""

    repeats: ClassVar[bool] = True

    of: str = ""

    @property
    def repeated(self) -> str:
        return self.of


@dataclass(slots=True)
class LogprobsListSlot(LogprobsSlot):
    """Log probabilities that stand in a list of their own; a changed text empties it."""

    @property
    def text(self) -> str:
        return self.shown

    @text.setter
    def text(self, value: str) -> None:
        if value != self.shown:
            self.shown, self.holder[self.key] = value, []


def as_whole(slots: Iterable[TextSlot], mark: str) -> list[TextSlot]:
    """The slots of one frame, each a channel of its own. `mark` tells the event apart."""
    return [
        WholeSlot(s.holder, s.key, s.path, s.role, f"{s.channel}|{mark}", s.json_text, s.fixed, s)
        for s in slots
    ]


def as_repeats(slots: Iterable[TextSlot], mark: str) -> list[TextSlot]:
    """The same for texts that an earlier frame has begun, or said already."""
    return [
        RepeatSlot(
            s.holder, s.key, s.path, s.role, f"{s.channel}|{mark}", s.json_text, s.fixed, s,
            s.channel,
        )
        for s in slots
    ]  # fmt: skip


def read_logprobs(holder: Any, key: str, path: str, found: Found) -> None:
    """`holder[key]` is a list of tokens: the text again; likelier ones beside it are no text."""
    entries = holder[key]
    if not entries:
        return
    tokens: list[str] = []
    for entry in entries if type(entries) is list else (entries,):
        if type(entry) is not dict or type(entry.get("token")) is not str:
            found.unread.append(path)
            return
        tokens.append(entry["token"])
    if any(entry.get("top_logprobs") for entry in entries):
        found.unread.append(f"{path}.top_logprobs")
    if shown := "".join(tokens):
        slot = LogprobsListSlot(holder, key, path, "assistant", path, False, False, shown)
        found.slots.append(slot)
