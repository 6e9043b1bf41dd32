"""What the gateway reads out of Gemini's paths, requests and usage."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Refusal
from extproc.llm.call import Frame, Json, LlmCall
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.gemini_path import model_in
from extproc.llm.gemini_usage import write_gemini_usage
from extproc.usage.usage import Unsound, Usage

PATH = "/v1beta/models/openai-main/gpt-4o-mini:generateContent"
TEXT: Json = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def call_of(body: Json, path: str = PATH) -> LlmCall:
    call = GEMINI_GENERATE.read_call(path, body)
    assert not isinstance(call, Refusal), call
    return call


def fault_of(body: Json, path: str = PATH) -> str:
    refusal = GEMINI_GENERATE.read_call(path, body)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.param and refusal.param in refusal.detail
    return refusal.param


# Paths.


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1beta/models/gemini-3-pro:generateContent", ("gemini-3-pro", False)),
        ("/v1/models/a/b:generateContent", ("a/b", False)),
        ("/genai/v1/models/a%2Fb:streamGenerateContent?alt=sse", ("a/b", True)),
        ("/genai/v1beta/models/a%2Fb%20c:generateContent", ("a/b c", False)),
        ("/v1/models/prod/a:b:generateContent", ("prod/a:b", False)),
        ("/v1/models/a%252Fb:generateContent", ("a%2Fb", False)),
        ("/v1beta/tunedModels/x:generateContent", None),
        ("/v1beta/models/x:embedContent", None),
        ("/v1beta/models/x:countTokens", None),
        ("/v1beta/models/:generateContent", None),
        ("/v1beta/models/x", None),
        ("/v1beta/models/%ff:generateContent", None),
        ("/v2/models/x:generateContent", None),
        ("/openai/v1/models/x:generateContent", None),
        ("/v1/models/x%3AgenerateContent", None),
    ],
)
def test_the_model_stands_in_the_path(path: str, found: tuple[str, bool] | None) -> None:
    """Contract, section 3: encoded or not, with slashes; anything else is no path of this."""
    assert model_in(path) == found


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash", "openai-main/gpt-4o-mini", "models/prod/x y", "prod/a:b"]
)
def test_googles_sdk_names_any_model(model: str) -> None:
    """Contract, section 3: base URL and key alone; whole and streamed, default version too."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"candidates": []})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    options = types.HttpOptions(base_url="http://h/genai", httpx_client=http)
    client = genai.Client(api_key="k", http_options=options)
    client.models.generate_content(model=model, contents="x")
    list(client.models.generate_content_stream(model=model, contents="x"))
    calls = [GEMINI_GENERATE.read_call(request.url.raw_path.decode(), TEXT) for request in seen]
    name = model.removeprefix("models/")
    assert [(c.model, c.stream) for c in calls if isinstance(c, LlmCall)] == [
        (name, False), (name, True)]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (":streamGenerateContent", "?alt"),
        (":streamGenerateContent?alt=json", "?alt"),
        (":streamGenerateContent?alt=sse&alt=json", "?alt"),
        (":generateContent?alt=sse", "?alt"),
        (":generateContent?fields=candidates", "?fields"),
        (":streamGenerateContent?alt=sse&callback=x", "?callback"),
    ],
)
def test_a_query_that_would_change_the_answer_is_refused(query: str, param: str) -> None:
    """Dialect: a stream without `alt=sse` would be a JSON array; nothing is passed over."""
    assert fault_of(TEXT, "/v1/models/m" + query) == param
    assert call_of(TEXT, "/v1/models/m:streamGenerateContent?key=x&alt=sse").stream


# Requests.

