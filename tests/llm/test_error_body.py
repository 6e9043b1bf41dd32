"""Errors arrive as the official SDKs expect them."""

from __future__ import annotations

import json

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types

from extproc.errors import Code, Refusal
from extproc.llm.call import Family
from extproc.llm.error_body import map_error, provider_error, refusal_body, stream_error_frame

OPENAI_CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("code", list(Code))
def test_refusals_in_both_shapes(code: Code) -> None:
    """Contract, section 4: code, decision id and the vendor's shape, for every row of the table."""
    refusal = Refusal(code, detail="Rule 'team-day'.", reason="never told", param="n")
    ours = json.loads(refusal_body("openai", refusal, "d-1"))["error"]
    assert (ours["code"], ours["decision_id"], ours["param"]) == (code.value, "d-1", "n")
    assert "Rule 'team-day'." in ours["message"]
    theirs = json.loads(refusal_body("anthropic", refusal, "d-1"))
    assert (theirs["type"], theirs["request_id"]) == ("error", "d-1")
    assert (theirs["error"]["code"], theirs["error"]["message"]) == (code.value, ours["message"])
    assert "never told" not in json.dumps([ours, theirs])


def test_types_are_the_vendors_words() -> None:
    """Contract, section 4: `type` is what each vendor's SDK knows for the status."""
    pairs = {
        Code.INVALID_API_KEY: "authentication_error",
        Code.PERMISSION_DENIED: "permission_error",
        Code.UNKNOWN_ROUTE: "not_found_error",
        Code.BUDGET_EXCEEDED: "rate_limit_error",
        Code.POLICY_UNAVAILABLE: "api_error",
        Code.OVERLOADED: "overloaded_error",
        Code.GUARDRAIL_BLOCKED: "invalid_request_error",
    }
    for code, kind in pairs.items():
        for family in ("openai", "anthropic"):
            body = json.loads(refusal_body(family, Refusal(code), "d"))
            assert body["error"]["type"] == kind


def answering(status: int, body: bytes) -> httpx2.Client:
    headers = {"content-type": "application/json"}
    answer = httpx2.Response(status, content=body, headers=headers)
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))


@pytest.mark.parametrize("code", list(Code))
def test_official_sdks_raise_their_own_classes(code: Code) -> None:
    """Contract, section 3: an official SDK works after changing base URL and key alone."""
    refusal = Refusal(code)
    http = answering(refusal.status, refusal_body("openai", refusal, "d"))
    gpt = openai.OpenAI(api_key="k", base_url="http://h/v1", http_client=http, max_retries=0)
    with pytest.raises(openai.APIStatusError) as caught:
        gpt.models.list()
    expected = OPENAI_CLASSES.get(refusal.status)
    assert expected is None or type(caught.value) is expected
    assert (caught.value.status_code, caught.value.code) == (refusal.status, code.value)
    http = answering(refusal.status, refusal_body("anthropic", refusal, "d"))
    claude = anthropic.Anthropic(api_key="k", base_url="http://h", http_client=http, max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as answered:
        claude.models.list()
    assert answered.value.body["error"]["code"] == code.value  # type: ignore[index]


def test_a_providers_error_in_the_callers_dialect() -> None:
    """Contract, section 4: the body is mapped, the words stay."""
    claude = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert json.loads(provider_error("openai", "anthropic", 529, claude, "d"))["error"] == {
        "message": "Overloaded",
        "type": "overloaded_error",
        "param": None,
        "code": "upstream_error",
        "decision_id": "d",
    }
    gpt = b'{"error":{"message":"Too long","type":"x","param":"messages","code":"context_length"}}'
    mapped = json.loads(provider_error("anthropic", "openai", 400, gpt, "d"))
    assert mapped["type"] == "error"
    assert mapped["error"]["type"] == "invalid_request_error"
    assert (mapped["error"]["message"], mapped["error"]["code"]) == ("Too long", "context_length")


def test_the_same_dialect_keeps_its_bytes() -> None:
    """Contract, section 4: what the caller can read already is not touched."""
    gpt = b'{ "error": {"message": "m", "type": "t"} }'
    claude = b'{"type":"error", "error":{"type":"api_error","message":"m"}}'
    assert provider_error("openai", "openai", 400, gpt, "d") is gpt
    assert provider_error("anthropic", "anthropic", 500, claude, "d") is claude
    assert provider_error("anthropic", "anthropic", 500, gpt, "d") != gpt


@pytest.mark.parametrize(
    "body",
    [b"<html>oops</html>", b"", b"[]", b'"x"', b'{"error":null}', b'{"error":{"message":7}}'],
)
def test_odd_error_bodies_still_become_errors(body: bytes) -> None:
    """Contract, section 4: whatever a proxy in between answers, the caller gets its own shape."""
    for family in ("openai", "anthropic"):
        error = json.loads(provider_error(family, "anthropic", 502, body, "d"))["error"]
        assert error["message"] == "The provider answered with status 502."
        assert error["type"] == "api_error"


def test_compatible_servers_words_are_found() -> None:
    """Contract, section 4: error bodies of OpenAI-compatible servers have several shapes."""
    for body in (b'{"error":"no model"}', b'{"message":"no model"}', b'{"detail":"no model"}'):
        mapped = json.loads(provider_error("openai", "openai", 404, body, "d"))
        assert mapped["error"]["message"] == "no model"


def test_a_providers_word_on_the_gateways_key_stays_inside() -> None:
    """P4: a 401 of the provider is about our credential, and quotes it."""
    body = (
        b'{"error":{"message":"Incorrect API key provided: sk-pr***abcd","code":"invalid_api_key"}}'
    )
    for family in ("openai", "anthropic"):
        assert b"sk-pr" not in provider_error(family, "openai", 401, body, "d")


def streaming(body: bytes) -> httpx2.Client:
    headers = {"content-type": "text/event-stream"}
    answer = httpx2.Response(200, content=body, headers=headers)
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))


