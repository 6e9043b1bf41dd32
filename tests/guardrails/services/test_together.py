"""Several questions of one guardrail, one opinion."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from extproc.guardrails.services.together import ask_all, merged
from extproc.guardrails.values import Fault, GuardrailFault, Opinion, Remark, Span

OBJECTS = Opinion((Remark("HATE", "a", 0.5),), message="no")
FOUND = Opinion(spans=((0, Span(1, 3, "EMAIL")),), texts={1: "x"})


async def says(opinion: Opinion) -> Opinion:
    return opinion


async def fails(fault: Fault) -> Opinion:
    raise GuardrailFault(fault)


async def test_nothing_to_ask_is_no_objection() -> None:
    """P3: there was no text."""
    assert await ask_all([]) == Opinion()


async def test_all_are_heard_and_the_strongest_remark_stays() -> None:
    """P3: one remark per label and place."""
    spans = ((0, Span(2, 5, "URL")),)
    more = Opinion((Remark("HATE", "a", 0.9), Remark("HATE", "b")), spans=spans)
    less = Opinion((Remark("HATE", "a", 0.5),), texts={2: "y"}, message="no")
    whole = await ask_all([partial(says, one) for one in (less, FOUND, more)])
    assert set(whole.remarks) == {Remark("HATE", "a", 0.9), Remark("HATE", "b")}
    assert whole.spans == ((0, Span(1, 5, "URL")),)
    assert (whole.texts, whole.message) == ({1: "x", 2: "y"}, "no")


@pytest.mark.parametrize("count", [1, 3])
async def test_a_failed_question_without_an_objection_is_a_failed_guardrail(count: int) -> None:
    """P3: a part that nobody looked at is not called passed."""
    asks = [partial(says, Opinion())] * (count - 1) + [partial(fails, "rate_limited")]
    with pytest.raises(GuardrailFault) as raised:
        await ask_all(asks)
    assert raised.value.fault == "rate_limited"


async def test_an_objection_outlives_a_failed_question_but_is_not_mended() -> None:
    """P3: half a redaction would let the other half through."""
    whole = await ask_all([partial(says, FOUND), partial(fails, "unreachable")])
    assert whole == Opinion((Remark("EMAIL"),))


async def test_an_answer_without_a_remedy_takes_the_others_remedies_away() -> None:
    """P3: a text that was masked in one place and blocked in another is blocked."""
    whole = await ask_all([partial(says, FOUND), partial(says, OBJECTS), partial(says, Opinion())])
    assert whole == Opinion((Remark("HATE", "a", 0.5), Remark("EMAIL")), message="no")


async def test_after_a_fault_no_further_question_is_begun() -> None:
    """P5: a service that refuses is not asked a hundred times more."""
    asked = 0

    async def refuse() -> Opinion:
        nonlocal asked
        asked += 1
        raise GuardrailFault("rate_limited")

    with pytest.raises(GuardrailFault):
        await ask_all([refuse] * 50, at_once=4)
    assert asked <= 4


async def test_at_most_so_many_at_once_and_a_cancelled_one_ends_all() -> None:
    """P5: whoever waits can go away."""
    running, most = 0, 0
    full, over = asyncio.Event(), asyncio.Event()

    async def wait() -> Opinion:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        try:
            await over.wait()
        finally:
            running -= 1
        return Opinion()

    task = asyncio.create_task(ask_all([wait] * 10, at_once=3))
    await full.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (running, most) == (0, 3)


def test_overlapping_places_become_one() -> None:
    """P4: every character of both goes."""
    spans = [(0, Span(5, 9, "URL")), (0, Span(0, 9, "EMAIL")), (1, Span(0, 2, "A")),
             (0, Span(9, 11, "B"))]  # fmt: skip
    assert merged(spans) == (
        (0, Span(0, 9, "EMAIL")), (0, Span(9, 11, "B")), (1, Span(0, 2, "A")),
    )  # fmt: skip
