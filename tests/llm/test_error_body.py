"""Errors arrive as the official SDKs expect them."""

from __future__ import annotations

import json

import anthropic
import httpx2
import openai
import pytest

from extproc.errors import Code, Refusal
from extproc.llm.error_body import provider_error, refusal_body, stream_error_frame

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
