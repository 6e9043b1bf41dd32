"""Embeddings at Gemini, Vertex and Cohere: texts, media, usage, and one model a request."""

from __future__ import annotations

from typing import Any

import pytest
from google import genai
from google.genai import types

from extproc.llm.call import Json, ProviderDialect
from extproc.llm.cohere_embed import COHERE_EMBED
from extproc.llm.gemini_embed import GEMINI_EMBED, GEMINI_EMBED_ONE
from extproc.llm.vertex_embed import VERTEX_EMBED
from extproc.usage.usage import Unsound, Usage
from tests.llm.canaries import PNG
from tests.llm.operations.asking import call_of, refused, texts

BATCH = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
ONE = "/v1beta/models/gemini-embedding-001:embedContent"


def one(text: str = "T-a", **more: Any) -> Json:
    return {"content": {"parts": [{"text": text}]}, **more}


@pytest.mark.parametrize(
    ("path", "model"),
    [(BATCH, "gemini-embedding-001"), ("/genai/v1/models/a%2Fb:batchEmbedContents", "a/b"),
     ("/v1/models/acct/m:batchEmbedContents?key=x", "acct/m")],
)  # fmt: skip
def test_the_model_stands_in_the_path(path: str, model: str) -> None:
    """Contract: google-genai names the model in the path, below /v1 and /v1beta."""
    call = call_of(GEMINI_EMBED, {"requests": [one()]}, path)
    assert (call.model, call.operation) == (model, "embeddings")


def test_no_other_model_hides_in_a_batch() -> None:
    """P1: a request that names another model than the path would be called without a grant."""
    named = [one(model="models/gemini-embedding-001"), one(model="gemini-embedding-001"), one()]
    call_of(GEMINI_EMBED, {"requests": named}, BATCH)
    other = {"requests": [one(), one(model="models/gemini-3-pro")]}
    assert refused(GEMINI_EMBED, other, BATCH) == "requests[1].model"
    assert refused(GEMINI_EMBED_ONE, one(model="models/x"), ONE) == "model"
    sent = GEMINI_EMBED.with_call(
        {"requests": named}, model="up", max_output_tokens=None, include_usage=False
    )
    assert {request["model"] for request in sent["requests"]} == {"models/up"}
    assert named[0]["model"] == "models/gemini-embedding-001", "the caller's own body is kept"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "requests"),
        ({"requests": ["x"]}, "requests[0]"),
        ({"requests": [{}]}, "requests[0].content.parts"),
        ({"requests": [one(), {"content": {"parts": []}}]}, "requests[1].content.parts"),
        ({"requests": [{"content": {"parts": [{"text": 1}]}}]}, "requests[0].content.parts[0]"),
        ({"requests": [one(outputDimensionality=0)]}, "outputDimensionality"),
        ({"requests": [{"content": {"parts": [{"inlineData": {"mimeType": "video/mp4", "data":
          PNG}}]}}]}, "requests[0].content.parts[0].inlineData"),
        ({"requests": [{"content": {"parts": [{"fileData": {"fileUri": "u"}}]}}]},
         "requests[0].content.parts[0].fileData"),
    ],
)  # fmt: skip
def test_ill_typed_embeddings_are_refused_by_name(body: Json, param: str) -> None:
    """Contract: missing, ill-typed and unoffered fields are refused by their name."""
    assert refused(GEMINI_EMBED, body, BATCH) == param
    assert refused(GEMINI_EMBED, {"requests": [one()]}, "/v1beta/models/") == "model"


def test_every_text_of_a_gemini_request() -> None:
    """P5: parts, titles, unknown fields; images and files are named (P3)."""
    media = {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}},
                                   {"fileData": {"mimeType": "application/pdf", "fileUri": "f/1"}}],
                         "role": "user"}}  # fmt: skip
    body = {"requests": [one(title="T-t", taskType="RETRIEVAL_QUERY"), media], "later": "T-l"}
    found = texts(GEMINI_EMBED.request_texts(body))
    assert {"T-a", "T-t", "T-l"} <= set(found.values())
    assert call_of(GEMINI_EMBED, body, BATCH).unscanned == (
        "requests[1].content.parts[0].inlineData.data",
        "requests[1].content.parts[1].fileData.fileUri",
    )
    billed = GEMINI_EMBED.billable(body)
    assert (len(billed.images), billed.open_ended) == (1, True)
    assert {"T-a", "T-t"} <= set(billed.texts)
    without = GEMINI_EMBED_ONE.read_call(ONE, one("T-b"))
    assert texts(GEMINI_EMBED_ONE.request_texts(one("T-b"))) == {"content.parts[0].text": "T-b"}
    assert getattr(without, "model", "") == "gemini-embedding-001"


def test_what_looks_like_base64_is_read_as_it_stands() -> None:
    """P5: a text is embedded as it stands; it is no payload that nobody reads."""
    body = {"requests": [one(PNG)]}
    assert texts(GEMINI_EMBED.request_texts(body)) == {"requests[0].content.parts[0].text": PNG}
    assert call_of(GEMINI_EMBED, body, BATCH).unscanned == ()