def test_stream_errors_end_a_stream_in_its_dialect() -> None:
    """P5: mid-stream refusals are events that the official SDKs raise on."""
    refusal = Refusal(Code.GUARDRAIL_BLOCKED, detail="global/pii")
    turn = {"role": "user", "content": "x"}
    http = streaming(stream_error_frame("openai", refusal, "d"))
    gpt = openai.OpenAI(api_key="k", base_url="http://h/v1", http_client=http)
    with pytest.raises(openai.APIError) as caught:
        list(gpt.chat.completions.create(model="m", messages=[turn], stream=True))  # type: ignore
    assert caught.value.code == "guardrail_blocked"
    http = streaming(stream_error_frame("anthropic", refusal, "d"))
    claude = anthropic.Anthropic(api_key="k", base_url="http://h", http_client=http)
    with pytest.raises(anthropic.APIError) as raised:
        list(claude.messages.create(model="m", max_tokens=1, messages=[turn], stream=True))  # type: ignore
    assert raised.value.body["error"]["code"] == "guardrail_blocked"  # type: ignore[index]


def test_anthropics_error_models_read_them() -> None:
    """Contract, section 4: the SDK's own error type parses the body."""
    from anthropic.types import ErrorResponse

    body = json.loads(refusal_body("anthropic", Refusal(Code.RATE_LIMIT_EXCEEDED), "d-9"))
    parsed = ErrorResponse.model_validate(body)
    assert parsed.error.type == "rate_limit_error"
    assert parsed.request_id == "d-9"


def gemini(http: httpx2.Client) -> genai.Client:
    options = google_types.HttpOptions(base_url="http://h", httpx_client=http)
    return genai.Client(api_key="k", http_options=options)


@pytest.mark.parametrize("code", list(Code))
def test_googles_sdk_raises_its_own_classes(code: Code) -> None:
    """Contract, section 3: status, Google's word for it, our code and the decision id."""
    refusal = Refusal(code, detail="Rule 'x'.", param="contents", retry_after_ms=1_200)
    client = gemini(answering(refusal.status, refusal_body("gemini", refusal, "d-1")))
    kind = google_errors.ClientError if refusal.status < 500 else google_errors.ServerError
    with pytest.raises(kind) as caught:
        client.models.generate_content(model="a/b", contents="x")
    error = caught.value
    assert (error.code, error.message) == (refusal.status, refusal.message)
    assert error.status and error.status == error.status.upper()
    told = error.details["error"]
    info, retry = told["details"]
    assert (told["reason"], info["reason"]) == (code.value, code.value)
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["metadata"] == {"decision_id": "d-1", "param": "contents"}
    assert retry["retryDelay"] == "2s"


