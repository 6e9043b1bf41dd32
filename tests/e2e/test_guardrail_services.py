"""Guardrails that ask somebody, through real Envoy: waiting, not waiting, judging by a model."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import Documents, priced
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.judges import DENY, PASS, Judges, judges
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.test_guardrails import message, whole_text

pytestmark = pytest.mark.e2e
MAIL = "ada.lovelace@example.com"
BOTH_WAYS = pytest.mark.parametrize("streamed", [False, True])


@pytest.fixture(scope="module")
def house() -> Iterator[Judges]:
    with judges() as made:
        yield made


@pytest.fixture(scope="module")
def running(
    place: Path, provider_process: ProviderUnderTest, house: Judges
) -> Iterator[GatewayUnderTest]:
    folder = Path(tempfile.mkdtemp(prefix="judges-", dir=place))
    with GatewayUnderTest(
        documents(provider_process.url, house.url), provider_process, folder
    ) as made:
        yield made
    made.settle_accounts()


@pytest.fixture
async def asking(
    running: GatewayUnderTest, provider: ProviderUnderTest, house: Judges
) -> AsyncIterator[GatewayUnderTest]:
    house.says, house.objects_to = PASS, "\0"
    house.webhooks.clear()
    house.questions.clear()
    house.free()
    yield running
    house.free()
    await running.close_clients()


def documents(provider_url: str, judges_url: str) -> Documents:
    made = Documents().sample(provider_url)
    made.provider("judging", f"{judges_url}/v1", [priced("judge", 1, 10)])
    made.bot("judges", team="safety", models=["judging/judge"])
    hook = {"type": "webhook", "config": {"url": f"{judges_url}/judge"}, "timeout_ms": 15_000}
    model = {"account": "judges", "model": "judging/judge",
             "criteria": [{"name": "RUDE", "description": "Is rude."}]}  # fmt: skip
    made.add("guardrail-config-group", "house", guardrails=[
        {"name": "first", **hook},
        {"name": "meanwhile", "execution": "parallel", **hook},
        {"name": "afterwards", "execution": "after", **hook},
        {"name": "pseudonyms", "type": "pii", "operation": "mutate",
         "redaction": "pseudonym", "priority": -1},
        {"name": "judge", "type": "judge", "config": model},
        {"name": "judge-after", "type": "judge", "execution": "after", "config": model},
    ])  # fmt: skip
    rules = []
    for team, hooks in TEAMS.items():
        made.bot(f"{team}-bot", team=team, models=["openai-main/*", "anthropic-main/*"])
        named = {f"{hook}_guardrails": [f"house/{n}" for n in names] for hook, names in hooks}
        rules.append({"id": team, "when": {"subjects": [f"team:{team}"]}, **named})
    made.add("gateway-guardrails-config", "house-rules", rules=rules)
    return made


TEAMS = {
    "before": [("llm_input", ["first"])],
    "parallel": [("llm_input", ["meanwhile"])],
    "after": [("llm_output", ["afterwards"])],
    "held": [("llm_output", ["first"])],
    "masked": [("llm_input", ["pseudonyms"])],
    "judged": [("llm_output", ["judge"])],
    "judged-after": [("llm_output", ["judge-after"])],
}


async def test_a_slow_judge_is_waited_for_longer_than_a_message_used_to_last(
    asking: GatewayUnderTest, house: Judges
) -> None:
    """P1: on the way in and on the way back, whole and streamed, Envoy waits as long as the judges'
    own time limits say, and no longer than five seconds for anything else."""
    house.hold()
    began = time.monotonic()
    ways = [(f"{team}-bot", s) for team in ("before", "held", "parallel") for s in (False, True)]
    calls = [asyncio.create_task(asking.chat(bot, "hello", stream=s)) for bot, s in ways]
    await asyncio.to_thread(house.called.wait, 10)
    asyncio.get_running_loop().call_later(6, house.free)
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [200] * 6
    assert "error" not in "".join(answer.text for answer in answers)
    assert time.monotonic() - began > 6


@BOTH_WAYS
async def test_a_parallel_judge_keeps_the_answer_from_the_caller(
    asking: GatewayUnderTest, house: Judges, provider: ProviderUnderTest, streamed: bool
) -> None:
    """Guard (`execution: parallel`): the provider is asked meanwhile; the caller gets 400."""
    house.hold()
    house.says = DENY
    call = asyncio.create_task(
        asking.chat("parallel-bot", "[[reply: forbidden words]]", stream=streamed)
    )
    await reached(provider)
    house.free()
    answer = await call
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "guardrail_blocked"
    assert "not in this house" in answer.text and "forbidden words" not in answer.text
    entry = await asking.entry_of(answer)
    assert entry["guardrails"]["llm_input"]["outcomes"]["house/meanwhile"] == "block"
    assert entry["cost_nano_usd"] > 0
    assert "not in this house" not in json.dumps(entry), "a judge's words may quote (P4)"


async def test_the_provider_is_let_go_when_a_parallel_judge_refuses(
    asking: GatewayUnderTest, house: Judges, provider: ProviderUnderTest
) -> None:
    """Guard: a stream nobody may read is not read to its end."""
    house.hold()
    house.says = DENY
    prompt = "[[tokens: 400]] [[pause: 0.05]]"
    call = asyncio.create_task(asking.chat("parallel-bot", prompt, stream=True))
    await reached(provider)
    house.free()
    assert (await call).status_code == 400
    assert (await provider.request()).outcome == "aborted"


async def test_a_slow_provider_is_let_go_too(
    asking: GatewayUnderTest, house: Judges, provider: ProviderUnderTest
) -> None:
    """Guard (`execution: parallel`): a refused call does not wait for a provider that still thinks;
    what it may have cost is charged (P2)."""
    house.hold()
    house.says = DENY
    call = asyncio.create_task(asking.chat("parallel-bot", "[[delay: 30]] x"))
    await reached(provider)
    began = time.monotonic()
    house.free()
    answer = await call
    assert answer.status_code == 400 and time.monotonic() - began < 10
    assert (await provider.request()).outcome == "aborted"
    entry = await asking.entry_of(answer)
    assert entry["decision"]["code"] == "guardrail_blocked"
    assert entry["usage"]["flags"] == ["answer_not_seen"]


async def reached(provider: ProviderUnderTest) -> None:
    """The provider has a request, however far it is with it."""
    async with asyncio.timeout(10):
        while not await provider.count():
            await asyncio.sleep(0.01)


@BOTH_WAYS
async def test_a_judge_afterwards_costs_nobody_time(
    asking: GatewayUnderTest, house: Judges, streamed: bool
) -> None:
    """Guard (`execution: after`): the answer is out before the judge speaks; the entry has both."""
    house.hold()
    house.says = DENY
    answer = await asking.chat("after-bot", "[[reply: fine]]", stream=streamed)
    assert answer.status_code == 200
    await asyncio.to_thread(house.called.wait, 10)
    house.free()
    entry = await asking.entry_of(answer)
    assert entry["guardrails"]["llm_output"]["outcomes"]["house/afterwards"] == "audit"


@BOTH_WAYS
@pytest.mark.parametrize("verdict", [PASS, DENY])
@pytest.mark.parametrize("model", ["openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"])
async def test_a_held_answer(
    asking: GatewayUnderTest, house: Judges, streamed: bool, verdict: Any, model: str
) -> None:
    """P5: the same verdict streamed and whole; nothing of a refused stream reaches the caller."""
    house.says = verdict
    prompt = "[[reply: one two three]] [[split: 1]]"
    answer = await asking.chat("held-bot", prompt, model=model, stream=streamed, max_tokens=50)
    if verdict is PASS:
        text = whole_text(answer.text) if streamed else message(answer.json())
        assert text == "one two three"
    else:
        assert "guardrail_blocked" in answer.text and "two" not in answer.text
    assert "one two three" in json.dumps(house.webhooks[-1]["responseBody"])


@BOTH_WAYS
@pytest.mark.parametrize("model", ["openai-main/gpt-4o-mini", "anthropic-main/claude-sonnet"])
async def test_pseudonyms_come_back(
    asking: GatewayUnderTest, provider: ProviderUnderTest, streamed: bool, model: str
) -> None:
    """P4: the provider gets a placeholder, the caller its own value, in every dialect."""
    first = await asking.chat("masked-bot", f"I am {MAIL}.", model=model, max_tokens=50)
    assert first.status_code == 200
    (name,) = re.findall(r"\[EMAIL_[A-Z2-7]{8}\]", (await provider.request()).body)
    prompt = f"I am {MAIL}. [[reply: Hello {name[1:-1]}, bye]] [[chars: 3]]"
    answer = await asking.chat("masked-bot", prompt, model=model, stream=streamed, max_tokens=50)
    text = whole_text(answer.text) if streamed else message(answer.json())
    assert text == f"Hello {MAIL}, bye"


@BOTH_WAYS
async def test_a_model_judges_through_the_gateway(
    asking: GatewayUnderTest, house: Judges, streamed: bool
) -> None:
    """Guard (model as judge): asked by the gateway's own routing, on the judge's own account."""
    house.objects_to = "get lost"
    polite = await asking.chat("judged-bot", "[[reply: good day]]", stream=streamed)
    assert polite.status_code == 200
    rude = await asking.chat("judged-bot", "[[reply: get lost]]", stream=streamed)
    assert "guardrail_blocked" in rude.text and "get lost" not in rude.text
    entry = await asking.entry_of(rude)
    (finding,) = entry["guardrails"]["llm_output"]["findings"]
    assert (finding["label"], finding["score"]) == ("RUDE", 1.0)
    own = await judges_entry(asking, entry["decision_id"])
    assert own["principal"]["name"] == "judges" and own["principal"]["key"] == "guardrail"
    assert own["cost_nano_usd"] == 300 * 1_000 + 30 * 10_000


async def judges_entry(asking: GatewayUnderTest, judged: str) -> dict[str, Any]:
    """The entry of the judge's own call about a decision."""
    async with asyncio.timeout(15):
        while True:
            for entry in asking.entries():
                if entry.get("metadata", {}).get("envelope_judged") == judged:
                    return entry
            await asyncio.sleep(0.02)


async def test_a_finding_afterwards_is_in_the_entry(
    asking: GatewayUnderTest, house: Judges
) -> None:
    """Guard (`execution: after`): the judge's finding changes nothing but the audit entry."""
    house.objects_to = "get lost"
    answer = await asking.chat("judged-after-bot", "[[reply: get lost]]")
    assert answer.status_code == 200 and "get lost" in answer.text
    entry = await asking.entry_of(answer)
    found = entry["guardrails"]["llm_output"]
    assert found["outcomes"]["house/judge-after"] == "audit"
    assert found["findings"][0]["label"] == "RUDE"


async def test_the_judges_key_is_no_ones_else(asking: GatewayUnderTest) -> None:
    """P4: no caller is taken for the judge, whatever it sends."""
    for key in ("ei_" + "A" * 43, "guardrail", "judges"):
        answer = await asking.chat("before-bot", "x", key=key, model="judging/judge")
        assert answer.status_code == 401
