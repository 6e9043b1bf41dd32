"""All texts of a stream, for those who judge whole texts; held back where they may still refuse.

Promises: a held stream's frames leave in order, not before all have judged, and with the very
texts that were judged or written by a judge; a stream nobody has to wait for passes at once (P5).
Refuses: more than WHOLE_BYTES_MAX bytes of frames: such a stream ends as a strict failure would
end it where it is held, and is not judged where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from extproc.llm.call import Frame, TextSlot

WHOLE_BYTES_MAX = 8 * 1024 * 1024


class ChannelText(TextSlot):
    """One channel of a stream as if it were one text of a body."""

    __slots__ = ("_frames", "_pieces", "_repeats")

    def __init__(self, slot: TextSlot) -> None:
        super().__init__(None, None, slot.channel, slot.role, slot.channel, slot.json_text)
        self.fixed = slot.fixed
        self._pieces: list[Any] = []
        self._frames: list[Frame] = []
        self._repeats: list[tuple[TextSlot, Frame]] = []

    def repeat(self, slot: TextSlot, frame: Frame) -> None:
        """It says this text again: it is not judged again, and changes as the text does."""
        self._repeats.append((slot, frame))

    def keep(self, slot: TextSlot, frame: Frame) -> None:
        """The piece itself, so that it can still be changed."""
        self._pieces.append(slot)
        self._frames.append(frame)

    def note(self, text: str) -> None:
        """A piece that has left."""
        self._pieces.append(text)

    @property
    def text(self) -> str:
        return "".join(p if isinstance(p, str) else p.text for p in self._pieces)

    @text.setter
    def text(self, value: str) -> None:
        """The whole text goes into the first piece; the others become empty."""
        for slot, frame in self._repeats:
            slot.text, frame.changed = value, True
        for piece, frame in zip(self._pieces, self._frames, strict=True):
            piece.text, value = value, ""
            frame.changed = True


class WholeStream:
    """One stream's texts by channel. `hold`: the frames wait for the judges."""

    def __init__(self, texts: Callable[[Frame], Iterable[TextSlot]], hold: bool) -> None:
        self._texts = texts
        self._hold = hold
        self._frames: list[Frame] = []
        self._channels: dict[str, ChannelText] = {}
        self._bytes = 0

    @property
    def overrun(self) -> bool:
        return self._bytes > WHOLE_BYTES_MAX

    @property
    def slots(self) -> list[ChannelText]:
        return list(self._channels.values())

    def take(self, frames: list[Frame]) -> list[Frame]:
        """Frames that may go on now: all of them, or none."""
        for frame in frames:
            self._bytes += len(frame.raw)
            if not self.overrun:
                self._read(frame)
        if not self._hold:
            return frames
        self._frames += frames
        return []

    def release(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        return frames

    def _read(self, frame: Frame) -> None:
        for slot in self._texts(frame):
            if not slot.text or self._is_repeat(slot, frame):
                continue
            channel = self._channels.get(slot.channel)
            if channel is None:
                channel = self._channels[slot.channel] = ChannelText(slot)
            if self._hold:
                channel.keep(slot, frame)
            else:
                channel.note(slot.text)

    def _is_repeat(self, slot: TextSlot, frame: Frame) -> bool:
        first = self._channels.get(slot.repeated) if slot.repeated else None
        if first is None or first.text != slot.text:
            return False
        if self._hold:
            first.repeat(slot, frame)
        return True
