"""Dialects that say a text again in full: it is looked at once, and changed everywhere."""

from __future__ import annotations

import pytest

from extproc.guardrails.stream import StreamGuard
from extproc.guardrails.whole import WholeStream
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.sse import wire
from tests.guardrails.builders import guardrail, selection
from tests.llm.responses import shapes

CARD = "4111 1111 1111 1111"
MUTATE = selection(p=guardrail(operation="mutate"))
AUDIT = selection(p=guardrail(enforcing_strategy="audit"))


def answer(planted: str) -> list[dict]:  # type: ignore[type-arg]
    return [shapes.reasoning(f"so {planted}"), shapes.message(shapes.said(f"it is {planted}")),
            shapes.call(f'{{"card": "{planted}"}}')]  # fmt: skip


@pytest.mark.parametrize("chosen", [MUTATE, AUDIT])
def test_a_repeated_text_is_one_text(chosen: object) -> None:
    """P3: findings and coverage are those of the texts, not of their repeats."""
    guard = StreamGuard(chosen, OPENAI_RESPONSES.frame_texts)  # type: ignore[arg-type]
    for frame in shapes.Stream(answer(CARD)).frames:
        guard.feed([frame])
    guard.finish()
    result = guard.result()
    assert {(f.path, f.count) for f in result.findings} == {
        ("output[0].summary[0].text", 1), ("output[1].content[0].text", 1),
        ("output[2].arguments", 1),
    }  # fmt: skip


def test_a_text_that_is_over_holds_nobody_back() -> None:
    """P5: what follows the end of a text leaves before the stream ends."""
    guard = StreamGuard(MUTATE, OPENAI_RESPONSES.frame_texts)
    frames = shapes.Stream(answer(CARD)).frames
    for frame in frames:
        left = guard.feed([frame])
        if frame.event.endswith(("created", ".done", "completed")):
            assert left[-1] is frame, frame.event
    assert guard.finish() == []
    assert b"1111" not in b"".join(map(wire, frames))


def test_a_repeat_that_says_something_else_is_looked_at() -> None:
    """P5: a `.done` that is not what its deltas said is a text like any other."""
    stream = shapes.Stream(answer("nothing"))
    for event in stream.events:
        if event["type"] == "response.output_text.done":
            event["text"] = f"it is {CARD}"
    guard = StreamGuard(MUTATE, OPENAI_RESPONSES.frame_texts)
    out = guard.feed(stream.frames) + guard.finish()
    assert b"1111" not in b"".join(map(wire, out)) and b"[CARD]" in b"".join(map(wire, out))


def test_a_block_in_a_repeat() -> None:
    """P5: a finding that ends with its text blocks there; nothing behind it leaves."""
    chosen = selection(p=guardrail())
    guard = StreamGuard(chosen, OPENAI_RESPONSES.frame_texts)
    out = guard.feed(shapes.Stream(answer(CARD), size=40).frames)
    assert guard.blocked is not None and b"4111" not in b"".join(map(wire, out))


def test_judges_see_a_text_once() -> None:
    """P5: those who judge whole texts see each once; what they write stands in every repeat."""
    whole = WholeStream(OPENAI_RESPONSES.frame_texts, hold=True)
    whole.take(shapes.Stream(answer("nothing")).frames)
    texts = [slot.text for slot in whole.slots]
    assert texts.count("it is nothing") == 1
    for slot in whole.slots:
        if slot.text == "it is nothing":
            slot.text = "it is gone"
    out = b"".join(map(wire, whole.release()))
    assert b"it is n" not in out and out.count(b"it is gone") == 5
