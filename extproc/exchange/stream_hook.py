"""The output hook of a streamed answer: detectors as it flows, judges of whole texts at its end.

Promises: the verdict is that of the same answer not streamed (P5). Where a judge may still refuse,
nothing leaves before it has spoken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from extproc.exchange import guarding
from extproc.exchange.request import Request
from extproc.guardrails.hook import HookRun
from extproc.guardrails.stream import StreamGuard
from extproc.guardrails.values import HookResult
from extproc.guardrails.whole import WholeStream
from extproc.llm.call import Frame, TextSlot

Texts = Callable[[Frame], Iterable[TextSlot]]


class StreamHook:
    """`feed` per arrival, `end` once, however it ended. After `blocked` nothing comes out."""

    def __init__(self, request: Request, texts: Texts) -> None:
        self._request = request
        output = guarding.output_of(request)
        self._selection, self._case, self._tally = output.selection, output.case, output.tally
        self._guard = StreamGuard(self._selection, texts, self._case.vault, self._tally)
        self._whole = None
        if self._selection.checks or self._selection.asks:
            self._whole = WholeStream(texts, hold=self._selection.waiting)
        # Who could not even begin to look may be strict: then nothing of the stream may leave.
        self.blocked: HookResult | None = self._tally.result() if self._tally.refuses else None

    def feed(
        self, frames: list[Frame], last: bool
    ) -> tuple[list[Frame], Awaitable[list[Frame]] | None]:
        """Frames that may go on; or, at the end, what has to be waited for to know them."""
        if self.blocked is not None:
            return [], None
        out = self._guard.feed(frames)
        if last and self._guard.blocked is None:
            out = out + self._guard.finish()
        self.blocked = self._guard.blocked
        if self._whole is None or self.blocked is not None:
            return out, None
        out = self._whole.take(out)
        if self._whole.overrun and self._selection.waiting:
            self.blocked = self._tally.result(overrun=True)
            return [], None
        return self._judge(out) if last else (out, None)

    def _judge(self, out: list[Frame]) -> tuple[list[Frame], Awaitable[list[Frame]] | None]:
        assert self._whole is not None
        if self._whole.overrun:
            self._tally.fail(self._selection.checks + self._selection.afterwards, "too_large")
            return out, None
        hook = HookRun(self._selection, self._whole.slots, self._case, self._tally)
        self._request.output_hook = hook
        hook.check()
        if self._selection.asks and self._selection.waiting:
            return [], self._asked_for(hook)
        if self._selection.asks:
            hook.panel.start_afterwards(hook.exam())
        return self._spoken(out), None

    async def _asked_for(self, hook: HookRun) -> list[Frame]:
        await guarding.take_time(self._request, self._selection.wait_ms)
        await hook.judge()
        return self._spoken([])

    def _spoken(self, out: list[Frame]) -> list[Frame]:
        assert self._whole is not None
        if self._tally.refuses:
            self.blocked = self._tally.result()
            return []
        return out + self._whole.release()

    def end(self) -> HookResult:
        """What was decided so far; services that nobody waits for may still be `pending`."""
        return self.blocked or self._guard.result()