TOOLS = [
    {"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}},
    {"code_execution": {}}, {"urlContext": {}, "function_declarations": [{"name": "h"}]},
]  # fmt: skip


@pytest.mark.parametrize("camel", [True, False])
def test_what_is_read_under_either_spelling(camel: bool) -> None:
    """Dialect: Google takes both, and its SDK sends both."""
    config = ("generationConfig", "maxOutputTokens", "candidateCount") if camel else (
        "generation_config", "max_output_tokens", "candidate_count")  # fmt: skip
    body = {**TEXT, config[0]: {config[1]: 70, config[2]: 2}, "tools": TOOLS}
    call = call_of(body)
    assert (call.model, call.max_output_tokens, call.choices) == ("openai-main/gpt-4o-mini", 70, 2)
    assert call.tools == ("f", "g", "googleSearch", "codeExecution", "urlContext", "h")
    made = GEMINI_GENERATE.with_call(body, model="m", max_output_tokens=9, include_usage=True)
    assert made[config[0]] == {config[1]: 9, config[2]: 2}
    assert body[config[0]][config[1]] == 70
    assert "model" not in made


def test_a_maximum_is_lowered_and_never_raised() -> None:
    """P2: what was reserved for is what the provider is told."""

    def told(config: Json | None, most: int | None) -> Any:
        body = TEXT if config is None else {**TEXT, "generationConfig": config}
        made = GEMINI_GENERATE.with_call(
            body, model="m", max_output_tokens=most, include_usage=True
        )
        return made.get("generationConfig")

    assert told(None, None) is None
    assert told(None, 5) == {"maxOutputTokens": 5}
    assert told({"topK": 1}, 5) == {"topK": 1, "maxOutputTokens": 5}
    assert told({"maxOutputTokens": 3}, 5) == {"maxOutputTokens": 3}


TWICE = [
    {"systemInstruction": {}, "system_instruction": {}},
    {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 2}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinking_budget": 1}}},
    {"contents": [{"parts": [{"inlineData": {}, "inline_data": {}}]}]},
    {"tools": [{"functionDeclarations": [], "function_declarations": []}]},
]


@pytest.mark.parametrize("extra", TWICE)
def test_a_field_under_both_names_is_refused(extra: Json) -> None:
    """P1: what the gateway reads is what the provider reads."""
    refusal = GEMINI_GENERATE.read_call(PATH, {**TEXT, **extra})
    assert isinstance(refusal, Refusal) and "both of its spellings" in refusal.detail


def test_names_that_callers_chose_are_no_spellings() -> None:
    """Dialect: arguments, results and schemas hold whatever names their authors like."""
    both = {"user_id": 1, "userId": 2}
    parts = [{"functionCall": {"name": "f", "args": both}},
             {"functionResponse": {"name": "f", "response": both}}]  # fmt: skip
    declared = {"name": "f", "parameters": {"type": "OBJECT", "properties": both}}
    body = {"contents": [{"role": "model", "parts": parts}], "labels": both,
            "tools": [{"functionDeclarations": [declared]}],
            "generationConfig": {"responseJsonSchema": {"properties": both}}}  # fmt: skip
    assert call_of(body).tools == ("f",)


FAULTS: list[tuple[Json, str]] = [
    ({}, "contents"), ({"contents": []}, "contents"), ({"contents": "x"}, "contents"),
    ({"contents": ["x"]}, "contents[0]"),
    ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
    ({"contents": [{"parts": "x"}]}, "contents[0].parts"),
    ({"contents": [{"parts": ["x"]}]}, "contents[0].parts[0]"),
    ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
    ({"contents": [{"parts": [{"text": "x", "thought": 1}]}]}, "contents[0].parts[0].thought"),
    ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
    ({"contents": [{"parts": [{"function_call": {"name": "f", "args": []}}]}]},
     "contents[0].parts[0].function_call.args"),
    ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": "x"}}]}]},
     "contents[0].parts[0].functionResponse.response"),
    ({"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [3]}}]}]},
     "contents[0].parts[0].functionResponse.parts[0]"),
    ({"contents": [{"parts": [{"inlineData": {"mimeType": "x/y"}}]}]},
     "contents[0].parts[0].inlineData.data"),
    ({"contents": [{"parts": [{"file_data": {}}]}]}, "contents[0].parts[0].file_data.fileUri"),
    ({**TEXT, "system_instruction": "x"}, "system_instruction"),
    ({**TEXT, "systemInstruction": {"parts": [{"text": None, "inlineData": 1}]}},
     "systemInstruction.parts[0].inlineData"),
    ({**TEXT, "generationConfig": []}, "generationConfig"),
    ({**TEXT, "generationConfig": {"maxOutputTokens": "5"}}, "generationConfig.maxOutputTokens"),
    ({**TEXT, "generationConfig": {"max_output_tokens": True}},
     "generationConfig.max_output_tokens"),
    ({**TEXT, "generationConfig": {"candidateCount": 9}}, "generationConfig.candidateCount"),
    ({**TEXT, "tools": "x"}, "tools"), ({**TEXT, "tools": [1]}, "tools[0]"),
    ({**TEXT, "tools": [{"functionDeclarations": [1]}]}, "tools[0].functionDeclarations[0]"),
    ({**TEXT, "tools": [{"function_declarations": [{}]}]},
     "tools[0].function_declarations[0].name"),
    ({**TEXT, "model": "another"}, "model"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "param"), FAULTS)
def test_ill_typed_fields_are_refused_by_name(body: Json, param: str) -> None:
    """Contract, section 4: the text names the field, in the caller's own spelling."""
    assert fault_of(body) == param


def test_single_values_where_lists_are_due() -> None:
    """Dialect: Google's own samples write `"parts": {"text": ...}`."""
    body = {"contents": {"parts": {"text": "T-a"}}, "systemInstruction": {"parts": {"text": "T-s"}},
            "tools": {"functionDeclarations": {"name": "f"}}}  # fmt: skip
    assert call_of(body).tools == ("f",)
    texts = [slot.text for slot in GEMINI_GENERATE.request_texts(body)]
    assert {"T-a", "T-s"} < set(texts)


def test_the_model_in_the_body_may_repeat_the_paths() -> None:
    """Dialect: the request's own `model` field, as transcoding gateways send it."""
    for name in ("openai-main/gpt-4o-mini", "models/openai-main/gpt-4o-mini"):
        assert call_of({**TEXT, "model": name}).model == "openai-main/gpt-4o-mini"


def test_upstream_paths() -> None:
    """Dialect: the model percent-encoded; a stream always as server-sent events."""
    path = GEMINI_GENERATE.upstream_path
    assert path("gemini-3-pro", stream=False) == "/models/gemini-3-pro:generateContent"
    assert path("a/b?", stream=True) == "/models/a%2Fb%3F:streamGenerateContent?alt=sse"


def test_what_is_billed() -> None:
    """P2: media, files named by link, declared and hosted tools, cached contents, seals."""
    png = "iVBORw0KGgoAAAANSUhEUgAAAGQAAADI"
    parts: list[Json] = [
        {"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": png}},
        {"inlineData": {"mimeType": "audio/wav", "data": "A" * 400}},
        {"text": "x", "thoughtSignature": "A" * 200},
        {"functionResponse": {"name": "f", "response": {}, "parts": [
            {"inlineData": {"mimeType": "image/png", "data": png}}]}},
    ]  # fmt: skip
    schema = {"type": "OBJECT", "title": "T-schema"}
    body = {"contents": [{"parts": parts}], "tools": TOOLS,
            "systemInstruction": {"parts": [{"text": "T-s"}]},
            "generationConfig": {"responseSchema": schema}}  # fmt: skip
    told = GEMINI_GENERATE.billable(body)
    assert [image.size for image in told.images] == [(100, 200), (100, 200)]
    assert told.audio_input and told.open_ended and told.web_searches == 5
    assert (told.tools, told.hosted_tools) == (6, 3)
    assert {"hi", "T-s"} < set(told.texts) and any("T-schema" in text for text in told.texts)
    assert told.tokens >= 100
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (64511).to_bytes(4, "big") + b"\0\0\0?"
    data = urlsafe_b64encode(head).decode()
    assert "-" in data or "_" in data
    blob = {"inline_data": {"mime_type": "image/png", "data": data}}
    (image,) = GEMINI_GENERATE.billable({"contents": {"parts": [blob]}}).images
    assert image.size == (64511, 63)
    plain = GEMINI_GENERATE.billable(TEXT)
    assert (plain.texts, plain.open_ended, plain.tokens) == (["hi"], False, 0)
    cached = GEMINI_GENERATE.billable({**TEXT, "cachedContent": "cachedContents/x"})
    assert cached.open_ended and cached.tokens > 100_000
    spoken = {**TEXT, "generationConfig": {"responseModalities": ["AUDIO"]}}
    assert GEMINI_GENERATE.billable(spoken).audio_output


