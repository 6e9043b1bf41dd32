"""Embeddings from every caller to every provider."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Code, Refusal
from extproc.llm.call import Json
from extproc.llm.translate.embeddings import CALLERS, PROVIDERS
from extproc.llm.translate.embeddings.vectors import in_base64, read_vector
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.sides import Carried, Translation

TEXTS = ["one", "two"]
ASKED: dict[str, Json] = {
    "openai_embeddings": {"model": "m", "input": TEXTS, "dimensions": 3},
    "gemini_embed": {"requests": [
        {"content": {"parts": [{"text": text}]}, "outputDimensionality": 3} for text in TEXTS]},
}  # fmt: skip
SENT: dict[str, Json] = {
    "openai_embeddings": {"input": TEXTS, "encoding_format": "float", "dimensions": 3},
    "gemini_embed": ASKED["gemini_embed"],
    "vertex_embed": {"instances": [{"content": text} for text in TEXTS],
                     "parameters": {"autoTruncate": False, "outputDimensionality": 3}},
    "cohere_embed": {"texts": TEXTS, "input_type": "search_document", "output_dimension": 3,
                     "embedding_types": ["float"], "truncate": "NONE"},
}  # fmt: skip
ROWS = [[0.5, 1, -2.25], [0.25, 0, 4]]
ANSWERED: dict[str, Json] = {
    "openai_embeddings": {"object": "list", "model": "m", "data": [
        {"object": "embedding", "index": 1, "embedding": ROWS[1]},
        {"object": "embedding", "index": 0, "embedding": ROWS[0]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4}},
    "gemini_embed": {"embeddings": [{"values": row} for row in ROWS],
                     "usageMetadata": {"promptTokenCount": 4}},
    "vertex_embed": {"predictions": [{"embeddings": {"values": row, "statistics": {
        "token_count": 2, "truncated": False}}} for row in ROWS]},
    "cohere_embed": {"id": "x", "embeddings": {"float": ROWS}, "texts": TEXTS, "meta": {
        "billed_units": {"input_tokens": 4}}},
}  # fmt: skip
TOLD: dict[str, Json] = {
    "openai_embeddings": {"object": "list", "model": "shown", "data": [
        {"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(ROWS)],
        "usage": {"prompt_tokens": 4, "total_tokens": 4}},
    "gemini_embed": ANSWERED["gemini_embed"],
}  # fmt: skip
PAIRS = [(caller, provider) for caller in ASKED for provider in PROVIDERS]


def translation(caller: str, provider: str) -> Translation:
    return Translation(CALLERS[caller], PROVIDERS[provider])


def request(caller: str, provider: str, body: Json) -> Carried:
    made = translation(caller, provider).request(body, stream=False, default_max_tokens=1)
    assert isinstance(made, Carried), made
    return made


def no(caller: str, provider: str, body: Json) -> str | None:
    made = translation(caller, provider).request(body, stream=False, default_max_tokens=1)
    assert isinstance(made, Refusal) and made.code is Code.INVALID_REQUEST
    return made.param


def answer(caller: str, provider: str, body: Json, asked: Json) -> Carried:
    made = translation(caller, provider).response(body, model="shown", created=1, asked=asked)
    assert isinstance(made, Carried), made
    return made


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
def test_every_caller_reaches_every_provider(caller: str, provider: str) -> None:
    """Translate: texts, dimensions and vectors arrive in their order; usage is told."""
    made = request(caller, provider, ASKED[caller])
    assert made.body == SENT[provider]
    assert made.left_out == (("input_type",) if provider == "cohere_embed" else ())
    got = answer(caller, provider, ANSWERED[provider], ASKED[caller])
    assert got.body == TOLD[caller] and got.left_out == ()


def test_a_single_text_is_a_batch_of_one() -> None:
    """Translate: `embedContent` and a plain string get one vector back."""
    one = ASKED["gemini_embed"]["requests"][0]
    assert request("gemini_embed_one", "gemini_embed", one).body == {"requests": [one]}
    alone = {"embeddings": [{"values": [1.5]}]}
    got = answer("gemini_embed_one", "gemini_embed", alone, one).body
    assert got == {"embedding": {"values": [1.5]}}
    asked = {"model": "m", "input": "one"}
    told = answer("openai_embeddings", "gemini_embed", alone, asked)
    assert told.body["data"] == [{"object": "embedding", "index": 0, "embedding": [1.5]}]
    assert told.left_out == ("usage",), "the provider told none; the zeros are not its own"


def test_the_official_sdk_gets_its_base64() -> None:
    """Translate: the OpenAI SDK asks for base64 by itself and decodes what comes."""

    def gateway(sent: httpx2.Request) -> httpx2.Response:
        asked = json.loads(sent.read())
        assert asked["encoding_format"] == "base64"
        made = answer("openai_embeddings", "cohere_embed", ANSWERED["cohere_embed"], asked)
        return httpx2.Response(200, json=made.body)

    transport = httpx2.Client(transport=httpx2.MockTransport(gateway))
    client = openai.OpenAI(api_key="k", base_url="http://gw/v1", http_client=transport)
    made = client.embeddings.create(model="m", input=TEXTS)
    assert [list(item.embedding) for item in made.data] == ROWS
    assert made.usage.total_tokens == 4


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_base64_is_float32_little_endian(vector: list[float]) -> None:
    """Translate: what is encoded is decoded to the same numbers."""
    text = in_base64(vector, "x")
    assert struct.unpack(f"<{len(vector)}f", b64decode(text)) == tuple(vector)
    assert read_vector(text, "x") == vector


@pytest.mark.parametrize(
    ("task", "provider", "written"),
    [("RETRIEVAL_QUERY", "cohere_embed", ("input_type", "search_query")),
     ("CLUSTERING", "cohere_embed", ("input_type", "clustering"))],
)  # fmt: skip
def test_tasks_that_have_a_name(task: str, provider: str, written: tuple[str, str]) -> None:
    """Translate: a task is carried in the provider's own word."""
    body = {"requests": [{"content": {"parts": [{"text": "a"}]}, "taskType": task}]}
    made = request("gemini_embed", provider, body)
    assert made.body[written[0]] == written[1] and made.left_out == ()
    vertex = request("gemini_embed", "vertex_embed", body).body["instances"]
    assert vertex == [{"content": "a", "task_type": task}]
    assert request("gemini_embed", "openai_embeddings", body).left_out == ("requests[0].taskType",)


