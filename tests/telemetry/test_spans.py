"""What the spans of one exchange say: the exchange, its phases, its attempts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from extproc.exchange import record as rec
from extproc.exchange.record import Clamped, Degraded
from extproc.exchange.trace import begin
from extproc.guardrails.values import Finding, HookResult
from extproc.routing.values import Ended, Ending
from extproc.telemetry import span
from extproc.telemetry.span_events import EVENTS_MAX
from tests.telemetry.collector import plain
from tests.telemetry.records import CLAUDE, DECISION, MS, OPENAI, STARTED_MS, refused, served

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
START_NS = STARTED_MS * MS


def spans_of(record: rec.Record, conversation_key: str = "") -> list[Any]:
    """Read back with the official messages."""
    return [Span.FromString(one) for one in span.spans_of(record, conversation_key)]


def of_kind(spans: list[Any], kind: Any) -> list[Any]:
    return [span for span in spans if span.kind == kind]


def attempts(record: rec.Record) -> list[Any]:
    return of_kind(spans_of(record), Span.SPAN_KIND_CLIENT)


def said(span: Any) -> Mapping[str, Any]:
    return plain(span.attributes)


def test_one_span_tells_one_exchange() -> None:
    """P3: one span per exchange, under ids that are found again from its entry."""
    span, *_ = spans_of(served())
    trace = begin("", DECISION)
    assert (span.trace_id.hex(), span.span_id.hex()) == (trace.trace_id, trace.span_id)
    assert (span.name, span.kind) == ("chat prod/assistant", Span.SPAN_KIND_SERVER)
    assert not span.parent_span_id
    assert span.start_time_unix_nano == START_NS
    assert span.end_time_unix_nano - span.start_time_unix_nano == 200 * MS
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert said(span) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "prod/assistant", "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.request.stream": True, "gen_ai.request.max_tokens": 500,
        "gen_ai.request.temperature": 0.5, "gen_ai.request.seed": 7,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.05, "gen_ai.usage.input_tokens": 112,
        "gen_ai.usage.output_tokens": 21, "gen_ai.usage.cache_read.input_tokens": 12,
        "gen_ai.usage.cache_creation.input_tokens": 0, "http.response.status_code": 200,
        "envelope.decision_id": DECISION, "envelope.outcome": "allowed",
        "envelope.target": "openai-main/gpt-4o-mini", "envelope.attempts": 1,
        "envelope.cost_nano_usd": 27_600, "envelope.team": "support-ai",
        "envelope.environment": "production", "envelope.rule_ids": ["team-rpm"],
        "envelope.governance_s": 0.001, "envelope.time_per_output_token_s": 0.007,
    }  # fmt: skip


def test_every_phase_is_a_child_where_it_was() -> None:
    """Telemetry: a span per phase, with its own beginning and end."""
    server, *rest = spans_of(served())
    phases = of_kind(rest, Span.SPAN_KIND_INTERNAL)
    times = [(p.name, p.start_time_unix_nano - START_NS, p.end_time_unix_nano - START_NS)
             for p in phases]  # fmt: skip
    assert times == [("auth", 0, 20_000), ("policy", 20_000, 80_000), ("limits", 80_000, 380_000),
                     ("verdict", 380_000, MS)]  # fmt: skip
    assert {p.parent_span_id for p in phases} == {server.span_id}
    assert said(phases[0]) == {"envelope.phase": "auth"}


def test_phase_that_worked_now_and_then_says_how_long() -> None:
    """Telemetry: a stream is judged in pieces; the span lasts as long as the stream."""
    record = served()
    record.worked("guardrails_out", 50 * MS, 51 * MS)
    record.worked("guardrails_out", 150 * MS, 153 * MS)
    *_, judged = of_kind(spans_of(record), Span.SPAN_KIND_INTERNAL)
    assert judged.end_time_unix_nano - judged.start_time_unix_nano == 103 * MS
    assert said(judged) == {"envelope.phase": "guardrails_out", "envelope.phase.busy_s": 0.004}
    assert record.phases_ns["guardrails_out"] == 4 * MS


def test_single_attempt_has_its_own_times() -> None:
    """Telemetry: a CLIENT span per attempt, under the id that its provider was given."""
    record = served()
    (attempt,) = attempts(record)
    assert attempt.span_id.hex() == begin("", DECISION).attempt(1).split("-")[2]
    assert attempt.name == "chat gpt-4o-mini"
    assert attempt.start_time_unix_nano == START_NS + 1 * MS
    assert attempt.end_time_unix_nano == START_NS + 200 * MS
    assert said(attempt) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini", "server.address": "127.0.0.1", "server.port": 9100,
        "envelope.target": "openai-main/gpt-4o-mini", "envelope.attempt.slot": 1,
        "envelope.attempt.number": 1, "envelope.attempt.reason": "first",
        "envelope.attempt.ending": "answered", "envelope.attempt.times": "exact",
        "http.response.status_code": 200, "gen_ai.usage.input_tokens": 112,
        "gen_ai.usage.output_tokens": 21, "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.049, "envelope.time_per_output_token_s": 0.007,
    }  # fmt: skip


def test_whole_answer_ends_its_attempt_when_it_has_arrived() -> None:
    """Telemetry: what the gateway does with the answer is not the provider's time."""
    (attempt,) = attempts(served(first_token_ns=0, last_token_ns=0, provider_ns=60 * MS))
    assert attempt.end_time_unix_nano == START_NS + 61 * MS


