"""Streams: any split ends in the text of the whole, and nothing of a finding gets out early."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails import stream as stream_module
from extproc.guardrails.hook import run
from extproc.guardrails.selection import Selection
from extproc.llm.call import Frame
from tests.guardrails.builders import (
    FRAGMENTS,
    PEM,
    PII,
    SECRETS,
    broken,
    frame,
    guard,
    guardrail,
    pieces,
    selection,
    slot,
    streamed,
)

MUTATE = selection(
    p=guardrail(operation="mutate", priority=1),
    s=guardrail("secrets", operation="mutate", priority=2),
)
VALIDATE = selection(p=guardrail(), s=guardrail("secrets", enforcing_strategy="strict"))
AUDIT = selection(p=guardrail(enforcing_strategy="audit"),
                  s=guardrail("secrets", enforcing_strategy="audit",
                  operation="mutate"))  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join)
CUTS = st.lists(st.integers(0, 10_000), max_size=8)


def whole(chosen: Selection, text: str, json_text: bool = False):
    one = slot(text, "c0", json_text)
    result = run([one], chosen)
    return one.text, result


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, cuts=CUTS, json_text=st.booleans())
def test_any_split_gives_the_same_text(text: str, cuts: list[int], json_text: bool) -> None:
    """P5: the streamed text, findings and coverage equal those of the whole answer."""
    after, expected = whole(MUTATE, text, json_text)
    out, stream = streamed(MUTATE, pieces(text, cuts), json_text)
    result = stream.result()
    assert result.blocked_by == expected.blocked_by
    if not expected.blocked_by:
        assert out == after
        assert sorted(map(repr, result.findings)) == sorted(map(repr, expected.findings))
        assert (result.scanned_chars, result.outcomes) == (len(text), expected.outcomes)


@settings(max_examples=200, deadline=None)
@given(value=TEXTS, number=st.sampled_from(["4111111111111111", "5", "true"]), cuts=CUTS,
       ascii_only=st.booleans())  # fmt: skip
def test_streamed_arguments_stay_json(
    value: str, number: str, cuts: list[int], ascii_only: bool
) -> None:
    """P5: tool arguments split anywhere, escapes included, are redacted alike and still parse."""
    first, last = json.dumps(value, ensure_ascii=ascii_only), json.dumps(value)
    arguments = f'{{"a": {first}, "b": {number}, "c": [{last}]}}'
    after, expected = whole(MUTATE, arguments, True)
    out, stream = streamed(MUTATE, pieces(arguments, cuts), True)
    assert not expected.blocked_by and stream.blocked is None and out == after
    assert json.loads(out).keys() == {"a", "b", "c"}
    assert not run([slot(json.loads(out)["b"])], MUTATE).findings if number[0] == "4" else True


def test_every_split_of_every_sample() -> None:
    """P5: two frames, cut at every position of every sample."""
    for sample in FRAGMENTS:
        text = f"so {sample}, end"
        after, _ = whole(MUTATE, text)
        for at in range(len(text) + 1):
            assert streamed(MUTATE, [text[:at], text[at:]])[0] == after, (text, at)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, cuts=CUTS, tail=TEXTS)
def test_nothing_leaks_before_it_is_decided(text: str, cuts: list[int], tail: str) -> None:
    """P4: at every moment, what has left is a beginning of the finally redacted text."""
    after, _ = whole(MUTATE, text + tail)
    stream, left = guard(MUTATE), ""
    for part in pieces(text + tail, cuts):
        left += "".join(f.data["t"] for f in stream.feed([frame(part)]))  # type: ignore[index]
        assert after.startswith(left)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, cuts=CUTS)
def test_a_block_lets_nothing_of_the_violation_out(text: str, cuts: list[int]) -> None:
    """P5: validate blocks a stream exactly when it blocks the whole; only text before it left."""
    _, expected = whole(VALIDATE, text)
    starts = [span.start for detector in (PII, SECRETS) for span in detector.find(text)]
    out, stream = streamed(VALIDATE, pieces(text, cuts))
    assert bool(stream.blocked) == bool(expected.blocked_by) == bool(starts)
    assert text.startswith(out) and len(out) <= min(starts, default=len(text))
    assert starts or out == text


@pytest.mark.parametrize("size", [1, 3, 20])
def test_finding_over_many_frames(size: int) -> None:
    """P5: the replacement stands in the first frame, the rest goes; all are marked changed."""
    text = f"my key: {PEM} ok, and then some more words"
    frames = [frame(text[at : at + size]) for at in range(0, len(text), size)]
    stream = guard(MUTATE)
    out = [f for one in frames for f in stream.feed([one])] + stream.finish()
    assert out == frames and "".join(f.data["t"] for f in out) == (
        "my key: [REDACTED] ok, and then some more words"
    )  # type: ignore[index]
    touched = [f for f in out if f.changed]
    assert sum("[REDACTED]" in f.data["t"] for f in touched) == 1  # type: ignore[index]
    assert len(touched) >= len(PEM) // size and not out[-1].changed


@pytest.mark.parametrize("strategy", ["audit", "enforce"])
def test_a_role_nobody_reads_is_not_covered(strategy: str) -> None:
    """P3: a guardrail for tool results has read nothing of an assistant's words."""
    chosen = selection(v=guardrail(enforcing_strategy=strategy, roles=("tool",)))
    text, stream = streamed(chosen, ["john@", "example.com"])
    result = stream.result()
    assert text == "john@example.com" and result.findings == ()
    assert (result.scanned_texts, result.scanned_chars) == (0, 0)


