"""W3C Trace Context."""

from __future__ import annotations

import uuid

import pytest

from extproc.exchange.trace import begin, child_of, opted_out

DECISION = "0af76519-16cd-43dd-8448-eb211c80319c"
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def test_the_callers_trace_is_continued() -> None:
    """Telemetry: same trace id and flags, our own span as the parent of the provider's."""
    sent, trace, span = child_of(GIVEN, DECISION)
    assert sent == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-00"
    assert trace == "4bf92f3577b34da6a3ce929d0e0e4736" and span != "00f067aa0ba902b7"


ZERO_TRACE = f"00-{'0' * 32}-{'1' * 16}-01"
ZERO_SPAN = f"00-{'1' * 32}-{'0' * 16}-01"


@pytest.mark.parametrize("bad", ["", "x", ZERO_TRACE, ZERO_SPAN, "00-G-1-01"])
def test_a_bad_traceparent_begins_a_new_trace(bad: str) -> None:
    """W3C Trace Context 4.3: what cannot be parsed is not passed on, and its state neither."""
    sent, trace, _ = child_of(bad, DECISION)
    assert trace == DECISION.replace("-", "") and sent.startswith(f"00-{trace}-")
    assert begin(bad, DECISION, tracestate="a=1").state == ""


def test_the_callers_state_goes_with_its_trace() -> None:
    """W3C Trace Context 3.3: kept as it is; one that is too long, or no text, is dropped whole."""
    assert begin(GIVEN, DECISION, tracestate="a=1,b=2").state == "a=1,b=2"
    assert begin(GIVEN, DECISION, tracestate="x" * 513).state == ""
    assert begin(GIVEN, DECISION, tracestate="a=\xff").state == ""


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True),
                                                ("02", False)])  # fmt: skip
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_the_caller_decides_for_its_own_trace(flags: str, sampled: bool, ratio: float) -> None:
    """Contract 3, `traceparent`: whatever ratio is configured; all flags go on."""
    trace = begin(GIVEN[:-2] + flags, DECISION, ratio=ratio)
    assert (trace.sampled, trace.flags) == (sampled, flags)


def test_the_ratio_holds_for_traces_that_begin_here() -> None:
    """Telemetry: `sample_ratio`, by the random end of the id, so that all who know it agree."""
    ids = [str(uuid.UUID(int=(0xA << 76) | n * 0x9E3779B97F4A7C % 2**56)) for n in range(2_000)]
    share = sum(begin("", one, ratio=0.25).sampled for one in ids) / len(ids)
    assert 0.2 < share < 0.3
    assert all(begin("", one).sampled for one in ids)
    assert not any(begin("", one, ratio=0).sampled for one in ids)
    some = [one for one in ids if begin("", one, ratio=0.1).sampled]
    assert some and all(begin("", one, ratio=0.5).sampled for one in some)


def test_no_two_children_share_an_id() -> None:
    """Telemetry: attempts and phases of one exchange are spans of their own."""
    trace = begin("", DECISION)
    ids = [trace.span_id, *(trace.child_id(number) for number in range(1, 600))]
    assert len(set(ids)) == 600
    assert all(len(one) == 16 and int(one, 16) for one in ids)
    assert trace.attempt(2).split("-")[1:3] == [trace.trace_id, trace.child_id(2)]


@pytest.mark.parametrize(("said", "out"), [
    ('{"enabled": false}', True), ('{"enabled": true}', False), ("{}", False), ("no", False),
    ('{"enabled": 0}', False), ("[]", False), ('{"enabled": "false"}', False),
])  # fmt: skip
def test_a_caller_may_ask_not_to_be_traced(said: str, out: bool) -> None:
    """Contract 3, `x-tfy-logging-config`: only a plain `false` says so."""
    assert opted_out(said) is out
