"""Gemini requests in nobody's dialect, and the other way round."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.genai import types

from extproc.llm.call import Json
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.gemini_seals import NOT_SIGNED
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Inline,
    OutputFormat,
    Reasoning,
    Remote,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from extproc.llm.translate.gemini_generate import CALLER
from extproc.llm.translate.gemini_generate.seals import seal_of, signature_of
from extproc.llm.translate.not_carried import NotCarried
from tests.llm.gemini import sdk

TEXT: Json = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def read(extra: Json) -> ChatRequest:
    return CALLER.read_request({**TEXT, **extra})


def said(*contents: tuple[str, list[Json]]) -> ChatRequest:
    return CALLER.read_request({"contents": [{"role": r, "parts": p} for r, p in contents]})


def refused(body: Json) -> str:
    with pytest.raises(NotCarried) as no:
        CALLER.read_request(body)
    return no.value.param


# Nothing of Google's configuration is dropped in silence.

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL = types.Tool(function_declarations=[types.FunctionDeclaration(name="f")])
CONFIG: dict[str, Any] = {
    "system_instruction": "s", "temperature": 0.5, "top_p": 0.5, "top_k": 3, "candidate_count": 2,
    "max_output_tokens": 5, "stop_sequences": ["x"], "response_logprobs": True, "logprobs": 2,
    "presence_penalty": 0.5, "frequency_penalty": 0.5, "seed": 7,
    "response_mime_type": "application/json", "response_schema": SCHEMA,
    "response_json_schema": SCHEMA, "tools": [TOOL],
    "safety_settings": [types.SafetySetting(
        category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
        threshold=types.HarmBlockThreshold.BLOCK_NONE)],
    "tool_config": types.ToolConfig(function_calling_config=types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY)),
    "cached_content": "cachedContents/x", "response_modalities": ["AUDIO"],
    "media_resolution": types.MediaResolution.MEDIA_RESOLUTION_LOW,
    "speech_config": "Kore", "thinking_config": types.ThinkingConfig(thinking_budget=5),
    "image_config": types.ImageConfig(aspect_ratio="1:1"), "enable_enhanced_civic_answers": True,
    "service_tier": types.ServiceTier.FLEX, "continuation_token": b"x", "store": True,
    "audio_transcription_config": types.AudioTranscriptionConfig(),
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {
    "logprobs": {"response_logprobs": True},
    "response_schema": {"response_mime_type": "application/json"},
    "response_json_schema": {"response_mime_type": "application/json"},
    "audio_transcription_config": {"labels": None},
}
OF_THE_SDK = {"http_options", "should_return_http_response", "automatic_function_calling",
              "automatic_continuation"}  # fmt: skip
OF_VERTEX = {"routing_config", "model_selection_config", "audio_timestamp", "model_armor_config",
             "labels", "generation_output_config"}  # fmt: skip


def test_every_field_of_googles_configuration_is_known_here() -> None:
    """Translate: a field that Google adds makes this red, and is then decided on."""
    fields = set(types.GenerateContentConfig.model_fields)
    assert fields == set(CONFIG) | OF_THE_SDK | OF_VERTEX


@pytest.mark.parametrize("field", sorted(CONFIG))
def test_nothing_of_it_is_dropped_in_silence(field: str) -> None:
    """Translate: it is in the request, or reported, or refused by name."""
    beside = BESIDE.get(field, {})
    base = CALLER.read_request(sdk.sent(**beside))
    body = sdk.sent(**{field: CONFIG[field]}, **beside)
    if field == "media_resolution":
        image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
        body["contents"][0]["parts"].append(image)
        assert read({**body}).turns[0].parts[1].detail == "low"  # type: ignore[attr-defined]
        return
    try:
        request = CALLER.read_request(body)
    except NotCarried as no:
        assert no.param.rpartition(".")[2].lower() == field.replace("_", "")
        return
    assert request.left_out or request != base, body


@pytest.mark.parametrize("name", ["routingConfig", "modelConfig", "audioTimestamp", "somethingNew"])
def test_unknown_fields_are_refused_by_name(name: str) -> None:
    """Translate: beside the contents and inside the configuration; null asks for nothing."""
    assert refused({**TEXT, name: "x"}) == name
    assert refused({**TEXT, "generationConfig": {name: 1}}) == f"generationConfig.{name}"
    assert read({name: None, "generationConfig": {name: None}}).left_out == []


def test_the_whole_configuration() -> None:
    """Translate: each value in its place, under either spelling."""
    request = read({
        "system_instruction": {"parts": [{"text": "a"}, {"text": "b"}]},
        "generation_config": {
            "temperature": 1, "top_p": 0.5, "topK": 40.0, "seed": 7, "presencePenalty": 0.1,
            "frequency_penalty": 0.2, "maxOutputTokens": 9, "candidate_count": 2,
            "stopSequences": ["x"], "responseLogprobs": True, "logprobs": 3,
            "thinkingConfig": {"thinking_level": "HIGH", "includeThoughts": True}},
        "tools": [{"function_declarations": [
            {"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {
                "n": {"type": "INTEGER", "nullable": True}}}},
            {"name": "g", "parameters_json_schema": SCHEMA}]}],
        "tool_config": {"function_calling_config": {
            "mode": "ANY", "allowed_function_names": ["g"]}},
        "serviceTier": "standard",
    })  # fmt: skip
    assert [text.text for text in request.system] == ["a", "b"]
    assert (request.temperature, request.top_p, request.top_k, request.seed) == (1, 0.5, 40, 7)
    assert (request.presence_penalty, request.frequency_penalty) == (0.1, 0.2)
    assert (request.max_output_tokens, request.choices, request.stop) == (9, 2, ["x"])
    assert (request.logprobs, request.top_logprobs) == (True, 3)
    assert request.thinking == Thinking("high", None, True)
    assert request.tools == [
        Tool("f", "d", {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}},
             path="tools[0].functionDeclarations[0]"),
        Tool("g", "", SCHEMA, path="tools[0].functionDeclarations[1]")]  # fmt: skip
    assert request.tool_choice == ToolChoice("named", ("g",))
    assert (request.service_tier, request.left_out) == ("default", [])
    with pytest.raises(NotCarried) as no:
        request.refuse("top_k")
    assert no.value.param == "generationConfig.topK"


CHOICES: list[tuple[Json, ToolChoice]] = [
    ({"mode": "AUTO"}, ToolChoice("auto")), ({"mode": "NONE"}, ToolChoice("none")),
    ({"mode": "ANY"}, ToolChoice("required")), ({}, ToolChoice("auto")),
    ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, ToolChoice("required", ("a", "b"))),
    ({"mode": "VALIDATED"}, ToolChoice("auto")),
]  # fmt: skip


@pytest.mark.parametrize(("calling", "choice"), CHOICES)
def test_tool_choices(calling: Json, choice: ToolChoice) -> None:
    """Translate: Google's modes; what only validates is reported."""
    request = read({"toolConfig": {"functionCallingConfig": calling}})
    assert request.tool_choice == choice
    assert bool(request.left_out) == (calling.get("mode") == "VALIDATED")


