"""A judge against a stand-in of this gateway's listener: what it asks, and what it makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from extproc.config.judge_settings import CONTEXT_CUT, UNGROUNDED
from extproc.errors import TABLE, Code, Refusal
from extproc.guardrails.services.judge import service
from extproc.guardrails.values import GuardrailFault, Opinion, Scene
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.error_body import refusal_body
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.strict_json import dump, parse
from extproc.llm.translate import translator
from tests.guardrails.judge.given import (
    DECISION,
    OWN,
    SUITE,
    TRACE,
    Loopback,
    StandIn,
    answer,
    exam,
    passage,
    ports,
    says,
    scored,
    settings,
)


async def ask(gateway: StandIn, http: Loopback, given: Any = None, **changes: Any) -> Opinion:
    return await service(settings(**changes), ports(http, gateway.url)).ask(given or exam())


async def fault(gateway: StandIn, http: Loopback, given: Any = None, **changes: Any) -> str:
    with pytest.raises(GuardrailFault) as raised:
        await ask(gateway, http, given, **changes)
    return raised.value.fault


async def test_the_gateway_is_asked_as_the_account(gateway: StandIn, http: Loopback) -> None:
    """P2: the judge's cost is that account's, for the gateway itself meters the call."""
    await ask(gateway, http)
    (line, headers, body) = gateway.seen[0]
    assert line == "POST /v1/chat/completions"
    assert headers["authorization"] == "Bearer ei_of-judges"
    assert headers["content-type"] == "application/json"
    assert headers["traceparent"] == TRACE
    assert json.loads(headers["x-tfy-metadata"]) == {"envelope_judged": DECISION}
    assert (body["model"], body["temperature"], body["max_completion_tokens"]) == (
        "prod/judge", 0, 500,
    )  # fmt: skip
    assert "stream" not in body


@pytest.mark.parametrize("changes", SUITE)
async def test_every_provider_can_be_asked(
    gateway: StandIn, http: Loopback, changes: dict[str, Any]
) -> None:
    """P1: the question is a call as any other: read strictly, and carried to either dialect."""
    await ask(gateway, http, exam("it said \ud800 so"), **changes)
    body = parse(dump(gateway.seen[0][2]))
    assert isinstance(body, dict)
    assert not isinstance(OPENAI_CHAT.read_call("/v1/chat/completions", body), Refusal)
    to_anthropic = translator(OPENAI_CHAT, ANTHROPIC_MESSAGES)
    assert to_anthropic is not None
    made = to_anthropic.request(body, stream=False, default_max_tokens=100)
    assert not isinstance(made, Refusal)


@pytest.mark.parametrize(
    ("score", "threshold", "objects"),
    [(0, 0.5, False), (0.49, 0.5, False), (0.5, 0.5, True), (1, 1.0, True), (0.99, 1.0, False)],
)
async def test_scores_from_the_threshold_on_are_findings(
    gateway: StandIn, http: Loopback, score: float, threshold: float, objects: bool
) -> None:
    """P5: label and score go to the entry, nothing of the text does."""
    gateway.model = says(lambda body: scored(score, body))
    opinion = await ask(gateway, http, threshold=threshold)
    found = [(one.label, one.score, one.path) for one in opinion.remarks]
    assert found == ([(UNGROUNDED, score, "")] if objects else [])
    assert opinion.message == "" and not opinion.spans and not opinion.texts


async def test_each_criterion_is_scored_by_itself(gateway: StandIn, http: Loopback) -> None:
    """P5: of two criteria the one that is broken is named."""

    def model(body: Any) -> str:
        judged = json.loads(scored(0, body))
        judged["scores"]["RUDE"] = 0.9
        return json.dumps(judged)

    gateway.model = says(model)
    opinion = await ask(gateway, http, criteria=OWN)
    assert [one.label for one in opinion.remarks] == ["RUDE"]


# --- faults --------------------------------------------------------------------------------------

REFUSED = {
    Code.INVALID_REQUEST: "bad_answer",
    Code.METADATA_CONTRACT_VIOLATION: "unauthorized",
    Code.GUARDRAIL_BLOCKED: "unauthorized",
    Code.REQUEST_CAP_EXCEEDED: "too_large",
    Code.INVALID_API_KEY: "unauthorized",
    Code.PERMISSION_DENIED: "unauthorized",
    Code.UNKNOWN_ROUTE: "bad_answer",
    Code.IDEMPOTENCY_CONFLICT: "bad_answer",
    Code.REQUEST_TOO_LARGE: "too_large",
    Code.UNSUPPORTED_MEDIA_TYPE: "bad_answer",
    Code.RATE_LIMIT_EXCEEDED: "rate_limited",
    Code.BUDGET_EXCEEDED: "budget",
}
"""Every refusal that is not listed is a 5xx, and `unreachable`."""


@pytest.mark.parametrize("code", list(Code))
async def test_every_refusal_of_the_gateway_is_a_fault(
    gateway: StandIn, http: Loopback, code: Code
) -> None:
    """P5: why a judge could not judge shows, in the gateway's own words (contract, section 4)."""
    assert code in REFUSED or TABLE[code].status >= 500
    body = refusal_body("openai", Refusal(code), DECISION)
    gateway.model = lambda _: web.Response(status=TABLE[code].status, body=body)
    assert await fault(gateway, http) == REFUSED.get(code, "unreachable")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(429, "insufficient_quota", "rate_limited"), (429, None, "rate_limited"),
     (400, "context_length_exceeded", "too_large"), (400, None, "bad_answer"),
     (402, None, "unauthorized"), (404, "model_not_found", "bad_answer"),
     (301, None, "bad_answer"), (204, None, "bad_answer"), (529, None, "unreachable")],
)  # fmt: skip
async def test_a_providers_errors_are_faults_too(
    gateway: StandIn, http: Loopback, status: int, code: str | None, expected: str
) -> None:
    """P5: what comes through from behind the gateway is no judgement either."""
    body = b"" if status == 204 else json.dumps({"error": {"code": code}}).encode()
    gateway.model = lambda _: web.Response(status=status, body=body)
    assert await fault(gateway, http) == expected


