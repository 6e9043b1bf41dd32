"""Where the time went: header, entry and spans agree, and leave no gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from extproc.exchange.exchange import Exchange
from extproc.routing.values import Ended, Ending
from extproc.telemetry.span import spans_of
from tests.exchange.stage import Said, Stage, delta
from tests.telemetry.collector import plain

GUARDED = (
    {"type": "guardrail-config-group", "name": "g", "guardrails": [
        {"name": "pii", "type": "pii", "operation": "mutate"}]},
    {"type": "gateway-guardrails-config", "name": "on", "rules": [
        {"id": "all", "when": {}, "llm_input_guardrails": ["g/pii"],
         "llm_output_guardrails": ["g/pii"]}]},
)  # fmt: skip
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7"


class Steps:
    """A clock on which everything takes a while, and never the same."""

    def __init__(self) -> None:
        self._now, self._step = 10**9, 0

    def __call__(self) -> int:
        self._step = (self._step * 31 + 7_919) % 900_001
        self._now += self._step
        return self._now


async def _opened(stage: Stage, *documents: Any) -> Stage:
    await stage.open(*documents)
    telemetry = stage.world.config.gateway.telemetry
    on = telemetry.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9"})
    gateway = stage.world.config.gateway.model_copy(update={"telemetry": on})
    config = stage.world.config.model_copy(update={"gateway": gateway})
    stage.world = replace(stage.world, config=config, now_ns=Steps())
    return stage


def _timing(headers: Mapping[str, str]) -> dict[str, float]:
    parts = [part.strip().split(";dur=") for part in headers["server-timing"].split(",")]
    return {name: float(ms) for name, ms in parts}


def _spans(exchange: Exchange) -> tuple[Any, list[Any], list[Any]]:
    """The exchange's own, its phases, its attempts."""
    server, *children = map(Span.FromString, spans_of(exchange.record))
    phases = [one for one in children if one.kind == one.SPAN_KIND_INTERNAL]
    return server, phases, [one for one in children if one.kind == one.SPAN_KIND_CLIENT]


@pytest.mark.parametrize("documents", [(), GUARDED], ids=["plain", "guarded"])
@pytest.mark.parametrize("status", [200, 500])
async def test_server_timing_adds_up(stage: Stage, documents: tuple[Any, ...], status: int) -> None:
    """Contract 3, `server-timing`: its parts and the provider's time are its total, but for
    rounding, whatever each takes."""
    said = await (await _opened(stage, *documents)).say()
    timing = _timing(said.answer((3, 4), status=status))
    total = timing.pop("total")
    assert {"audit", "route", "auth", "policy", "limits", "verdict", "provider", "answer"} <= set(
        timing
    )
    assert ("guardrails_out" in timing) == (bool(documents) and status == 200)
    assert sum(timing.values()) == pytest.approx(total, abs=0.0006 * len(timing))
    assert min(timing.values()) >= 0


async def test_phases_leave_no_gap_before_the_provider(stage: Stage) -> None:
    """Telemetry: what the phases took is all the time until the verdict, also in the entry."""
    said = await (await _opened(stage, *GUARDED)).say()
    record = said.exchange.record
    assert sum(record.phases_ns.values()) == record.sent_ns - record.started_ns
    said.answer()
    entry = await said.over()
    assert set(entry["phases_us"]) == set(record.phases_ns)
    assert min(entry["phases_us"].values()) >= 0
    assert sum(record.phases_ns.values()) + record.provider_ns <= (
        record.ended_ns - record.started_ns
    )


async def test_spans_follow_each_other(stage: Stage) -> None:
    """Telemetry: a child per stretch of a phase, in order, end to end; the attempt between."""
    said = await (await _opened(stage, *GUARDED)).say(temperature=0.5, max_tokens=9)
    said.answer((3, 4))
    await said.over()
    server, phases, (attempt,) = _spans(said.exchange)
    names = [one.name for one in phases]
    assert names[:4] == ["audit", "route", "auth", "contract"]
    assert names[-4:] == ["verdict", "answer", "guardrails_out", "answer"]
    governed = phases[: names.index("verdict") + 1]
    assert governed[0].start_time_unix_nano == server.start_time_unix_nano
    for one, after in pairwise(governed):
        assert one.end_time_unix_nano == after.start_time_unix_nano
    assert attempt.start_time_unix_nano == governed[-1].end_time_unix_nano
    told = plain(server.attributes)
    assert (told["gen_ai.request.temperature"], told["gen_ai.request.max_tokens"]) == (0.5, 9)
    assert told["gen_ai.response.finish_reasons"] == ["stop"]


