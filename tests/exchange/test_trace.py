"""W3C Trace Context."""

from __future__ import annotations

import pytest

from extproc.exchange.trace import child_of

DECISION = "0af76519-16cd-43dd-8448-eb211c80319c"


def test_the_callers_trace_is_continued() -> None:
    """Telemetry: same trace id and flags, our own span as the parent of the provider's."""
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    sent, trace, span = child_of(given, DECISION)
    assert sent == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-00"
    assert trace == "4bf92f3577b34da6a3ce929d0e0e4736" and span != "00f067aa0ba902b7"


ZERO_TRACE = f"00-{'0' * 32}-{'1' * 16}-01"
ZERO_SPAN = f"00-{'1' * 32}-{'0' * 16}-01"


@pytest.mark.parametrize("bad", ["", "x", ZERO_TRACE, ZERO_SPAN, "00-G-1-01"])
def test_a_bad_traceparent_begins_a_new_trace(bad: str) -> None:
    """W3C Trace Context 4.3: what cannot be parsed is not passed on."""
    sent, trace, _ = child_of(bad, DECISION)
    assert trace == DECISION.replace("-", "") and sent.startswith(f"00-{trace}-")
