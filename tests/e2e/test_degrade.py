"""Degrade instead of refuse: a cheaper model, a shorter answer, a fixed text, exactly when a budget
says so and never past it (P2)."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.e2e.documents import Documents, Json, priced
from tests.e2e.faults import gateway_of
from tests.e2e.harness import DECISION_ID, Entry, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

DEAR, CHEAP, CLAUDE = "dear/gpt-dear", "cheap/gpt-cheap", "claude/claude-cheap"
OUTPUT = 100
"""Output tokens of a call. Input is free, so that its worst case and its real cost are one."""
DEAR_COST, CHEAP_COST = 10_000_000, 1_000_000
"""Nano-USD a call."""
SHORT = 20
TEXT = "This month's budget is nearly used up. \u00bfNext month?"
CUSTOMER = {"data_class": "customer_pii"}
BUDGETS: dict[str, tuple[float, list[Json]]] = {
    "cheaper": (10, [{"at_percent": 50, "model": CHEAP}]),
    "shorter": (10, [{"at_percent": 20, "max_tokens": SHORT}]),
    "stairs": (10, [{"at_percent": 10, "model": CLAUDE, "max_tokens": SHORT},
                    {"at_percent": 10.5, "template": TEXT}]),
    "fixed": (10, [{"at_percent": 10, "template": TEXT}]),
    "full": (1.25, [{"at_percent": 100, "model": CHEAP}]),
    "full-text": (1.5, [{"at_percent": 99, "template": TEXT}]),
    "narrow": (3, [{"at_percent": 30, "model": CHEAP}]),
    "barred": (3, [{"at_percent": 30, "model": CHEAP}, {"at_percent": 60, "template": TEXT}]),
    "mixed": (10, [{"at_percent": 10, "model": CHEAP}]),
    "crowd": (32.5, [{"at_percent": 50, "model": CHEAP}]),
}  # fmt: skip
"""By team: room, in dear calls, and the steps."""


def documents(provider_url: str) -> Documents:
    """One budget and one caller for each team. The cheap model is in another region than the dear
    one; the key of `narrow-bot` knows only the dear one."""
    made = Documents().add("gateway-config", "gateway", environment="production")
    made.provider("dear", f"{provider_url}/v1", [priced("gpt-dear", 0, 100)], region="eu")
    made.provider("cheap", f"{provider_url}/v1", [priced("gpt-cheap", 0, 10)], region="us")
    made.provider("claude", provider_url, [priced("claude-cheap", 0, 10)], vendor="anthropic")
    made.add("gateway-budget-config", "budgets", rules=[
        {"id": team, "when": {"subjects": [f"team:{team}"]}, "unit": "cost_per_day",
         "limit_to": room * DEAR_COST / 1e9, "degrade": steps}
        for team, (room, steps) in BUDGETS.items()
    ])  # fmt: skip
    for team in BUDGETS:
        models = ["dear/*"] if team == "narrow" else ["dear/*", "cheap/*", "claude/*"]
        made.bot(f"{team}-bot", team=team, models=models)
    return made


@pytest.fixture(scope="module")
def degrading(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place) as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    degrading: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    yield degrading
    await degrading.close_clients()


LONG: Any = [{"role": "user", "content": f"[[tokens: {OUTPUT}]]"}]


async def call(gateway: GatewayUnderTest, team: str, **metadata: str) -> httpx2.Response:
    """One call for the dear model that answers as long as it may, once it is settled."""
    answer = await gateway.openai(f"{team}-bot").chat.completions.with_raw_response.create(
        model=DEAR, max_tokens=OUTPUT, messages=LONG,
        extra_headers={"x-tfy-metadata": json.dumps(metadata)},
    )  # fmt: skip
    await gateway.reserved_is_zero(team)
    whole: httpx2.Response = answer.http_response
    return whole


async def refused(gateway: GatewayUnderTest, team: str, **metadata: str) -> None:
    """The budget names itself; nobody is called."""
    async with gateway.provider.untouched():
        with pytest.raises(openai.RateLimitError) as caught:
            await call(gateway, team, **metadata)
    assert caught.value.code == "budget_exceeded" and f"Rule: {team}." in caught.value.message


def resolved(answer: httpx2.Response) -> str:
    """The model that the answer says it is of."""
    return str(answer.headers["x-tfy-resolved-model"])


def degraded(entry: Entry) -> list[Json]:
    found: list[Json] = entry["limits"].get("degraded", [])
    return found


async def spent(gateway: GatewayUnderTest, team: str) -> int:
    return (await gateway.counter(team)).spent


# --- a cheaper model ---------------------------------------------------------------------------


async def test_a_cheaper_model_from_the_threshold_on(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: five dear calls are half of the budget; from the sixth on another model answers, and
    headers and entry say so. The budget goes on counting."""
    answers = [await call(gateway, "cheaper") for _ in range(8)]
    assert list(map(resolved, answers)) == [DEAR] * 5 + [CHEAP] * 3
    assert [seen.model for seen in await provider.requests()] == ["gpt-dear"] * 5 + [
        "gpt-cheap"
    ] * 3
    assert json.loads(answers[0].headers["x-tfy-applied-configurations"]) == ["cheaper"]
    assert json.loads(answers[-1].headers["x-tfy-applied-configurations"]) == ["cheaper"]
    before, after = [await gateway.entry_of(answers[n]) for n in (4, 5)]
    assert degraded(before) == []
    assert degraded(after) == [{"rule_id": "cheaper", "at_percent": 50, "action": "model",
                                "from_model": DEAR, "to_model": CHEAP}]  # fmt: skip
    assert (after["request"]["model"], after["served"]["model"]) == (DEAR, CHEAP)
    assert after["cost_nano_usd"] == CHEAP_COST
    assert await spent(gateway, "cheaper") == 5 * DEAR_COST + 3 * CHEAP_COST