OUTPUTS: list[tuple[Json, OutputFormat | None]] = [
    ({"responseMimeType": "text/plain"}, None),
    ({"responseMimeType": "application/json"}, OutputFormat("json_object")),
    ({"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
     OutputFormat("json_schema", SCHEMA)),
    ({"response_mime_type": "application/json", "responseSchema": {
        "type": "OBJECT", "properties": {"b": {"type": "STRING", "enum": ["x"], "nullable": True},
                                         "a": {"anyOf": [{"type": "STRING"}], "nullable": True}},
        "propertyOrdering": ["a", "b"], "required": ["a"], "minProperties": "1"}},
     OutputFormat("json_schema", {
         "type": "object", "required": ["a"], "minProperties": 1, "properties": {
             "a": {"anyOf": [{"type": "string"}, {"type": "null"}]},
             "b": {"type": ["string", "null"], "enum": ["x", None]}}})),
]  # fmt: skip


@pytest.mark.parametrize(("config", "output"), OUTPUTS)
def test_structured_output(config: Json, output: OutputFormat | None) -> None:
    """Translate: Google's Schema becomes JSON Schema, its order of properties too."""
    request = read({"generationConfig": config})
    assert request.output == output
    if output is not None and output.schema and request.output and request.output.schema:
        assert orjson.dumps(request.output.schema.get("properties")) == orjson.dumps(
            output.schema.get("properties"))  # fmt: skip


REFUSED: list[tuple[Json, str]] = [
    ({"cachedContent": "cachedContents/x"}, "cachedContent"),
    ({"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
    ({"tools": [{"codeExecution": {}}]}, "tools[0].codeExecution"),
    ({"tools": [{"functionDeclarations": [{"name": "f", "response": SCHEMA}]}]},
     "tools[0].functionDeclarations[0].response"),
    ({"tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]},
     "tools[0].functionDeclarations[0].behavior"),
    ({"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}, "toolConfig.retrievalConfig"),
    ({"generationConfig": {"responseMimeType": "text/x.enum"}},
     "generationConfig.responseMimeType"),
    ({"generationConfig": {"responseSchema": SCHEMA}}, "generationConfig.responseSchema"),
    ({"generationConfig": {"temperature": "1"}}, "generationConfig.temperature"),
    ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
    ({"generationConfig": {"seed": True}}, "generationConfig.seed"),
    ({"generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences"),
    ({"generationConfig": {"logprobs": 2}}, "generationConfig.logprobs"),
    ({"generationConfig": {"thinkingConfig": {"thinkingBudget": "x"}}},
     "generationConfig.thinkingConfig.thinkingBudget"),
    ({"generationConfig": {"responseMimeType": "application/json", "responseSchema": {
        "type": "OBJECT", "oneOf": [1]}}}, "generationConfig.responseSchema.oneOf"),
    ({"generationConfig": {"responseMimeType": "application/json", "responseSchema": {
        "type": "OBJECT", "properties": {"a": {"type": "TEXT"}}}}},
     "generationConfig.responseSchema.properties.a.type"),
]  # fmt: skip


@pytest.mark.parametrize(("extra", "param"), REFUSED)
def test_what_no_other_provider_does_is_refused(extra: Json, param: str) -> None:
    """Translate: by the name of the field, before anything is sent."""
    assert refused({**TEXT, **extra}) == param


PARTS: list[tuple[Json, str]] = [
    ({"executableCode": {"code": "x"}}, "executableCode"),
    ({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, "codeExecutionResult"),
    ({"toolCall": {"toolType": "URL_CONTEXT"}}, "toolCall"),
    ({"fileData": {"fileUri": "https://x/y.mp4"}, "videoMetadata": {"fps": 1}}, "videoMetadata"),
    ({"later": {"x": 1}}, "later"),
    ({"functionCall": {"name": "f", "later": 1}}, "functionCall.later"),
    ({"inlineData": {"mimeType": "image/png", "data": "aGk=", "later": 1}}, "inlineData.later"),
    ({"inlineData": {"data": "aGk="}}, "inlineData.mimeType"),
    ({"text": "x", "inlineData": {"mimeType": "image/png", "data": "aGk="}}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("part", "param"), PARTS)
def test_parts_that_are_refused(part: Json, param: str) -> None:
    """Translate: by the path of the part's field."""
    path = "contents[0].parts[0]" + (f".{param}" if param else "")
    assert refused({"contents": [{"role": "model", "parts": [part]}]}) == path


def test_calls_and_results_find_each_other() -> None:
    """Translate: by id where there is one, else by name and order; made ids are stable."""

    def call(name: str, n: int, **extra: Any) -> Json:
        return {"functionCall": {"name": name, "args": {"n": n}, **extra}}

    def result(name: str, **extra: Any) -> Json:
        return {"functionResponse": {"name": name, **extra}}

    turns = said(
        ("model", [call("f", 1), call("g", 2, id="x"), call("f", 3)]),
        ("user", [result("f", response={"output": "one"}),
                  result("f", response={"error": {"code": 5}}),
                  result("g", id="x", response={"k": 1})]),
        ("model", [call("f", 4)]), ("user", [result("f", response={"output": [1]})]),
    ).turns  # fmt: skip
    calls = [part for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert [c.call_id for c in calls] == ["call_1", "x", "call_3", "call_4"]
    assert [(r.call_id, r.name, r.failed) for r in results] == [
        ("call_1", "f", False), ("call_3", "f", True), ("x", "g", False), ("call_4", "f", False),
    ]  # fmt: skip
    assert [r.content[0].text for r in results] == [  # type: ignore[attr-defined]
        "one", '{"code":5}', '{"k":1}', "[1]"]  # fmt: skip
    assert [turn.role for turn in turns] == ["assistant", "user", "assistant", "user"]
    (_, answers) = said(
        ("model", [call("f", 1, id="a"), call("f", 2, id="b")]),
        ("user", [result("f", id="b", response={}), result("f", id="a", response={})]),
    ).turns
    assert [part.call_id for part in answers.parts] == ["b", "a"]  # type: ignore[attr-defined]
    lonely = {"contents": [{"parts": [result("f", response={})]}]}
    assert refused(lonely) == "contents[0].parts[0].functionResponse"


def test_media() -> None:
    """Translate: pictures, sound, PDF, video; Google's own files stay Google's."""
    (turn,) = said(("user", [
        {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
        {"fileData": {"fileUri": "https://x/y.jpg?z=1"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "aGk="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "aGk=", "displayName": "n"}},
        {"fileData": {"fileUri": "https://youtu.be/x", "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": "gs://b/x.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/q",
                      "mimeType": "image/png"}},
    ])).turns  # fmt: skip
    inline = (0, 2, 3)
    at = [f"contents[0].parts[{i}].{'inline' if i in inline else 'file'}Data" for i in range(7)]
    files = "https://generativelanguage.googleapis.com/v1beta/files/q"
    assert turn.parts == [
        Image(at[0], None, Inline("image/png", "+/8=")),
        Image(at[1], None, Remote("https://x/y.jpg?z=1")),
        Audio(at[2], None, Inline("audio/wav", "aGk=")),
        Document(at[3], None, Inline("application/pdf", "aGk="), "n"),
        Document(at[4], None, Remote("https://youtu.be/x", "video/mp4")),
        Image(at[5], None, Stored("gemini", "gs://b/x.png")),
        Image(at[6], None, Stored("gemini", files)),
    ]


def test_a_streamed_answer_that_comes_back_is_one_turn() -> None:
    """Translate: Google's SDK keeps each chunk as a content of its own."""
    signature = signature_of(Seal("anthropic", "sig"))
    (_, turn) = said(
        ("user", [{"text": "hi"}]),
        ("model", [{"text": "I ", "thought": True}]),
        ("model", [{"text": "think", "thought": True}]),
        ("model", [{"text": "", "thought": True, "thoughtSignature": signature}]),
        ("model", [{"text": "Hel"}]), ("model", [{"text": "lo"}]), ("model", [{"text": ""}]),
    ).turns  # fmt: skip
    thought, text = turn.parts
    assert isinstance(thought, Reasoning) and isinstance(text, Text)
    assert (thought.text, thought.seal) == ("I think", Seal("anthropic", "sig"))
    assert text.text == "Hello"


SEALS = [Seal("gemini", "Ab+/9w=="), Seal("anthropic", "a:b+/=="), Seal("openai", "gAAAA_-")]


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.parametrize("hidden", [True, False])
def test_a_seal_comes_back_as_it_went(seal: Seal, hidden: bool) -> None:
    """Translate: as base64 that Google's SDK reads and sends again in the other alphabet."""
    signature = signature_of(seal, hidden=hidden)
    part = types.Part.model_validate({"text": "x", "thoughtSignature": signature})
    again = part.model_dump(mode="json", by_alias=True, exclude_none=True)["thoughtSignature"]
    if seal.family == "gemini":
        assert seal_of(again) == (Seal("gemini", "Ab-_9w=="), False)
    else:
        assert seal_of(again) == (seal, hidden)


def test_google_never_sees_anothers_seal() -> None:
    """Translate: on the way through to Google the marked ones go, and calls say nobody signed."""
    foreign = signature_of(Seal("anthropic", "sig"))
    own = {"role": "model", "parts": [{"text": "y", "thoughtSignature": "AbCd"}]}
    body: Json = {"contents": [
        {"role": "user", "parts": [{"text": "hi"}]}, own,
        {"role": "model", "parts": [
            {"text": "t", "thought": True, "thoughtSignature": foreign},
            {"text": "x", "thought_signature": foreign},
            {"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}]},
        {"role": "model", "parts": [{"text": "", "thoughtSignature": foreign}]}]}  # fmt: skip
    made = GEMINI_GENERATE.with_call(body, model="m", max_output_tokens=None, include_usage=True)
    assert made["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}]}, own,
        {"role": "model", "parts": [
            {"text": "x"}, {"functionCall": {"name": "f"}, "thoughtSignature": NOT_SIGNED},
            {"functionCall": {"name": "g"}}]}]  # fmt: skip
    same = {"contents": [own]}
    untouched = GEMINI_GENERATE.with_call(
        same, model="m", max_output_tokens=None, include_usage=True
    )
    assert untouched["contents"] is same["contents"]
