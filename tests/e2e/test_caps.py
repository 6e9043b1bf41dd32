"""Caps of a single request, with the official SDKs through real Envoy: refused, lowered, given, cut
off in time; the provider sees a plain request (P2, P4)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.e2e.documents import Documents, Json, priced
from tests.e2e.faults import gateway_of
from tests.e2e.harness import DECISION_ID, SONNET, Entry, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest, Seen

pytestmark = pytest.mark.e2e

GPT, OPEN = "openai-main/gpt-flat", "openai-main/gpt-open"
OUTPUT_NANO = 10_000
"""Nano-USD per token of output of every model here; input is free."""
MOST, INPUT_MOST, GIVEN = 100, 60, 40
LATE_MS, DELAY_S = 400, 8
CAPS: dict[str, Json] = {
    "refusing": {"max_tokens": MOST},
    "clamping": {"max_tokens": MOST, "max_input_tokens": INPUT_MOST, "on_excess": "clamp"},
    "giving": {"default_max_tokens": GIVEN, "max_tokens": MOST},
    "costly": {"max_cost_usd": MOST * OUTPUT_NANO / 1e9},
    "cheaper": {"max_cost_usd": MOST * OUTPUT_NANO / 1e9, "on_excess": "clamp"},
    "hurried": {"max_latency_ms": LATE_MS},
}
OWN_HEADERS = ("x-tfy-", "x-envelope-", "x-envoy-", "x-bf-")


def documents(provider_url: str) -> Documents:
    """A caller for each cap, and one for whom there is none."""
    made = Documents().add("gateway-config", "gateway", environment="production")
    unknown = {"id": "gpt-open", "price": {"input_per_mtok": 0, "output_per_mtok": 10}}
    made.provider("openai-main", f"{provider_url}/v1", [priced("gpt-flat", 0, 10), unknown])
    made.provider("anthropic-main", provider_url, [priced("claude-sonnet", 0, 10)],
                  vendor="anthropic")  # fmt: skip
    made.add("gateway-request-caps-config", "caps", rules=[
        {"id": f"{team}-cap", "when": {"subjects": [f"team:{team}"]}, **cap}
        for team, cap in CAPS.items()
    ])  # fmt: skip
    for team in (*CAPS, "free"):
        made.bot(team, team=team, models=["openai-main/*", "anthropic-main/*"])
    return made.add("gateway-budget-config", "budgets", rules=[
        {"id": "money", "when": {}, "limit_to": 100, "unit": "cost_per_day"},
    ])  # fmt: skip


@pytest.fixture(scope="module")
def capped(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place) as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    capped: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    yield capped
    await capped.close_clients()


async def chat(
    gateway: GatewayUnderTest, who: str, text: str = "hi", *, said: Json | None = None,
    model: str = GPT, **fields: Any,
) -> httpx2.Response:  # fmt: skip
    """One call of the openai SDK; its answer as it came."""
    answer = await gateway.openai(who).chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": text}],
        extra_headers={"x-tfy-metadata": json.dumps(said or {})}, **fields,
    )  # fmt: skip
    whole: httpx2.Response = answer.http_response
    return whole


async def message(
    gateway: GatewayUnderTest, who: str, text: str = "hi", *, said: Json | None = None,
    model: str = SONNET, **fields: Any,
) -> httpx2.Response:  # fmt: skip
    """The same with the anthropic SDK."""
    answer = await gateway.anthropic(who).messages.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": text}],
        extra_headers={"x-tfy-metadata": json.dumps(said or {})}, **fields,
    )  # fmt: skip
    whole: httpx2.Response = answer.http_response
    return whole


async def openai_error(
    gateway: GatewayUnderTest, who: str, **fields: Any
) -> openai.BadRequestError:
    """The call is refused and nobody is asked."""
    async with gateway.provider.untouched():
        with pytest.raises(openai.BadRequestError) as caught:
            await chat(gateway, who, **fields)
    return caught.value


async def anthropic_error(gateway: GatewayUnderTest, who: str, **fields: Any) -> Json:
    """Likewise; the error of its body."""
    async with gateway.provider.untouched():
        with pytest.raises(anthropic.BadRequestError) as caught:
            await message(gateway, who, **fields)
    body: Any = caught.value.body
    error: Json = body["error"]
    return error


def maximum(seen: Seen) -> int | None:
    """The most output that the provider was asked for."""
    found: list[int] = [seen.json[name] for name in ("max_completion_tokens", "max_tokens")
                        if name in seen.json]  # fmt: skip
    assert len(found) <= 1, found
    return found[0] if found else None


def clamped(entry: Entry) -> list[tuple[str, int | None, int]]:
    marks = entry["limits"].get("clamped", [])
    return [(mark["rule_id"], mark["from"], mark["to"]) for mark in marks]


# --- refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fits"),
    [({"max_tokens": MOST + 1}, MOST), ({"max_completion_tokens": 3_000}, MOST), ({}, MOST),
     ({"max_tokens": MOST // 2, "n": 3}, MOST // 3)],
)  # fmt: skip
async def test_too_much_output_is_refused_in_openais_words(
    gateway: GatewayUnderTest, fields: Json, fits: int
) -> None:
    """Contract 4: 400, the rule and what would fit; no maximum stated asks for the model's own,
    and all choices count together."""
    error = await openai_error(gateway, "refusing", **fields)
    assert (error.code, error.param) == ("request_cap_exceeded", "max_tokens")
    assert "refusing-cap" in error.message and f" {fits} " in error.message
    entry = await gateway.entry(error.response.headers[DECISION_ID])
    assert entry["decision"]["rule_id"] == "refusing-cap" and "cost_nano_usd" not in entry
    fitting = {**fields, "max_tokens": fits}
    fitting.pop("max_completion_tokens", None)
    assert (await chat(gateway, "refusing", **fitting)).status_code == 200


async def test_too_much_output_is_refused_in_anthropics_words(gateway: GatewayUnderTest) -> None:
    """Contract 4: the same in the other dialect, also for a model of the first."""
    for model in (SONNET, GPT):
        error = await anthropic_error(gateway, "refusing", max_tokens=MOST + 1, model=model)
        assert (error["type"], error["code"]) == ("invalid_request_error", "request_cap_exceeded")
        assert "refusing-cap" in error["message"] and f" {MOST} " in error["message"]
        answer = await message(gateway, "refusing", max_tokens=MOST, model=model)
        assert answer.status_code == 200


async def test_an_input_that_is_too_large_is_refused_even_where_output_is_clamped(
    gateway: GatewayUnderTest,
) -> None:
    """docs/limits.md: nothing can be lowered there."""
    error = await openai_error(gateway, "clamping", text="word " * INPUT_MOST, max_tokens=5)
    assert error.code == "request_cap_exceeded" and f" {INPUT_MOST} " in error.message


async def test_a_caller_caps_itself(gateway: GatewayUnderTest) -> None:
    """Contract 3: `max_cost_usd` of the metadata; it lowers a cap and never raises one."""
    cost = MOST * OUTPUT_NANO
    said = {"max_cost_usd": f"{cost / 1e9:.9f}"}
    error = await openai_error(gateway, "free", said=said, max_tokens=MOST + 1)
    assert error.code == "request_cap_exceeded" and f" {MOST} " in error.message
    assert "metadata.max_cost_usd" in error.message
    answer = await chat(gateway, "free", said=said, max_tokens=MOST)
    entry = await gateway.entry_of(answer)
    assert entry["limits"]["caps"]["max_cost_nano_usd"]["limit"] == cost
    raised = {"max_cost_usd": "50"}
    error = await openai_error(gateway, "costly", said=raised, max_tokens=MOST + 1)
    assert "costly-cap" in error.message
    wrong = await openai_error(gateway, "free", said={"max_cost_usd": "cheap"}, max_tokens=1)
    assert (wrong.code, wrong.param) == ("metadata_contract_violation", "max_cost_usd")


# --- lowered, given ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [GPT, SONNET])
@pytest.mark.parametrize("team", ["clamping", "cheaper"])
async def test_a_maximum_is_lowered(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, team: str, model: str
) -> None:
    """P2: the provider is asked for what fits, whichever dialect either side speaks."""
    rule_id = f"{team}-cap"
    fields: Json = {"text": "[[tokens: 300]]", "model": model, "max_tokens": MOST * 5}
    for ask in (chat, message):
        answer = await ask(gateway, team, **fields)
        assert rule_id in json.loads(answer.headers["x-tfy-applied-configurations"])
        entry = await gateway.entry_of(answer)
        assert clamped(entry) == [(rule_id, MOST * 5, MOST)]
        assert entry["usage"]["output_tokens"] == MOST
    assert [maximum(seen) for seen in await provider.requests()] == [MOST, MOST]


async def test_choices_share_a_lowered_maximum(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: with `n` answers each gets its part."""
    await chat(gateway, "clamping", max_tokens=MOST, n=3)
    assert maximum(await provider.request()) == MOST // 3