async def test_no_room_degrades_before_it_refuses(gateway: GatewayUnderTest) -> None:
    """P2: a dear call that has no room any more is made cheap; what fits neither way is refused."""
    answers = [await call(gateway, "full") for _ in range(3)]
    assert list(map(resolved, answers)) == [DEAR, CHEAP, CHEAP]
    (step,) = degraded(await gateway.entry_of(answers[1]))
    assert (step["at_percent"], step["to_model"]) == (100, CHEAP)
    await refused(gateway, "full")
    assert await spent(gateway, "full") == DEAR_COST + 2 * CHEAP_COST


async def test_a_key_that_may_not_call_the_cheaper_model(gateway: GatewayUnderTest) -> None:
    """P1: a step gives nobody a model that the key does not list; it counts as not there."""
    answers = [await call(gateway, "narrow") for _ in range(3)]
    assert list(map(resolved, answers)) == [DEAR] * 3
    assert degraded(await gateway.entry_of(answers[-1])) == []
    await refused(gateway, "narrow")


async def test_a_policy_that_forbids_the_cheaper_model(gateway: GatewayUnderTest) -> None:
    """P1: customers' data stays in its region, whatever the budget wants; the next step holds."""
    answers = [await call(gateway, "barred", **CUSTOMER) for _ in range(3)]
    assert list(map(resolved, answers)) == [DEAR, DEAR, "template"]
    actions = [[step["action"] for step in degraded(await gateway.entry_of(a))] for a in answers]
    assert actions == [[], [], ["template"]]
    assert await spent(gateway, "barred") == 2 * DEAR_COST


async def test_other_data_of_the_same_caller_is_made_cheaper(gateway: GatewayUnderTest) -> None:
    """P1: the policy is asked about each call; the step is taken where it lets it."""
    said: list[dict[str, str]] = [CUSTOMER, CUSTOMER, {"data_class": "public"}, CUSTOMER, {}]
    answers = [await call(gateway, "mixed", **metadata) for metadata in said]
    assert list(map(resolved, answers)) == [DEAR, DEAR, CHEAP, DEAR, CHEAP]


# --- a shorter answer --------------------------------------------------------------------------


async def test_a_shorter_answer(gateway: GatewayUnderTest, provider: ProviderUnderTest) -> None:
    """P2: the provider is asked for less, and less is spent."""
    answers = [await call(gateway, "shorter") for _ in range(4)]
    assert list(map(resolved, answers)) == [DEAR] * 4
    asked = [seen.json["max_tokens"] for seen in await provider.requests()]
    assert asked == [OUTPUT, OUTPUT, SHORT, SHORT]
    (step,) = degraded(await gateway.entry_of(answers[2]))
    assert (step["action"], step["max_tokens"]) == ("max_tokens", SHORT)
    assert await spent(gateway, "shorter") == 2 * DEAR_COST + 2 * DEAR_COST * SHORT // OUTPUT


