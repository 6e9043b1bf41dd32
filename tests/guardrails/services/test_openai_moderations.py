"""OpenAI Moderations against its stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.config.base import SecretRef
from extproc.config.openai_moderations_settings import OpenaiModerationsSettings
from extproc.guardrails.services import openai_moderations
from extproc.guardrails.services.openai_moderations import CHARS_MAX, INPUTS_MAX, OpenaiModerations
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import GuardrailFault, Opinion, Remark
from tests.guardrails.services.exams import texts
from tests.guardrails.services.standins.openai_moderations import (
    TOKENS_MAX,
    OpenaiModerationsStandIn,
)

KEY = SecretRef(env="ENVELOPE_TEST_OPENAI_KEY")


@pytest.fixture
async def openai() -> AsyncIterator[OpenaiModerationsStandIn]:
    async with OpenaiModerationsStandIn() as running:
        assert isinstance(running, OpenaiModerationsStandIn)
        yield running


def made(openai: OpenaiModerationsStandIn, ports: Ports, **settings: Any) -> OpenaiModerations:
    given = OpenaiModerationsSettings(api_key=KEY, base_url=f"{openai.url}/v1", **settings)
    return openai_moderations.service(given, ports)


async def test_texts_are_judged_one_by_one(openai: OpenaiModerationsStandIn, ports: Ports) -> None:
    """P3: each finding has its place, its label and its score; blank texts are not asked about."""
    opinion = await made(openai, ports).ask(texts("hello", " \n", "violent", "graphic insult"))
    assert opinion.remarks == (
        Remark("VIOLENCE", "messages[2].content", 0.95),
        Remark("HARASSMENT", "messages[3].content", 0.7),
        Remark("VIOLENCE", "messages[3].content", 0.8),
        Remark("VIOLENCE_GRAPHIC", "messages[3].content", 0.9),
    )
    question = openai.asked[0].json
    assert question["model"] == "omni-moderation-latest"
    assert question["input"] == ["hello", "violent", "graphic insult"]


async def test_thresholds_decide_for_their_category_alone(
    openai: OpenaiModerationsStandIn, ports: Ports
) -> None:
    """P5: stricter or laxer than OpenAI's own flag; the others keep it."""
    strict = made(openai, ports, category_thresholds={"harassment": 0.3})
    assert await strict.ask(texts("rude")) == Opinion(
        (Remark("HARASSMENT", "messages[0].content", 0.3),)
    )
    lax = made(openai, ports, category_thresholds={"harassment": 0.8, "violence": 1.0})
    assert await lax.ask(texts("insult", "violent")) == Opinion()
    assert (await lax.ask(texts("graphic"))).remarks == (
        Remark("VIOLENCE_GRAPHIC", "messages[0].content", 0.9),
    )


@pytest.mark.parametrize("filler", ["word ", "😀", "漢"])
async def test_nothing_is_past_what_the_model_reads(
    openai: OpenaiModerationsStandIn, ports: Ports, filler: str
) -> None:
    """P3: a model that drops the end of a text is shown the end as well."""
    long = filler * (3 * CHARS_MAX // len(filler)) + " violent"
    opinion = await made(openai, ports).ask(texts(long))
    assert opinion.remarks == (Remark("VIOLENCE", "messages[0].content", 0.95),)
    assert max(len(text.encode()) for text in openai.asked[0].json["input"]) <= TOKENS_MAX


async def test_many_texts_are_several_questions_at_once(
    openai: OpenaiModerationsStandIn, ports: Ports
) -> None:
    """P5: an array of at most so many; results keep their places."""
    shown = [f"text {n}" for n in range(3 * INPUTS_MAX)]
    shown[70] = "violent"
    opinion = await made(openai, ports).ask(texts(*shown))
    assert opinion.remarks == (Remark("VIOLENCE", "messages[70].content", 0.95),)
    assert [len(asked.json["input"]) for asked in openai.asked] == [INPUTS_MAX] * 3
    assert openai.most_at_once > 1


GOOD: dict[str, Any] = {"flagged": False, "categories": {}, "category_scores": {"violence": 0.1}}


@pytest.mark.parametrize(
    "results",
    [None, {}, [], [GOOD, GOOD], [None], [{**GOOD, "flagged": None}], [{**GOOD, "flagged": 0}],
     [{**GOOD, "categories": []}], [{**GOOD, "categories": {"violence": "no"}}],
     [{**GOOD, "category_scores": {}}], [{**GOOD, "category_scores": {"violence": "0"}}],
     [{**GOOD, "category_scores": {"violence": 7}}], [{"flagged": False}]],
)  # fmt: skip
async def test_an_answer_of_another_shape_is_no_pass(
    openai: OpenaiModerationsStandIn, ports: Ports, results: Any
) -> None:
    """P3: as many results as texts, each with a flag and every score that is needed."""
    service = made(openai, ports, category_thresholds={"violence": 0.5})
    openai.faults.append({"results": results})
    with pytest.raises(GuardrailFault) as raised:
        await service.ask(texts("x"))
    assert raised.value.fault == "bad_answer"


async def test_categories_of_before_and_of_later(
    openai: OpenaiModerationsStandIn, ports: Ports
) -> None:
    """P4: older models leave categories null; unknown ones become OTHER, never their own name."""
    older = {"flagged": True, "categories": {"illicit": None, "hate": True},
             "category_scores": {"illicit": None, "hate": 0.6}}  # fmt: skip
    newer = {"flagged": True, "categories": {"arson!": True}, "category_scores": {}}
    vague = {"flagged": True, "categories": {}, "category_scores": {}}
    openai.faults.append({"results": [older, newer, vague]})
    assert (await made(openai, ports).ask(texts("a", "b", "c"))).remarks == (
        Remark("HATE", "messages[0].content", 0.6),
        Remark("OTHER", "messages[1].content"),
        Remark("OTHER", "messages[2].content"),
    )