async def test_a_stream_is_traced_like_a_whole_answer(stage: Stage) -> None:
    """P5: time to first token, finish reasons, the guardrails' work; nothing leaves the parent."""
    said = await (await _opened(stage, *GUARDED)).say(stream=True)
    last = delta("two")
    last["choices"][0]["finish_reason"] = "length"
    said.stream(delta("one "), last, None)
    await said.over()
    server, phases, (attempt,) = _spans(said.exchange)
    told = plain(server.attributes)
    assert told["gen_ai.response.finish_reasons"] == ["length"]
    assert told["gen_ai.response.time_to_first_chunk"] > 0
    judged = next(one for one in phases if one.name == "guardrails_out")
    assert plain(judged.attributes)["envelope.phase.busy_s"] > 0
    for child in (*phases, attempt):
        assert server.start_time_unix_nano <= child.start_time_unix_nano
        assert child.start_time_unix_nano <= child.end_time_unix_nano
        assert child.end_time_unix_nano <= server.end_time_unix_nano


def _carried(said: Said) -> list[str]:
    """The traceparent of each attempt, as its provider gets it."""
    first = said.exchange.upstream_headers()["traceparent"]
    return [a.headers.get("traceparent", first) for a in said.allowed.attempts]


ROUTED = {"type": "gateway-load-balancing-config", "name": "r", "rules": [
    {"id": "two", "type": "priority-based-routing", "when": {"models": ["prod/two"]},
     "load_balance_targets": [
         {"target": "big/large", "priority": 0, "fallback_status_codes": ["500"]},
         {"target": "small/tiny", "priority": 1}]}]}  # fmt: skip


async def test_each_provider_is_given_the_span_of_its_attempt(stage: Stage) -> None:
    """Telemetry: what a provider does hangs below the attempt that reached it, in the caller's
    trace."""
    said = await (await _opened(stage, ROUTED)).say(
        model="prod/two", also={"traceparent": f"{CALLER}-01", "tracestate": "a=1"}
    )
    carried = _carried(said)
    assert len(carried) == len(set(carried)) == 2
    said.answer(attempts=(Ended(1, Ending.ANSWERED, 500), Ended(2, Ending.ANSWERED, 200)))
    await said.over()
    server, _, made = _spans(said.exchange)
    assert [f"00-{TRACE}-{one.span_id.hex()}-01" for one in made] == carried
    assert {one.parent_span_id for one in made} == {server.span_id}
    assert (server.trace_state, server.parent_span_id.hex()) == ("a=1", "00f067aa0ba902b7")
    reasons = [plain(one.attributes)["envelope.attempt.reason"] for one in made]
    assert reasons == ["first", "fallback"]


@pytest.mark.parametrize(("parent", "kept"), [(f"{CALLER}-01", True), ("nonsense", False)])
async def test_a_state_goes_on_with_its_trace_only(stage: Stage, parent: str, kept: bool) -> None:
    """W3C Trace Context 4.2: `tracestate` beside a `traceparent` that is none is taken off."""
    also = {"traceparent": parent, "tracestate": "a=1"}
    said = await (await _opened(stage, ROUTED)).say(model="prod/two", also=also)
    assert ["tracestate" not in a.remove for a in said.allowed.attempts] == [kept, kept]


@pytest.mark.parametrize("also", [
    {"traceparent": f"{CALLER}-00"}, {"x-tfy-logging-config": '{"enabled": false}'},
])  # fmt: skip
async def test_who_does_not_want_spans_gets_none(stage: Stage, also: dict[str, str]) -> None:
    """Contract 3, `traceparent`, `x-tfy-logging-config`: nothing is kept for spans, and providers
    are given the exchange's own id, once for all attempts."""
    said = await (await _opened(stage, ROUTED)).say(model="prod/two", also=also)
    record = said.exchange.record
    assert record.spans is None and record.trace is not None
    assert set(_carried(said)) == {record.trace.traceparent}
    said.answer()
    await said.over()
    assert (record.finish_reasons, dict(record.asked)) == ((), {})


async def test_without_a_collector_nothing_is_kept_for_spans(stage: Stage) -> None:
    """P8: who exports nothing pays nothing."""
    await stage.open()
    assert (await stage.say()).exchange.record.spans is None