def test_order_and_channels() -> None:
    """P5: frames keep their order over channels; one without text waits for those before it."""
    done = Frame("", None, b"data: [DONE]\n\n")
    mixed = [frame("a@", "c0"), frame("hi ", "c1"), Frame("ping", None, b""), frame("b.io ", "c0")]
    stream = guard(MUTATE)
    assert stream.feed([Frame("ping", None, b"")]) != []
    assert stream.feed(mixed[:3]) == []
    assert stream.feed([mixed[3]]) == mixed
    assert [f.data and f.data["t"] for f in mixed] == ["[EMAIL]", "hi ", None, " "]
    assert stream.feed([done]) == [done] and stream.finish() == []


def test_prose_flows_word_by_word() -> None:
    """P5: of ordinary text no frame waits for more than the next word."""
    words = [f"word{i} " for i in range(200)]
    stream = guard(MUTATE)
    for word in words:
        assert len(stream.feed([frame(word)])) == 1


def test_audit_delays_nothing() -> None:
    """P5: auditing guardrails hold no frame back and still see findings over frames."""
    stream = guard(AUDIT)
    frames = [
        frame(part) for part in ("mail john@exa", "mple.com and card 4111 ", "1111 1111 1111")
    ]
    for one in frames:
        assert stream.feed([one]) == [one] and not one.changed
    assert stream.finish() == []
    result = stream.result()
    assert result.outcomes == {"g/p": "audit", "g/s": "pass"}
    assert {(f.label, f.path, f.count) for f in result.findings} == {
        ("EMAIL", "c0", 1),
        ("CARD", "c0", 1),
    }
    assert result.scanned_texts == 3


def test_audit_of_an_aborted_stream() -> None:
    """P3: a stream that ends without `finish` is still audited for what has left."""
    stream = guard(AUDIT)
    stream.feed([frame("john@example.com")])
    assert stream.result().outcomes["g/p"] == "audit"


@pytest.mark.parametrize(("strategy", "failed"), [("enforce", False), ("strict", True)])
@pytest.mark.parametrize("operation", ["validate", "mutate"])
def test_failure_in_mid_stream(strategy: str, failed: bool, operation: str) -> None:
    """Contract (strategies): a detector that breaks later stops a strict stream only."""
    stream = guard(broken(strategy, operation, after=1))
    first, second, third = frame("one "), frame("two "), frame("three ")
    assert stream.feed([first]) == [first]
    assert stream.feed([second]) == ([] if failed else [second])
    assert stream.feed([third]) == ([] if failed else [third])
    result = stream.result()
    assert (result.failed, result.outcomes) == (failed, {"g/broken": "error"})
    assert (stream.blocked is result) == failed
    assert result.scanned_chars == 4


def test_a_blocked_stream_stays_blocked() -> None:
    """P5: after a block nothing comes out, whatever goes in."""
    stream = guard(VALIDATE)
    assert stream.feed([frame("to john@example.com now")]) == []
    assert stream.blocked is not None and stream.blocked.blocked_by == "g/p"
    assert stream.feed([frame("more")]) == [] and stream.finish() == []
    assert stream.result() is stream.blocked


def test_holding_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """P8: what is held beyond the bound ends the stream, fail closed, under any strategy."""
    monkeypatch.setattr(stream_module, "HELD_CHARS_MAX", 100)
    stream = guard(MUTATE)
    assert stream.feed([frame("-----BEGIN PRIVATE KEY-----\n" + "A" * 200)]) == []
    assert stream.blocked is not None and stream.blocked.failed and not stream.blocked.blocked_by
    monkeypatch.setattr(stream_module, "QUEUED_BYTES_MAX", 500)
    stream = guard(MUTATE)
    for _ in range(20):
        stream.feed([frame("held", "c0"), frame("free \n", "c1")])
        stream.feed([frame("held", "c0")])
    assert stream.blocked is not None and stream.blocked.failed


def test_one_big_frame_is_not_held() -> None:
    """P8: the bounds are about what is held back, not about what passes."""
    text = "all good here " * 20_000
    assert streamed(MUTATE, [text])[0] == text


def test_nothing_applies() -> None:
    """P8: without guardrails the very list of frames comes back."""
    frames = [frame("john@example.com")]
    assert guard(Selection()).feed(frames) is frames
