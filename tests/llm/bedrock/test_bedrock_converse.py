"""Bedrock Converse as a provider speaks it: texts, usage, end, path and maximum."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.aws_event_stream import EventStreamReader, encode_event, encode_exception
from extproc.llm.bedrock_converse import BEDROCK_CONVERSE
from extproc.llm.bedrock_usage import read_bedrock_usage
from extproc.llm.call import Frame, Json
from extproc.usage.usage import Reported, Unsound, Usage
from tests.llm.canaries import PNG, Canaries
from tests.llm.test_every_text import _OBJECTS, _TREES, KEY, check, odd_things, rewrite, seen

CONTENT = "output.message.content"


def answer(c: Canaries) -> Json:
    """A word of its own in every place that can hold text."""
    c.paths += [f"{CONTENT}[3].reasoningContent.redactedContent", f"{CONTENT}[5].image",
                f"{CONTENT}[6].later"]  # fmt: skip
    return {
        "output": {"later": [c("assistant")], "message": {
            "role": "assistant", "later": {"w": c("assistant")}, "content": [
                {"text": c("assistant")},
                {"toolUse": {"toolUseId": "t-1", "name": c("tool_arguments"), "later":
                             c("tool_arguments"), "input": {
                                 c("tool_arguments"): [c("tool_arguments"), 4111111111111111]}}},
                {"reasoningContent": {"reasoningText": {"text": c("reasoning"),
                                                        "signature": "c2VhbA=="}}},
                {"reasoningContent": {"redactedContent": PNG}},
                {"citationsContent": {"content": [{"text": c("assistant")}], "citations": [
                    {"title": c("tool"), "source": c("tool"), "sourceContent": [
                        {"text": c("tool")}], "location": {"web": {"url": "https://" + c("tool"),
                                                                   "domain": c("tool")}}}]}},
                {"image": {"format": "png", "source": {"bytes": PNG}, "error": {
                    "message": c("assistant")}}},
                {"later": {"w": c("assistant")}},
                {"toolResult": {"toolUseId": "t-1", "status": "success", "content": [
                    {"text": c("tool")}, {"json": {"k": c("tool")}}]}},
                {"searchResult": {"source": c("tool"), "title": c("tool"), "content": [
                    {"text": c("tool")}]}},
                c("assistant"),
            ]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 12345678, "outputTokens": 1, "totalTokens": 12345679},
        "metrics": {"latencyMs": 12345678}, "performanceConfig": {"latency": "standard"},
        "serviceTier": {"type": "default"}, "later": [c("assistant")],
        "additionalModelResponseFields": {"stop_sequence": c("assistant")},
        "trace": {"guardrail": {"modelOutput": [c("assistant")]}},
    }  # fmt: skip


def events(c: Canaries) -> list[tuple[str, Json]]:
    c.paths += [f"{CONTENT}[2].reasoningContent.redactedContent", f"{CONTENT}[3].image",
                f"{CONTENT}[3].image"]  # fmt: skip
    deltas: list[tuple[int, Json]] = [
        (0, {"text": c("assistant")}),
        (1, {"toolUse": {"input": c("tool_arguments"), "later": c("tool_arguments")}}),
        (2, {"reasoningContent": {"text": c("reasoning")}}),
        (2, {"reasoningContent": {"signature": "c2VhbA=="}}),
        (2, {"reasoningContent": {"redactedContent": PNG, "later": c("reasoning")}}),
        (3, {"image": {"source": {"bytes": PNG}}}),
        (4, {"citation": {"title": c("tool"), "sourceContent": [{"text": c("tool")}]}}),
        (5, {"toolResult": [{"text": c("tool")}]}),
        (6, {"later": {"w": c("assistant")}}),
    ]
    name = c("tool_arguments")
    return [
        ("messageStart", {"role": "assistant", "p": "abcdefghijklmnop"}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {
            "toolUse": {"toolUseId": "t-1", "name": name}}}),
        ("contentBlockStart", {"contentBlockIndex": 3, "start": {"image": {"format": "png"}}}),
        *(("contentBlockDelta", {"contentBlockIndex": i, "delta": d, "p": "ab"})
          for i, d in deltas),
        ("messageStop", {"stopReason": "end_turn", "p": c("assistant") + " ",
                         "later": c("assistant"),
                         "additionalModelResponseFields": {"w": c("assistant")}}),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}, "metrics": {"latencyMs": 1},
                      "trace": {"w": [c("assistant")]}}),
        ("throttlingException", {"error": {"type": "throttlingException", "status": 429,
                                           "message": c("assistant")}}),
    ]  # fmt: skip


def frames_of(bytes_sent: bytes) -> list[Frame]:
    reader = EventStreamReader()
    return reader.feed(bytes_sent) + reader.finish()


def test_every_place_of_an_answer() -> None:
    """P5: words, thoughts, inputs, citations, traces, unknown blocks and fields."""
    c = Canaries()
    body = answer(c)
    unscanned = BEDROCK_CONVERSE.response_unscanned(body)
    check(c, BEDROCK_CONVERSE.response_texts(body), unscanned)


def test_every_place_of_a_stream() -> None:
    """P5: the same of single events."""
    c = Canaries()
    frames = [Frame(event, data, b"", True) for event, data in events(c)]
    slots = [slot for frame in frames for slot in BEDROCK_CONVERSE.frame_texts(frame)]
    check(c, slots, [p for frame in frames for p in BEDROCK_CONVERSE.frame_unscanned(frame)])


def test_what_is_written_is_read_again() -> None:
    """P5: a replacement reaches the answer, whole and streamed."""
    for body in (answer(Canaries()), *(data for _, data in events(Canaries()))):
        for read in (BEDROCK_CONVERSE.response_texts,
                     lambda data: BEDROCK_CONVERSE.frame_texts(Frame("", data, b""))):  # fmt: skip
            for slot in read(body):
                if not slot.fixed:
                    slot.text = '{"k":"R"}' if slot.json_text else "R"
            for slot in read(body):
                assert slot.fixed or slot.text in ("R", '{"k":"R"}'), slot.path


@given(_TREES)
def test_nothing_hides_in_a_field_nobody_knows(tree: Any) -> None:
    """P3, P5: in an answer, a message, a block, an event, a delta."""
    things = odd_things(tree) | {KEY}
    for body in ({KEY: tree}, {"output": {KEY: tree}}, {"output": {"message": {KEY: tree}}},
                 {"output": {"message": {"content": [{"toolUse": {KEY: tree}}]}}},
                 {"output": {"message": {"content": [{"reasoningContent": {KEY: tree}}]}}},
                 {"output": {"message": {"content": [{"citationsContent": {KEY: tree}}]}}},
                 ):  # fmt: skip
        unscanned = BEDROCK_CONVERSE.response_unscanned(body)
        assert seen(things, BEDROCK_CONVERSE.response_texts(body), unscanned)
    for data in ({KEY: tree}, {"delta": {KEY: tree}}, {"delta": {"toolUse": {KEY: tree}}},
                 {"delta": {"reasoningContent": {KEY: tree}}}, {"start": {"toolUse": {KEY: tree}}},
                 {"error": {KEY: tree}}):  # fmt: skip
        frame = Frame("contentBlockDelta", data, b"")
        unscanned = BEDROCK_CONVERSE.frame_unscanned(frame)
        assert seen(things, BEDROCK_CONVERSE.frame_texts(frame), unscanned)


@given(_OBJECTS, st.lists(_OBJECTS, max_size=3))
def test_known_names_in_odd_shapes_break_nothing(own: Json, blocks: list[Json]) -> None:
    """P8: whatever comes back can be read and written."""
    for body in ({"output": own}, {"output": {"message": own}}, own, {"delta": own, "start": own},
                 {"output": {"message": {"content": blocks}}}, {"delta": {"toolUse": own}},
                 {"delta": {"reasoningContent": own}}):  # fmt: skip
        frame = Frame("contentBlockDelta", body, b"")
        assert set(map(type, BEDROCK_CONVERSE.response_unscanned(body))) <= {str}
        assert set(map(type, BEDROCK_CONVERSE.frame_unscanned(frame))) <= {str}
        rewrite(BEDROCK_CONVERSE.frame_texts(frame))
        rewrite(BEDROCK_CONVERSE.response_texts(body))


@pytest.mark.parametrize(
    "body",
    [
        {"output": ["two words"]}, {"output": {"message": "two words"}},
        {"output": {"message": {"content": "two words"}}},
        {"output": {"message": {"role": "two words", "content": []}}},
        {"output": {"message": {"content": [["two words"]]}}},
        {"output": {"message": {"content": [{"text": ["two words"]}]}}},
        {"output": {"message": {"content": [{"toolResult": {"content": "two words"}}]}}},
        {"output": {"message": {"content": [{"reasoningContent": {
            "redactedContent": "two words"}}]}}},
    ],
)  # fmt: skip
def test_words_in_odd_places_are_read(body: Json) -> None:
    """P5: whatever stands where another shape is documented."""
    (slot,) = BEDROCK_CONVERSE.response_texts(body)
    assert slot.text == "two words"


@pytest.mark.parametrize(
    "data",
    [
        {"delta": "two words"}, {"start": ["two words"]}, {"role": "two words"},
        {"delta": {"text": ["two words"]}}, {"delta": {"toolUse": "two words"}},
        {"delta": {"toolUse": {"input": ["two words"]}}}, {"p": "two words"},
        {"delta": {"reasoningContent": {"text": ["two words"]}}}, {"stopReason": "two words"},
    ],
)  # fmt: skip
def test_words_in_odd_places_of_an_event_are_read(data: Json) -> None:
    """P5: the same, streamed."""
    (slot,) = BEDROCK_CONVERSE.frame_texts(Frame("contentBlockDelta", data, b""))
    assert slot.text == "two words"


def test_the_pieces_of_one_text_share_a_channel() -> None:
    """P5: words, thoughts and inputs each have their own, and it is the whole answer's path."""
    deltas: list[tuple[int, Json]] = [
        (0, {"reasoningContent": {"text": "x"}}), (1, {"text": "x"}),
        (2, {"toolUse": {"input": "{"}}), (1, {"text": "y"}),
    ]  # fmt: skip
    frames = [Frame("contentBlockDelta", {"contentBlockIndex": i, "delta": d}, b"")
              for i, d in deltas]  # fmt: skip
    assert [slot.channel for f in frames for slot in BEDROCK_CONVERSE.frame_texts(f)] == [
        f"{CONTENT}[0].reasoningContent.reasoningText.text",
        f"{CONTENT}[1].text",
        f"{CONTENT}[2].toolUse.input",
        f"{CONTENT}[1].text",
    ]
    assert not any(BEDROCK_CONVERSE.frame_unscanned(frame) for frame in frames)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (None, None),
        ({"inputTokens": 30, "outputTokens": 628, "totalTokens": 658}, Usage(30, 628)),
        # User guide, "Prompt caching": what was read or written stands beside the input.
        ({"inputTokens": 4, "outputTokens": 9, "totalTokens": 13, "cacheReadInputTokens": 100,
          "cacheWriteInputTokens": 20}, Usage(4, 9, 100, 20)),
        ({"inputTokens": 4, "outputTokens": 9, "totalTokens": 133, "cacheReadInputTokens": 100,
          "cacheWriteInputTokens": 20}, Usage(4, 9, 100, 20)),
        ({"inputTokens": 1, "outputTokens": 1, "cacheWriteInputTokens": 30, "cacheDetails": [
            {"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}]},
         Usage(1, 1, 0, 10, cache_write_1h_tokens=20)),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": [
            {"ttl": "1h", "inputTokens": 20}]}, Usage(1, 1, cache_write_1h_tokens=20)),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": []}, Usage(1, 1)),
        ({"inputTokens": 1}, Unsound("provider_usage_malformed")),
        ([], Unsound("provider_usage_malformed")),
        ({"inputTokens": True, "outputTokens": 1}, Unsound("provider_usage_malformed")),
        ({"inputTokens": 1, "outputTokens": -1}, Unsound("provider_usage_negative")),
        ({"inputTokens": 1, "outputTokens": 10**10}, Unsound("provider_usage_absurd")),
        ({"inputTokens": 5, "outputTokens": 5, "totalTokens": 9},
         Unsound("provider_usage_inconsistent")),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": {}}, Usage(1, 1)),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": "x"},
         Unsound("provider_usage_malformed")),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": ["x"]},
         Unsound("provider_usage_malformed")),
        ({"inputTokens": 1, "outputTokens": 1, "cacheDetails": [
            {"ttl": "1h", "inputTokens": -20}]}, Unsound("provider_usage_negative")),
    ],
)  # fmt: skip
def test_usage(told: Any, meant: Reported) -> None:
    """P2: disjoint buckets; whole and streamed alike."""
    assert read_bedrock_usage(told) == meant
    assert BEDROCK_CONVERSE.response_usage({"usage": told}) == meant
    frame = Frame("metadata", {"usage": told}, b"")
    assert BEDROCK_CONVERSE.frame_usage(frame, None) == meant


