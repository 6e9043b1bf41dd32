"""Legacy Completions: the dialect, and its callers at models that only chat."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import Completion

from extproc.errors import Refusal
from extproc.guardrails.stream import StreamGuard
from extproc.llm.call import Frame, Json, LlmCall
from extproc.llm.openai_completions import OPENAI_COMPLETIONS
from extproc.llm.sse import StreamFault
from extproc.llm.translate import events as ev
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Reasoning,
    Refused,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.openai_completions import CALLER
from extproc.usage.usage import Usage
from tests.guardrails.builders import guardrail, selection
from tests.llm.canaries import PNG, Canaries
from tests.llm.test_every_text import check

LOGPROBS: Json = {"tokens": ["4111 1111 ", "1111 1111"], "token_logprobs": [-0.1, -0.2],
                  "top_logprobs": [], "text_offset": [0, 10]}  # fmt: skip


def call_of(body: Json) -> LlmCall:
    call = OPENAI_COMPLETIONS.read_call("", {"model": "m", **body})
    assert not isinstance(call, Refusal), call
    return call


def chunk(text: str, **fields: Any) -> Frame:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": None, **fields}
    data = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
            "choices": [choice]}  # fmt: skip
    return Frame("", data, b"")


@pytest.mark.parametrize(
    ("prompt", "choices", "unscanned"),
    [("hi", 6, ()), (["a", "b"], 12, ()), ([1, 2, 3], 6, ("prompt",)),
     ([[1], [2, 3]], 12, ("prompt",))],
)  # fmt: skip
def test_a_call(prompt: Any, choices: int, unscanned: tuple[str, ...]) -> None:
    """P2: every prompt is answered as often as the best of them are chosen from."""
    call = call_of({"prompt": prompt, "n": 2, "best_of": 6, "max_tokens": 5, "stream": True})
    assert (call.choices, call.unscanned, call.max_output_tokens) == (choices, unscanned, 5)
    assert call.stream and call.operation == "chat" and call.tools == ()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"), ({"prompt": []}, "prompt"), ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [[]]}, "prompt"), ({"prompt": {"x": 1}}, "prompt"),
        ({"prompt": "x", "model": None}, "model"), ({"prompt": "x", "n": 0}, "n"),
        ({"prompt": "x", "best_of": 200}, "best_of"), ({"prompt": "x", "echo": 1}, "echo"),
        ({"prompt": "x", "max_tokens": "5"}, "max_tokens"),
        ({"prompt": "x", "suffix": 1}, "suffix"),
    ],
)  # fmt: skip
def test_refusals(body: Json, param: str) -> None:
    """Dialect: what the gateway cannot decide on is refused by its field's name."""
    fault = OPENAI_COMPLETIONS.read_call("", {"model": "m", **body})
    assert isinstance(fault, Refusal) and fault.param == param


def test_every_place_of_a_request() -> None:
    """P5: prompts, what follows them, stops, unknown fields."""
    c = Canaries()
    body = {"model": "m", "prompt": [c("user"), c("user")], "suffix": c("user"),
            "stop": [c("input")], "user": c("input"), "later": {"w": [c("input")]},
            "logit_bias": {"50256": -100}}  # fmt: skip
    check(c, OPENAI_COMPLETIONS.request_texts(body), call_of(body).unscanned)
    plain = call_of({"prompt": PNG})
    assert plain.unscanned == ()


def test_every_place_of_an_answer() -> None:
    """P5: texts, tokens, unknown fields; likelier tokens are named."""
    c = Canaries()
    body = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "text": c("assistant"), "finish_reason": "stop", "later": c("assistant"),
         "logprobs": {"tokens": [c("assistant")], "token_logprobs": [-1.0], "text_offset": [0],
                      "top_logprobs": [{c.unread("choices[0].logprobs.top_logprobs"): -1.0}]}},
        {"index": 1, "text": c("assistant"), "logprobs": c.unread("choices[1].logprobs") and {
            "odd": 1}}],
        "later": {"w": c("assistant")}, "usage": {"prompt_tokens": 1}}  # fmt: skip
    unscanned = OPENAI_COMPLETIONS.response_unscanned(body)
    check(c, OPENAI_COMPLETIONS.response_texts(body), unscanned)


