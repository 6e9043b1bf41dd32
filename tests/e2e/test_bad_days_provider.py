"""The provider is down, slow, broken or wrong, or the caller leaves: what is told, what is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.documents import priced
from tests.e2e.faults import (
    BOT,
    CALLS,
    SPEND,
    SPEND_IN,
    SPEND_OUT,
    documents,
    envoy_holds,
    gateway_of,
    latest,
    money,
    outcome,
    refusal,
    serves,
    stream,
)
from tests.e2e.harness import DECISION_ID, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

CLAUDE = "claude/claude-sonnet"
FAULTY = {400: "invalid_request_error", 429: "rate_limit", 500: "api_error"}


@pytest.fixture(scope="module")
def strict_process(
    place: Path, provider_process: ProviderUnderTest, refusing_port: int
) -> Iterator[GatewayUnderTest]:
    """Waits 0.6 s for each attempt, and for a silent stream."""
    limits = {"per_try_timeout_ms": 600, "stream_idle_timeout_ms": 600, "connect_timeout_ms": 300}
    made = documents(provider_process.url, gateway={"listener": limits})
    made.provider("gone", f"http://127.0.0.1:{refusing_port}/v1", [priced("gpt-gone", 1, 1)])
    with gateway_of(made, provider_process, place) as running:
        yield running


@pytest.fixture
async def strict(strict_process: GatewayUnderTest, provider: ProviderUnderTest) -> GatewayUnderTest:
    return strict_process


async def costs_nothing(gateway: GatewayUnderTest, before: int, answer: httpx2.Response) -> None:
    """P2, P3: nothing billed, nothing left reserved, the entry names the provider's failure."""
    assert await money(gateway) == before
    entry = await gateway.entry_of(answer)
    assert entry["decision"]["outcome"] == "upstream_error"
    assert entry["response"]["status"] == answer.status_code
    assert entry.get("cost_nano_usd", 0) == 0


@pytest.mark.parametrize("streamed", [False, True])
async def test_nobody_listens(strict: GatewayUnderTest, streamed: bool) -> None:
    """Contract 4: a connection that is refused is 502 `upstream_error`, and free."""
    before = await money(strict)
    answer = await strict.chat(BOT, "x", model="gone/gpt-gone", stream=streamed)
    assert refusal(answer) == (502, "upstream_error")
    await costs_nothing(strict, before, answer)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("trouble", ["[[delay: 5]]", "[[hang]]"])
async def test_no_answer_in_time(
    strict: GatewayUnderTest, provider: ProviderUnderTest, trouble: str, streamed: bool
) -> None:
    """Contract 4: an attempt that takes too long is 504 `upstream_timeout`; no other follows."""
    await money(strict)
    answer = await strict.chat(BOT, trouble, model=SPEND, stream=streamed)
    assert refusal(answer) == (504, "upstream_timeout")
    assert len(await provider.requests()) == 1
    entry = await strict.entry_of(answer)
    assert entry["decision"]["outcome"] == "upstream_error"
    await money(strict)


