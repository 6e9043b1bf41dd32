"""What may not pass the gateway in either direction, whoever says so: headers, paths, upgrades."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness import DECISION_ID, MINI, GatewayUnderTest
from tests.e2e.odd_provider import FORGED, SECRET
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.raw_http import chunked, post

pytestmark = pytest.mark.e2e

PATH = "/v1/chat/completions"
BODY = json.dumps({"model": MINI, "messages": [{"role": "user", "content": "hello"}]}).encode()
OURS = ("x-envelope-", "x-tfy-", "x-envoy-", "x-forwarded-", "x-bf-")


# --- headers of the caller --------------------------------------------------------------------

FORGERIES = {
    "x-envelope-decision-id": "11111111-1111-1111-1111-111111111111",
    "x-envelope-retry": "1",
    "x-envelope-local": "1",
    "x-envoy-max-retries": "0",
    "x-envoy-retry-on": "5xx",
    "x-envoy-retriable-status-codes": "200",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-upstream-rq-per-try-timeout-ms": "1",
    "x-envoy-attempt-count": "9",
    "x-envoy-original-path": "/v1/models",
    "x-envoy-internal": "true",
    "x-tfy-resolved-model": "forged/model",
    "x-tfy-applied-configurations": '["forged"]',
    "x-tfy-guardrails-applied": '{"forged": "pass"}',
    "x-tfy-cache-status": "hit",
    "server-timing": "forged;dur=1",
}


async def test_forged_headers_change_nothing(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: every gateway-owned header of a client is removed before anything reads it."""
    await provider.fault("gpt-4o-mini", status=503, delay=0.05)
    answer = await gateway.chat(
        "support-bot", "x", model="prod/engineering-assistant", headers=FORGERIES
    )
    assert answer.status_code == 200
    assert answer.headers["x-tfy-resolved-model"] == "anthropic-main/claude-sonnet"
    assert "forged" not in str(answer.headers)
    assert answer.headers[DECISION_ID] != FORGERIES[DECISION_ID]
    entry = await gateway.entry_of(answer)
    assert entry["served"]["attempts"] == 2
    for request in await provider.requests():
        assert not [name for name in request.headers if name.startswith(OURS)]


