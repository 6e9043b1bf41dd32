"""Guardrails on a stream: frames go in, the same frames come out once their text is settled.

Promises: for any split of a text over frames the text that leaves is, character for character,
what a whole answer would have become (P5); no part of a finding leaves before it is decided; frames
keep their order; auditing guardrails delay nothing. A finding that spans frames is replaced in the
first, its rest is removed from the others. A text that a dialect says again in full is not looked
at again: what stands in its place is what stood in the place of the first.
Refuses: to hold without bound. More than HELD_CHARS_MAX characters of one channel, or
QUEUED_BYTES_MAX bytes of frames behind a held one, end the stream as a failed strict guardrail
would, whatever the strategy: text that could not be decided is not released.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from extproc.guardrails.gate import Gate, Scanner, for_role
from extproc.guardrails.hook import fit, reader
from extproc.guardrails.json_text import Place
from extproc.guardrails.redaction import Vault
from extproc.guardrails.scanning import Region, regions
from extproc.guardrails.selection import Selection
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import HookResult
from extproc.guardrails.window import Step, Window
from extproc.llm.call import Frame, Role, TextSlot

HELD_CHARS_MAX = 65_536
QUEUED_BYTES_MAX = 8 * 1024 * 1024
_WATCH_CHARS = 512
"""Auditing guardrails look once this much text has passed, and at the end."""


class _Queued:
    """A frame, and how many of its texts are not settled yet."""

    __slots__ = ("frame", "waiting")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.waiting = 0


class _Piece:
    """One slot's share of a channel's text: what of it is still to come out."""

    __slots__ = ("changed", "left", "out", "queued", "slot")

    def __init__(self, slot: TextSlot, queued: _Queued, size: int) -> None:
        self.slot = slot
        self.queued = queued
        self.left = size
        self.out: list[str] = []
        self.changed = False

    def close(self) -> None:
        self.queued.waiting -= 1
        if self.changed:
            self.slot.text = "".join(self.out)
            self.queued.frame.changed = True


class _Channel:
    """One text that arrives in the slots of many frames. `fixed`: it can be read, not replaced."""

    __slots__ = ("fixed", "pieces", "place", "raw", "role", "window", "written")

    def __init__(self, slot: TextSlot) -> None:
        self.raw: list[str] | None = [] if slot.again else None
        self.written: list[str] = []
        self.window = Window(slot.json_text)
        self.place = Place() if slot.json_text else None
        self.pieces: deque[_Piece] = deque()
        self.role = slot.role
        self.fixed = slot.fixed

    def add(self, slot: TextSlot, queued: _Queued, text: str) -> None:
        self.window.pending += text
        if self.raw is not None:
            self.raw.append(text)
        self.pieces.append(_Piece(slot, queued, len(text)))
        queued.waiting += 1

    def write(self, raw: str, found: Sequence[Region]) -> int:
        """Let settled text go into its slots; how many slots are complete by it."""
        before, position = len(self.pieces), 0
        for region in found:
            self._keep(raw, position, region.start)
            self._replace(region.end - region.start, region.text)
            position = region.end
        self._keep(raw, position, len(raw))
        return before - len(self.pieces)

    def _keep(self, raw: str, start: int, end: int) -> None:
        while start < end:
            piece = self.pieces[0]
            size = min(piece.left, end - start)
            kept = raw[start : start + size]
            piece.out.append(kept)
            if self.raw is not None:
                self.written.append(kept)
            start += size
            self._take(piece, size)

    def _replace(self, size: int, text: str) -> None:
        if self.raw is not None:
            self.written.append(text)
        while size:
            piece = self.pieces[0]
            taken = min(piece.left, size)
            piece.out.append(text)
            piece.changed = True
            text, size = "", size - taken
            self._take(piece, taken)

    def _take(self, piece: _Piece, size: int) -> None:
        piece.left -= size
        if not piece.left:
            piece.close()
            self.pieces.popleft()


class StreamGuard:
    """One stream's output hook. `texts(frame)`: the frame's texts, `channel` telling them apart.

    Call `feed` per arrival, `finish` at the provider's end, `result` once, however it ended. When
    `blocked` is set nothing more comes out: the caller emits its dialect's error and ends.
    A detector that raises is out for the rest of the stream; its strategy decides (see `Tally`).
    """

    def __init__(
        self,
        selection: Selection,
        texts: Callable[[Frame], Iterable[TextSlot]],
        vault: Vault | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._selection = selection
        self._texts = texts
        self._vault = vault or Vault(b"")
        self._tally = tally or Tally(selection)
        self._holding = _ByRole(selection.holding)
        self._watching = _ByRole(selection.watching)
        self._channels: dict[str, _Channel] = {}
        self._watched: dict[str, _Channel] = {}
        self._said: dict[str, tuple[str, str]] = {}
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._overrun = False
        self.blocked: HookResult | None = None

    def feed(self, frames: list[Frame]) -> list[Frame]:
        """Take frames in; return those whose text is settled, in order."""
        if not self._selection.gates:
            return frames
        if self.blocked is not None:
            return []
        touched: dict[str, None] = {}
        for frame in frames:
            self._enter(frame, touched)
            if self.blocked is not None:
                return []
        self._watch(touched, final=False)
        if not self._selection.holding:
            return frames
        self._advance(touched, final=False)
        return self._leave()

    def finish(self) -> list[Frame]:
        """The stream is over: settle and return everything that is left."""
        if self.blocked is not None:
            return []
        self._watch(self._watched, final=True)
        self._advance(self._channels, final=True)
        return self._leave()

    def result(self) -> HookResult:
        """What the hook decided so far. Counts what was released, and all text for audit."""
        if self.blocked is not None:
            return self.blocked
        self._watch(self._watched, final=True)
        return self._tally.result()

    def _enter(self, frame: Frame, touched: dict[str, None]) -> None:
        queued = _Queued(frame)
        whole: list[str] = []
        for slot in self._texts(frame):
            text = slot.text
            if not text or (slot.repeated and self._repeat(slot, text, frame, touched)):
                continue
            touched[slot.channel] = None
            if slot.whole:
                whole.append(slot.channel)
            if self._selection.watching:
                self._watch_slot(slot, text)
            if self._selection.holding:
                self._channel(slot).add(slot, queued, text)
            elif self._watching.of(slot.role):
                self._tally.covered(1, len(text))
        if self._selection.holding:
            self._queue.append(queued)
            self._queued_bytes += len(frame.raw)
        for name in whole:
            self._end(name, touched)

    def _repeat(self, slot: TextSlot, text: str, frame: Frame, touched: dict[str, None]) -> bool:
        """Whether this is what a channel has said, which ends it: then it becomes what that
        became."""
        self._end(slot.repeated, touched)
        raw, written = self._said.get(slot.repeated, ("", ""))
        if raw != text or (written != raw and slot.fixed):
            return False
        if written != raw:
            slot.text, frame.changed = written, True
        return True

    def _end(self, name: str, touched: dict[str, None]) -> None:
        """Nothing more of this text will come: settle it now."""
        touched.pop(name, None)
        if name in self._watched:
            self._watch((name,), final=True)
            watched = self._watched.pop(name)
            self._said[name] = ("".join(watched.raw or ()),) * 2
        if name in self._channels:
            self._advance((name,), final=True)
            if (channel := self._channels.pop(name, None)) is not None:
                self._said[name] = ("".join(channel.raw or ()), "".join(channel.written))

    def _channel(self, slot: TextSlot) -> _Channel:
        channel = self._channels.get(slot.channel)
        if channel is None:
            channel = self._channels[slot.channel] = _Channel(slot)
        return channel

    def _watch_slot(self, slot: TextSlot, text: str) -> None:
        channel = self._watched.get(slot.channel)
        if channel is None:
            channel = self._watched[slot.channel] = _Channel(slot)
        channel.window.pending += text
        if channel.raw is not None:
            channel.raw.append(text)

    def _watch(self, channels: Iterable[str], final: bool) -> None:
        for name in channels if self._selection.watching else ():
            window = self._watched[name].window
            if window.pending and (final or len(window.pending) >= _WATCH_CHARS):
                step = window.step(self._watching.of(self._watched[name].role), final)
                if step is not None:
                    self._note(step, name)

    def _advance(self, channels: Iterable[str], final: bool) -> None:
        for name in channels:
            channel = self._channels[name]
            step = channel.window.step(self._holding.of(channel.role), final)
            if step is not None:
                self._note(step, name)
                self._write(channel, step)
            self._overrun |= len(channel.window.pending) > HELD_CHARS_MAX
            if self._overrun or self._tally.refuses:
                self._block()
                return

    def _note(self, step: Step, name: str) -> None:
        for hit in step.hits:
            self._tally.saw(hit.gates, hit.span.label, name)
        if step.failed:
            self._tally.fail(step.failed)
            self._holding.drop(step.failed)
            self._watching.drop(step.failed)

    def _write(self, channel: _Channel, step: Step) -> None:
        if self._tally.refuses:
            return
        found = self._regions(channel, step) if step.hits else []
        if found and channel.fixed:
            if not found[0].gate.lenient:
                self._tally.cannot_redact(found[0].gate)
                return
            found = []
        if channel.place is not None:
            fitted = fit(step.raw, found, channel.place, step.after)
            if not isinstance(fitted, list):
                self._tally.cannot_redact(fitted.gate)
                return
            found = fitted
        self._tally.changed |= bool(found)
        written = channel.write(step.raw, found)
        if self._holding.of(channel.role):  # a role that nobody reads is not covered (P3)
            self._tally.covered(written, len(step.raw))

    def _regions(self, channel: _Channel, step: Step) -> list[Region]:
        read = reader(step.raw, channel.place is not None)
        return regions(step.hits, self._selection.gates, read, self._vault)

    def _leave(self) -> list[Frame]:
        leaving: list[Frame] = []
        if self.blocked is not None:
            return leaving
        queue = self._queue
        while queue and not queue[0].waiting:
            frame = queue.popleft().frame
            self._queued_bytes -= len(frame.raw)
            leaving.append(frame)
        if self._queued_bytes > QUEUED_BYTES_MAX:
            self._overrun = True
            self._block()
        return leaving

    def _block(self) -> None:
        self._watch(self._watched, final=True)
        self.blocked = self._tally.result(self._overrun)
        self._queue.clear()
        self._channels.clear()


class _ByRole:
    """The scanners for each role's texts, without those that have failed."""

    __slots__ = ("_found", "_scanners")

    def __init__(self, scanners: tuple[Scanner, ...]) -> None:
        self._scanners = scanners
        self._found: dict[Role, tuple[Scanner, ...]] = {}

    def of(self, role: Role) -> tuple[Scanner, ...]:
        found = self._found.get(role)
        if found is None:
            found = self._found[role] = for_role(self._scanners, role)
        return found

    def drop(self, failed: Sequence[Gate]) -> None:
        out = {gate.selector for gate in failed}
        self._scanners = tuple(s for s in self._scanners if s.gates[0].selector not in out)
        self._found = {}