async def test_the_connection_breaks_before_any_byte(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 4: 502 `upstream_error`, in one attempt."""
    answer = await strict.chat(BOT, "[[cut: 0]]", model=SPEND)
    assert refusal(answer) == (502, "upstream_error")
    assert len(await provider.requests()) == 1
    assert await outcome(strict, answer.headers[DECISION_ID]) == "upstream_error"
    await money(strict)


async def test_the_connection_breaks_in_the_answer(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """Contract 4, P1: half an answer was not judged: none of it leaves; what was made is paid."""
    before = await money(strict)
    answer = await strict.chat(BOT, "[[cut: 1]] [[reply: quetzal quetzal quetzal]]", model=SPEND)
    assert "quetzal" not in answer.text
    assert refusal(answer) == (502, "upstream_error")
    entry = await strict.entry_of(answer)
    assert entry["decision"]["outcome"] in ("upstream_error", "aborted", "truncated")
    assert await money(strict) - before == entry["cost_nano_usd"] > 0


async def test_a_stream_is_cut(strict: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P2, P5: the stream breaks or says so; our own count is paid, the words seen at least."""
    before = await money(strict)
    seen = await stream(strict, "[[tokens: 50]] [[cut: 20]] [[pause: 0.005]]")
    assert not seen.finished
    assert not seen.clean or '"error"' in seen.text
    words = sum(line.count('"content":" ') for line in seen.lines)
    assert words >= 10
    entry = await strict.entry(seen.decision_id)
    assert entry["decision"]["outcome"] in ("truncated", "aborted")
    assert entry["usage"]["source"] == "counted"
    assert entry["usage"]["output_tokens"] >= words
    assert await money(strict) - before == entry["cost_nano_usd"] >= words * SPEND_OUT


async def test_a_stream_falls_silent(strict: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P2: a stream that stops without ending is given up, and paid as far as it came."""
    before = await money(strict)
    seen = await stream(strict, "[[tokens: 50]] [[pause: 5]]")
    assert not seen.finished
    assert not seen.clean or '"error"' in seen.text
    entry = await strict.entry(seen.decision_id)
    assert entry["decision"]["outcome"] in ("truncated", "aborted")
    assert await money(strict) - before == entry["cost_nano_usd"] > 0


async def test_a_stream_says_that_it_failed(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P5: an error event of the provider reaches the caller; what came before is paid."""
    before = await money(strict)
    seen = await stream(strict, "[[tokens: 50]] [[stream-error: 20]]")
    assert '"error"' in seen.text and not seen.finished
    entry = await strict.entry(seen.decision_id)
    assert entry["decision"]["outcome"] in ("upstream_error", "truncated")
    assert await money(strict) - before == entry["cost_nano_usd"] >= 10 * SPEND_OUT


@pytest.mark.parametrize("model", [SPEND, CLAUDE])
@pytest.mark.parametrize("status", FAULTY)
async def test_an_error_keeps_its_status(
    strict: GatewayUnderTest, provider: ProviderUnderTest, status: int, model: str
) -> None:
    """Contract 4: the provider's status, in the dialect of a caller of OpenAI's; free."""
    before = await money(strict)
    await provider.fault(model.partition("/")[2], status=status)
    answer = await strict.chat(BOT, "x", model=model, max_tokens=10)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert {"message", "type", "code", "param"} <= set(error)
    assert "type" not in answer.json()
    await costs_nothing(strict, before, answer)
    assert (await strict.counter(CALLS)).reserved == 0


@pytest.mark.parametrize("model", [SPEND, CLAUDE])
@pytest.mark.parametrize("status", FAULTY)
async def test_an_error_speaks_anthropic_to_its_callers(
    strict: GatewayUnderTest, provider: ProviderUnderTest, status: int, model: str
) -> None:
    """Contract 4: the same for a caller of Anthropic's dialect."""
    before = await money(strict)
    await provider.fault(model.partition("/")[2], status=status)
    answer = await strict.chat(BOT, "x", model=model, max_tokens=10, path="/v1/messages")
    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert FAULTY[status] in answer.json()["error"]["type"]
    await costs_nothing(strict, before, answer)


async def test_the_caller_leaves_a_stream(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, P3: `aborted`; the words that were streamed are paid; the provider is told to stop."""
    before = await money(strict)
    seen = await stream(strict, "[[tokens: 400]] [[pause: 0.01]]", after=20)
    entry = await strict.entry(seen.decision_id)
    assert entry["decision"]["outcome"] == "aborted"
    (request,) = await provider.requests()
    assert request.outcome == "aborted" and request.output_tokens < 400
    spent = await money(strict) - before
    assert spent == entry["cost_nano_usd"]
    assert 15 * SPEND_OUT <= spent <= (50 + request.output_tokens) * SPEND_OUT


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_caller_leaves_before_the_first_byte(
    strict: GatewayUnderTest, provider: ProviderUnderTest, streamed: bool
) -> None:
    """P2, P3: `aborted`; the provider has had the input, and that is paid."""
    await strict.entry_of(await serves(strict))  # nothing else is on its way into the log
    await provider.forget()
    before, entries = await money(strict), len(strict.entries())
    call = asyncio.create_task(strict.chat(BOT, "[[hang]]", model=SPEND, stream=streamed))
    await provider.busy()
    call.cancel()
    (entry,) = await latest(strict, entries)
    assert entry["decision"]["outcome"] == "aborted"
    paid = await money(strict) - before
    assert paid == entry["cost_nano_usd"] == entry["request"]["input_tokens"] * SPEND_IN > 0
    assert (await provider.request()).outcome == "aborted"


async def test_the_caller_leaves_while_it_sends(
    strict: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P1, P2: half a request reaches no provider and reserves nothing."""
    before = await money(strict)
    host, _, port = strict.url.removeprefix("http://").partition(":")
    async with provider.untouched():
        reader, writer = await asyncio.open_connection(host, int(port))
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {strict.key(BOT)}\r\ncontent-length: 500\r\n\r\n"
        )
        writer.write(head.encode() + b'{"model": "')
        await writer.drain()
        await envoy_holds(strict, 1)
        writer.close()
        await envoy_holds(strict, 0)
        assert await reader.read() == b""
    assert await money(strict) == before