def test_paths_at_the_provider() -> None:
    """Contract: the model's name is encoded where it stands in a path."""
    paths = [d.upstream_path("a/b", stream=False)
             for d in (GEMINI_EMBED, GEMINI_EMBED_ONE, VERTEX_EMBED, COHERE_EMBED)]  # fmt: skip
    assert paths == ["/models/a%2Fb:batchEmbedContents", "/models/a%2Fb:embedContent",
                     "/models/a%2Fb:predict", "/v2/embed"]  # fmt: skip
    assert VERTEX_EMBED.with_call({"instances": []}, model="m", max_output_tokens=None,
                                  include_usage=False) == {"instances": []}  # fmt: skip


ANSWERS: list[tuple[ProviderDialect, Json]] = [
    (GEMINI_EMBED, {"embeddings": [{"values": [0.1, 2]}, {"values": [1], "x": "T-x"}, "T-o"]}),
    (GEMINI_EMBED_ONE, {"embedding": {"values": [0.1], "x": "T-x"}, "later": "T-o"}),
    (VERTEX_EMBED, {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count":
                    3, "truncated": False}, "x": "T-x"}}, {"y": "T-o"}]}),
    (COHERE_EMBED, {"id": "i", "embeddings": {"float": [[0.1], [0]], "x": ["T-x"]}, "texts":
                    ["T-o"], "meta": {"api_version": {"version": "2"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "answer"), ANSWERS)
def test_vectors_are_no_text_and_everything_else_is(dialect: ProviderDialect, answer: Json) -> None:
    """P5: numbers are skipped, strangers beside them are read."""
    assert {"T-x", "T-o"} <= set(texts(dialect.response_texts(answer)).values())
    assert not any(slot.text == "0.1" for slot in dialect.response_texts(answer))


def test_no_word_hides_in_a_vector() -> None:
    """P5: a list that is not of numbers throughout is read."""
    body = {"embeddings": [{"values": [0.1, "T-hidden"]}]}
    assert "T-hidden" in texts(GEMINI_EMBED.response_texts(body)).values()


@pytest.mark.parametrize(
    ("dialect", "answer", "usage"),
    [
        (GEMINI_EMBED, {"usageMetadata": {"promptTokenCount": 9}}, Usage(9)),
        (GEMINI_EMBED, {"usageMetadata": {"promptTokenCount": 9, "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 2}, {"modality": "IMAGE", "tokenCount": 3},
            {"modality": "AUDIO", "tokenCount": 4}]}},
         Usage(2, audio_input_tokens=4, image_input_tokens=3)),
        (GEMINI_EMBED, {}, None),
        (VERTEX_EMBED, {"predictions": [{"embeddings": {"statistics": {"token_count": 4}}},
                                        {"embeddings": {"statistics": {"token_count": 3.0}}}]},
         Usage(7)),
        (VERTEX_EMBED, {"predictions": [{"embeddings": {"values": [1]}}]}, None),
        (COHERE_EMBED, {"meta": {"billed_units": {"input_tokens": 6}}}, Usage(6)),
        (COHERE_EMBED, {"meta": {"billed_units": {"input_tokens": 2.0, "image_tokens": 5}}},
         Usage(2, image_input_tokens=5)),
        (COHERE_EMBED, {"meta": {}}, None),
    ],
)  # fmt: skip
def test_usage_of_embeddings(dialect: ProviderDialect, answer: Json, usage: Usage | None) -> None:
    """P2: tokens as each provider tells them, in disjoint buckets."""
    assert dialect.response_usage(answer) == usage


@pytest.mark.parametrize(
    ("dialect", "answer"),
    [
        (GEMINI_EMBED, {"usageMetadata": {"promptTokenCount": -1}}),
        (GEMINI_EMBED, {"usageMetadata": {}}),
        (VERTEX_EMBED, {"predictions": [{"embeddings": {"statistics": {"token_count": 1}}}, {}]}),
        (VERTEX_EMBED, {"predictions": [{"embeddings": {"statistics": {"token_count": 0.5}}}]}),
        (COHERE_EMBED, {"meta": {"billed_units": 5}}),
        (COHERE_EMBED, {"meta": {"billed_units": {"input_tokens": "9"}}}),
    ],
)
def test_unsound_usage_of_embeddings(dialect: ProviderDialect, answer: Json) -> None:
    """P2: what cannot be true voids the report."""
    assert isinstance(dialect.response_usage(answer), Unsound)


def test_no_streams() -> None:
    """Contract: a stream is refused by name."""
    streamed = {"requests": [one()], "stream": True}
    assert refused(GEMINI_EMBED, streamed, BATCH) == "stream"


def test_the_official_sdk_is_understood() -> None:
    """Contract: google-genai embeds in a batch, with its settings on every request."""
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=3)
    seen: list[tuple[str, Json]] = []
    client = genai.Client(api_key="k")

    def request(method: str, path: str, body: Json, *_: Any) -> types.HttpResponse:
        seen.append((path, body))
        return types.HttpResponse(body='{"embeddings": [{"values": [1, 2, 3]}]}', headers={})

    client._api_client.request = request  # type: ignore[assignment,method-assign]
    client.models.embed_content(model="gemini-embedding-001", contents=["T-a", "T-b"],
                                config=config)  # fmt: skip
    ((path, body),) = seen
    call = call_of(GEMINI_EMBED, body, f"/v1beta/{path}")
    assert call.model == "gemini-embedding-001"
    assert {"T-a", "T-b"} <= set(texts(GEMINI_EMBED.request_texts(body)).values())