def test_a_card_split_over_chunks() -> None:
    """P5: redacted where it stands, and its tokens are taken away."""
    guard = StreamGuard(selection(p=guardrail(operation="mutate")), OPENAI_COMPLETIONS.frame_texts)
    frames = [chunk("pay 4111 1111"), chunk(" 1111 1111 now"), chunk("", logprobs=LOGPROBS),
              Frame("", None, b"")]  # fmt: skip
    out = [f for frame in frames for f in guard.feed([frame])] + guard.finish()
    texts = [f.data["choices"][0]["text"] for f in out if f.data]
    assert "".join(texts) == "pay [CARD] now" and len(out) == 4
    assert out[2].data["choices"][0]["logprobs"] is None  # type: ignore[index]
    assert OPENAI_COMPLETIONS.is_final(out[3])


def test_with_call_and_usage() -> None:
    """Dialect: model, lower maximum, usage asked for; usage read from the last chunk."""
    body = {"model": "m", "prompt": "x", "max_tokens": 9, "stream": True}
    sent = OPENAI_COMPLETIONS.with_call(body, model="y", max_output_tokens=4, include_usage=True)
    assert sent == {**body, "model": "y", "max_tokens": 4,
                    "stream_options": {"include_usage": True}}  # fmt: skip
    assert OPENAI_COMPLETIONS.upstream_path("y", stream=True) == "/completions"
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    frame = Frame("", {"choices": [], "usage": usage}, b"")
    assert OPENAI_COMPLETIONS.frame_usage(frame, None) == Usage(3, 2)
    assert OPENAI_COMPLETIONS.frame_usage(chunk("x"), Usage(3, 1)) == Usage(3, 1)
    assert OPENAI_COMPLETIONS.response_usage({"usage": usage}) == Usage(3, 2)


def test_billable() -> None:
    """P2: texts are counted; token arrays are as long as they are."""
    out = OPENAI_COMPLETIONS.billable({"prompt": ["a", "b"], "suffix": "c"})
    assert (out.texts, out.parts, out.tokens) == (["a", "b", "c", "c"], 2, 0)
    assert OPENAI_COMPLETIONS.billable({"prompt": [[1, 2], [3]]}).tokens == 3
    assert OPENAI_COMPLETIONS.billable({"prompt": [1, 2]}).tokens == 2


# --- to models that only chat -----------------------------------------------------------------


def read(**fields: Any) -> Any:
    body = {"model": "m", "prompt": "Say hi.", **fields}
    call_of(body)
    return CALLER.read_request(body)