# Usage.

USAGE: list[tuple[Json, Usage]] = [
    ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, Usage(10, 5)),
    ({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7,
      "totalTokenCount": 22}, Usage(10, 12, reasoning_tokens=7)),
    ({"promptTokenCount": 10, "thoughtsTokenCount": 7, "totalTokenCount": 17},
     Usage(10, 7, reasoning_tokens=7)),
    ({"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 5,
      "totalTokenCount": 15}, Usage(6, 5, 4)),
    ({"promptTokenCount": 10, "toolUsePromptTokenCount": 100, "candidatesTokenCount": 5,
      "totalTokenCount": 115}, Usage(110, 5)),
    ({"promptTokenCount": 110, "toolUsePromptTokenCount": 100, "candidatesTokenCount": 5,
      "totalTokenCount": 115}, Usage(110, 5)),
    ({"promptTokenCount": 10, "candidatesTokenCount": 12, "thoughtsTokenCount": 7,
      "totalTokenCount": 22}, Usage(10, 12, reasoning_tokens=7)),
    ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 30}, Usage(10, 20)),
    ({"promptTokenCount": 10, "totalTokenCount": 10}, Usage(10, 0)),
    ({"promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 150,
      "cachedContentTokenCount": 30, "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20},
                                                            {"modality": "TEXT", "tokenCount": 10}],
      "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40},
                              {"modality": "AUDIO", "tokenCount": 30},
                              {"modality": "VIDEO", "tokenCount": 20},
                              {"modality": "IMAGE", "tokenCount": 10}],
      "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 20},
                                  {"modality": "AUDIO", "tokenCount": 25}]},
     Usage(30, 5, 30, audio_input_tokens=10, image_input_tokens=30, audio_output_tokens=25,
           image_output_tokens=20)),
]  # fmt: skip