def test_each_attempt_says_why_and_how_it_ended() -> None:
    """Telemetry: retry and fallback are told apart; times that nobody knows are called bounds."""
    made = (
        (OPENAI, Ended(1, Ending.ANSWERED, 429, 30)),
        (OPENAI, Ended(2, Ending.LATE)),
        (CLAUDE, Ended(4, Ending.ANSWERED, 200)),
    )
    found = [said(attempt) for attempt in attempts(served(tried=made, served=CLAUDE, attempts=3))]
    assert [a["envelope.attempt.reason"] for a in found] == ["first", "retry", "fallback"]
    assert [a["envelope.attempt.ending"] for a in found] == ["answered", "late", "answered"]
    assert [a.get("error.type") for a in found] == ["429", "late", None]
    assert [a["envelope.attempt.times"] for a in found] == ["bounds"] * 3
    assert [a["gen_ai.provider.name"] for a in found] == ["openai", "openai", "anthropic"]
    assert found[0]["envelope.attempt.retry_after_s"] == 30
    assert "gen_ai.usage.output_tokens" not in found[1]
    assert "gen_ai.response.time_to_first_chunk" not in found[2]


def test_attempt_that_nobody_saw_the_end_of_is_there() -> None:
    """P2: it may have been billed; so the trace has it, and says that it was not seen."""
    record = served(tried=(), served=None, usage=None, outcome="aborted", status=0)
    (attempt,) = attempts(record)
    assert said(attempt)["envelope.attempt.ending"] == "unseen"
    assert attempt.status.code == Status.STATUS_CODE_ERROR
    assert not attempts(refused())


def test_refusal_is_no_error_of_the_gateway() -> None:
    """Contract 4: the code as `error.type`; a 4xx leaves a server span's status unset (OTel)."""
    server, *_ = spans_of(refused())
    assert said(server)["error.type"] == "budget_exceeded"
    assert said(server)["http.response.status_code"] == 429
    assert "gen_ai.provider.name" not in said(server)
    assert server.status.code == Status.STATUS_CODE_UNSET
    told = {e.name: (plain(e.attributes), e.time_unix_nano - START_NS) for e in server.events}
    code = {"envelope.code": "budget_exceeded", "envelope.rule": "team-day"}
    assert told["envelope.refusal"] == (code, MS)


def test_broken_answer_is_an_error_of_both() -> None:
    """P5: a stream that broke off shows, though its status line said 200."""
    record = served(outcome="truncated")
    for one in (spans_of(record)[0], *attempts(record)):
        assert one.status.code == Status.STATUS_CODE_ERROR
        assert said(one)["error.type"] == "truncated"


