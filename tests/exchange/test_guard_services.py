"""Guardrail services in one exchange: who waits for whom, what a violation and a fault mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.errors import Code
from extproc.exchange.values import ResponseHead
from tests.exchange.judges import DENY, PASS, Judge, guards, webhook
from tests.exchange.stage import Stage, come

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    async with Judge() as made:
        yield made


@pytest.mark.parametrize(("strategy", "says", "status", "code", "outcome"), [
    ("audit", DENY, 200, None, "audit"),
    ("enforce", DENY, 200, Code.GUARDRAIL_BLOCKED, "block"),
    ("strict", DENY, 200, Code.GUARDRAIL_BLOCKED, "block"),
    ("audit", PASS, 500, None, "error"),
    ("enforce", PASS, 500, None, "error"),
    ("strict", PASS, 500, Code.GUARDRAIL_UNAVAILABLE, "error"),
    ("strict", PASS, 200, None, "pass"),
])  # fmt: skip
async def test_six_outcomes(
    stage: Stage, judge: Judge, strategy: str, says: Any, status: int, code: Code | None,
    outcome: str,
) -> None:  # fmt: skip
    """Contract (strategies): violation and failure, in audit, enforce and strict (P3: it shows)."""
    judge.says, judge.status = says, status
    await stage.open(*guards(webhook(judge, enforcing_strategy=strategy)))
    said = await stage.say()
    assert (said.refused.refusal.code if code else None) == code
    if not code:
        assert await said.reply("ok") == "ok"
    entry = await said.over()
    found = entry["guardrails"]["llm_input"]
    assert found["outcomes"] == {"g/judge": outcome}
    assert found.get("faults") == ({"g/judge": "unreachable"} if status == 500 else None)


@pytest.mark.parametrize("strategy", ["enforce", "strict"])
async def test_a_judge_that_takes_too_long_has_failed(
    stage: Stage, judge: Judge, strategy: str
) -> None:
    """P3: a time-out is a failure, named as one; the strategy decides."""
    judge.hold()
    await stage.open(*guards(webhook(judge, enforcing_strategy=strategy, timeout_ms=50)))
    said = await stage.say()
    if strategy == "strict":
        assert said.refused.refusal.code is Code.GUARDRAIL_UNAVAILABLE
    else:
        assert said.allowed
    found = (await said.over(complete=False))["guardrails"]["llm_input"]
    assert found["faults"] == {"g/judge": "timeout"}


async def test_validating_judges_are_asked_together(stage: Stage, judge: Judge) -> None:
    """Guard: validates run in parallel; the first refusal ends the waiting for the others."""
    async with Judge() as slow:
        slow.hold()
        judge.says = DENY
        await stage.open(*guards(webhook(slow, "slow", timeout_ms=30_000), webhook(judge)))
        said = await stage.say()
        assert said.refused.refusal.rule_id == "g/judge"
        found = (await said.over(complete=False))["guardrails"]["llm_input"]
        assert found["outcomes"] == {"g/slow": "pending", "g/judge": "block"}


@BOTH_WAYS
async def test_a_parallel_judge_lets_the_call_start(
    stage: Stage, judge: Judge, stream: bool
) -> None:
    """Guard (`execution: parallel`): the call starts meanwhile; its answer waits, and is kept from
    the caller when the judge refuses (P1)."""
    judge.hold()
    judge.says = DENY
    await stage.open(*guards(webhook(judge, execution="parallel")))
    said = await stage.say(stream=stream)
    assert said.allowed
    answer = asyncio.create_task(said.reply("the model has spoken", stream=stream))
    await judge.called()
    await asyncio.sleep(0)
    assert not answer.done()
    judge.free()
    assert await answer == "guardrail_blocked"
    entry = await said.over()
    assert entry["decision"]["code"] == "guardrail_blocked"
    assert entry["guardrails"]["llm_input"]["outcomes"] == {"g/judge": "block"}
    assert entry["cost_nano_usd"] > 0, "the provider has worked, and is paid (P2)"


@BOTH_WAYS
async def test_a_parallel_judge_that_agrees_changes_nothing(
    stage: Stage, judge: Judge, stream: bool
) -> None:
    """Guard (`execution: parallel`): what it lets pass comes as it was."""
    await stage.open(*guards(webhook(judge, execution="parallel", enforcing_strategy="strict")))
    said = await stage.say(stream=stream)
    assert await said.reply("all is well", stream=stream) == "all is well"
    entry = await said.over()
    assert entry["guardrails"]["llm_input"]["outcomes"] == {"g/judge": "pass"}


@BOTH_WAYS
@pytest.mark.parametrize("hook", ["llm_input", "llm_output"])
async def test_nobody_waits_for_a_judge_afterwards(
    stage: Stage, judge: Judge, stream: bool, hook: str
) -> None:
    """Guard (`execution: after`): the answer has left before the judge speaks; the finding is in
    the one entry all the same (P3)."""
    judge.hold()
    judge.says = DENY
    fields = {"execution": "after", "enforcing_strategy": "strict"}
    await stage.open(*guards(webhook(judge, **fields), on=(hook,)))
    said = await stage.say(stream=stream)
    assert await said.reply("said and done", stream=stream) == "said and done"
    said.exchange.close(complete=True)
    assert said.exchange.lingers
    await judge.called()
    judge.free()
    entry = await said.over()
    assert entry["guardrails"][hook]["outcomes"] == {"g/judge": "audit"}
    assert entry["guardrails"][hook]["findings"][0]["label"] == "WEBHOOK_DENIED"


async def test_a_worker_that_dies_before_the_last_judge_leaves_the_facts(
    stage: Stage, judge: Judge
) -> None:
    """P3: what is known when the answer has left is in the spool, whoever still thinks."""
    judge.hold()
    await stage.open(*guards(webhook(judge, execution="after"), on=("llm_output",)))
    said = await stage.say()
    await said.reply("said and done")
    said.exchange.close(complete=True)
    spool = [path for path in (stage.folder / "spool").iterdir() if path.suffix != ".lock"]
    every = [line for path in spool for line in path.read_text().splitlines()]
    lines = [line for line in every if said.exchange.decision_id in line]
    assert '"usage"' in lines[-1] and '"pending"' in lines[-1]
    assert not any('"close"' in line[:40] for line in lines)
    judge.free()
    await said.over()


@pytest.mark.parametrize(("strategy", "told"), [("enforce", False), ("audit", True)])
async def test_a_providers_error_is_not_told_before_it_is_judged(
    stage: Stage, judge: Judge, strategy: str, told: bool
) -> None:
    """P5: nobody judges errors as a whole; where a judge might refuse, only the status goes on."""
    await stage.open(*guards(webhook(judge, enforcing_strategy=strategy), on=("llm_output",)))
    said = await stage.say()
    said.exchange.on_head(ResponseHead(400, "application/json", 1, "", False))
    error = {"error": {"message": "you said forbidden words", "type": "invalid_request_error"}}
    reply = await come(said.exchange.on_body(json.dumps(error).encode(), last=True))
    assert reply.status in (None, 400) and json.loads(reply.body)["error"]["message"]
    assert (b"forbidden words" in reply.body) is told
    await said.over()


@BOTH_WAYS
async def test_a_strict_guardrail_that_cannot_begin_lets_nothing_pass(
    stage: Stage, stream: bool
) -> None:
    """P5: a system prompt too long to be learned is a failure; strict refuses, streamed or not."""
    leak = {"name": "leak", "type": "prompt-leak", "enforcing_strategy": "strict"}
    await stage.open(*guards(leak, on=("llm_output",)))
    system = {"role": "system", "content": "word " * 120_000}
    messages = [system, {"role": "user", "content": "hello"}]
    said = await stage.say(messages=messages, stream=stream)
    assert said.allowed
    heard = await said.reply("word word word", stream=stream, pieces=3)
    assert heard.removeprefix("...") == "guardrail_unavailable"
    found = (await said.over())["guardrails"]["llm_output"]
    assert found["faults"] == {"g/leak": "too_large"}


@BOTH_WAYS
@pytest.mark.parametrize(("says", "heard"), [(PASS, "fine words"), (DENY, "guardrail_blocked")])
async def test_an_answer_is_judged_whole(
    stage: Stage, judge: Judge, stream: bool, says: Any, heard: str
) -> None:
    """P5: streamed or not, the judge sees the whole text and its verdict is the same."""
    judge.says = says
    await stage.open(*guards(webhook(judge), on=("llm_output",)))
    said = await stage.say(stream=stream)
    got = await said.reply("fine words", stream=stream, pieces=5)
    assert got.removeprefix("...") == heard
    shown = judge.asked[0]["responseBody"]["choices"][0]["message"]["content"]
    assert shown == "fine words"
    assert "answer_not_seen" not in (await said.over()).get("usage", {}).get("flags", [])


@BOTH_WAYS
async def test_a_judge_may_rewrite_the_answer(stage: Stage, judge: Judge, stream: bool) -> None:
    """Guard (mutate on output): the rewritten text is what the caller gets, streamed or not."""
    await stage.open(*guards(webhook(judge, operation="mutate"), on=("llm_output",)))
    said = await stage.say(stream=stream)
    answer = asyncio.create_task(said.reply("an ugly word", stream=stream, pieces=3))
    judge.hold()
    await judge.called()
    body = judge.asked[0]["responseBody"]
    body["choices"][0]["message"]["content"] = "a nice word"
    judge.says = {"verdict": True, "transformed": True, "result": body}
    judge.free()
    assert await answer == "a nice word"
    found = (await said.over())["guardrails"]["llm_output"]
    assert found["outcomes"] == {"g/judge": "mutate"}
    assert found["findings"][0]["label"] == "REWRITTEN"


async def test_a_judge_sees_the_request_as_redacted(stage: Stage, judge: Judge) -> None:
    """P4: what no provider may see, no guardrail service sees."""
    mask = {"name": "mask", "type": "pii", "operation": "mutate"}
    await stage.open(*guards(mask, webhook(judge)))
    said = await stage.say(messages=[{"role": "user", "content": "mail ada@example.com"}])
    assert said.sent[0]["messages"][0]["content"] == "mail [EMAIL]"
    assert "ada@example.com" not in str(judge.asked)


async def test_a_failing_judge_is_left_alone_for_a_while(stage: Stage, judge: Judge) -> None:
    """Guard (circuit breaker): after five failures in a row nobody asks it for some time."""
    judge.status = 500
    await stage.open(*guards(webhook(judge)))
    for _ in range(7):
        said = await stage.say()
        entry = await said.over(complete=False)
    assert len(judge.asked) == 5
    assert entry["guardrails"]["llm_input"]["faults"] == {"g/judge": "circuit_open"}


async def test_a_caller_who_leaves_is_recorded_once(stage: Stage, judge: Judge) -> None:
    """P3: a parallel judge that still thinks when the caller leaves is dismissed, and pending."""
    judge.hold()
    await stage.open(*guards(webhook(judge, execution="parallel", timeout_ms=30_000)))
    said = await stage.say()
    await judge.called()
    entry = await said.over(complete=False)
    assert entry["guardrails"]["llm_input"]["outcomes"] == {"g/judge": "pending"}
