"""The judges of one hook's whole texts: checks in this process, services outside it.

Promises: services that only validate are asked at once, and the first refusal ends the waiting;
those that change texts are asked in turn, each of the text as it then is; `audit` and `after` keep
nobody waiting, and their findings still reach the entry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from extproc.guardrails.asking import Asker, share, well_formed
from extproc.guardrails.gate import Gate
from extproc.guardrails.selection import Selection
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import Exam, Fault, GuardrailFault, Opinion

Apply = Callable[[Gate, Opinion], None]
"""Writes what a mutating service wants changed; tells the tally what cannot be."""


class Panel:
    """Belongs to one hook of one exchange; its tasks end with `close`."""

    def __init__(self, selection: Selection, tally: Tally, asker: Asker | None) -> None:
        self._selection = selection
        self._tally = tally
        self._asker = asker
        self._tasks: list[asyncio.Task[None]] = []
        self._meanwhile: asyncio.Task[None] | None = None

    def examine(self, exam: Exam) -> None:
        """Let the checks judge."""
        for gate in self._selection.checks:
            assert gate.check is not None
            shown, _ = share(gate, exam)
            if gate.needs_text and not shown.passages:
                self._tally.skip(gate)
                continue
            try:
                opinion = gate.check.examine(shown)
                sound = well_formed(opinion, shown.passages)
            except GuardrailFault as fault:
                self._tally.fail((gate,), fault.fault)
            except Exception:  # a defect of ours is the guardrail's failure, not the exchange's
                self._tally.fail((gate,))
            else:
                self._take(gate, opinion if sound else "bad_answer", shown)

    async def wait(self, exam: Callable[[], Exam], apply: Apply) -> None:
        """Everything that the call has to wait for. `exam`: the texts as they are now."""
        if self._selection.first:
            await self._together(self._selection.first, exam())
        for gate in self._selection.in_turn:
            if self._tally.refuses:
                return
            shown = exam()
            answer = await self._asked(gate, shown)
            self._take(gate, answer, shown)
            if isinstance(answer, Opinion) and gate.mutates:
                apply(gate, answer)

    def start(self, exam: Exam) -> None:
        """Ask those that judge while the call runs, and those that nobody waits for."""
        selection = self._selection
        if selection.meanwhile:
            self._meanwhile = self._begin(self._together(selection.meanwhile, exam))
        self.start_afterwards(exam)

    def start_afterwards(self, exam: Exam) -> None:
        if self._selection.afterwards:
            self._begin(self._together(self._selection.afterwards, exam, to_the_end=True))

    @property
    def waits(self) -> bool:
        """Judges that began with the call have not all answered."""
        return self._meanwhile is not None and not self._meanwhile.done()

    async def meanwhile(self) -> None:
        """Wait for those that judge while the call runs."""
        if self._meanwhile is not None:
            await asyncio.shield(self._meanwhile)

    @property
    def open(self) -> bool:
        """Judges that nobody waits for have not all spoken."""
        return any(not task.done() for task in self._tasks if task is not self._meanwhile)

    async def finished(self) -> None:
        """Everybody has answered; nobody raises."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self, everybody: bool = False) -> None:
        """Dismiss those that somebody would have waited for, or everybody."""
        for task in self._tasks if everybody else [self._meanwhile]:
            if task is not None:
                task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def _together(self, gates: Sequence[Gate], exam: Exam, to_the_end: bool = False) -> None:
        """Ask all at once; stop asking when one has refused."""
        asking = {asyncio.ensure_future(self._asked(gate, exam)): gate for gate in gates}
        waiting = set(asking)
        try:
            while waiting and (to_the_end or not self._tally.refuses):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._take(asking[task], task.result(), exam)
        finally:
            for task in waiting:
                task.cancel()

    async def _asked(self, gate: Gate, exam: Exam) -> Opinion | Fault:
        return await self._asker.ask(gate, exam) if self._asker is not None else "defect"

    def _take(self, gate: Gate, answer: Opinion | Fault, exam: Exam) -> None:
        if not isinstance(answer, Opinion):
            self._tally.fail((gate,), answer)
            return
        self._tally.heard(gate, answer, exam.passages)
        self._tally.cover_at_least(len(exam.passages), sum(len(p.text) for p in exam.passages))
        if gate.mutates and answer.remarks and not (answer.spans or answer.texts):
            self._tally.cannot_redact(gate)