async def test_a_budgets_own_text_is_no_judgement(gateway: StandIn, http: Loopback) -> None:
    """P2: a budget that answers with a fixed text has no room left, whatever the text says."""
    gateway.model = lambda body: web.json_response(
        answer(scored(0, body)), headers={"x-tfy-resolved-model": "template"}
    )
    assert await fault(gateway, http) == "budget"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"choices": []}', b'{"choices": [{}]}',
     json.dumps(answer(None)).encode(), json.dumps(answer(["x"])).encode(),
     json.dumps({"choices": [*answer("x")["choices"]] * 2}).encode(), b"\xff\xfe",
     b'{"choices": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"],
)  # fmt: skip
async def test_an_answer_of_another_shape_is_none(
    gateway: StandIn, http: Loopback, body: bytes
) -> None:
    """P5: nothing is read into what is not a Chat Completions answer with one choice."""
    gateway.model = lambda _: web.Response(body=body)
    assert await fault(gateway, http) == "bad_answer"


# --- what is not asked ---------------------------------------------------------------------------


async def test_a_judge_does_not_judge_its_own_question(gateway: StandIn, http: Loopback) -> None:
    """P5: the gateway's own call ends here, or it would ask itself for ever."""
    given = exam(scene=Scene(internal=True))
    assert await fault(gateway, http, given) == "defect"
    assert gateway.seen == []


@pytest.mark.parametrize(
    ("given", "criteria"),
    [(exam(passages=()), "groundedness"), (exam(" \n"), "groundedness"),
     (exam(hook="llm_input"), "groundedness"), (exam(hook="llm_input"), "relevance"),
     (exam(hook="mcp_tool_post_invoke"), "relevance")],
)  # fmt: skip
async def test_nothing_to_judge_costs_nothing(
    gateway: StandIn, http: Loopback, given: Any, criteria: str
) -> None:
    """P8: no text, or no answer to hold against its request: no question."""
    assert await ask(gateway, http, given, criteria=criteria) == Opinion()
    assert gateway.seen == []


@pytest.mark.parametrize("hook", ["llm_input", "mcp_tool_pre_invoke", "mcp_tool_post_invoke"])
async def test_own_criteria_are_for_every_hook(gateway: StandIn, http: Loopback, hook: str) -> None:
    """P5: what is a rule for a text can be asked of any text."""
    gateway.model = says(lambda body: scored(1, body))
    given = exam(hook=hook, passages=(passage("sue them", "user"),), asked=())
    opinion = await ask(gateway, http, given, criteria=OWN)
    assert [one.label for one in opinion.remarks] == ["NO_LEGAL_ADVICE", "RUDE"]