@pytest.mark.parametrize(("usage", "expected"), USAGE)
def test_usage(usage: Json, expected: Usage) -> None:
    """P2: cached tokens are inside the prompt, thoughts and what tools brought in are beside."""
    told = GEMINI_GENERATE.response_usage({"usageMetadata": usage})
    assert told == expected
    assert isinstance(told, Usage)
    assert told.total_tokens == usage["totalTokenCount"]


UNSOUND: list[tuple[Any, str]] = [
    ({"promptTokenCount": -1}, "negative"), ({"promptTokenCount": "5"}, "malformed"),
    ({"promptTokenCount": True}, "malformed"), ("x", "malformed"),
    ({"promptTokenCount": 10**12}, "absurd"),
    ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 3}, "inconsistent"),
    ({"promptTokenCount": 10, "cachedContentTokenCount": 11, "totalTokenCount": 10},
     "inconsistent"),
    ({"promptTokenCount": 1, "totalTokenCount": 1,
      "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}]}, "inconsistent"),
    ({"promptTokenCount": 1, "totalTokenCount": 1, "promptTokensDetails": "x"}, "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("usage", "flag"), UNSOUND)
def test_unsound_usage(usage: Any, flag: str) -> None:
    """P2: one impossible number voids the whole report."""
    told = GEMINI_GENERATE.response_usage({"usageMetadata": usage})
    assert told == Unsound(f"provider_usage_{flag}")  # type: ignore[arg-type]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_usage_is_read_as_it_was_written(prompt: int, cached: int, said: int, mused: int) -> None:
    """P2: buckets survive the way through a Gemini caller's answer."""
    usage = Usage(prompt + 1, said + mused, cached, reasoning_tokens=mused)
    told = GEMINI_GENERATE.response_usage({"usageMetadata": write_gemini_usage(usage)})
    assert told == usage


def chunk(usage: Any = None, **candidate: Any) -> Frame:
    data: Json = {"candidates": [candidate]} if candidate else {}
    return Frame("", {**data, "usageMetadata": usage} if usage else data, b"")


def test_totals_of_a_stream_are_never_added_up() -> None:
    """P2: each chunk repeats what came before; Vertex's may tell nothing but its traffic."""
    read = GEMINI_GENERATE.frame_usage
    told = read(chunk({"promptTokenCount": 9, "totalTokenCount": 9}), None)
    told = read(chunk({"trafficType": "ON_DEMAND"}), told)
    assert told == Usage(9, 0)
    last = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
    told = read(chunk(last), told)
    assert read(chunk(last), told) == read(chunk(), told) == Usage(9, 5)
    assert read(chunk({"promptTokenCount": 9, "totalTokenCount": 9}), told) == Usage(9, 5)
    assert isinstance(read(chunk({"promptTokenCount": -1}), told), Unsound)


def test_searches_are_counted() -> None:
    """P2: each query of grounding is billed, and stays counted when later chunks do not say it."""
    grounded = chunk({"promptTokenCount": 9, "totalTokenCount": 9},
                     groundingMetadata={"webSearchQueries": ["a", "b"]})  # fmt: skip
    told = GEMINI_GENERATE.frame_usage(grounded, None)
    last = chunk({"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14})
    assert GEMINI_GENERATE.frame_usage(last, told) == Usage(9, 5, web_searches=2)


def test_a_stream_ends_when_every_candidate_has_finished() -> None:
    """P2: there is no end mark; a blocked prompt has no candidates at all."""
    final = GEMINI_GENERATE.is_final
    assert final(chunk(finishReason="STOP"))
    assert not final(chunk(content={}))
    assert not final(chunk({"promptTokenCount": 1}))
    assert not final(chunk(finishReason="FINISH_REASON_UNSPECIFIED"))
    two = {"candidates": [{"finishReason": "STOP"}, {"index": 1}]}
    assert not final(Frame("", two, b""))
    assert final(Frame("", {"promptFeedback": {"blockReason": "SAFETY"}}, b""))
    assert not final(Frame("", {"promptFeedback": {}}, b""))
    assert not final(Frame("", None, b""))