def test_googles_words_for_a_status() -> None:
    """Contract, section 4: `status` is the canonical code that Google's API guide names."""
    pairs = {
        Code.INVALID_REQUEST: "INVALID_ARGUMENT",
        Code.INVALID_API_KEY: "UNAUTHENTICATED",
        Code.PERMISSION_DENIED: "PERMISSION_DENIED",
        Code.UNKNOWN_ROUTE: "NOT_FOUND",
        Code.BUDGET_EXCEEDED: "RESOURCE_EXHAUSTED",
        Code.UPSTREAM_TIMEOUT: "DEADLINE_EXCEEDED",
        Code.OVERLOADED: "UNAVAILABLE",
    }
    for code, word in pairs.items():
        error = json.loads(refusal_body("gemini", Refusal(code), "d"))["error"]
        assert (error["status"], error["code"]) == (word, Refusal(code).status)


def test_a_stream_of_googles_ends_in_an_error_its_sdk_raises() -> None:
    """P5: a refusal in the middle of a stream is raised, with our code."""
    chunk = {"candidates": [{"content": {"role": "model", "parts": [{"text": "so far"}]}}]}
    refusal = Refusal(Code.GUARDRAIL_BLOCKED, detail="global/pii")
    body = f"data: {json.dumps(chunk)}\n\n".encode() + stream_error_frame("gemini", refusal, "d")
    seen = []
    with pytest.raises(google_errors.ClientError) as caught:
        for one in gemini(streaming(body)).models.generate_content_stream(model="m", contents="x"):
            seen.append(one.text)
    assert seen == ["so far"]
    assert caught.value.code == 400
    assert caught.value.details["error"]["reason"] == "guardrail_blocked"


FAMILIES: tuple[Family, ...] = ("openai", "anthropic", "gemini", "bedrock", "cohere")
WORDS: list[tuple[Family, bytes]] = [
    ("gemini", b'{"error":{"code":400,"message":"Too long","status":"INVALID_ARGUMENT"}}'),
    ("gemini", b'[{"error":{"code":400,"message":"Too long","status":"INVALID_ARGUMENT"}}]'),
    ("bedrock", b'{"message":"Too long"}'),
    ("bedrock", b'{"Message":"Too long"}'),
    ("cohere", b'{"message":"Too long"}'),
    ("cohere", b'{"id":"r-1","message":"Too long"}'),
    ("openai", b'{"error":{"message":"Too long","code":"x"}}'),
    ("anthropic", b'{"type":"error","error":{"type":"x","message":"Too long"}}'),
]


@pytest.mark.parametrize(("family_in", "body"), WORDS)
@pytest.mark.parametrize("family_out", FAMILIES)
def test_every_providers_words_in_every_dialect(
    family_out: Family, family_in: Family, body: bytes
) -> None:
    """Contract, section 4: whoever answers, the caller reads the words where its SDK looks."""
    tree = json.loads(provider_error(family_out, family_in, 400, body, "d"))
    error = tree if family_out in ("bedrock", "cohere") else tree["error"]
    assert error["message"] == "Too long"
    if family_out == "gemini":
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")


def test_googles_own_error_stays_as_it_is() -> None:
    """Contract, section 4: details and all; a list of one is made one."""
    body = b'{ "error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"} }'
    assert provider_error("gemini", "gemini", 429, body, "d") is body
    assert json.loads(provider_error("gemini", "gemini", 429, b"[" + body + b"]", "d"))["error"]


CREDENTIALS: list[tuple[Family, int, bytes]] = [
    ("gemini", 400, b'{"error":{"code":400,"message":"API key not valid: AIzaX","details":[]}}'),
    ("gemini", 400, b'{"error":{"code":400,"message":"AIzaX","details":[{"reason":'
                    b'"API_KEY_INVALID"}]}}'),
    ("gemini", 403, b'{"error":{"code":403,"message":"Consumer api_key:AIzaX is suspended"}}'),
    ("bedrock", 403, b'{"message":"User: arn:aws:sts::1:AIzaX is not authorized"}'),
    ("cohere", 401, b'{"message":"invalid api token AIzaX"}'),
]  # fmt: skip


@pytest.mark.parametrize(("family_in", "status", "body"), CREDENTIALS)
def test_nobodys_word_on_the_gateways_key_leaves(
    family_in: Family, status: int, body: bytes
) -> None:
    """P4: Google says it with 400 and 403, AWS with 403."""
    for family_out in FAMILIES:
        assert b"AIzaX" not in provider_error(family_out, family_in, status, body, "d")
    in_stream = json.dumps(map_error("openai", status, json.loads(body)))
    assert family_in == "bedrock" or "AIzaX" not in in_stream