async def test_texts_beyond_the_limit_are_not_half_judged(gateway: StandIn, http: Loopback) -> None:
    """P3: what is not looked at is never called passed."""
    assert await fault(gateway, http, exam("x" * 60, "y" * 41), max_text_chars=100) == "too_large"
    assert gateway.seen == []
    await ask(gateway, http, exam("x" * 60, "y" * 40), max_text_chars=100)
    assert len(gateway.seen) == 1


# --- cut context ---------------------------------------------------------------------------------


@pytest.mark.parametrize("criteria", ["groundedness", "relevance"])
async def test_cut_context_can_acquit_and_not_convict(
    gateway: StandIn, http: Loopback, criteria: str
) -> None:
    """P5: support that was seen is support; support that was not seen may have been cut off."""
    changes = {"criteria": criteria, "max_context_chars": 20}
    assert await ask(gateway, http, **changes) == Opinion()
    gateway.model = says(lambda body: scored(1, body))
    assert await fault(gateway, http, **changes) == "too_large"


async def test_a_cut_beside_an_own_criterion_is_named(gateway: StandIn, http: Loopback) -> None:
    """P5: a finding that needs no context stands, and the entry tells that some was left out."""
    gateway.model = says(lambda body: scored(1, body))
    cut = await ask(gateway, http, criteria=OWN[:1], max_context_chars=20)
    assert [(one.label, one.score) for one in cut.remarks] == [
        ("NO_LEGAL_ADVICE", 1), (CONTEXT_CUT, None),
    ]  # fmt: skip
    whole = await ask(gateway, http, criteria=OWN[:1])
    assert [one.label for one in whole.remarks] == ["NO_LEGAL_ADVICE"]
    gateway.model = says(lambda body: scored(0, body))
    assert await ask(gateway, http, criteria=OWN[:1], max_context_chars=20) == Opinion()


async def test_own_criteria_can_do_without_context(gateway: StandIn, http: Loopback) -> None:
    """P8: `max_context_chars: 0` sends the text alone."""
    await ask(gateway, http, criteria=OWN, max_context_chars=0)
    prompt = gateway.seen[0][2]["messages"][1]["content"]
    assert "1932" in prompt and "bridge" not in prompt and "BEGIN CONTEXT" not in prompt


# --- odds and ends -------------------------------------------------------------------------------


async def test_the_schema_can_be_left_out(gateway: StandIn, http: Loopback) -> None:
    """Contract, section 3: servers that know no `response_format` refuse it."""
    gateway.model = lambda _: web.json_response(answer("no idea"))
    assert await fault(gateway, http, structured=False) == "bad_answer"
    assert "response_format" not in gateway.seen[0][2]


async def test_no_trace_is_invented(gateway: StandIn, http: Loopback) -> None:
    """W3C Trace Context: where the caller had none, the judge's call begins its own."""
    given = exam()
    await ask(gateway, http, replace(given, scene=replace(given.scene, traceparent="")))
    assert "traceparent" not in gateway.seen[0][1]


async def test_marks_are_new_for_every_question(gateway: StandIn, http: Loopback) -> None:
    """P5: a token seen once is worth nothing for another call, hook, text or account."""
    given = exam()
    other = replace(given.scene, decision_id="other")
    for one in (given, given, exam("else"), exam(scene=other), exam(hook="llm_input")):
        await ask(gateway, http, one, criteria=OWN)
    await ask(gateway, http, given, criteria=OWN, account="others")
    tokens = [body["messages"][1]["content"][-13:] for _, _, body in gateway.seen]
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 5


def test_judges_fail_by_account_and_model(http: Loopback) -> None:
    """P5: one account's empty budget opens no other account's circuit."""
    different = ({}, {"account": "b"}, {"model": "c/d"}, {"criteria": "relevance"})
    made = [service(settings(**one), ports(http, "")).endpoint for one in different]
    assert made[0] == made[3] == "judge:judges:prod/judge"
    assert len(set(made)) == 3


def test_the_key_is_in_no_repr(http: Loopback) -> None:
    """P4: a judge that shows up in a traceback shows no key."""
    judge = service(settings(), ports(http, ""))
    assert "ei_of" not in repr(judge) + repr(vars(judge))
