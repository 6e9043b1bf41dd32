"""Two gateways, two workers each, one store: room for exactly 100 is room for exactly 100 (P2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.documents import Documents, Json, priced
from tests.e2e.processes import OwnStore, until
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.twins import Pair, at_once, entries_of, started, twins

pytestmark = pytest.mark.e2e

ROOM, CALLS = 100, 500
FLAT = "flat/gpt-flat"
INPUT, OUTPUT = 20, 10_000
"""What the provider says each call has used; `OUTPUT` is also the maximum each call states."""
COST = OUTPUT * 10_000
"""Nano-USD a call: input is free, so that the worst case and the real cost are one number."""
RESERVED_INPUT_MAX = 50
"""A call's input is counted by us before and by the provider after. Neither is above this, so that
room for 100 calls is less than room for 101, whichever of the two is taken."""
TOKENS = ROOM * (OUTPUT + RESERVED_INPUT_MAX)
COST_USD = ROOM * COST / 1_000_000_000

RATES: dict[str, tuple[int, str]] = {
    "rpm": (ROOM, "requests_per_minute"),
    "tpm": (TOKENS, "tokens_per_minute"),
    "flight": (ROOM, "concurrent_requests"),
}
BUDGETS: dict[str, Json] = {
    "cost-day": {"limit_to": COST_USD, "unit": "cost_per_day"},
    "cost-month": {"limit_to": COST_USD, "unit": "cost_per_month"},
    "cost-rolling": {"limit_to": COST_USD, "unit": "cost", "duration": "1h"},
    "tokens-day": {"limit_to": TOKENS, "unit": "tokens_per_day"},
    "requests-day": {"limit_to": ROOM, "unit": "requests_per_day"},
}
USED = {"requests": ROOM, "tokens": ROOM * (INPUT + OUTPUT), "cost": ROOM * COST}
"""By measure: what the calls that found room have used together."""


def documents(provider_url: str, store_url: str) -> Documents:
    """One caller for each unit, limited by that unit alone."""
    made = Documents().add("gateway-config", "gateway", environment="production",
                           store={"url": store_url, "timeout_ms": 3_000})  # fmt: skip
    made.provider("flat", f"{provider_url}/v1", [priced("gpt-flat", 0, 10, most=2 * OUTPUT)])
    made.add("gateway-rate-limiting-config", "rates", rules=[
        {"id": name, "when": _of(name), "limit_to": limit, "unit": unit}
        for name, (limit, unit) in RATES.items()
    ])  # fmt: skip
    made.add("gateway-budget-config", "budgets", rules=[
        {"id": name, "when": _of(name), **budget} for name, budget in BUDGETS.items()
    ])  # fmt: skip
    for name in (*RATES, *BUDGETS):
        made.bot(f"{name}-bot", team=name, models=["flat/*"])
    return made


def _of(team: str) -> Json:
    return {"subjects": [f"team:{team}"]}


@pytest.fixture(scope="module")
def both(place: Path, provider_process: ProviderUnderTest) -> Iterator[Pair]:
    with OwnStore(place) as store:
        made = documents(provider_process.url, store.url)
        with twins(made, provider_process, place) as pair:
            yield pair


@pytest.fixture
async def pair(both: Pair, provider: ProviderUnderTest) -> AsyncIterator[Pair]:
    yield both
    for gateway in both:
        await gateway.close_clients()


FIELDS: dict[str, Any] = {"model": FLAT, "max_tokens": OUTPUT}


@pytest.mark.parametrize("name", [*(name for name in RATES if name != "flight"), *BUDGETS])
async def test_room_for_a_hundred(pair: Pair, provider: ProviderUnderTest, name: str) -> None:
    """P2: 500 calls at once, half to each gateway, against room for 100: exactly 100 pass."""
    await provider.fault("gpt-flat", usage=f"in={INPUT},out={OUTPUT}")
    answers = await at_once(pair, CALLS, f"{name}-bot", **FIELDS)
    assert Counter(a.status_code for a in answers) == {200: ROOM, 429: CALLS - ROOM}
    assert await provider.count() == ROOM
    assert {n % 2 for n, a in enumerate(answers) if a.status_code == 200} == {0, 1}
    _refused_in_words([a for a in answers if a.status_code == 429], budget=name in BUDGETS)
    counters = [await gateway.counter(name) for gateway in pair]
    assert [(c.spent, c.reserved) for c in counters] == [(USED[counters[0].measure], 0)] * 2
    entries = await entries_of(pair, answers)
    assert sum(entry.get("cost_nano_usd", 0) for entry in entries) == USED["cost"]
    assert max(e["request"]["input_tokens"] for e in entries) <= RESERVED_INPUT_MAX


def _refused_in_words(refused: list[httpx2.Response], *, budget: bool) -> None:
    code = "budget_exceeded" if budget else "rate_limit_exceeded"
    assert {a.json()["error"]["code"] for a in refused} == {code}
    assert all(int(a.headers["retry-after"]) > 0 for a in refused)


async def test_a_hundred_in_flight(pair: Pair, provider: ProviderUnderTest) -> None:
    """P2: 500 calls at once to a provider that holds on to them: exactly 100 are in flight. When
    their callers have left all slots are free, and 100 calls at once are answered again."""
    await provider.fault("gpt-flat", hang=True)
    calls = started(pair, CALLS, "flight-bot", **FIELDS)
    await until(lambda: sum(c.done() for c in calls) >= CALLS - ROOM, "the others are refused")
    await until(lambda: _so_many(provider, ROOM), "the provider holds the rest")
    held = [call for call in calls if not call.done()]
    assert len(held) == ROOM
    refused = [call.result() for call in calls if call.done()]
    assert {a.status_code for a in refused} == {429}
    _refused_in_words(refused, budget=False)
    for call in held:
        call.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    counter = await pair[1].counter("flight")
    assert (counter.spent, counter.reserved, counter.left) == (0, 0, ROOM)
    await provider.forget()
    again = await at_once(pair, ROOM, "flight-bot", **FIELDS)
    assert Counter(a.status_code for a in again) == {200: ROOM}
    assert (await pair[0].counter("flight")).left == ROOM


async def _so_many(provider: ProviderUnderTest, count: int) -> bool:
    return await provider.count() == count
