"""Patronus against its stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.config.base import SecretRef
from extproc.config.patronus_settings import PatronusEvaluator, PatronusSettings
from extproc.guardrails.services import patronus as module
from extproc.guardrails.services.patronus import Patronus
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import Exam, GuardrailFault, Opinion, Passage, Remark
from tests.guardrails.services import exams
from tests.guardrails.services.standins.patronus import PatronusStandIn

KEY = SecretRef(env="ENVELOPE_TEST_PATRONUS_KEY")
JUDGE = PatronusEvaluator(evaluator="judge", criteria="patronus:is-polite")
BOTH = (JUDGE, PatronusEvaluator(evaluator="lynx"))


@pytest.fixture
async def patronus() -> AsyncIterator[PatronusStandIn]:
    async with PatronusStandIn() as running:
        assert isinstance(running, PatronusStandIn)
        yield running


def made(
    patronus: PatronusStandIn, ports: Ports, target: str = "request", **other: Any
) -> Patronus:
    given = {"evaluators": BOTH, **other}
    settings = PatronusSettings(api_key=KEY, target=target, base_url=patronus.url, **given)  # type: ignore[arg-type]
    return module.service(settings, ports)


def output_hook(answer: str) -> Exam:
    asked = (
        Passage("m0", "system", "be nice"), Passage("m1", "user", "question"),
        Passage("m2", "tool", "fact one"), Passage("m3", "tool", "fact two"),
    )  # fmt: skip
    shown = (Passage("a0", "assistant", answer),)
    return Exam("llm_output", exams.SCENE, shown, asked)


async def test_a_requests_texts_are_judged(patronus: PatronusStandIn, ports: Ports) -> None:
    """P5: for evaluators that read the input and for those that read the output alone."""
    assert await made(patronus, ports).ask(exams.texts("hello", "there")) == Opinion()
    assert patronus.asked[0].json == {
        "evaluators": [
            {"evaluator": "judge", "criteria": "patronus:is-polite", "explain_strategy": "never"},
            {"evaluator": "lynx", "explain_strategy": "never"},
        ],
        "capture": "none",
        "evaluated_model_input": "hello\n\nthere",
        "evaluated_model_output": "hello\n\nthere",
    }


async def test_an_answer_is_judged_against_what_it_was_given(
    patronus: PatronusStandIn, ports: Ports
) -> None:
    """P5: system prompt, question and tool results each have their field."""
    opinion = await made(patronus, ports, "response").ask(output_hook("I say [lynx]"))
    assert opinion == Opinion((Remark("HALLUCINATION"),))
    question = patronus.asked[0].json
    del question["evaluators"], question["capture"]
    assert question == {
        "evaluated_model_system_prompt": "be nice",
        "evaluated_model_input": "question",
        "evaluated_model_output": "I say [lynx]",
        "evaluated_model_retrieved_context": ["fact one", "fact two"],
    }


async def test_each_evaluator_has_its_verdict(patronus: PatronusStandIn, ports: Ports) -> None:
    """P3: one that fails is enough."""
    opinion = await made(patronus, ports).ask(exams.texts("[judge] [lynx]"))
    assert opinion.remarks == (Remark("JUDGE"), Remark("HALLUCINATION"))


@pytest.mark.parametrize("word", ["[error]", "[unsure]"])
async def test_an_evaluator_that_cannot_say_is_no_pass(
    patronus: PatronusStandIn, ports: Ports, word: str
) -> None:
    """P3: but another one's objection stands."""
    with pytest.raises(GuardrailFault) as raised:
        await made(patronus, ports).ask(exams.texts(word))
    assert raised.value.fault == "bad_answer"
    found = await made(patronus, ports).ask(exams.texts(f"{word} [lynx]"))
    assert found == Opinion((Remark("HALLUCINATION"),))


def result(**fields: Any) -> dict[str, Any]:
    return {"evaluator_id": "judge", "status": "success", "evaluation_result": {"pass": True},
            **fields}  # fmt: skip


@pytest.mark.parametrize(
    "results",
    [None, [], [result()], [result()] * 3, [result(), None], [result(), result(status=None)],
     [result(), result(evaluation_result=None)], [result(), result(evaluation_result={})],
     [result(), result(evaluation_result={"pass": "yes"})]],
)  # fmt: skip
async def test_an_answer_of_another_shape_is_no_pass(
    patronus: PatronusStandIn, ports: Ports, results: Any
) -> None:
    """P3: one result per evaluator, each with a verdict."""
    patronus.faults.append({"results": results})
    with pytest.raises(GuardrailFault) as raised:
        await made(patronus, ports).ask(exams.texts("x"))
    assert raised.value.fault == "bad_answer"


async def test_labels_are_a_closed_set(patronus: PatronusStandIn, ports: Ports) -> None:
    """P4: an evaluator of the operator's own is OTHER."""
    for name, label in (("my-own", "OTHER"), ("pii", "PII"), ("lynx-small", "HALLUCINATION"),
                        ("answer-relevance-large-2024-05-31", "ANSWER_RELEVANCE")):  # fmt: skip
        service = made(patronus, ports, evaluators=(PatronusEvaluator(evaluator=name),))
        assert await service.ask(exams.texts(f"[{name}]")) == Opinion((Remark(label),))


async def test_the_last_fifty_contexts_and_a_bound(patronus: PatronusStandIn, ports: Ports) -> None:
    """P5: limits of the service, kept on this side."""
    asked = tuple(Passage(f"m{n}", "tool", str(n)) for n in range(60))
    exam = Exam("llm_output", exams.SCENE, (Passage("a", "assistant", "x"),), asked)
    await made(patronus, ports, "response").ask(exam)
    assert patronus.asked[0].json["evaluated_model_retrieved_context"][0] == "10"
    with pytest.raises(GuardrailFault) as raised:
        await made(patronus, ports).ask(exams.texts("x" * 300_000))
    assert raised.value.fault == "too_large"


async def test_the_wrong_hook_and_nothing_to_judge(patronus: PatronusStandIn, ports: Ports) -> None:
    """P3: no answer yet is no pass; no text is nothing to ask about."""
    with pytest.raises(GuardrailFault) as raised:
        await made(patronus, ports, "response").ask(exams.texts("x"))
    assert raised.value.fault == "defect"
    assert await made(patronus, ports).ask(exams.texts(" ")) == Opinion()
    assert patronus.asked == []