def test_events_name_what_decided() -> None:
    """P3: guardrails, findings, limits, degradations, each at the end of its phase; no text, and
    not where a finding was."""
    guard = HookResult(
        outcomes={"g/judge": "error"}, faults={"g/judge": "timeout"},
        findings=(Finding("g/pii", "EMAIL", "messages[0].content", 2),),
    )  # fmt: skip
    record = served(
        input_guard=guard, output_guard=None,
        degraded=[Degraded("day", 90, "model", "prod/a", to_model="prod/b")],
        clamped=[Clamped("cap", None, 500)],
    )  # fmt: skip
    server, *_ = spans_of(record)
    told = [(e.name, e.time_unix_nano - START_NS, plain(e.attributes)) for e in server.events]
    assert told == [
        ("envelope.limit", 380_000, {"envelope.rule": "team-rpm", "envelope.limit.left": 599,
                                     "envelope.limit.over": False}),
        ("envelope.degraded", 380_000, {"envelope.rule": "day", "envelope.action": "model",
                                        "envelope.at_percent": 90.0, "envelope.from": "prod/a",
                                        "envelope.to": "prod/b"}),
        ("envelope.clamped", 380_000, {"envelope.rule": "cap", "envelope.from": "none",
                                       "envelope.to": "500"}),
        ("envelope.guardrail", 200 * MS, {"envelope.guardrail.name": "g/judge",
                                          "envelope.guardrail.hook": "llm_input",
                                          "envelope.guardrail.outcome": "error",
                                          "envelope.guardrail.fault": "timeout"}),
        ("envelope.guardrail.finding", 200 * MS, {"envelope.guardrail.name": "g/pii",
                                                  "envelope.guardrail.hook": "llm_input",
                                                  "envelope.guardrail.label": "EMAIL",
                                                  "envelope.guardrail.count": 2}),
    ]  # fmt: skip


def test_a_text_full_of_findings_makes_no_endless_span() -> None:
    """P8: events are bounded."""
    many = tuple(Finding("g/pii", f"L{n}", "m", 1) for n in range(2 * EVENTS_MAX))
    server, *_ = spans_of(served(input_guard=HookResult(outcomes={}, findings=many)))
    assert len(server.events) == EVENTS_MAX


def test_span_continues_the_callers_trace() -> None:
    """Contract 3, `traceparent`: the caller's trace id and state, its span as parent; providers'
    spans hang below ours (W3C Trace Context)."""
    record = served(traceparent=CALLER, trace=begin(CALLER, DECISION, tracestate="a=1"))
    server, *children = spans_of(record)
    assert server.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert server.parent_span_id.hex() == "b7ad6b7169203331"
    assert server.trace_state == "a=1"
    assert {child.trace_id for child in children} == {server.trace_id}
    assert {child.parent_span_id for child in children} == {server.span_id}
    assert len({span.span_id for span in (server, *children)}) == 1 + len(children)


def test_conversation_comes_from_the_key_that_is_configured() -> None:
    """P4: metadata is not sent unless the configuration names its key."""
    record = served(metadata={"session": "s-1"})
    assert said(spans_of(record, "session")[0])["gen_ai.conversation.id"] == "s-1"
    assert b"s-1" not in b"".join(span.SerializeToString() for span in spans_of(record))


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_children_lie_inside_their_parent(draw: random.Random) -> None:
    """Telemetry: whatever a record says, no span has a negative length or leaves its parent, and
    phases add up to no more than the exchange."""
    record = served(spans=[], phases_ns={}, ended_ns=draw.randrange(10**9))
    record.sent_ns = record.first_byte_ns = draw.randrange(10**9)
    now_ns = 0
    for _ in range(draw.randrange(9)):
        now_ns += draw.randrange(10**7)
        record.passed(draw.choice(["route", "limits", "count"]), now_ns)
    record.ended_ns = max(now_ns, record.ended_ns)
    server, *children = spans_of(record)
    for child in children:
        edges = (server.start_time_unix_nano, child.start_time_unix_nano,
                 child.end_time_unix_nano, server.end_time_unix_nano)  # fmt: skip
        assert list(edges) == sorted(edges)
    phases = of_kind(children, Span.SPAN_KIND_INTERNAL)
    spent = sum(p.end_time_unix_nano - p.start_time_unix_nano for p in phases)
    assert spent == sum(record.phases_ns.values())
    assert spent <= server.end_time_unix_nano - server.start_time_unix_nano
