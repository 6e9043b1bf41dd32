"""Azure AI Content Safety against its stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.config.azure_content_safety_settings import AzureContentSafetySettings
from extproc.config.base import SecretRef
from extproc.guardrails.services import azure_content_safety
from extproc.guardrails.services.azure_content_safety import CHARS_MAX, AzureContentSafety
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.values import GuardrailFault, Opinion, Remark
from tests.guardrails.services.exams import texts
from tests.guardrails.services.standins.azure_content_safety import AzureContentSafetyStandIn

KEY = SecretRef(env="ENVELOPE_TEST_AZURE_KEY")
FIRST = "messages[0].content"


@pytest.fixture
async def azure() -> AsyncIterator[AzureContentSafetyStandIn]:
    async with AzureContentSafetyStandIn() as running:
        assert isinstance(running, AzureContentSafetyStandIn)
        yield running


def made(azure: AzureContentSafetyStandIn, ports: Ports, **settings: Any) -> AzureContentSafety:
    given = AzureContentSafetySettings(api_key=KEY, custom_host=azure.url, **settings)
    return azure_content_safety.service(given, ports)


async def test_severities_from_the_threshold_on_count(
    azure: AzureContentSafetyStandIn, ports: Ports
) -> None:
    """P5: every threshold means what it says, odd ones too."""
    shown = texts("Hate:2 SelfHarm:3 Sexual:4 Violence:1")
    for threshold, labels in ((1, 4), (2, 3), (3, 2), (4, 1), (5, 0)):
        opinion = await made(azure, ports, severity_threshold=threshold).ask(shown)
        assert len(opinion.remarks) == labels
    found = await made(azure, ports, severity_threshold=3).ask(shown)
    assert found.remarks == (Remark("SELF_HARM", FIRST, 3 / 7), Remark("SEXUAL", FIRST, 4 / 7))


async def test_only_the_categories_that_were_chosen(
    azure: AzureContentSafetyStandIn, ports: Ports
) -> None:
    """P5: what was not asked for is not reported."""
    service = made(azure, ports, categories=("Violence",))
    assert await service.ask(texts("Hate:6")) == Opinion()
    assert azure.asked[0].json["categories"] == ["Violence"]


async def test_blocklists(azure: AzureContentSafetyStandIn, ports: Ports) -> None:
    """P4: the item that was met is named nowhere; a list that does not exist is a fault."""
    service = made(azure, ports, blocklist_names=("secret-projects",))
    assert (await service.ask(texts("ask project falcon"))).remarks == (Remark("BLOCKLIST", FIRST),)
    assert await service.ask(texts("ask about birds")) == Opinion()
    with pytest.raises(GuardrailFault) as raised:
        await made(azure, ports, blocklist_names=("nope",)).ask(texts("x"))
    assert raised.value.fault == "bad_answer"


@pytest.mark.parametrize("filler", ["a", "😀", "word "])
async def test_long_texts_are_cut_and_nothing_hides_on_a_cut(
    azure: AzureContentSafetyStandIn, ports: Ports, filler: str
) -> None:
    """P3: 10,000 code points a question; a blocklist's item on the limit is still met."""
    item = "project falcon"
    service = made(azure, ports, blocklist_names=("secret-projects",))
    for at in range(CHARS_MAX - len(item), CHARS_MAX + 1, 5):
        text = (filler * CHARS_MAX)[:at] + item + filler * 500
        assert (await service.ask(texts(text))).remarks == (Remark("BLOCKLIST", FIRST),)
    assert max(len(asked.json["text"]) for asked in azure.asked) <= CHARS_MAX


async def test_few_texts_apart_many_together(
    azure: AzureContentSafetyStandIn, ports: Ports
) -> None:
    """P3: a finding among few has its place; a long talk is not asked about line by line."""
    few = await made(azure, ports).ask(texts("a", "Hate:4", "c"))
    assert few.remarks == (Remark("HATE", "messages[1].content", 4 / 7),)
    assert len(azure.asked) == 3 and azure.most_at_once > 1
    azure.asked.clear()
    many = await made(azure, ports).ask(texts(*["line"] * 40, "Hate:4"))
    assert many.remarks == (Remark("HATE", "", 4 / 7),)
    assert len(azure.asked) == 1


SAFE = [{"category": c, "severity": 0} for c in ("Hate", "SelfHarm", "Sexual", "Violence")]


@pytest.mark.parametrize(
    "reply",
    [{}, {"categoriesAnalysis": None}, {"categoriesAnalysis": []}, {"categoriesAnalysis": SAFE[:3]},
     {"categoriesAnalysis": [*SAFE[:3], {"category": "Violence"}]},
     {"categoriesAnalysis": [*SAFE[:3], {"category": "Violence", "severity": "0"}]},
     {"categoriesAnalysis": [*SAFE[:3], {"category": "Violence", "severity": -1}]},
     {"categoriesAnalysis": [*SAFE[:3], None]},
     {"categoriesAnalysis": SAFE, "blocklistsMatch": {}}],
)  # fmt: skip
async def test_a_category_without_a_severity_is_no_pass(
    azure: AzureContentSafetyStandIn, ports: Ports, reply: dict[str, Any]
) -> None:
    """P3: every category that was asked for has one."""
    azure.faults.append(reply)
    with pytest.raises(GuardrailFault) as raised:
        await made(azure, ports).ask(texts("x"))
    assert raised.value.fault == "bad_answer"


async def test_a_missing_list_of_blocklists(azure: AzureContentSafetyStandIn, ports: Ports) -> None:
    """P3: fine where none was asked for, no pass where one was."""
    azure.faults.extend([{"categoriesAnalysis": SAFE}] * 2)
    assert await made(azure, ports).ask(texts("x")) == Opinion()
    with pytest.raises(GuardrailFault):
        await made(azure, ports, blocklist_names=("secret-projects",)).ask(texts("x"))


async def test_what_was_found_stands_though_something_is_missing(
    azure: AzureContentSafetyStandIn, ports: Ports
) -> None:
    """P3: a violation is never downgraded to a failure."""
    azure.faults.append({"categoriesAnalysis": [{"category": "Hate", "severity": 6}]})
    assert (await made(azure, ports).ask(texts("x"))).remarks == (Remark("HATE", FIRST, 6 / 7),)


async def test_more_than_can_be_asked_about_is_refused(
    azure: AzureContentSafetyStandIn, ports: Ports
) -> None:
    """P5: and nothing of it is sent."""
    with pytest.raises(GuardrailFault) as raised:
        await made(azure, ports).ask(texts("x" * 700_000))
    assert (raised.value.fault, azure.asked) == ("too_large", [])
