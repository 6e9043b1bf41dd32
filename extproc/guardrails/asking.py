"""Asks one service under its time limit and its circuit breaker.

Promises: whatever a service does (hang, raise, lie about its type), the answer is an opinion or a
fault of the closed set, in time; a service that keeps failing is left alone for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from extproc.guardrails.gate import Gate
from extproc.guardrails.services.breaker import FAILURES
from extproc.guardrails.values import Exam, Fault, GuardrailFault, Opinion, Passage, Remark, Span


class Breaker(Protocol):
    """`services/breaker.py`; times in seconds."""

    def allows(self, now: float) -> bool: ...

    def succeeded(self) -> None: ...

    def failed(self, now: float) -> None: ...


class Breakers(Protocol):
    def of(self, endpoint: str) -> Breaker: ...


class Asker:
    """One per worker. `clock`: seconds, monotonic."""

    def __init__(self, breakers: Breakers, clock: Callable[[], float]) -> None:
        self._breakers = breakers
        self._clock = clock

    async def ask(self, gate: Gate, exam: Exam) -> Opinion | Fault:
        """What the gate's service says of the texts that the gate reads."""
        assert gate.service is not None
        shown, positions = share(gate, exam)
        if gate.needs_text and not shown.passages:
            return Opinion()
        breaker = self._breakers.of(gate.service.endpoint)
        if not breaker.allows(self._clock()):
            return "circuit_open"
        answer = await self._in_time(gate, shown)
        if not isinstance(answer, Opinion):
            if answer in FAILURES:
                breaker.failed(self._clock())
            else:  # a text of one caller must not switch it off for everybody
                breaker.succeeded()
            return answer
        breaker.succeeded()
        return whole(gate, answer, positions, exam.passages)

    async def _in_time(self, gate: Gate, exam: Exam) -> Opinion | Fault:
        assert gate.service is not None
        try:
            async with asyncio.timeout(gate.timeout_ms / 1000):
                answer = await gate.service.ask(exam)
        except TimeoutError:
            return "timeout"
        except GuardrailFault as fault:
            return fault.fault
        except Exception:
            return "defect"
        return answer if well_formed(answer, exam.passages) else "bad_answer"


def share(gate: Gate, exam: Exam) -> tuple[Exam, tuple[int, ...]]:
    """The exam with the passages of the gate's roles, and where they stand in the whole one."""
    if gate.roles is None:
        return exam, tuple(range(len(exam.passages)))
    positions = tuple(i for i, p in enumerate(exam.passages) if p.role in gate.roles)
    return replace(exam, passages=tuple(exam.passages[i] for i in positions)), positions


def whole(
    gate: Gate, opinion: Opinion, positions: tuple[int, ...], passages: tuple[Passage, ...]
) -> Opinion:
    """The opinion about a share as one about the whole; a text that was rewritten is a remark."""
    heeded = opinion.texts if gate.operation == "mutate" else {}
    texts = {positions[i]: text for i, text in heeded.items()}
    rewritten = tuple(
        Remark("REWRITTEN", passages[i].path) for i, t in texts.items() if t != passages[i].text
    )
    return replace(
        opinion,
        remarks=(*opinion.remarks, *rewritten) if not opinion.objects else opinion.remarks,
        spans=tuple((positions[i], span) for i, span in opinion.spans),
        texts=texts,
    )


def well_formed(opinion: object, passages: tuple[Passage, ...]) -> bool:
    """Places that exist, texts that are texts."""
    if not isinstance(opinion, Opinion):
        return False
    places = all(_inside(i, span, passages) for i, span in opinion.spans)
    return places and all(
        0 <= i < len(passages) and isinstance(text, str) for i, text in opinion.texts.items()
    )


def _inside(index: int, span: Span, passages: tuple[Passage, ...]) -> bool:
    if not 0 <= index < len(passages):
        return False
    return 0 <= span.start < span.end <= len(passages[index].text)
