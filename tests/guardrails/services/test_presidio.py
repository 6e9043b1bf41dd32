"""A Presidio analyzer, against its stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.config.base import SecretRef
from extproc.config.presidio_settings import PresidioSettings
from extproc.guardrails.services import presidio as module
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.presidio import CHARS_MAX, Presidio
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Span
from tests.guardrails.services.exams import texts
from tests.guardrails.services.standins.presidio import PresidioStandIn


@pytest.fixture
async def presidio() -> AsyncIterator[PresidioStandIn]:
    async with PresidioStandIn() as running:
        assert isinstance(running, PresidioStandIn)
        yield running


def made(presidio: PresidioStandIn, ports: Ports, **settings: Any) -> Presidio:
    return module.service(PresidioSettings(url=presidio.url, **settings), ports)


def found(exam: Exam, opinion: Opinion) -> list[tuple[str, str]]:
    return [(exam.passages[i].text[s.start : s.end], s.label) for i, s in opinion.spans]


async def test_places_are_code_points(presidio: PresidioStandIn, ports: Ports) -> None:
    """P4: what is redacted is what was found, behind emoji and combining marks too."""
    exam = texts("👩‍👩‍👧 é 漢 John Smith, a@b.io", "nothing", "mail x@y.org")
    opinion = await made(presidio, ports).ask(exam)
    assert found(exam, opinion) == [
        ("John Smith", "PERSON"), ("a@b.io", "EMAIL_ADDRESS"), ("x@y.org", "EMAIL_ADDRESS"),
    ]  # fmt: skip
    assert opinion.remarks == ()


async def test_the_question(presidio: PresidioStandIn, ports: Ports) -> None:
    """P5: language, threshold, entities as set; all entities when none is named."""
    await made(presidio, ports, score_threshold=0.3).ask(texts("x"))
    chosen = made(
        presidio, ports, entities=("PERSON",),
        bearer_token=SecretRef(env="ENVELOPE_TEST_HOOK_TOKEN"),
    )  # fmt: skip
    await chosen.ask(texts("y"))
    first, second = presidio.asked
    assert first.json == {"text": "x", "language": "en", "score_threshold": 0.3}
    assert second.json["entities"] == ["PERSON"]
    assert second.headers["authorization"] == "Bearer hook-token"


async def test_the_threshold_holds_on_both_sides(presidio: PresidioStandIn, ports: Ports) -> None:
    """P5: also against an analyzer that does not know it."""
    exam = texts("J. Smith")
    assert (await made(presidio, ports).ask(exam)).spans == ()
    assert len((await made(presidio, ports, score_threshold=0.4).ask(exam)).spans) == 1
    low = {"start": 0, "end": 2, "entity_type": "PERSON", "score": 0.1}
    presidio.answer = lambda asked: (200, [low])  # type: ignore[method-assign]
    assert (await made(presidio, ports).ask(exam)).spans == ()


async def test_labels_are_a_closed_set(presidio: PresidioStandIn, ports: Ports) -> None:
    """P4: Presidio's own and those of the settings; a recognizer's own name is OTHER."""
    exam = texts("B-1234")
    assert found(exam, await made(presidio, ports).ask(exam)) == [("B-1234", "OTHER")]
    named = await made(presidio, ports, entities=("BADGE", "URL")).ask(exam)
    assert found(exam, named) == [("B-1234", "BADGE")]


async def test_long_texts_are_cut_and_nothing_hides_on_a_cut(
    presidio: PresidioStandIn, ports: Ports
) -> None:
    """P4: a finding on the limit is redacted whole, once."""
    mail = "someone@example.org"
    for at in range(CHARS_MAX - len(mail) - 1, CHARS_MAX + 2, 4):
        exam = texts("😀" * at + " " + mail + " " + "x" * 1_000)
        assert found(exam, await made(presidio, ports).ask(exam)) == [(mail, "EMAIL_ADDRESS")]
    assert max(len(asked.json["text"]) for asked in presidio.asked) <= CHARS_MAX


async def test_many_texts_are_one_question_and_keep_their_places(
    presidio: PresidioStandIn, ports: Ports
) -> None:
    """P5: a conversation of sixty lines is not sixty questions."""
    exam = texts(*(f"line {n} a{n}@b.io" for n in range(60)))
    opinion = await made(presidio, ports).ask(exam)
    assert found(exam, opinion) == [(f"a{n}@b.io", "EMAIL_ADDRESS") for n in range(60)]
    assert [index for index, _ in opinion.spans] == list(range(60))
    assert len(presidio.asked) == 1


GOOD = {"start": 0, "end": 1, "entity_type": "PERSON", "score": 0.9}


@pytest.mark.parametrize(
    "finding",
    [None, [], "x", {}, {**GOOD, "start": None}, {**GOOD, "start": 1}, {**GOOD, "end": 3},
     {**GOOD, "start": -1}, {**GOOD, "end": 1.0}, {**GOOD, "end": True}, {**GOOD, "score": "1"},
     {**GOOD, "score": 2}, {**GOOD, "entity_type": None}],
)  # fmt: skip
async def test_a_finding_that_makes_no_sense_is_no_pass(
    presidio: PresidioStandIn, ports: Ports, finding: Any
) -> None:
    """P3: places exist, scores are scores."""
    presidio.answer = lambda asked: (200, [GOOD, finding])  # type: ignore[method-assign]
    with pytest.raises(GuardrailFault) as raised:
        await made(presidio, ports).ask(texts("ab"))
    assert raised.value.fault == "bad_answer"


async def test_an_object_is_no_list(presidio: PresidioStandIn, ports: Ports) -> None:
    """P3: nothing found is an empty list, and nothing else is."""
    presidio.faults.append({"error": "x"})
    with pytest.raises(GuardrailFault):
        await made(presidio, ports).ask(texts("ab"))
    presidio.answer = lambda asked: (200, [])  # type: ignore[method-assign]
    assert await made(presidio, ports).ask(texts("ab")) == Opinion()


async def test_part_of_a_text_that_was_not_looked_at_is_not_passed(
    presidio: PresidioStandIn, ports: Ports
) -> None:
    """P3: what was found stands as an objection; it is not mended piece by piece."""
    exam = texts("a@b.io", "John Smith")
    presidio.faults.append(503)
    opinion = await made(presidio, ports).ask(exam)
    assert opinion.spans == () and len(opinion.remarks) == 1
    assert Span not in {type(remark) for remark in opinion.remarks}
