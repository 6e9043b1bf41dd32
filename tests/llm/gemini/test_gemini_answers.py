"""Gemini answers read into nobody's dialect and written out of it; Google's SDK reads them."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    Audio,
    ChatAnswer,
    Choice,
    Citation,
    Document,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Remote,
    Seal,
    Stored,
    Text,
    ToolCall,
)
from extproc.llm.translate.gemini_generate import CALLER, PROVIDER
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import Usage
from tests.llm.gemini import sdk

ASKED: Json = {"contents": []}
SHOWN: Json = {"generation_config": {"thinkingConfig": {"include_thoughts": True}}}


def body(*parts: Json, **candidate: Any) -> Json:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": "STOP", **candidate}],
            "responseId": "r-1"}  # fmt: skip


def read(*parts: Json, **candidate: Any) -> Choice:
    (choice,) = PROVIDER.read_answer(body(*parts, **candidate)).choices
    return choice


def write(*parts: Part, asked: Json = ASKED, **choice: Any) -> Json:
    answer = ChatAnswer("r-1", [Choice(list(parts), **choice)], Usage(3, 4))
    return CALLER.write_answer(answer, model="prod/x", created=0, asked=asked)


def test_a_whole_answer_is_read() -> None:
    """Translate: text, thoughts, parallel calls with and without ids, seals, usage."""
    answer = PROVIDER.read_answer({
        **body({"text": "hm", "thought": True, "thoughtSignature": "s0"}, {"text": "Hello"},
               {"text": " there", "thoughtSignature": "s1"},
               {"functionCall": {"name": "f", "args": {"n": 1}}, "thoughtSignature": "s2"},
               {"functionCall": {"name": "f", "id": "own"}}, {"functionCall": {"name": "g"}}),
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    })  # fmt: skip
    assert answer == ChatAnswer("r-1", [Choice([
        Reasoning("", None, "hm", Seal("gemini", "s0")), Text(text="Hello"), Text(text=" there"),
        Reasoning("", None, "", Seal("gemini", "s1"), True),
        ToolCall("", None, "call_r1_0", "f", '{"n":1}', Seal("gemini", "s2")),
        ToolCall("", None, "own", "f", "{}"), ToolCall("", None, "call_r1_2", "g", "{}"),
    ], "tool_calls")], Usage(3, 4))  # fmt: skip


def test_ids_differ_from_answer_to_answer() -> None:
    """Translate: an id that is made must not come twice in one conversation."""
    one = PROVIDER.read_answer({**body({"functionCall": {"name": "f"}}), "responseId": "other"})
    (call,) = one.choices[0].parts
    assert isinstance(call, ToolCall) and call.call_id == "call_other_0"
    ids = set()
    for args in ({"n": 1}, {"n": 2}):
        made = body({"functionCall": {"name": "f", "args": args}})
        del made["responseId"]
        (part,) = PROVIDER.read_answer(made).choices[0].parts
        assert isinstance(part, ToolCall)
        ids.add(part.call_id)
    assert len(ids) == 2


FINISHES: list[tuple[str | None, str, bool]] = [
    ("STOP", "stop", False), ("MAX_TOKENS", "length", False), ("SAFETY", "content_filter", False),
    ("RECITATION", "content_filter", False), ("PROHIBITED_CONTENT", "content_filter", False),
    ("BLOCKLIST", "content_filter", False), ("SPII", "content_filter", False),
    ("IMAGE_SAFETY", "content_filter", False), ("MALFORMED_FUNCTION_CALL", "stop", True),
    ("OTHER", "stop", True), ("SOMETHING_NEW", "stop", True), (None, "stop", True),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "finish", "reported"), FINISHES)
def test_reasons_are_read(reason: str | None, finish: str, reported: bool) -> None:
    """Translate: what no dialect has a word for is reported."""
    answer = PROVIDER.read_answer(body({"text": "x"}, finishReason=reason))
    assert answer.choices[0].finish == finish
    assert answer.left_out == (["candidates[0].finishReason"] if reported else [])


def test_every_reason_of_googles_is_decided_on() -> None:
    """Translate: none of the SDK's own list raises."""
    for reason in types.FinishReason:
        read({"text": "x"}, finishReason=reason.value)