async def test_one_step_after_the_other(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: another provider's model and fewer tokens, then a fixed text: the highest step holds."""
    answers = [await call(gateway, "stairs") for _ in range(5)]
    assert list(map(resolved, answers)) == [DEAR, CLAUDE, CLAUDE, CLAUDE, "template"]
    seen = (await provider.requests())[1]
    assert (seen.model, seen.path, seen.json["max_tokens"]) == (
        "claude-cheap", "/v1/messages", SHORT
    )  # fmt: skip
    assert answers[1].json()["choices"][0]["finish_reason"] == "length"
    (step,) = degraded(await gateway.entry_of(answers[1]))
    assert (step["to_model"], step["max_tokens"]) == (CLAUDE, SHORT)


# --- a fixed text ------------------------------------------------------------------------------


@pytest.fixture
async def used_up(gateway: GatewayUnderTest) -> AsyncIterator[GatewayUnderTest]:
    """The budget `fixed` is past its threshold; nothing that happens then is counted."""
    if not any(c.rule_id == "fixed" and c.spent for c in await gateway.limits()):
        assert resolved(await call(gateway, "fixed")) == DEAR
    async with gateway.provider.untouched():
        yield gateway
    counter = await gateway.counter("fixed")
    assert (counter.spent, counter.reserved) == (DEAR_COST, 0)


async def is_fixed(gateway: GatewayUnderTest, headers: Any) -> None:
    """Headers and entry say that no model wrote it."""
    assert headers["x-tfy-resolved-model"] == "template"
    assert json.loads(headers["x-tfy-applied-configurations"]) == ["fixed"]
    entry = await gateway.entry(headers[DECISION_ID])
    assert entry["decision"] == {"outcome": "answered", "http_status": 200}
    assert [(step["action"], step["at_percent"]) for step in degraded(entry)] == [("template", 10)]
    assert "served" not in entry and "cost_nano_usd" not in entry


async def test_a_template_with_the_openai_sdk(used_up: GatewayUnderTest) -> None:
    """Contract 3: a whole answer that an unchanged client reads."""
    client = used_up.openai("fixed-bot")
    raw = await client.chat.completions.with_raw_response.create(model=DEAR, messages=LONG)
    answer = raw.parse()
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (TEXT, "stop")
    assert answer.usage is not None and answer.usage.total_tokens == 0
    await is_fixed(used_up, raw.headers)


@pytest.mark.parametrize("usage", [False, True])
async def test_a_streamed_template_with_the_openai_sdk(
    used_up: GatewayUnderTest, usage: bool
) -> None:
    """P5: the same as a stream, with its usage only where it was asked for."""
    options: Any = {"stream_options": {"include_usage": True}} if usage else {}
    pieces = await used_up.openai("fixed-bot").chat.completions.create(
        model=DEAR, messages=LONG, stream=True, **options
    )
    chunks = [chunk async for chunk in pieces]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == TEXT
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert [c.usage.total_tokens for c in chunks if c.usage] == ([0] if usage else [])
    await is_fixed(used_up, pieces.response.headers)


async def test_a_template_with_the_anthropic_sdk(used_up: GatewayUnderTest) -> None:
    """P5: in the other dialect."""
    raw = await used_up.anthropic("fixed-bot").messages.with_raw_response.create(
        model=DEAR, max_tokens=OUTPUT, messages=LONG
    )
    parsed: Any = raw.parse()  # a coroutine in some releases of the SDK
    answer = await parsed if inspect.isawaitable(parsed) else parsed
    assert [block.text for block in answer.content if block.type == "text"] == [TEXT]
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 0)
    await is_fixed(used_up, raw.headers)


async def test_a_streamed_template_with_the_anthropic_sdk(used_up: GatewayUnderTest) -> None:
    """P5: likewise, event by event."""
    async with used_up.anthropic("fixed-bot").messages.stream(
        model=DEAR, max_tokens=OUTPUT, messages=LONG
    ) as pieces:
        text = "".join([piece async for piece in pieces.text_stream])
        message = await pieces.get_final_message()
    assert text == TEXT and message.stop_reason == "end_turn"
    await is_fixed(used_up, pieces.response.headers)


async def test_no_room_ends_in_the_template(gateway: GatewayUnderTest) -> None:
    """P2: the text also takes the place of a refusal, as often as it is asked for."""
    answers = [await call(gateway, "full-text") for _ in range(4)]
    assert list(map(resolved, answers)) == [DEAR] + ["template"] * 3
    assert await spent(gateway, "full-text") == DEAR_COST


# --- at once -----------------------------------------------------------------------------------


async def test_a_crowd_around_the_threshold(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: 60 at once against room for 32 dear calls and a half: dear, cheap or refused, the budget
    is the sum of what was answered, never more than its limit, and no room is left unused."""
    http = gateway.http()
    answers = await asyncio.gather(*(
        gateway.chat("crowd-bot", f"[[tokens: {OUTPUT}]]", model=DEAR, max_tokens=OUTPUT, http=http)
        for _ in range(60)
    ))  # fmt: skip
    served = Counter(resolved(a) for a in answers if a.status_code == 200)
    turned_away = sum(a.status_code == 429 for a in answers)
    assert served.total() + turned_away == 60 and set(served) == {DEAR, CHEAP}
    counter = await gateway.counter("crowd")
    assert counter.spent == served[DEAR] * DEAR_COST + served[CHEAP] * CHEAP_COST
    assert counter.spent <= counter.limit and counter.reserved == 0
    # Cheap ones begin when half is spent, or when no dear one has room beside what is reserved.
    assert served[DEAR] * DEAR_COST * 2 >= counter.limit
    assert not turned_away or counter.left < CHEAP_COST
    billed = [await provider.totals(model) for model in ("gpt-dear", "gpt-cheap")]
    assert [b["output_tokens"] for b in billed] == [served[m] * OUTPUT for m in (DEAR, CHEAP)]
    entries = [await gateway.entry_of(a) for a in answers]
    assert sum(entry.get("cost_nano_usd", 0) for entry in entries) == counter.spent
    changed = [bool(degraded(e)) for e, a in zip(entries, answers, strict=True)
               if a.status_code == 200]  # fmt: skip
    assert sum(changed) == served[CHEAP]