def test_a_prompt_is_one_turn() -> None:
    """Translate: a user's message; sampling, stops and choices keep their meaning."""
    request = read(n=2, temperature=0, top_p=1, stop="END", seed=3, user="u", logprobs=2,
                   max_tokens=50, presence_penalty=0.5, suffix="", echo=False,
                   best_of=2, logit_bias={})  # fmt: skip
    assert [(turn.role, turn.parts) for turn in request.turns] == [
        ("user", [Text("prompt", None, "Say hi.")])
    ]
    assert (request.choices, request.temperature, request.stop, request.seed) == (2, 0, ["END"], 3)
    assert (request.logprobs, request.top_logprobs, request.max_output_tokens) == (True, 2, 50)
    assert read().max_output_tokens == 16 and read(prompt=["x"]).turns[0].parts[0].text == "x"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"), ({"prompt": [1, 2]}, "prompt"),
        ({"suffix": "x"}, "suffix"), ({"echo": True}, "echo"), ({"best_of": 2}, "best_of"),
        ({"logit_bias": {"1": 2}}, "logit_bias"), ({"later": 0}, "later"),
        ({"stop": 3}, "stop"), ({"temperature": "x"}, "temperature"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried(fields: Json, param: str) -> None:
    """Translate: what only a model that continues a text can do is refused by name."""
    with pytest.raises(NotCarried) as no:
        read(**fields)
    assert no.value.param == param


ENTRIES: list[Json] = [
    {"token": "Hi", "logprob": -0.1, "top_logprobs": [{"token": "Ho", "logprob": -2.0}]},
    {"token": " you", "logprob": -0.3, "top_logprobs": []},
]


def test_a_whole_answer() -> None:
    """Translate: text, refusals as text, why it ended, log probabilities; thoughts are reported."""
    answer = ChatAnswer("msg_1", [
        Choice([Reasoning(text="Hm."), Text(text="Hi"), Refused(text=" you")], "length",
               logprobs=ENTRIES),
        Choice([Text(text="No.")], "refusal")], Usage(3, 2))  # fmt: skip
    body = CALLER.write_answer(answer, model="m", created=7, asked={})
    made = Completion.model_validate(body, strict=True)
    assert made.id == "cmpl-msg_1" and [c.text for c in made.choices] == ["Hi you", "No."]
    assert [c.finish_reason for c in made.choices] == ["length", "content_filter"]
    told = made.choices[0].logprobs
    assert told is not None and (told.tokens, told.text_offset) == (["Hi", " you"], [0, 2])
    assert told.top_logprobs == [{"Ho": -2.0}, {}]
    assert answer.left_out == ["choices[0].parts[0]"]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream(wanted: bool) -> None:
    """Translate: chunks as OpenAI sends them; usage where it was asked for; `[DONE]` at the end."""
    asked = {"stream_options": {"include_usage": wanted}}
    writer = CALLER.stream_writer(model="m", created=7, asked=asked)
    happened: list[ev.Event] = [
        ev.Began("a"), ev.ThoughtPiece(0, "Hm."), ev.TextPiece(0, "Hi"), ev.TextPiece(0, ""),
        ev.RefusedPiece(1, "No."), ev.LogprobsPiece(0, ENTRIES[:1]), ev.TextPiece(0, " you"),
        ev.LogprobsPiece(0, ENTRIES[1:]), ev.Finished(0, "stop"), ev.Finished(1, "refusal"),
        ev.Used(Usage(3, 2)), ev.Ended(),
    ]  # fmt: skip
    frames = [frame for event in happened for frame in writer.write(event)]
    assert frames[-1].data is None and all(frame.changed for frame in frames)
    texts = {0: "", 1: ""}
    offsets = []
    for frame in frames[:-1]:
        data = frame.data or {}
        for choice in data["choices"]:
            filled = {**choice, "finish_reason": choice["finish_reason"] or "stop"}
            Completion.model_validate({**data, "choices": [filled]}, strict=True)
            texts[choice["index"]] += choice["text"]
            offsets += (choice["logprobs"] or {}).get("text_offset", [])
    assert texts == {0: "Hi you", 1: "No."} and offsets == [0, 2]
    assert (frames[-2].data["choices"] == []) is wanted  # type: ignore[index]


def test_an_error_and_what_has_no_place() -> None:
    """Translate: an error is the SDK's error; a tool call ends the stream."""
    writer = CALLER.stream_writer(model="m", created=7, asked={})
    frame = writer.write(ev.Failed({"message": "down", "type": "x"}, 503))[0]
    assert frame.data is not None and frame.data["error"]["message"] == "down"
    with pytest.raises(StreamFault):
        writer.write(ev.ToolBegan(0, 0, "c", "f"))
    answer = ChatAnswer("a", [Choice([ToolCall(name="f")], "tool_calls")])
    body = CALLER.write_answer(answer, model="m", created=7, asked={})
    assert body["choices"][0]["text"] == "" and answer.left_out
