"""What one caller says or does is not felt by the others, and escapes no limit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from extproc.errors import Code
from extproc.exchange.values import ResponseHead
from extproc.routing.values import Ended, Ending
from tests.exchange.stage import STARTED_MS, Stage, come, rates

LATE = ResponseHead(504, "application/json", 1, "UT", False, attempts=(Ended(1, Ending.LATE, 504),))


async def times_out_twice(stage: Stage, also: Mapping[str, str]) -> bool:
    """Two calls with these headers find their target late; whether it is ill for all then."""
    for _ in range(2):
        said = await stage.say(also=also)
        (attempt,) = said.allowed.attempts
        said.exchange.on_head(LATE)
        said.exchange.on_body(b"{}", last=True)
        await said.over()
    key = (attempt.target.connection, attempt.target.model.id)
    return stage.world.router.figures.ill(key, STARTED_MS + 1000)


async def test_two_late_answers_make_a_target_ill(stage: Stage) -> None:
    """Route (reference 7.1): under the target's own limits lateness counts for its health."""
    await stage.open()
    assert await times_out_twice(stage, {})


@pytest.mark.parametrize("name", ["x-tfy-request-timeout", "x-tfy-ttft-timeout-ms"])
async def test_an_impatient_caller_makes_no_target_ill(stage: Stage, name: str) -> None:
    """Route: a limit that one call set for itself says nothing to the calls of others."""
    await stage.open()
    assert not await times_out_twice(stage, {name: "1"})


@pytest.mark.parametrize("told", ["Text/Event-Stream", "TEXT/EVENT-STREAM; charset=utf-8"])
async def test_a_stream_by_any_spelling_is_locked(stage: Stage, told: str) -> None:
    """Guard: Envoy's lock on pieces knows a stream by its exact letters, so they are ours."""
    await stage.open()
    said = await stage.say(stream=True)
    reply = await come(said.exchange.on_head(ResponseHead(200, told, 1, "", False)))
    assert reply.headers["content-type"] == "text/event-stream"
    await said.over(complete=False)


async def test_a_count_made_here_is_one_request(stage: Stage) -> None:
    """P3: Anthropic's count_tokens asks no provider here, and is limited all the same."""
    await stage.open(rates({"id": "r", "limit_to": 1, "unit": "requests_per_minute"}))
    body = {"model": "big/large", "messages": [{"role": "user", "content": "hello"}]}
    first = await stage.say(body, path="/v1/messages/count_tokens")
    assert first.answered.body
    await first.over()
    second = await stage.say(body, path="/v1/messages/count_tokens")
    assert second.refused.refusal.code is Code.RATE_LIMIT_EXCEEDED
    await second.over()
