"""Output guardrails over a Responses stream: what is redacted once is redacted everywhere."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.hook import run
from extproc.guardrails.stream import StreamGuard
from extproc.llm.call import Frame, Json
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.sse import SseReader, wire
from tests.guardrails.builders import guardrail, selection
from tests.llm.responses import shapes

CARD = "4111 1111 1111 1111"
MUTATE = selection(p=guardrail(operation="mutate"))
VALIDATE = selection(p=guardrail())


def answer(planted: str) -> list[Json]:
    """The planted text in every place that a model writes in."""
    return [
        shapes.reasoning(f"The user said {planted}, so.", f"And {planted} again."),
        shapes.message(shapes.said(f"Your card is {planted}. Good?"),
                       {"type": "refusal", "refusal": f"I keep {planted} for me."}),
        shapes.call(f'{{"card": "{planted}", "note": "x"}}'),
        shapes.custom(f"pay {planted} now"),
    ]  # fmt: skip


def guarded(stream: shapes.Stream, cuts: list[int], chosen: Any = MUTATE) -> list[Frame]:
    reader, guard = SseReader(), StreamGuard(chosen, OPENAI_RESPONSES.frame_texts)
    raw, out, at = stream.wire, [], 0
    for cut in [*sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]:
        out += guard.feed(reader.feed(raw[at:cut]))
        at = max(at, cut)
    return out + guard.feed(reader.finish()) + guard.finish()


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), cuts=st.lists(st.integers(0, 100_000), max_size=6))
def test_a_planted_card_is_redacted_in_every_repeat(size: int, cuts: list[int]) -> None:
    """P5: deltas of any size, any split of the bytes: no event holds it; all repeats agree."""
    stream = shapes.Stream(answer(CARD), size)
    frames = guarded(stream, cuts)
    assert len(frames) == len(stream.events)
    leaving = b"".join(map(wire, frames))
    assert b"1111 1111" not in leaving and b"4111" not in leaving
    redacted = shapes.response(answer("[CARD]"))
    assert frames[-1].data["response"] == redacted  # type: ignore[index]
    assert rebuilt(frames) == [item for item in redacted["output"]]


def rebuilt(frames: list[Frame]) -> list[Json]:
    """The items, and each of their texts as its deltas and its `.done` say it."""
    items: dict[int, Json] = {}
    texts: dict[str, str] = {}
    for frame in frames:
        data = frame.data or {}
        kind = data["type"]
        place = f"{data.get('output_index')}.{data.get('content_index', data.get('summary_index'))}"
        if kind.endswith(".delta"):
            texts[place] = texts.get(place, "") + data["delta"]
        elif kind == "response.output_item.done":
            items[data["output_index"]] = data["item"]
        elif kind.endswith(".done") and "part" not in data:
            whole = next(data[k] for k in ("text", "refusal", "arguments", "input") if k in data)
            assert texts.pop(place) == whole, kind
        elif kind.endswith(".done"):
            assert "[CARD]" in orjson.dumps(data["part"]).decode()
    return [items[index] for index in sorted(items)]


def test_the_stream_decides_as_the_whole_answer_does() -> None:
    """P5: streamed or not, the same texts are redacted, and nothing else is touched."""
    whole = shapes.response(answer(CARD))
    result = run(OPENAI_RESPONSES.response_texts(whole), MUTATE)
    assert whole == shapes.response(answer("[CARD]"))
    assert {finding.label for finding in result.findings} == {"CARD"}


def test_a_blocked_answer_says_nothing_of_the_finding() -> None:
    """P5: a validating guardrail ends the stream; neither a delta nor a repeat of it has left."""
    guard = StreamGuard(VALIDATE, OPENAI_RESPONSES.frame_texts)
    out = [f for frame in shapes.Stream(answer(CARD)).frames for f in guard.feed([frame])]
    assert guard.blocked is not None
    assert b"4111" not in b"".join(map(wire, out))


def test_the_requests_own_words_in_an_answer_are_not_judged() -> None:
    """P5: instructions and tools that an answer repeats block nothing: no model wrote them."""
    body = shapes.response([shapes.message(shapes.said("ok"))])
    assert "help@example.com" in body["instructions"]
    assert run(OPENAI_RESPONSES.response_texts(body), VALIDATE).findings == ()
    frames = shapes.Stream(body["output"]).frames
    guard = StreamGuard(VALIDATE, OPENAI_RESPONSES.frame_texts)
    assert b"".join(map(wire, guard.feed(frames) + guard.finish())) == b"".join(map(wire, frames))


def test_unchanged_frames_leave_as_they_came() -> None:
    """P5: a guardrail that finds nothing changes no byte."""
    stream = shapes.Stream(answer("nothing"))
    assert b"".join(map(wire, guarded(stream, [7, 99, 1234]))) == stream.wire


def test_no_text_is_counted_twice() -> None:
    """P2: the deltas are the text; what repeats them is marked as a repeat."""
    items = answer("four words are here")
    said = [
        slot.text
        for frame in shapes.Stream(items).frames
        for slot in OPENAI_RESPONSES.frame_texts(frame)
        if not slot.repeats
    ]
    whole = [slot.text for slot in OPENAI_RESPONSES.response_texts(shapes.response(items))]
    names = ["look_up", "patch"]  # told with the item that begins
    assert sorted("".join(said)) == sorted("".join(whole))
    assert [name for name in names if name in said] == names


@pytest.mark.parametrize("event", ["response.output_text.delta", "response.output_text.done"])
def test_log_probabilities_go_with_a_redacted_text(event: str) -> None:
    """P5: tokens beside a text say it again; they are read, and taken away where it is redacted."""
    tokens = [{"token": piece, "logprob": -0.1, "top_logprobs": []} for piece in ("4111 1111 ",
              "1111 1111")]  # fmt: skip
    text = {"delta": CARD} if event.endswith("delta") else {"text": CARD}
    data = {"type": event, "sequence_number": 4, "item_id": "msg_1", "output_index": 0,
            "content_index": 0, "logprobs": tokens, **text}  # fmt: skip
    guard = StreamGuard(MUTATE, OPENAI_RESPONSES.frame_texts)
    out = guard.feed([Frame(event, data, b"")]) + guard.finish()
    assert out[0].changed and out[0].data["logprobs"] == []  # type: ignore[index]
