"""Azure OpenAI in the provider stand-in (learn.microsoft.com/azure/foundry/openai/reference and
.../api-version-lifecycle): OpenAI's API with `api-key`, below `/openai/v1`, or below
`/openai/deployments/{deployment}` with an `api-version`.

Promises: the older form wants its `api-version`, and there the deployment decides the model; a
stream's first chunk has no choices but `prompt_filter_results`; answers carry
`content_filter_results`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from extproc.demo import provider_openai
from extproc.demo import provider_openai_answers as answers
from extproc.demo.provider_openai import CACHED_INSIDE, PRETTY, event, missing_header, not_json
from extproc.demo.provider_place import Place, Received
from extproc.demo.provider_reply import Ask, Frame, Reply, Wrong

__all__ = ["CACHED_INSIDE", "missing_header", "not_json"]

Json = dict[str, Any]
HEADERS = {
    "apim-request-id": "00000000-0000-4000-8000-000000000000",
    "x-ms-region": "Sweden Central",
    "x-ratelimit-remaining-requests": "249",
    "x-ratelimit-remaining-tokens": "249000",
}
REQUEST_ID_HEADER = "x-request-id"
SERVER = "istio-envoy"
KEY, ANY_KEY = "azure_key", ""
SAYS_RETRY_AFTER = True
_SAFE = {"filtered": False, "severity": "safe"}
FILTERS: Json = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
PROMPT = [{"prompt_index": 0, "content_filter_results": {
    **FILTERS, "jailbreak": {"filtered": False, "detected": False}}}]  # fmt: skip


def key_of(headers: Mapping[str, str]) -> str | None:
    """A key of the resource, or a token of Entra ID."""
    return headers.get("api-key") or provider_openai.key_of(headers)


def wrong_key(key: str | None) -> Wrong:
    return Wrong(
        401,
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide"
        " a valid key for an active subscription and use a correct regional API endpoint for your"
        " resource.",
        code="401",
    )


def unknown_model(model: str) -> Wrong:
    return Wrong(
        404,
        "The API deployment for this resource does not exist. If you created the deployment within"
        " the last 5 minutes, please wait a moment and try again.",
        code="DeploymentNotFound",
    )


def no_route(received: Received) -> Wrong:
    return Wrong(404, "Resource not found", code="404")


def lists(path: str) -> bool:
    return path == "/openai/v1/models"


def models(names: Sequence[str], created: int) -> bytes:
    return provider_openai.models(names, created)


def read_chat(body: Any, place: Place) -> Ask | Wrong:
    """The deployment decides; a model in the body may be left out."""
    if place.model and isinstance(body, dict):
        body = {**body, "model": place.model}
    return provider_openai.read_chat(body)


def scripted(status: int) -> Wrong:
    if status == 429:
        message = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have"
        return Wrong(429, f"{message} exceeded token rate limit of your pricing tier.", code="429")
    return provider_openai.scripted(status)


def refusal_headers(wrong: Wrong) -> dict[str, str]:
    return {}


def error(wrong: Wrong, request_id: str) -> bytes:
    """At the front door (credentials, limits, paths) a code and a message are all there is."""
    if wrong.status in (401, 404, 429):
        return orjson.dumps({"error": {"code": wrong.code, "message": wrong.message}})
    return provider_openai.error(wrong, request_id)


def error_frame() -> bytes:
    return provider_openai.error_frame()


def answer_chat(
    body: Any, ask: Ask, reply: Reply, number: int, created: int
) -> bytes | Iterator[Frame]:
    if ask.stream:
        return _frames(ask, reply, number, created)
    answer = orjson.loads(answers.whole(ask, reply, number, created))
    for choice in answer["choices"]:
        choice["content_filter_results"] = {} if reply.tools else FILTERS
    return orjson.dumps({**answer, "prompt_filter_results": PROMPT}, option=PRETTY)


def _frames(ask: Ask, reply: Reply, number: int, created: int) -> Iterator[Frame]:
    first: Json = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
    yield Frame(event({**first, "prompt_filter_results": PROMPT}), 0)
    for frame in answers.frames(ask, reply, number, created):
        if frame.data == answers.DONE:
            yield frame
            continue
        chunk = orjson.loads(frame.data[6:])
        for choice in chunk["choices"]:
            held = choice["delta"].get("content")
            choice["content_filter_results"] = FILTERS if held else {}
        yield Frame(event(chunk), frame.generated)
