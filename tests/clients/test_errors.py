"""Refusals of the gateway and errors of providers: each SDK raises its own class for them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.clients.callers import CALLERS
from tests.clients.cases import PLAIN, Case
from tests.clients.conftest import Open
from tests.clients.stand_in import TARGETS, AllProviders
from tests.e2e.harness import GatewayUnderTest

pytestmark = pytest.mark.e2e

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
ANTHROPICS = {503: "ServiceUnavailableError"}
HAVE_CODES = ("openai-chat", "openai-responses", "anthropic")
"""Whose dialect has a place for the gateway's own code, beside the message."""
WAITS = ("openai", "azure", "compatible", "anthropic", "cohere")
"""Providers that say in a header how long to wait."""


class Wrong(NamedTuple):
    """`account` asks for `model` with `prompt` and is refused."""

    status: int
    code: str
    account: str = "all-bot"
    key: str = ""
    model: str = TARGETS["openai"]
    prompt: str = "hi"


WRONG = {
    "key": Wrong(401, "invalid_api_key", key="sk-nobody"),
    "scope": Wrong(403, "permission_denied", "narrow-bot"),
    "model": Wrong(403, "permission_denied", model="openai/nothing"),
    "guardrail": Wrong(400, "guardrail_blocked", "guarded-bot",
                       prompt="my card is 4111 1111 1111 1111"),
}  # fmt: skip
callers = pytest.mark.parametrize("caller", CALLERS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def class_of(caller: str, status: int) -> str:
    if caller == "google-genai":
        return "ClientError" if status < 500 else "ServerError"
    own = ANTHROPICS.get(status) if caller == "anthropic" else None
    return own or CLASSES[status]


@callers
@streams
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_refusal_is_the_sdks_own_exception(
    gateway: GatewayUnderTest, provider: AllProviders, sdk: Open, caller: str, wrong: Wrong,
    stream: bool,
) -> None:  # fmt: skip
    """Contract 4: status, class and code of a refusal, and no provider hears of it."""
    async with provider.untouched():
        client = sdk(caller, wrong.account, key=wrong.key)
        call = client.ask(wrong.model, Case("wrong", wrong.prompt), stream=stream)
        refused = await client.refused(call)
    assert (refused.status, refused.kind) == (wrong.status, class_of(caller, wrong.status))
    assert refused.message
    assert refused.code == wrong.code or caller not in HAVE_CODES


@callers
async def test_an_ill_typed_field_is_refused_by_name(sdk: Open, caller: str) -> None:
    """Contract 4: 400 `invalid_request` names the field in the caller's own words."""
    client: Any = sdk(caller)
    call, name = {
        "openai-chat": lambda: (client._send(TARGETS["openai"], PLAIN, [
            {"role": "nobody", "content": "x"}], False), "role"),
        "openai-responses": lambda: (client._send(TARGETS["openai"], PLAIN, [
            {"role": "nobody", "content": "x"}], False), "role"),
        "anthropic": lambda: (client._send(TARGETS["openai"], PLAIN, [
            {"role": "nobody", "content": "x"}], False), "role"),
        "google-genai": lambda: (client._send(TARGETS["openai"], PLAIN, [
            {"role": "nobody", "parts": [{"text": "x"}]}], False), "role"),
    }[caller]()  # fmt: skip
    refused = await client.refused(call)
    assert (refused.status, refused.kind) == (400, class_of(caller, 400))
    assert name in refused.message


@callers
async def test_a_used_up_limit_says_when_to_come_again(sdk: Open, caller: str) -> None:
    """Contract 4: 429 `rate_limit_exceeded` with `retry-after`, whoever asks."""
    client = sdk(caller, "tight-bot")
    for _ in range(2):
        try:
            await client.ask(TARGETS["openai"], PLAIN, stream=False)
        except Exception:
            break
    refused = await client.refused(client.ask(TARGETS["openai"], PLAIN, stream=False))
    assert (refused.status, refused.kind) == (429, class_of(caller, 429))
    assert refused.retry_after is not None and int(refused.retry_after) > 0


@callers
@streams
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_a_providers_error_keeps_its_status(
    sdk: Open, caller: str, target: str, status: int, stream: bool
) -> None:
    """Contract 4: an error of the provider keeps its status; its body is the caller's dialect."""
    client = sdk(caller)
    prompt = f"[[status: {status}]] [[retry-after: 7]]"
    call = client.ask(TARGETS[target], Case("refused", prompt), stream=stream)
    refused = await client.refused(call)
    assert (refused.status, refused.kind) == (status, class_of(caller, status))
    assert refused.message
    if status == 429 and target in WAITS:
        assert refused.retry_after == "7"


@callers
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("how", ["cut: 4", "stream-error: 4"])
async def test_half_a_stream_never_looks_like_a_whole_one(
    sdk: Open, caller: str, target: str, how: str
) -> None:
    """P5: a provider that fails midway makes the SDK raise, whatever its dialect."""
    prompt = f"[[tokens: 30]] [[{how}]]"
    with pytest.raises(Exception) as caught:
        await sdk(caller).ask(TARGETS[target], Case("broken", prompt), stream=True)
    assert not isinstance(caught.value, AssertionError | KeyError | AttributeError)


@callers
async def test_an_unknown_path_is_not_found(
    gateway: GatewayUnderTest, provider: AllProviders, caller: str
) -> None:
    """Contract 4: 404 `unknown_route` in the dialect that the path belongs to."""
    client = CALLERS[caller](f"{gateway.url}/nowhere", gateway.key("all-bot"))
    async with provider.untouched():
        call = client.ask(TARGETS["openai"], PLAIN, stream=False)
        refused = await client.refused(call)
    await client.close()
    assert (refused.status, refused.kind) == (404, class_of(caller, 404))
