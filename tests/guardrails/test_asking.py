"""Asking a service: whatever it does, the engine has an opinion or a named fault, in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extproc.guardrails.asking import Asker
from extproc.guardrails.gate import Gate
from extproc.guardrails.services.breaker import Breakers
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark, Scene, Span

SHOWN = (Passage("a", "user", "one"), Passage("b", "tool", "two"), Passage("c", "user", "three"))


class Scripted:
    """A service that does what it is told: an exception is raised, `hang` never ends."""

    endpoint = "somebody"

    def __init__(self, says: Any) -> None:
        self.says = says
        self.exams: list[Exam] = []

    async def ask(self, exam: Exam) -> Opinion:
        self.exams.append(exam)
        if self.says == "hang":
            await asyncio.Event().wait()
        if isinstance(self.says, BaseException):
            raise self.says
        return self.says  # type: ignore[no-any-return]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def gate(service: Scripted, **fields: Any) -> Gate:
    values = {"type": "presidio", "timeout_ms": 20, **fields}
    operation = values.pop("operation", "validate")
    return Gate("g/x", operation, "enforce", service=service, **values)


async def asked(says: Any, passages: tuple[Passage, ...] = SHOWN, **fields: Any) -> Any:
    service = Scripted(says)
    exam = Exam("llm_input", Scene(), passages)
    return await Asker(Breakers(), Clock()).ask(gate(service, **fields), exam), service


@pytest.mark.parametrize(("says", "fault"), [
    ("hang", "timeout"), (ValueError("text of the call"), "defect"),
    (GuardrailFault("rate_limited"), "rate_limited"), (None, "bad_answer"), ({}, "bad_answer"),
    (Opinion(spans=((3, Span(0, 1, "X")),)), "bad_answer"),
    (Opinion(spans=((0, Span(0, 4, "X")),)), "bad_answer"),
    (Opinion(spans=((0, Span(1, 1, "X")),)), "bad_answer"),
    (Opinion(spans=((-1, Span(0, 1, "X")),)), "bad_answer"),
    (Opinion(texts={3: "x"}), "bad_answer"), (Opinion(texts={0: 1}), "bad_answer"),  # type: ignore[dict-item]
])  # fmt: skip
async def test_faults_are_named(says: Any, fault: str) -> None:
    """P3: a service that hangs, raises or answers nonsense has failed, under a name we know."""
    assert (await asked(says))[0] == fault


async def test_a_cancelled_question_stays_cancelled() -> None:
    """P1: the end of the exchange is not taken for the guardrail's failure."""
    task = asyncio.create_task(asked("hang", timeout_ms=60_000))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_service_sees_its_roles_alone_and_its_places_are_moved_back() -> None:
    """Guard (roles): it is shown what it may see; what it finds is told of the whole."""
    says = Opinion(spans=((0, Span(0, 3, "X")),), texts={0: "TWO"})
    opinion, service = await asked(says, roles=frozenset(("tool",)), operation="mutate")
    assert [p.text for p in service.exams[0].passages] == ["two"]
    assert opinion.spans == ((1, Span(0, 3, "X")),) and opinion.texts == {1: "TWO"}


async def test_a_rewritten_text_is_a_finding() -> None:
    """P3: a text that a service changed without saying why is recorded as rewritten."""
    says = Opinion(texts={0: "ONE", 1: "two"})
    assert (await asked(says, operation="mutate"))[0].remarks == (Remark("REWRITTEN", "a"),)
    assert (await asked(says))[0] == Opinion(), "who only validates changes nothing"


@pytest.mark.parametrize(("kind", "asks"), [("presidio", False), ("opa", True)])
async def test_nothing_to_look_at(kind: str, asks: bool) -> None:
    """Guard: a judge of texts is not asked about none; a policy is."""
    opinion, service = await asked(Opinion(), passages=(), type=kind)
    assert opinion == Opinion() and bool(service.exams) is asks


@pytest.mark.parametrize(("says", "opens"), [
    (GuardrailFault("unreachable"), True), ("hang", True), (GuardrailFault("rate_limited"), True),
    (GuardrailFault("unauthorized"), False), (GuardrailFault("budget"), False),
    (ValueError(), False), (None, False), (Opinion(), False),
])  # fmt: skip
async def test_the_breaker_opens_for_what_is_the_services_fault(says: Any, opens: bool) -> None:
    """Guard (circuit breaker): a service that is down is left alone; a wrong key is no outage.
    After its rest one question goes through, and its answer closes the breaker."""
    clock = Clock()
    asker, service = Asker(Breakers(), clock), Scripted(says)
    exam = Exam("llm_input", Scene(), SHOWN)
    for _ in range(8):
        last = await asker.ask(gate(service, timeout_ms=1), exam)
    assert (last == "circuit_open") is opens
    assert len(service.exams) == (5 if opens else 8)
    service.says, clock.now = Opinion(), 3600.0
    assert await asker.ask(gate(service), exam) == Opinion()
    assert await asker.ask(gate(service), exam) == Opinion()
