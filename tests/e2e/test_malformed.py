"""Requests that are not what they should be: the contract's code, caller's dialect, one entry."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.e2e.harness import MINI, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.raw_http import RawAnswer, chunked, post

pytestmark = pytest.mark.e2e

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
LIMIT = 10 * 1024 * 1024
"""The default of `listener.request_body_bytes_max`."""


def body(text: str = "hello", **fields: Any) -> bytes:
    call = {"model": MINI, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    return json.dumps(call | fields).encode()


GOOD = body()
DEEP = b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BAD_BODIES = {
    "repeated key": GOOD[:-1] + b', "model": "openai-main/other"}',
    "repeated key, escaped": GOOD[:-1] + b', "mod\\u0065l": "openai-main/other"}',
    "repeated key, nested": GOOD.replace(b'"content"', b'"content": "a", "content"'),
    "NaN": GOOD[:-1] + b', "temperature": NaN}',
    "Infinity": GOOD[:-1] + b', "temperature": -Infinity}',
    "deep": DEEP,
    "invalid UTF-8": GOOD.replace(b"hello", b"hel\xff\xfelo"),
    "lone surrogate": GOOD.replace(b"hello", b"\\ud800"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "trailing data": GOOD + b"{}",
    "single quotes": GOOD.replace(b'"', b"'"),
    "comment": b"/* x */" + GOOD,
    "truncated": GOOD[:-5],
    "array": b"[" + GOOD + b"]",
    "string": b'"hello"',
    "null": b"null",
    "blank": b"   ",
    "no model": b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}',
    "model is a number": body(model=7),
    "model is empty": body(model=""),
    "no messages": b'{"model": "m", "max_tokens": 1}',
    "messages is a text": body(messages="hi"),
    "stream is a text": body(stream="true"),
    "negative maximum": body(max_tokens=-1),
    "huge maximum": GOOD.replace(b'"max_tokens": 9', b'"max_tokens": 1e400'),
}


async def refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, request: bytes, status: int, code: str
) -> RawAnswer:
    """The one way to be refused: code, shape, decision id, one entry, no provider."""
    async with provider.untouched():
        answer = await gateway.raw(request)
    assert answer.status == status, answer.body[:300]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"]["code"] == code
    named = answer.json.get("request_id") or answer.json["error"].get("decision_id")
    assert named == answer.decision_id
    entry = await gateway.entry(answer.decision_id)
    assert entry["decision"]["outcome"] == "refused"
    assert entry["decision"]["code"] == code
    assert entry["decision"]["http_status"] == status
    return answer


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("bad", BAD_BODIES)
async def test_a_bad_body(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, bad: str, path: str
) -> None:
    """Contract 4: 400 `invalid_request`: strict UTF-8 JSON with the fields it needs."""
    request = post(path, gateway.key("support-bot"), BAD_BODIES[bad])
    answer = await refused(gateway, provider, request, 400, "invalid_request")
    assert (answer.json.get("type") == "error") == (path == MESSAGES)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("content-encoding: gzip", gzip.compress(GOOD)),
        ("content-encoding: GZIP", gzip.compress(GOOD)),
        ("content-encoding: identity, gzip", gzip.compress(GOOD)),
        ("content-encoding: br", GOOD),
        ("content-type: text/plain", GOOD),
        ("content-type: application/jsonp", GOOD),
        ("content-type: multipart/form-data; boundary=x", GOOD),
        ("content-type:", GOOD),
    ],
)
async def test_a_body_of_another_kind(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, line: str, content: bytes, path: str
) -> None:
    """Contract 4: 415 `unsupported_media_type`: compressed, or not JSON."""
    request = post(path, gateway.key("support-bot"), content, line)
    await refused(gateway, provider, request, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "value", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_a_json_body(gateway: GatewayUnderTest, value: str) -> None:
    """Contract 4: parameters and case of the media type do not matter (RFC 9110, 8.3.1)."""
    request = post(CHAT, gateway.key("support-bot"), GOOD, f"content-type: {value}")
    assert (await gateway.raw(request)).status == 200


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("lines", [("content-length: 0",), ("transfer-encoding: chunked",)])
async def test_an_empty_body(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, lines: tuple[str, ...], path: str
) -> None:
    """Contract 4: nothing at all is no JSON, however it is framed."""
    key = gateway.key("support-bot")
    if "chunked" in lines[0]:
        head = post(path, key, b"", *lines).replace(b"content-length: 0\r\n", b"")
        request = head + b"0\r\n\r\n"
    else:
        request = post(path, key, b"")
    await refused(gateway, provider, request, 400, "invalid_request")


def in_chunks(path: str, key: str, content: bytes) -> bytes:
    head = post(path, key, b"", "transfer-encoding: chunked")
    return head.replace(b"content-length: 0\r\n", b"") + chunked(content)


async def test_a_chunked_body_is_governed_like_any_other(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P5: how a body is framed changes nothing about it."""
    content = body("Write to ada@example.com")
    answer = await gateway.raw(in_chunks(CHAT, gateway.key("support-bot"), content))
    assert answer.status == 200
    seen = await provider.request()
    assert "ada@example.com" not in seen.body
    assert seen.headers["content-length"] == str(len(seen.body))
    assert (await gateway.entry(answer.decision_id))["usage"]["source"] == "provider"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_stated_length_over_the_limit(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, path: str
) -> None:
    """Contract 4: 413 `request_too_large`, told by its length alone: the body is not waited for."""
    request = post(path, gateway.key("support-bot"), b"", f"content-length: {LIMIT + 1}")
    await refused(gateway, provider, request, 413, "request_too_large")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_body_over_the_limit(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, path: str
) -> None:
    """Contract 4: 413 `request_too_large` for a body that really is that long."""
    request = post(path, gateway.key("support-bot"), body("x" * LIMIT))
    await refused(gateway, provider, request, 413, "request_too_large")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("size", [LIMIT, 4 * LIMIT], ids=["just over", "far over"])
async def test_a_chunked_body_over_the_limit(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, size: int, path: str
) -> None:
    """Contract 4: the same where no length is stated."""
    request = in_chunks(path, gateway.key("support-bot"), body("x" * size))
    await refused(gateway, provider, request, 413, "request_too_large")


async def test_a_body_just_below_the_limit(gateway: GatewayUnderTest) -> None:
    """Contract 4: the limit is where the configuration says it is."""
    content = body("word " * ((LIMIT - 1000) // 5))
    assert LIMIT - 1010 < len(content) <= LIMIT
    answer = await gateway.raw(post(CHAT, gateway.key("narrow-bot"), content))
    assert answer.status == 200, answer.body[:300]
    assert (await gateway.entry(answer.decision_id))["request"]["content_digest"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_get_on_a_post_route(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, path: str
) -> None:
    """Contract 4: 404 `unknown_route`, in the dialect of the path."""
    head = (f"GET {path} HTTP/1.1\r\nhost: gateway\r\n"
            f"authorization: Bearer {gateway.key('support-bot')}\r\n\r\n").encode()  # fmt: skip
    await refused(gateway, provider, head, 404, "unknown_route")


async def test_a_body_that_never_comes_to_its_end(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1: a caller that leaves in the middle of its body has sent nothing."""
    request = post(CHAT, gateway.key("support-bot"), GOOD, f"content-length: {len(GOOD) + 10}")
    async with provider.untouched():
        await gateway.hang_up(request)
        await gateway.chat("narrow-bot", "x", model="no/model")
    await gateway.reserved_is_zero()