def test_a_blocked_prompt_is_an_answer_without_words() -> None:
    """Translate: no candidates, and the reason in the feedback."""
    answer = PROVIDER.read_answer({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
    assert answer.choices == [Choice([], "content_filter")]
    cut = PROVIDER.read_answer({"candidates": [{"finishReason": "MAX_TOKENS"}]})
    assert cut.choices == [Choice([], "length")]


UNREADABLE: list[tuple[Json, str]] = [
    ({}, "candidates"), ({"candidates": []}, "candidates"), ({"candidates": "x"}, "candidates"),
    ({"candidates": ["x"]}, "candidates[0]"),
    ({"candidates": [{"content": "x"}]}, "candidates[0].content"),
    ({"candidates": [{"content": {"parts": [1]}}]}, "candidates[0].content"),
    (body({"executableCode": {"code": "x"}}), "candidates[0].content.parts[0]"),
    (body({"text": "a"}, {"later": 1}), "candidates[0].content.parts[1]"),
    (body({"text": 1}), "candidates[0].content.parts[0].text"),
    (body({"functionCall": {"args": {}}}), "candidates[0].content.parts[0]"),
    (body({"functionCall": {"name": "f", "args": "x"}}), "candidates[0].content.parts[0]"),
    (body({"functionCall": {"name": "f", "willContinue": True}}),
     "candidates[0].content.parts[0].functionCall"),
    (body({"inlineData": {"data": "x"}}), "candidates[0].content.parts[0].inlineData"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "where"), UNREADABLE)
def test_answers_of_another_shape_are_unreadable(answer: Json, where: str) -> None:
    """Translate: by the place, never with content (P4)."""
    with pytest.raises(Unreadable) as no:
        PROVIDER.read_answer(answer)
    assert no.value.where == where


def test_grounding_is_read() -> None:
    """Translate: Google counts bytes, a citation characters; sources without a place too."""
    texts = [{"text": "Grüße: "}, {"text": "die Äpfel sind reif"}]
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}},
                            {"retrievedContext": {"uri": "https://b", "text": "words"}}],
        "groundingSupports": [
            {"segment": {"partIndex": 1, "startIndex": 4, "endIndex": 10, "text": "Äpfel"},
             "groundingChunkIndices": [0, 1, 9]},
            {"segment": {"endIndex": 7}, "groundingChunkIndices": [0]}],
    }  # fmt: skip
    first, second = read(*texts, groundingMetadata=metadata).parts
    assert isinstance(first, Text) and isinstance(second, Text)
    assert first.citations == (Citation("https://a", "A", "", 0, 5),)
    assert second.citations == (
        Citation("https://a", "A", "", 4, 9), Citation("https://b", "", "words", 4, 9))  # fmt: skip
    assert second.text[4:9] == "Äpfel"
    del metadata["groundingSupports"]
    (text, _) = read(*texts, groundingMetadata=metadata).parts
    assert isinstance(text, Text)
    assert text.citations == (Citation("https://a", "A"), Citation("https://b", "", "words"))


def test_recitations_are_read() -> None:
    """Translate: their offsets run over all text of the candidate."""
    sources = [{"startIndex": 8, "endIndex": 11, "uri": "https://a", "license": "mit"}]
    _, second = read({"text": "Grüße"}, {"text": "1234567"},
                     citationMetadata={"citationSources": sources}).parts  # fmt: skip
    assert isinstance(second, Text)
    assert second.citations == (Citation("https://a", "", "", 1, 4),)


def test_citations_survive_the_way_through() -> None:
    """Translate: written in bytes, read back in characters."""
    cited = (Citation("https://a", "A", "", 4, 9), Citation("", "T", "words", 0, 3))
    made = write(Reasoning(text="t"), Text(text="die Äpfel sind reif", citations=cited),
                 asked=SHOWN)  # fmt: skip
    (_, text) = PROVIDER.read_answer(made).choices[0].parts
    assert isinstance(text, Text) and text.citations == cited
    told = sdk.read(made).candidates
    assert told and told[0].grounding_metadata
    support = (told[0].grounding_metadata.grounding_supports or [])[0]
    assert support.segment and support.segment.text == "Äpfel"