async def test_what_a_provider_gets_to_see(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P4: the provider's own key, none of the caller's, and nothing that is the gateway's."""
    key = gateway.key("support-bot")
    secrets = {"x-api-key": key, "api-key": key, "x-goog-api-key": key, "x-bf-vk": key,
               "cookie": "session=mine", "idempotency-key": "mine", "x-request-id": "mine-7",
               "x-tfy-metadata": '{"ticket_id": "mine"}', "x-forwarded-for": "10.9.8.7",
               "openai-organization": "mine", "accept-encoding": "gzip"}  # fmt: skip
    for model in (MINI, "anthropic-main/claude-sonnet"):
        answer = await gateway.chat("support-bot", "x", model=model, headers=secrets)
        assert answer.status_code == 200
    openai, anthropic = await provider.requests()
    assert openai.headers["authorization"] == f"Bearer {provider.openai_key}"
    assert anthropic.headers["x-api-key"] == provider.anthropic_key
    assert "authorization" not in anthropic.headers and "x-api-key" not in openai.headers
    for request in (openai, anthropic):
        assert key not in str(request.headers) and "mine" not in str(request.headers)
        assert "10.9.8.7" not in str(request.headers)
        assert not [name for name in request.headers if name.startswith(OURS)]
        assert request.headers["content-length"] == str(len(request.body.encode()))
        assert "gzip" not in request.headers.get("accept-encoding", "")
    assert provider.anthropic_key not in str(openai.headers)
    assert provider.openai_key not in str(anthropic.headers)


async def test_one_vendors_version_header_does_not_reach_another(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P4: what an Anthropic client says of itself is not told to an OpenAI provider."""
    await gateway.anthropic("support-bot").messages.create(
        model="prod/gone-first", max_tokens=5, messages=[{"role": "user", "content": "x"}]
    )
    assert "anthropic-version" not in (await provider.request()).headers


@pytest.mark.parametrize("name", ["x_api_key", "content_length", "x-tfy_metadata"])
async def test_underscores_in_header_names_are_refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, name: str
) -> None:
    """P1: a spelling that some server reads as another header does not pass."""
    async with provider.untouched():
        answer = await gateway.raw(post(PATH, gateway.key("support-bot"), BODY, f"{name}: 1"))
    assert answer.status in (0, 400)


# --- paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/v1/../v1/chat/completions", "//v1/chat/completions", "/v1//chat/completions",
     "/v1/./chat/completions", "/v1/%2e%2e/v1/chat/completions", "/v1/chat/completions/",
     "/v1/chat%2fcompletions", "/v1/chat%2Fcompletions", "/V1/Chat/Completions",
     "/v1/chat/completions;x=1", "/v1/chat/completions#x", "/v1/chat/completions%00",
     "/v1/chat/completions/../embeddings", "/x/../v1/chat/completions",
     "http://elsewhere/v1/chat/completions", "/v1/chat/completions?model=other"],
)  # fmt: skip
async def test_no_path_gets_around_the_rules(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, path: str
) -> None:
    """P1: a path is governed as what it is, or refused; without a key it never passes."""
    async with provider.untouched():
        answer = await gateway.raw(post(path, "nobody", BODY))
    assert answer.status in (400, 401, 404)
    answer = await gateway.raw(post(path, gateway.key("support-bot"), BODY))
    entry = await gateway.entry(answer.decision_id) if DECISION_ID in answer.headers else None
    if answer.status == 200:
        assert entry is not None and entry["request"]["operation"] == "chat"
        assert (await provider.request()).path == PATH
    else:
        assert answer.status in (400, 404)
        assert await provider.count() == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/files", "/v2/chat/completions", "/stats", "/clusters", "/config_dump",
     "/ready", "/server_info", "/quitquitquit", "/metrics", "/livez", "/readyz", "/admin",
     "/_control/requests", "/favicon.ico"],
)  # fmt: skip
async def test_unknown_paths(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, method: str, path: str
) -> None:
    """Contract 3: anything else is 404 `unknown_route`, never passed on, not Envoy's admin."""
    headers = {"x-api-key": gateway.key("support-bot"), "content-type": "application/json"}
    content = BODY if method == "POST" else None
    async with provider.untouched():
        answer = await gateway.http().request(method, path, content=content, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_route"
    entry = await gateway.entry_of(answer)
    assert entry["decision"]["code"] == "unknown_route"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
async def test_other_methods_on_a_governed_path(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, method: str
) -> None:
    """P1: only POST calls a model."""
    async with provider.untouched():
        answer = await gateway.http().request(
            method, PATH, headers={"x-api-key": gateway.key("support-bot")}
        )
    assert answer.status_code in (404, 405, 400)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c", "connect-udp"])
async def test_upgrades_are_refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, method: str, protocol: str
) -> None:
    """P1: an upgraded connection could not be governed."""
    key = gateway.key("support-bot")
    head = (f"{method} {PATH} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n"
            f"connection: upgrade\r\nupgrade: {protocol}\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()  # fmt: skip
    async with provider.untouched():
        answer = await gateway.raw(head)
    assert answer.status not in (101, 200)


@pytest.mark.parametrize(
    "lines",
    [("content-length: 5", "transfer-encoding: chunked"), ("transfer-encoding: xchunked",),
     ("content-length: +5",), ("content-length: 5, 6",)],
)  # fmt: skip
async def test_ambiguous_framing_is_refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, lines: tuple[str, ...]
) -> None:
    """P1: two readings of one message (RFC 9112, 6.3) mean none."""
    async with provider.untouched():
        request = post(PATH, gateway.key("support-bot"), b"", *lines) + chunked(BODY)
        answer = await gateway.raw(request)
    assert answer.status in (0, 400, 501)


# --- what a provider says ---------------------------------------------------------------------


@pytest.mark.parametrize("model", ["odd/forger", "odd/forger-stream"])
async def test_a_provider_cannot_speak_for_the_gateway(
    gateway: GatewayUnderTest, model: str
) -> None:
    """P4, P5: a provider's forged headers are not believed, and its answer is looked at."""
    streamed = model.endswith("stream")
    answer = await gateway.chat("extra-bot", "x", model=model, stream=streamed)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert answer.headers["x-tfy-resolved-model"] == model
    assert not [name for name in FORGED if "forged" in answer.headers.get(name, "")]
    assert "x-envelope-local" not in answer.headers and "x-envelope-retry" not in answer.headers
    served = (await gateway.entry_of(answer))["served"]
    assert served == {
        "model": model, "provider": "openai", "attempts": 1, "kind": "external",
    }  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "model",
    ["gzip", "gzip-stream", "html", "garbage", "stream-as-json", "json-as-stream", "created",
     "upper-stream", "forger", "forger-stream", "comment-stream", "id-stream", "field-stream",
     "event-stream", "note"],
)  # fmt: skip
async def test_what_nobody_scanned_does_not_pass(
    gateway: GatewayUnderTest, model: str, streamed: bool
) -> None:
    """P3, P5: bytes that nobody looked at never reach the caller, whatever they claim to be."""
    answer = await gateway.chat("extra-bot", "x", model=f"odd/{model}", stream=streamed)
    assert SECRET[:12].encode() not in answer.content
    await gateway.entry_of(answer)
    await gateway.reserved_is_zero()


async def test_a_providers_error_is_scanned_too(gateway: GatewayUnderTest) -> None:
    """P4: no secret in an error, not even in one that a provider wrote."""
    answer = await gateway.chat("extra-bot", "x", model="odd/error-leak")
    assert answer.status_code == 500
    assert SECRET[:12] not in answer.text


async def test_a_provider_cannot_send_the_caller_elsewhere(gateway: GatewayUnderTest) -> None:
    """P1: SDKs follow redirects; a prompt that follows one has left the gateway behind."""
    answer = await gateway.chat("extra-bot", "x", model="odd/redirect")
    assert "location" not in answer.headers
    assert answer.status_code >= 400