def test_usage_stays_what_the_last_frame_said() -> None:
    """P2: events without usage say nothing."""
    used = Usage(1, 2)
    for event, data in events(Canaries()):
        if event != "metadata":
            assert BEDROCK_CONVERSE.frame_usage(Frame(event, data, b""), used) == used


def test_the_end_and_errors() -> None:
    """Contract: `messageStop` is the end; an exception has an `error`, and is none."""
    sent = b"".join(
        (
            encode_event("contentBlockStop", {"contentBlockIndex": 0}),
            encode_event("messageStop", {"stopReason": "end_turn"}),
            encode_event("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
            encode_exception("modelStreamErrorException", {"message": "x"}),
        )
    )
    frames = frames_of(sent)
    assert [BEDROCK_CONVERSE.is_final(frame) for frame in frames] == [False, True, False, False]
    assert ["error" in (frame.data or {}) for frame in frames] == [False, False, False, True]


@pytest.mark.parametrize(
    ("body", "maximum", "config"),
    [
        ({}, None, None),
        ({}, 7, {"maxTokens": 7}),
        ({"inferenceConfig": {"maxTokens": 5, "topP": 1}}, 7, {"maxTokens": 5, "topP": 1}),
        ({"inferenceConfig": {"maxTokens": 9, "topP": 1}}, 7, {"maxTokens": 7, "topP": 1}),
        ({"inferenceConfig": {"topP": 1}}, None, {"topP": 1}),
    ],
)
def test_with_call(body: Json, maximum: int | None, config: Json | None) -> None:
    """P2: the lower maximum holds; no model in the body; the body that was given is not changed."""
    before = repr(body)
    call = BEDROCK_CONVERSE.with_call(
        body, model="m", max_output_tokens=maximum, include_usage=True
    )
    assert call.get("inferenceConfig") == config and "model" not in call
    assert repr(body) == before and call is not body


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0",
         "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/converse"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
         "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2F"
         "eu.amazon.nova-pro-v1%3A0/converse"),
        ("../x?y#z", "/model/..%2Fx%3Fy%23z/converse"),
    ],
)  # fmt: skip
def test_the_path(model: str, path: str) -> None:
    """Dialect: the model is one segment of the path, whatever it holds."""
    assert BEDROCK_CONVERSE.upstream_path(model, stream=False) == path
    assert BEDROCK_CONVERSE.upstream_path(model, stream=True) == path + "-stream"