def test_an_input_type_of_an_openai_caller() -> None:
    """Translate: NVIDIA's and Cohere's words for it are understood, others are refused."""
    body = {"model": "m", "input": "a", "input_type": "query", "user": "u"}
    made = request("openai_embeddings", "gemini_embed", body)
    assert made.body["requests"][0]["taskType"] == "RETRIEVAL_QUERY" and made.left_out == ("user",)
    assert no("openai_embeddings", "cohere_embed", {**body, "input_type": "image"}) == "input_type"


GEMINI = {"content": {"parts": [{"text": "a"}]}}
CLUSTER, ANSWER = {**GEMINI, "taskType": "CLUSTERING"}, {**GEMINI, "taskType": "QUESTION_ANSWERING"}


@pytest.mark.parametrize(
    ("caller", "provider", "body", "param"),
    [
        ("openai_embeddings", "gemini_embed", {"input": [1, 2]}, "input"),
        ("openai_embeddings", "cohere_embed", {"input": [[1]]}, "input"),
        ("openai_embeddings", "vertex_embed", {"input": "a", "late_chunking": True},
         "late_chunking"),
        ("openai_embeddings", "cohere_embed", {"input": ["a"] * 97}, "input"),
        ("gemini_embed", "openai_embeddings", {"requests": [{**GEMINI, "title": "t"}]},
         "requests[0].title"),
        ("gemini_embed", "cohere_embed", {"requests": [ANSWER]},
         "requests[0].taskType"),
        ("gemini_embed", "cohere_embed", {"requests": [GEMINI, CLUSTER]},
         "requests[0].taskType"),
        ("gemini_embed", "vertex_embed", {"requests": [
            GEMINI, {**GEMINI, "outputDimensionality": 2}]},
         "requests[0].outputDimensionality"),
        ("gemini_embed", "vertex_embed", {"requests": [{"content": {"parts": [
            {"text": "a"}, {"text": "b"}]}}]}, "requests[0].content.parts[1]"),
        ("gemini_embed", "openai_embeddings", {"requests": [{"content": {"parts": [
            {"inlineData": {"mimeType": "image/png", "data": "eA=="}}]}}]},
         "requests[0].content.parts[0].inlineData"),
        ("gemini_embed", "openai_embeddings", {"requests": [{**GEMINI, "mimeType": "x/y"}]},
         "requests[0].mimeType"),
        ("gemini_embed", "cohere_embed", {"requests": [{**GEMINI, "taskType": "NEW"}]},
         "requests[0].taskType"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_by_name(
    caller: str, provider: str, body: Json, param: str
) -> None:
    """Translate: whatever would change a vector is refused in the caller's own words."""
    assert no(caller, provider, {"model": "m", **body}) == param


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("openai_embeddings", {}),
        ("openai_embeddings", {"data": [{"index": 0, "embedding": [1]}, {"index": 0,
                                                                         "embedding": [1]}]}),
        ("openai_embeddings", {"data": [{"index": 0, "embedding": ["a"]}]}),
        ("openai_embeddings", {"data": [{"index": 0, "embedding": "@@"}]}),
        ("gemini_embed", {"embeddings": [{"values": []}]}),
        ("gemini_embed", {"embeddings": ["x"]}),
        ("vertex_embed", {"predictions": [{"embeddings": {"values": None}}]}),
        ("vertex_embed", {"predictions": "x"}),
        ("cohere_embed", {"embeddings": [[1.0]]}),
        ("cohere_embed", {"embeddings": {"float": [True]}}),
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_unreadable(provider: str, body: Any) -> None:
    """Translate: what cannot be read is an upstream error, not half an answer."""
    made = translation("gemini_embed", provider).response(
        body, model="m", created=1, asked=ASKED["gemini_embed"]
    )
    assert isinstance(made, Refusal) and made.code is Code.UPSTREAM_ERROR


def test_vectors_are_as_many_as_texts() -> None:
    """Translate: with one vector too few nobody knows which text it belongs to."""
    short = PROVIDERS["gemini_embed"].read_answer({"embeddings": [{"values": [1]}]})
    for caller, asked in ASKED.items():
        with pytest.raises(Unreadable):
            CALLERS[caller].write_answer(short, model="m", created=1, asked=asked)