async def test_what_fits_is_left_alone(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 3: a smaller maximum goes on as it was written, and the entry says nothing."""
    answer = await chat(gateway, "clamping", max_tokens=MOST - 1)
    assert maximum(await provider.request()) == MOST - 1
    assert clamped(await gateway.entry_of(answer)) == []


@pytest.mark.parametrize("model", [GPT, OPEN, SONNET])
async def test_a_missing_maximum_is_given(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, model: str
) -> None:
    """P2: what is reserved is what is sent; a maximum that the caller states wins."""
    answer = await chat(gateway, "giving", "[[tokens: 300]]", model=model)
    entry = await gateway.entry_of(answer)
    assert clamped(entry) == [("giving-cap", None, GIVEN)]
    assert entry["cost_nano_usd"] == GIVEN * OUTPUT_NANO
    await chat(gateway, "giving", model=model, max_tokens=GIVEN + 1)
    assert [maximum(seen) for seen in await provider.requests()] == [GIVEN, GIVEN + 1]


# --- in time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "said"), [("hurried", {}), ("free", {"max_latency_ms": str(LATE_MS)})]
)
async def test_a_slow_provider_is_given_up(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, who: str, said: Json
) -> None:
    """docs/limits.md: 504 `upstream_timeout` in either dialect, long before the provider would
    have answered; the provider is told to stop, and the input is charged (here nothing)."""
    text = f"[[delay: {DELAY_S}]] late"
    began = time.monotonic()
    with pytest.raises(openai.InternalServerError) as first:
        await chat(gateway, who, text, said=said, max_tokens=5)
    with pytest.raises(anthropic.InternalServerError) as second:
        await message(gateway, who, text, said=said, max_tokens=5)
    took = time.monotonic() - began
    assert 2 * LATE_MS / 1000 <= took < DELAY_S
    assert (first.value.status_code, first.value.code) == (504, "upstream_timeout")
    body: Any = second.value.body
    assert (second.value.status_code, body["error"]["code"]) == (504, "upstream_timeout")
    assert [seen.outcome for seen in await provider.requests()] == ["aborted", "aborted"]
    entry = await gateway.entry(first.value.response.headers[DECISION_ID])
    assert entry["limits"]["caps"]["max_latency_ms"]["limit"] == LATE_MS
    await gateway.reserved_is_zero("money")


async def test_a_quick_provider_is_not(gateway: GatewayUnderTest) -> None:
    """docs/limits.md: the cap is about time, not about the call."""
    assert (await chat(gateway, "hurried", max_tokens=5)).status_code == 200


async def test_a_stream_is_cut_off_in_time(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: the whole call counts; a stream that goes on too long breaks off and is settled for what
    was seen of it."""
    client = gateway.openai("hurried")
    messages: Any = [{"role": "user", "content": "[[tokens: 400]] [[pause: 0.02]]"}]
    pieces = await client.chat.completions.create(
        model=GPT, max_tokens=400, messages=messages, stream=True
    )
    seen = 0
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        async for _ in pieces:
            seen += 1
    request = await provider.request()
    assert 0 < seen < 400 and request.outcome == "aborted" and request.output_tokens < 400
    entry = await gateway.entry(pieces.response.headers[DECISION_ID])
    assert entry["decision"]["outcome"] == "truncated"
    assert 0 < entry["usage"]["output_tokens"] < 400
    await gateway.reserved_is_zero("money")


# --- what the provider sees --------------------------------------------------------------------


async def test_the_provider_sees_nothing_of_the_gateway(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P4: neither metadata nor caps nor limits nor anybody's key; the time limit stays here too."""
    said = {"max_cost_usd": "1", "max_latency_ms": "20000", "tenant_id": "acme"}
    for who in ("hurried", "clamping", "free"):
        await chat(gateway, who, said=said, max_tokens=5)
        await message(gateway, who, said=said, max_tokens=5)
    for seen in await provider.requests():
        own = [name for name in seen.headers if name.startswith(OWN_HEADERS)]
        assert own == []
        whole = json.dumps(seen.headers) + seen.body
        assert not any(key in whole for key in gateway.documents.keys.values())
        assert "acme" not in whole and "20000" not in whole
