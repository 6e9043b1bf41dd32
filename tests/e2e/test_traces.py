"""Traces through real Envoy: who is below whom, where the time went, and what is never said."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import Start, session_documents
from tests.e2e.documents import Documents
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest
from tests.telemetry.collector import Collector, collecting, plain

pytestmark = pytest.mark.e2e

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=1"}
SEEN_S = 15


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as running:
        yield running


def _documents(
    collector: Collector, provider: ProviderUnderTest, refusing_port: int, odd_url: str
) -> Documents:
    documents = session_documents(provider.url, refusing_port, odd_url)
    said = {"otlp_endpoint": collector.url, "log_format": "json", "conversation_key": "session"}
    telemetry = f"environment: production\ntelemetry: {json.dumps(said)}\n"
    text = documents.files["gateway.yaml"].replace("environment: production\n", telemetry, 1)
    documents.files["gateway.yaml"] = text
    return documents


async def _spans(collector: Collector, decision_id: str) -> tuple[Any, list[Any]]:
    """The exchange's own and those below it, once they have come."""
    async with asyncio.timeout(SEEN_S):
        while True:
            for server in collector.servers:
                if plain(server.attributes)["envelope.decision_id"] == decision_id:
                    below = [s for s in collector.spans if s.parent_span_id == server.span_id]
                    return server, below
            await asyncio.sleep(0.05)


def _timing(answer: httpx2.Response) -> dict[str, float]:
    parts = [part.strip().split(";dur=") for part in answer.headers["server-timing"].split(",")]
    return {name: float(ms) for name, ms in parts}


async def test_a_call_is_one_trace(
    start_gateway: Start, collector: Collector, provider: ProviderUnderTest, refusing_port: int,
    odd_url: str,
) -> None:  # fmt: skip
    """Contract 3: caller, gateway, attempt and provider hang together; the times add up; what
    nobody may read is in no span, no figure and no log line (P4)."""
    gateway = start_gateway(_documents(collector, provider, refusing_port, odd_url), workers=1)
    await _one_attempt(gateway, collector, provider)
    await _two_attempts(gateway, collector, provider)
    await _nobody_waits_for_the_collector(gateway, collector)
    await _nothing_is_said(gateway, collector)


async def _one_attempt(
    gateway: GatewayUnderTest, collector: Collector, provider: ProviderUnderTest
) -> None:
    answer = await gateway.chat("support-bot", "x [[tokens: 9]]", headers=CALLER, temperature=0.5)
    seen = (await provider.request()).headers
    server, below = await _spans(collector, answer.headers["x-envelope-decision-id"])
    assert (server.trace_id.hex(), server.parent_span_id.hex()) == (TRACE, SPAN)
    assert server.trace_state == seen["tracestate"] == "a=1"
    (attempt,) = [s for s in below if s.kind == s.SPAN_KIND_CLIENT]
    assert seen["traceparent"] == f"00-{TRACE}-{attempt.span_id.hex()}-01"
    timing = _timing(answer)
    total = timing.pop("total")
    assert sum(timing.values()) == pytest.approx(total, abs=0.0006 * len(timing))
    phases = [s for s in below if s.kind == s.SPAN_KIND_INTERNAL]
    assert {s.name for s in phases} | {"provider"} == set(timing)
    assert plain(server.attributes)["gen_ai.request.temperature"] == 0.5
    entry = await gateway.entry_of(answer)
    spent_us = sum(entry["phases_us"].values())
    assert 0 < spent_us <= (server.end_time_unix_nano - server.start_time_unix_nano) / 1000


async def _two_attempts(
    gateway: GatewayUnderTest, collector: Collector, provider: ProviderUnderTest
) -> None:
    await provider.forget()
    answer = await gateway.chat("extra-bot", "x", model="prod/gone-first")
    seen = (await provider.request()).headers
    _, below = await _spans(collector, answer.headers["x-envelope-decision-id"])
    first, second = [s for s in below if s.kind == s.SPAN_KIND_CLIENT]
    assert seen["traceparent"].split("-")[2] == second.span_id.hex()
    told = [plain(span.attributes) for span in (first, second)]
    assert [one["envelope.attempt.ending"] for one in told] == ["unsent", "answered"]
    assert [one["envelope.attempt.reason"] for one in told] == ["first", "fallback"]


async def _nobody_waits_for_the_collector(gateway: GatewayUnderTest, collector: Collector) -> None:
    """P8: it hangs, then refuses: calls go on, and the page says what became of the spans."""
    collector.hold, collector.answer = asyncio.Event(), 500
    collector.asked.clear()
    assert (await gateway.chat("support-bot", "x")).status_code == 200
    await asyncio.wait_for(collector.asked.wait(), SEEN_S)
    assert (await gateway.chat("support-bot", "x")).status_code == 200
    collector.hold.set()
    collector.hold = None
    async with asyncio.timeout(SEEN_S):
        while 'envelope_otlp_spans_total{result="failed"} 0' in await _page(gateway):
            await asyncio.sleep(0.05)
    collector.answer = 200


async def _page(gateway: GatewayUnderTest) -> str:
    async with httpx2.AsyncClient() as http:
        return (await http.get(f"{gateway.admin}/metrics")).text


async def _nothing_is_said(gateway: GatewayUnderTest, collector: Collector) -> None:
    prompt, said = f"canary{secrets.token_hex(8)}", f"parrot{secrets.token_hex(8)}"
    text = f"{prompt} [[reply: {said}]]"
    metadata = {"x-tfy-metadata": json.dumps({"note": prompt, "session": "s-7"})}
    await gateway.chat("support-bot", text, stream=True, headers=metadata)
    answer = await gateway.chat("support-bot", text, headers=metadata)
    await gateway.chat("support-bot", f"{text} [[status: 500]]")
    await gateway.chat("support-bot", text, stream=prompt)
    server, _ = await _spans(collector, answer.headers["x-envelope-decision-id"])
    assert plain(server.attributes)["gen_ai.conversation.id"] == "s-7"
    page = await _page(gateway)
    await gateway.close_clients()
    assert await asyncio.to_thread(gateway.stop) == 0  # the collector goes on meanwhile
    log = gateway.log.read_text()
    sent = b"".join(collector.raw)
    for word in (prompt, said, gateway.key("support-bot"), gateway.provider.openai_key):
        assert word.encode() not in sent
        assert word not in page
        assert word not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"envelope.otlp"} <= {line["logger"] for line in lines}
    assert all({"time", "level", "logger", "message", "pid"} <= set(line) for line in lines)
