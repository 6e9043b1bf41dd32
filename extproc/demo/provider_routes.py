"""Whose API a request is for, and which endpoint of it: by path and method alone.

Every API has its own paths, so that one port serves them all. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from extproc.demo import (
    provider_anthropic,
    provider_anthropic_answers,
    provider_azure,
    provider_bedrock,
    provider_bedrock_answers,
    provider_cohere,
    provider_cohere_answers,
    provider_compatible,
    provider_gemini,
    provider_gemini_answers,
    provider_openai,
    provider_openai_answers,
    provider_openai_media,
    provider_responses,
    provider_responses_answers,
    provider_vertex,
)
from extproc.demo.provider_place import Endpoint, Place, Received
from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong

BETA_FIELDS = ("context_management", "mcp_servers")
Found = tuple[ModuleType, Endpoint | None, Place]
_GOOGLE = re.compile(r"/(?:v1|v1beta|v1alpha)/(?:models|tunedModels)/([^/]+):(\w+)")
_VERTEX = re.compile(
    r"/(?:v1|v1beta1)(?:/projects/[\w.-]+/locations/[\w-]+)?"
    r"/publishers/(google|anthropic)/models/([^/]+):(\w+)"
)
_MODEL = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)(/[\w/]+)")


def find(received: Received) -> Found:
    """The vendor whose words a refusal has, the endpoint (None: there is none), the place."""
    vendor = _vendor(received)
    endpoint, place = _FINDERS[vendor](received)
    return vendor, endpoint if received.method == "POST" else None, place


def _vendor(received: Received) -> ModuleType:
    path = received.path
    for prefix, vendor in _PREFIXES.items():
        if path.startswith(prefix):
            return vendor
    if path.startswith("/v1/messages") or "anthropic-version" in received.headers:
        return provider_anthropic
    google = path.startswith("/v1/models") and "x-goog-api-key" in received.headers
    return provider_gemini if google or _GOOGLE.fullmatch(path) else provider_openai


_PREFIXES: Mapping[str, ModuleType] = {
    "/openai/": provider_azure,
    "/compatible/": provider_compatible,
    "/v1beta/": provider_gemini,
    "/v1alpha/": provider_gemini,
    "/v1/projects/": provider_vertex,
    "/v1beta1/projects/": provider_vertex,
    "/v1/publishers/": provider_vertex,
    "/v1beta1/publishers/": provider_vertex,
    "/model/": provider_bedrock,
    "/v2/": provider_cohere,
}


def _named(endpoints: Mapping[str, Endpoint], prefix: str = "") -> Any:
    """Find by the path alone."""

    def finder(received: Received) -> tuple[Endpoint | None, Place]:
        path = received.path.removeprefix(prefix)
        return endpoints.get(path), Place(received.headers)

    return finder


def _azure(received: Received) -> tuple[Endpoint | None, Place]:
    place = Place(received.headers)
    if received.path.startswith("/openai/v1/"):
        return AZURE.get(received.path.removeprefix("/openai")), place
    match = _DEPLOYMENT.fullmatch(received.path)
    query = parse_qs(received.target.partition("?")[2])
    if match is None or not query.get("api-version"):
        return None, place
    return AZURE.get("/v1" + match[2]), place._replace(model=unquote(match[1]))


def _gemini(received: Received) -> tuple[Endpoint | None, Place]:
    match = _GOOGLE.fullmatch(received.path)
    if match is None:
        return None, Place(received.headers)
    return _google(GEMINI, unquote(match[1]), match[2], received)


def _vertex(received: Received) -> tuple[Endpoint | None, Place]:
    match = _VERTEX.fullmatch(received.path)
    if match is None:
        return None, Place(received.headers)
    endpoints = VERTEX if match[1] == "google" else VERTEX_CLAUDE
    return _google(endpoints, unquote(match[2]), match[3], received)


def _google(
    endpoints: Mapping[str, Endpoint], model: str, verb: str, received: Received
) -> tuple[Endpoint | None, Place]:
    stream = verb.startswith("stream")
    events = "alt=sse" in received.target.partition("?")[2].split("&")
    array = verb == "streamGenerateContent" and not events
    endpoint = endpoints.get(f"{verb}:array" if array else verb)
    return endpoint, Place(received.headers, model, stream, array)


def _bedrock(received: Received) -> tuple[Endpoint | None, Place]:
    match = _MODEL.fullmatch(received.target.partition("?")[0])
    if match is None:
        return None, Place(received.headers)
    stream = match[2] == "converse-stream"
    place = Place(received.headers, unquote(match[1]), stream)
    return BEDROCK[match[2]], place


# --- the endpoints ----------------------------------------------------------------------------


def _chat(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes | Iterator[Frame]:
    render = provider_openai_answers.frames if ask.stream else provider_openai_answers.whole
    return render(ask, reply, number, created)


def _messages(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    render = provider_anthropic_answers.frames if ask.stream else provider_anthropic_answers.whole
    return render(ask, reply, number, created)


def _responses(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    answers = provider_responses_answers
    render = answers.frames if ask.stream else answers.whole
    return render(body, ask, reply, number, created)


def _cohere_chat(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    answers = provider_cohere_answers
    render = answers.frames if ask.stream else answers.whole
    return render(body, ask, reply, number, created)


def _embeddings(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return provider_openai_answers.embeddings(body, reply)


def _count(body: Any, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
    return orjson.dumps({"input_tokens": reply.reported_input})


def _read_chat(body: Any, place: Place) -> Ask | Wrong:
    return provider_openai.read_chat(body)


def _read_embeddings(body: Any, place: Place) -> Ask | Wrong:
    return provider_openai.read_embeddings(body)


def _read_messages(body: Any, place: Place) -> Ask | Wrong:
    version = place.headers["anthropic-version"]
    return provider_anthropic.read_messages(_of_beta(body, place), version)


def _of_beta(body: Any, place: Place) -> Any:
    """Fields of the beta API are known to those who name a beta ("Beta headers")."""
    if not isinstance(body, dict) or not place.headers.get("anthropic-beta"):
        return body
    return {name: one for name, one in body.items() if name not in BETA_FIELDS}


def _read_count(body: Any, place: Place) -> Ask | Wrong:
    version = place.headers["anthropic-version"]
    return provider_anthropic.read_messages(body, version, counting=True)


def _of_openai(vendor: ModuleType) -> dict[str, Endpoint]:
    """What OpenAI, Azure and compatible servers have alike."""
    media = provider_openai_media
    return {
        "/v1/completions": Endpoint(vendor, media.read_prompt, media.answer_prompt),
        "/v1/embeddings": Endpoint(vendor, _read_embeddings, _embeddings),
        "/v1/images/generations": Endpoint(vendor, media.read_image, media.answer_image),
        "/v1/audio/speech": Endpoint(
            vendor, media.read_speech, media.answer_speech, media="audio/mpeg"
        ),
        "/v1/audio/transcriptions": Endpoint(
            vendor, media.read_form, media.answer_transcription, json=False
        ),
    }


def _responses_of(vendor: ModuleType) -> Endpoint:
    broken = provider_responses_answers.error_frame
    return Endpoint(vendor, provider_responses.read, _responses, broken=broken)


_MODERATIONS = Endpoint(
    provider_openai,
    provider_openai_media.read_moderation,
    provider_openai_media.answer_moderation,
    bills=False,
)
_RERANK = Endpoint(
    provider_compatible, provider_openai_media.read_rerank, provider_openai_media.answer_rerank
)
OPENAI: Mapping[str, Endpoint] = {
    **_of_openai(provider_openai),
    "/v1/chat/completions": Endpoint(provider_openai, _read_chat, _chat),
    "/v1/responses": _responses_of(provider_openai),
    "/v1/moderations": _MODERATIONS,
}
AZURE: Mapping[str, Endpoint] = {
    **_of_openai(provider_azure),
    "/v1/chat/completions": Endpoint(
        provider_azure, provider_azure.read_chat, provider_azure.answer_chat
    ),
    "/v1/responses": _responses_of(provider_azure),
}
COMPATIBLE: Mapping[str, Endpoint] = {
    **_of_openai(provider_compatible),
    "/v1/chat/completions": Endpoint(
        provider_compatible, provider_compatible.read_chat, provider_compatible.answer_chat
    ),
    "/v1/moderations": _MODERATIONS._replace(vendor=provider_compatible),
    "/v1/rerank": _RERANK,
}
ANTHROPIC: Mapping[str, Endpoint] = {
    "/v1/messages": Endpoint(provider_anthropic, _read_messages, _messages),
    "/v1/messages/count_tokens": Endpoint(provider_anthropic, _read_count, _count, bills=False),
}


def _of_google(vendor: ModuleType, read: Any) -> dict[str, Endpoint]:
    answers, json_media = provider_gemini_answers, "application/json; charset=UTF-8"
    events = "text/event-stream"
    return {
        "generateContent": Endpoint(vendor, read, answers.whole, media=json_media),
        "streamGenerateContent": Endpoint(vendor, read, answers.frames, stream_media=events),
        "streamGenerateContent:array": Endpoint(
            vendor, read, answers.array, stream_media=json_media
        ),
        "countTokens": Endpoint(
            vendor, provider_gemini.read_count, answers.count, bills=False, media=json_media
        ),
        "embedContent": Endpoint(
            vendor, provider_gemini.read_embed, answers.embed, media=json_media
        ),
        "batchEmbedContents": Endpoint(
            vendor, provider_gemini.read_batch, answers.batch, media=json_media
        ),
    }


GEMINI: Mapping[str, Endpoint] = _of_google(provider_gemini, provider_gemini.read_generate)
VERTEX: Mapping[str, Endpoint] = {
    **_of_google(provider_vertex, provider_gemini.read_vertex),
    "predict": Endpoint(
        provider_vertex, provider_gemini.read_predict, provider_gemini_answers.predict
    ),
}
VERTEX_CLAUDE: Mapping[str, Endpoint] = {
    verb: Endpoint(provider_anthropic, provider_vertex.read_claude, _messages)
    for verb in ("rawPredict", "streamRawPredict")
}
BEDROCK: Mapping[str, Endpoint] = {
    "converse": Endpoint(provider_bedrock, provider_bedrock.read, provider_bedrock_answers.whole),
    "converse-stream": Endpoint(
        provider_bedrock,
        provider_bedrock.read,
        provider_bedrock_answers.frames,
        stream_media=provider_bedrock.STREAM,
    ),
}
COHERE: Mapping[str, Endpoint] = {
    "/v2/chat": Endpoint(provider_cohere, provider_cohere.read_chat, _cohere_chat),
    "/v2/embed": Endpoint(
        provider_cohere, provider_cohere.read_embed, provider_cohere_answers.embed
    ),
    "/v2/rerank": Endpoint(
        provider_cohere, provider_cohere.read_rerank, provider_cohere_answers.rerank
    ),
}
_FINDERS: Mapping[ModuleType, Any] = {
    provider_openai: _named(OPENAI),
    provider_anthropic: _named(ANTHROPIC),
    provider_azure: _azure,
    provider_compatible: _named(COMPATIBLE, "/compatible"),
    provider_gemini: _gemini,
    provider_vertex: _vertex,
    provider_bedrock: _bedrock,
    provider_cohere: _named(COHERE),
}