def test_logprobs_survive_the_way_through() -> None:
    """Translate: chosen tokens and the likelier ones beside them."""
    entries = [{"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": [
        {"token": "J", "logprob": -1.5, "bytes": [74]}]}]  # fmt: skip
    made = write(Text(text="H"), logprobs=entries)
    (choice,) = PROVIDER.read_answer(made).choices
    assert choice.logprobs == entries
    told = sdk.read(made).candidates
    assert told and told[0].logprobs_result and told[0].logprobs_result.chosen_candidates
    assert told[0].logprobs_result.chosen_candidates[0].log_probability == -0.5


def test_googles_sdk_reads_what_is_written() -> None:
    """Translate: text, calls, finish, usage, model and id, in its own types."""
    made = write(
        Reasoning(text="hm"), Text(text="Hello"), Refused(text="!"),
        ToolCall("", None, "c-1", "f", '{"n":1}', Seal("gemini", "c2ln")),
        Image(source=Inline("image/png", "aGk=")), Audio(source=Inline("audio/wav", "aGk=")),
        Document(source=Remote("https://x/y.pdf", "application/pdf")),
        asked=SHOWN, finish="tool_calls",
    )  # fmt: skip
    answer = sdk.read(made)
    assert (answer.text, answer.model_version, answer.response_id) == ("Hello!", "prod/x", "r-1")
    assert answer.candidates and answer.candidates[0].content
    parts = answer.candidates[0].content.parts or []
    assert (parts[0].thought, parts[0].text) == (True, "hm")
    (call,) = answer.function_calls or []
    assert (call.id, call.name, call.args) == ("c-1", "f", {"n": 1})
    assert parts[3].thought_signature == b"sig"
    assert parts[4].inline_data and parts[4].inline_data.data == b"hi"
    assert parts[6].file_data and parts[6].file_data.file_uri == "https://x/y.pdf"
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage and (usage.prompt_token_count, usage.candidates_token_count) == (3, 4)
    types.GenerateContentResponse.model_validate(made)


WRITTEN: list[tuple[str, str]] = [
    ("stop", "STOP"), ("stop_sequence", "STOP"), ("tool_calls", "STOP"), ("length", "MAX_TOKENS"),
    ("refusal", "SAFETY"), ("content_filter", "SAFETY"), ("pause", "OTHER"),
]  # fmt: skip


@pytest.mark.parametrize(("finish", "reason"), WRITTEN)
def test_reasons_are_written(finish: Any, reason: str) -> None:
    """Translate: in the words of Google's enumeration."""
    made = write(Text(text="x"), finish=finish)["candidates"][0]["finishReason"]
    assert made == reason == types.FinishReason(reason).value


def test_thoughts_are_shown_to_who_asked() -> None:
    """Translate: others are told that they were left out; sealed ones always are there."""
    shown, hidden = Reasoning(text="hm"), Reasoning(text="hm", seal=Seal("anthropic", "s"))
    answer = ChatAnswer("", [Choice([shown, Text(text="x")])])
    made = CALLER.write_answer(answer, model="m", created=0, asked=ASKED)
    assert made["candidates"][0]["content"]["parts"] == [{"text": "x"}]
    assert answer.left_out == ["candidates[0].content.parts"]
    (part, _) = write(hidden, Text(text="x"))["candidates"][0]["content"]["parts"]
    assert (part["text"], part["thought"]) == ("hm", True)
    back = CALLER.read_request({"contents": [{"role": "model", "parts": [part]}]})
    (thought,) = back.turns[0].parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.seal, thought.hidden) == ("hm", Seal("anthropic", "s"), False)


def test_an_answer_without_words_has_a_content() -> None:
    """Translate: code such as `candidates[0].content.parts[0]` holds."""
    made = write(finish="content_filter")
    assert made["candidates"][0]["content"]["parts"] == [{"text": ""}]
    assert sdk.read(made).text == ""


BROKEN: list[Part] = [
    ToolCall("", None, "a", "f", "{x"), ToolCall("", None, "a", "f", "[]"),
    Image(source=Stored("openai", "x")), Part(),
]  # fmt: skip


@pytest.mark.parametrize("part", BROKEN)
def test_what_cannot_be_written_is_unreadable(part: Part) -> None:
    """Translate: never half a call."""
    with pytest.raises(Unreadable):
        write(part)
