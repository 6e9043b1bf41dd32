"""The provider stand-in's refusals, as each API's own SDK understands them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.eventstream
import pytest

from extproc.demo.provider import Provider, start
from extproc.demo.provider_seal import opens, seal
from tests.clients.cases import Case
from tests.demo.more_sdks import Bedrock
from tests.demo.test_provider_dialects import DIRECT

SECRETS: dict[str, Any] = {
    "openai_key": "sk-right", "anthropic_key": "sk-right", "azure_key": "sk-right",
    "compatible_key": "sk-right", "gemini_key": "sk-right", "vertex_key": "sk-right",
    "bedrock_key": "sk-right", "cohere_key": "sk-right", "aws_id_key": "AKIDDEMO",
    "aws_secret_key": "right",
}  # fmt: skip
WRONG_KEY = {"vertex": 401, "vertex-claude": 401, "gemini-2": 400, "gemini-3": 400, "bedrock": 403}
GOOGLE = ("gemini-2", "gemini-3", "vertex")
NO_RETRY_AFTER = (*GOOGLE, "bedrock")


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start(**SECRETS)
    yield running
    await running.stop()


async def refused(provider: Provider, name: str, prompt: str, key: str = "sk-right") -> Any:
    make, path, _, model = DIRECT[name]
    caller = make(provider.url + path, key)
    try:
        return await caller.refused(caller.ask(model, Case("refused", prompt), stream=False))
    finally:
        await caller.close()


@pytest.mark.parametrize("name", DIRECT)
async def test_a_wrong_key_is_refused(provider: Provider, name: str) -> None:
    """P1, stand-in: no API takes a key that is not its own, and none shows it."""
    found = await refused(provider, name, "hi", "sk-wrong-0123456789:wrong")
    assert found.status == WRONG_KEY.get(name, 401)
    assert "0123456789" not in found.message
    assert provider.ledger.totals[""].refused == 1


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("name", [name for name in DIRECT if name != "bedrock"])
async def test_a_scripted_refusal_is_the_apis_own(
    provider: Provider, name: str, status: int
) -> None:
    """Contract 4, stand-in: an error has its API's shape; how long to wait stands where the API
    says it."""
    found = await refused(provider, name, f"[[status: {status}]] [[retry-after: 7]]")
    assert found.status == status
    assert found.message
    waits = status in (429, 503) and name not in NO_RETRY_AFTER
    assert found.retry_after == ("7" if waits else None)


@pytest.mark.parametrize(("status", "kind"), [(429, "ThrottlingException"),
                                              (400, "ValidationException"),
                                              (503, "ServiceUnavailableException")])  # fmt: skip
async def test_bedrock_names_the_kind_in_a_header(
    provider: Provider, status: int, kind: str
) -> None:
    """Contract 4, stand-in: boto3 raises the service's own exception from `x-amzn-errortype`."""
    found = await refused(provider, "bedrock", f"[[status: {status}]]", "AKIDDEMO:right")
    assert (found.status, found.code) == (status, kind)


async def test_a_signature_covers_the_whole_request(provider: Provider) -> None:
    """P4, stand-in: Signature Version 4 is checked, over the path (encoded twice) and the body."""
    sdk = Bedrock(provider.url, "AKIDDEMO:right")
    heard = await sdk.ask("eu.anthropic.claude-v1:0", Case("plain", "hi"), stream=True)
    assert heard.text == "You said: hi"
    wrong = Bedrock(provider.url, "AKIDDEMO:wrong")
    found = await wrong.refused(wrong.ask("m", Case("plain", "hi"), stream=False))
    assert found.code == "InvalidSignatureException"
    stranger = Bedrock(provider.url, "AKIDOTHER:right")
    found = await stranger.refused(stranger.ask("m", Case("plain", "hi"), stream=False))
    assert found.code == "UnrecognizedClientException"


