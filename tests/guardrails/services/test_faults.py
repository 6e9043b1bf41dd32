"""Every service on a bad day: whatever goes wrong, it is a fault of the closed set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from extproc.config import (
    azure_content_safety_settings,
    bedrock_guardrails_settings,
    openai_moderations_settings,
    patronus_settings,
    presidio_settings,
    webhook_settings,
)
from extproc.config.base import SecretRef
from extproc.guardrails.services import (
    azure_content_safety,
    bedrock_guardrails,
    openai_moderations,
    patronus,
    presidio,
    webhook,
)
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import GuardrailFault, Opinion, Service
from tests.guardrails.services.exams import asking, chat
from tests.guardrails.services.standins.azure_content_safety import AzureContentSafetyStandIn
from tests.guardrails.services.standins.bedrock_guardrails import BedrockGuardrailsStandIn
from tests.guardrails.services.standins.loopback import Fault, StandIn
from tests.guardrails.services.standins.openai_moderations import OpenaiModerationsStandIn
from tests.guardrails.services.standins.patronus import PatronusStandIn
from tests.guardrails.services.standins.presidio import PresidioStandIn
from tests.guardrails.services.standins.webhook_target import WebhookTarget

EXAM = asking(chat("a harmless text"))


def ref(name: str) -> SecretRef:
    return SecretRef(env=f"ENVELOPE_TEST_{name}")


def _webhook(url: str, ports: Ports) -> Service:
    return webhook.service(webhook_settings.WebhookSettings(url=url), ports)


def _openai(url: str, ports: Ports) -> Service:
    settings = openai_moderations_settings.OpenaiModerationsSettings(
        api_key=ref("OPENAI_KEY"), base_url=f"{url}/v1/"
    )
    return openai_moderations.service(settings, ports)


def _azure(url: str, ports: Ports) -> Service:
    settings = azure_content_safety_settings.AzureContentSafetySettings(
        api_key=ref("AZURE_KEY"), custom_host=f"{url}/"
    )
    return azure_content_safety.service(settings, ports)


def _bedrock(url: str, ports: Ports) -> Service:
    credentials = bedrock_guardrails_settings.AwsCredentials(
        access_key_id=ref("AWS_ID"), secret_access_key=ref("AWS_SECRET")
    )
    settings = bedrock_guardrails_settings.BedrockGuardrailsSettings(
        guardrail_id="abc123", guardrail_version="7", region="eu-central-1", endpoint=url,
        credentials=credentials,
    )  # fmt: skip
    return bedrock_guardrails.service(settings, ports)


def _patronus(url: str, ports: Ports) -> Service:
    evaluator = patronus_settings.PatronusEvaluator(evaluator="judge", criteria="x")
    settings = patronus_settings.PatronusSettings(
        api_key=ref("PATRONUS_KEY"), target="request", evaluators=(evaluator,), base_url=url
    )
    return patronus.service(settings, ports)


def _presidio(url: str, ports: Ports) -> Service:
    return presidio.service(presidio_settings.PresidioSettings(url=url), ports)


SERVICES: dict[str, tuple[type[StandIn], Any]] = {
    "webhook": (WebhookTarget, _webhook),
    "openai-moderations": (OpenaiModerationsStandIn, _openai),
    "azure-content-safety": (AzureContentSafetyStandIn, _azure),
    "bedrock-guardrails": (BedrockGuardrailsStandIn, _bedrock),
    "patronus": (PatronusStandIn, _patronus),
    "presidio": (PresidioStandIn, _presidio),
}


@dataclass
class Pair:
    standin: StandIn
    service: Service


@pytest.fixture(params=SERVICES)
async def pair(request: pytest.FixtureRequest, ports: Ports) -> AsyncIterator[Pair]:
    kind, make = SERVICES[request.param]
    async with kind() as running:
        yield Pair(running, make(running.url, ports))


async def fault(service: Service) -> str:
    with pytest.raises(GuardrailFault) as raised:
        await service.ask(EXAM)
    assert raised.value.__cause__ is None
    return raised.value.fault


FAULTS: list[tuple[Fault, str]] = [
    (401, "unauthorized"), (403, "unauthorized"), (429, "rate_limited"), (413, "too_large"),
    (500, "unreachable"), (503, "unreachable"), (400, "bad_answer"), (404, "bad_answer"),
    ("drop", "unreachable"), ("reset", "unreachable"), ("garbage", "bad_answer"),
    ("huge", "too_large"), ("redirect", "bad_answer"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), FAULTS, ids=[str(f[0]) for f in FAULTS])
async def test_a_bad_day_is_a_fault_and_the_next_day_is_fine(
    pair: Pair, given: Fault, expected: str
) -> None:
    """P5: each fault by its name; nothing of it stays."""
    pair.standin.faults.append(given)
    assert await fault(pair.service) == expected
    assert await pair.service.ask(EXAM) == Opinion()


async def test_who_hangs_can_be_left(pair: Pair) -> None:
    """P5: a cancelled question closes its connection and spoils no other."""
    pair.standin.faults.append("hang")
    waiting = asyncio.create_task(pair.service.ask(EXAM))
    await pair.standin.arrived.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await pair.standin.gone.wait()
    assert await pair.service.ask(EXAM) == Opinion()


async def test_a_time_limit_from_outside_is_a_timeout(pair: Pair) -> None:
    """P5: the engine's clock, not ours, ends it: no fault of ours hides it."""
    pair.standin.faults.append("hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pair.service.ask(EXAM)


async def test_connections_are_kept(pair: Pair) -> None:
    """P5: ten questions in a row need one connection, fifty at once stay right."""
    for _ in range(10):
        await pair.service.ask(EXAM)
    assert len(pair.standin.connections) == 1
    answers = await asyncio.gather(*(pair.service.ask(EXAM) for _ in range(50)))
    assert answers == [Opinion()] * 50
    assert pair.standin.most_at_once > 1


async def test_who_is_gone_is_unreachable(pair: Pair) -> None:
    """P5: nobody listens there any more."""
    await pair.service.ask(EXAM)
    await pair.standin.__aexit__()
    assert await fault(pair.service) == "unreachable"


async def test_an_endpoint_names_whom_it_asks_and_no_more(pair: Pair) -> None:
    """P4: it stands in metrics; guardrails of one endpoint share a breaker."""
    assert pair.service.endpoint.startswith(pair.standin.url)
    assert "stand-in" not in pair.service.endpoint


async def test_a_missing_secret_asks_nobody(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """P4: `unauthorized` before a text leaves."""
    for name in ("OPENAI_KEY", "AZURE_KEY", "PATRONUS_KEY", "AWS_ID"):
        monkeypatch.delenv(f"ENVELOPE_TEST_{name}")
    needs_none = type(pair.standin) in (WebhookTarget, PresidioStandIn)
    if needs_none:
        assert await pair.service.ask(EXAM) == Opinion()
    else:
        assert await fault(pair.service) == "unauthorized"
        assert pair.standin.asked == []