async def post(provider: Provider, path: str, body: Any, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(provider.url, headers=headers) as session,
        session.post(path, json=body) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_changed_body_breaks_the_signature(provider: Provider) -> None:
    """P4, stand-in: who signs one body and sends another is found out."""
    path = f"{provider.url}/model/m/converse"
    signed = botocore.awsrequest.AWSRequest("POST", path, {"host": path.split("/")[2]}, b"{}")
    credentials = botocore.credentials.Credentials("AKIDDEMO", "right")
    botocore.auth.SigV4Auth(credentials, "bedrock", "eu-west-1").add_auth(signed)
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    status, text = await post(provider, "/model/m/converse", body, **dict(signed.headers))
    assert status == 403 and "does not match the signature" in text


GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("path", "body", "key", "says"),
    [
        ("/v1/responses", {"model": "m", "input": [{"role": "user", "content": [
            {"type": "text", "text": "x"}]}]}, "authorization", "input[0].content[0].type"),
        ("/v1/responses", {"model": "m", "input": "hi", "max_tokens": 5}, "authorization",
         "max_tokens"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,@"}}]}]},
         "authorization", "messages[0].content[0].image_url.url"),
        ("/v1beta/models/m:generateContent", {**GEMINI_BODY, "max_tokens": 1}, "x-goog-api-key",
         'Unknown name \\"maxTokens\\"'),
        ("/v1beta/models/m:generateContent", {**GEMINI_BODY, "tools": [{"functionDeclarations": [
            {"name": "f", "parameters": {"type": "object", "additionalProperties": False}}]}]},
         "x-goog-api-key", "additionalProperties"),
        ("/model/m/converse", {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "x"}]}]}, "authorization", "type"),
        ("/model/m/converse", {"messages": [], "max_tokens": 4}, "authorization", "max_tokens"),
        ("/v2/chat", {"model": "m", "messages": [{"role": "user", "content": "x"}], "top_p": 0.5},
         "authorization", "top_p"),
        ("/compatible/v1/chat/completions", {"model": "m", "store": False, "messages": [
            {"role": "user", "content": "x"}]}, "authorization", "store"),
    ],
)  # fmt: skip
async def test_what_an_api_does_not_know_is_refused(
    provider: Provider, path: str, body: Any, key: str, says: str
) -> None:
    """Dialect: a gateway that forwards a field of another dialect is found out, at any depth."""
    headers = {key: "sk-right" if key != "authorization" else "Bearer sk-right"}
    status, text = await post(provider, path, body, **headers)
    assert status in (400, 422), text
    assert says in text


async def test_google_refuses_in_an_array_where_it_streams_one(provider: Provider) -> None:
    """Dialect: without `alt=sse` a stream is a JSON array, and so is its refusal."""
    headers = {"x-goog-api-key": "sk-right"}
    path = "/v1beta/models/m:streamGenerateContent"
    status, text = await post(provider, path, GEMINI_BODY, **headers)
    chunks = json.loads(text)
    assert status == 200 and chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    status, text = await post(provider, path, {}, **headers)
    assert status == 400 and json.loads(text)[0]["error"]["status"] == "INVALID_ARGUMENT"
    status, text = await post(provider, path + "?alt=sse", {}, **headers)
    assert status == 400 and json.loads(text)["error"]["status"] == "INVALID_ARGUMENT"


async def test_googles_events_end_in_cr_lf_and_have_no_end_mark(provider: Provider) -> None:
    """Dialect: what a reader of Google's events must stand."""
    path = "/v1beta/models/m:streamGenerateContent?alt=sse"
    _, text = await post(provider, path, GEMINI_BODY, **{"x-goog-api-key": "sk-right"})
    events = text.split("\r\n\r\n")
    assert events.pop() == "" and all(event.startswith("data: {") for event in events)
    assert all("usageMetadata" in event for event in events)
    assert "finishReason" in events[-1] and "[DONE]" not in text


async def test_azures_first_chunk_has_no_choices(provider: Provider) -> None:
    """Dialect: what a reader of Azure's events must stand; the older API wants its version."""
    path, headers = "/openai/deployments/gpt-4o/chat/completions", {"api-key": "sk-right"}
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    _, text = await post(provider, f"{path}?api-version=2024-10-21", body, **headers)
    first = json.loads(text.split("\n\n")[0][6:])
    assert first["choices"] == [] and first["prompt_filter_results"]
    assert (await post(provider, path, body, **headers))[0] == 404


async def test_a_stream_of_a_compatible_server_begins_with_a_comment(provider: Provider) -> None:
    """Dialect: comments keep connections alive; usage comes with the last choice."""
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    path = "/compatible/v1/chat/completions"
    _, text = await post(provider, path, body, authorization="Bearer sk-right")
    events = text.split("\n\n")
    assert events[0] == ": keep-alive"
    last = json.loads(events[-3][6:])
    assert last["usage"] and last["choices"][0]["finish_reason"] == "stop"


async def test_amazons_messages_are_whole(provider: Provider) -> None:
    """Dialect: botocore's own reader takes the binary stream, checksums and all."""
    body = {"messages": [{"role": "user", "content": [{"text": "hi [[stream-error: 3]]"}]}]}
    async with (
        aiohttp.ClientSession(provider.url, headers={"authorization": "Bearer sk-right"}) as http,
        http.post("/model/m/converse-stream", json=body) as answer,
    ):
        assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
        buffer = botocore.eventstream.EventStreamBuffer()
        buffer.add_data(await answer.read())
    found: list[Any] = [message.headers for message in buffer]
    assert [one.get(":event-type") for one in found[:2]] == ["messageStart", "contentBlockDelta"]
    assert found[-1][":message-type"] == "exception"


def test_a_seal_opens_only_where_it_was_made() -> None:
    """Translate: a seal of another vendor, or over another text, is found out."""
    assert opens("openai", seal("openai", "x")) and opens("anthropic", seal("anthropic", "x"), "x")
    assert not opens("gemini", seal("openai", "x"))
    assert not opens("anthropic", seal("anthropic", "x"), "y")
    assert not opens("openai", "no base64") and not opens("openai", "")
