"""Budgets as rules are written: levels, second version, modes, changes while calls run (P2)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.budget_documents import (
    CLUB_CALLS,
    COST,
    FLAT,
    LEVELS,
    OTHER,
    OUTPUT,
    TIGHT,
    documents,
    moving,
)
from tests.e2e.faults import gateway_of
from tests.e2e.harness import DECISION_ID, Entry, GatewayUnderTest
from tests.e2e.processes import until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

SLOW: Any = [{"role": "user", "content": "[[tokens: 80]] [[pause: 0.03]]"}]


@pytest.fixture(scope="module")
def budgeted(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place) as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    budgeted: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    await provider.fault("*", usage=f"in=1,out={OUTPUT}")
    yield budgeted
    await budgeted.close_clients()


# --- calls -------------------------------------------------------------------------------------


async def call(
    gateway: GatewayUnderTest, who: str, model: str = FLAT, key: str | None = None, **metadata: str
) -> Entry:
    """One call through the SDK that costs `COST`: its audit entry."""
    answer = await gateway.openai(who, key=key).chat.completions.with_raw_response.create(
        model=model, max_tokens=OUTPUT, messages=[{"role": "user", "content": "hi"}],
        extra_headers={"x-tfy-metadata": json.dumps(metadata)},
    )  # fmt: skip
    return await gateway.entry(answer.headers[DECISION_ID])


async def refused(
    gateway: GatewayUnderTest, who: str, rule_id: str, model: str = FLAT, key: str | None = None,
    **metadata: str,
) -> None:  # fmt: skip
    """The same finds no room in that rule: no provider sees it, and no counter moves."""
    before = await counted(gateway)
    async with gateway.provider.untouched():
        with pytest.raises(openai.RateLimitError) as caught:
            await call(gateway, who, model, key, **metadata)
    error = caught.value
    assert error.code == "budget_exceeded" and f"Rule: {rule_id}." in error.message
    assert int(error.response.headers["retry-after"]) > 0
    assert await counted(gateway) == before
    entry = await gateway.entry(error.response.headers[DECISION_ID])
    assert entry["decision"]["rule_id"] == rule_id and "cost_nano_usd" not in entry


async def counted(gateway: GatewayUnderTest) -> Counter[str]:
    """What is spent, by counter and window, once nothing is reserved."""
    await gateway.reserved_is_zero()
    return Counter({f"{c.counter} {c.window}": c.spent for c in await gateway.limits()})


# --- levels ------------------------------------------------------------------------------------


def counters_of(level: str) -> set[str]:
    """Every counter that a caller of `caller_of` is charged in."""
    owner = f"user%3A{level}" if level == "user" else f"virtualaccount%3A{level}"
    names = {f"{owner}:", f"team%3A{level}-team:", f"customer:{level}-tenant", f"run:{level}-run"}
    days = {f"budget:{name} day" for name in names}
    return days | {"budget:org: quarter"}


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "key"])
async def test_each_level_refuses_on_its_own(gateway: GatewayUnderTest, level: str) -> None:
    """P2: all levels are charged together; the one that is tight refuses, and nothing is charged.

    A caller that claims to be another customer is still counted as its own.
    """
    owner = {"account": f"virtualaccount:{level}", "user": f"user:{level}",
             "team": f"team:{level}-team"}  # fmt: skip
    said = {"run_id": f"{level}-run", "tenant_id": "somebody-else"}
    before = await counted(gateway)
    for _ in range(TIGHT):
        await call(gateway, level, **said)
    assert await counted(gateway) - before == dict.fromkeys(counters_of(level), TIGHT * COST)
    await refused(gateway, level, owner.get(level, level), **said)
    if level == "run":
        await call(gateway, level, run_id="the next run")


async def test_a_key_has_a_budget_of_its_own(gateway: GatewayUnderTest) -> None:
    """P2: of one account's two keys each has its counter; the account counts both."""
    for _ in range(TIGHT):
        await call(gateway, "key")
    await refused(gateway, "key", "key")
    second = gateway.key("key-second")
    for _ in range(TIGHT):
        await call(gateway, "key", key=second)
    await refused(gateway, "key", "key", key=second)
    seen = await counted(gateway)
    assert seen["budget:virtualaccount%3Akey: day"] == 2 * TIGHT * COST
    assert sorted(n for name, n in seen.items() if name.startswith("budget:key:")) == [
        TIGHT * COST, TIGHT * COST,
    ]  # fmt: skip


async def test_all_or_nothing_in_a_crowd(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: 60 calls at once, room for 10 in each of three runs, for 25 together: 25 pass, and what
    the large budget refused stands in no run's counter."""
    http = gateway.http()
    answers = await asyncio.gather(*(
        gateway.chat("crowd-bot", "x", model=FLAT, max_tokens=OUTPUT, http=http,
                     headers={"x-tfy-metadata": json.dumps({"run_id": f"run-{n % 3}"})})
        for n in range(60)
    ))  # fmt: skip
    assert Counter(a.status_code for a in answers) == {200: 25, 429: 35}
    assert await provider.count() == 25
    passed = Counter(n % 3 for n, a in enumerate(answers) if a.status_code == 200)
    seen = await counted(gateway)
    assert seen["budget:crowd-large: day"] == 25 * COST
    assert max(passed.values()) <= 10
    for n in range(3):
        assert seen[f"budget:crowd-small:run-{n} day"] == passed[n] * COST


# --- the second version ------------------------------------------------------------------------


async def test_tenants_and_those_that_are_not_meant(gateway: GatewayUnderTest) -> None:
    """Contract 2: a counter for each tenant, an override for one, nobody in a `not_in` is held."""
    rule_id = "acme:cost_per_day"
    for tenant, room in (("acme", TIGHT), ("other", TIGHT), ("acme-emea", TIGHT + 2)):
        for _ in range(room):
            entry = await call(gateway, "renter", tenant_id=tenant)
            assert {rule_id, "acme:cost_per_month"} < set(entry["limits"]["rule_ids"])
        await refused(gateway, "renter", rule_id, tenant_id=tenant)
    for _ in range(TIGHT + 1):
        free = [
            await call(gateway, "renter", OTHER, tenant_id="acme"),
            await call(gateway, "spared", tenant_id="acme"),
            await call(gateway, "renter", tenant_id="internal"),
        ]
        assert all(entry["limits"]["rule_ids"] == ["org"] for entry in free)
    seen = await counted(gateway)
    assert seen["budget:acme%3Acost_per_day:acme-emea day"] == (TIGHT + 2) * COST
    assert seen["budget:acme%3Acost_per_month:acme month"] == TIGHT * COST


async def test_a_teams_own_document(gateway: GatewayUnderTest) -> None:
    """Contract 2: `team-budget-config` holds for the team's members, here in tokens."""
    entries = [await call(gateway, "member") for _ in range(CLUB_CALLS)]
    assert entries[0]["limits"]["rule_ids"] == ["org", "club:tokens_per_day"]
    await refused(gateway, "member", "club:tokens_per_day")
    used = sum(e["usage"]["input_tokens"] + e["usage"]["output_tokens"] for e in entries)
    seen = await counted(gateway)
    assert seen["budget:club%3Atokens_per_day: day"] == used
    assert "club:tokens_per_day" not in (await call(gateway, "renter", OTHER))["limits"]["rule_ids"]


# --- modes -------------------------------------------------------------------------------------


async def test_audit_mode_records_and_never_refuses(gateway: GatewayUnderTest) -> None:
    """Contract 2: what would have been refused passes, and its entry says so."""
    entries = [await call(gateway, "audited-bot") for _ in range(3)]
    marks = [entry["limits"].get("over_in_audit_mode") for entry in entries]
    assert marks == [None, ["only-watched"], ["only-watched"]]
    counter = await gateway.counter("only-watched")
    assert (counter.spent, counter.limit, counter.audit_only) == (3 * COST, COST, True)


async def test_a_soft_limit_is_recorded(gateway: GatewayUnderTest) -> None:
    """Contract 2: from the call that passes it on, the entry names the rule."""
    entries = [await call(gateway, "softly-bot") for _ in range(3)]
    marks = [entry["limits"].get("over_soft_limit") for entry in entries]
    assert marks == [None, ["soft-limit"], ["soft-limit"]]
    counter = await gateway.counter("soft-limit")
    assert (counter.spent, counter.soft_limit) == (3 * COST, COST)


async def test_soft_budgets_refuse_together(gateway: GatewayUnderTest) -> None:
    """Contract 2: `soft_enforce` refuses only when every matching one is over."""
    entries = [await call(gateway, "both-bot") for _ in range(3)]
    marks = [entry["limits"].get("over_in_audit_mode") for entry in entries]
    assert marks == [None, ["soft-1"], ["soft-1"]]
    await refused(gateway, "both-bot", "soft-1")
    assert (await gateway.counter("soft-3")).spent == 3 * COST


# --- changes while calls run -------------------------------------------------------------------


async def test_a_limit_moves_while_calls_run(gateway: GatewayUnderTest) -> None:
    """P2, P7: raised, lowered below what is spent, raised again: at each limit exactly so many
    calls have passed in all, and what is spent stays spent."""
    async with traffic(gateway) as passed:
        await until(lambda: passed[429] > 5, "the first limit is reached")
        assert passed[200] == 3
        await moved(gateway, 6)
        await until(lambda: passed[200] == 6, "the raised limit is used")
        await moved(gateway, 4)
        await refuses(passed)
        assert passed[200] == 6
        await moved(gateway, 8)
        await until(lambda: passed[200] == 8, "the limit is raised again")
        await refuses(passed)
    assert set(passed) == {200, 429} and passed[200] == 8
    counter = await gateway.counter("moving")
    assert (counter.spent, counter.limit) == (8 * COST, 8 * COST)


async def test_a_call_goes_on_by_the_limit_it_began_with(gateway: GatewayUnderTest) -> None:
    """P2: a stream whose budget is lowered to nothing on its way ends whole, and is charged."""
    await moved(gateway, 9)
    before = (await gateway.counter("moving")).spent
    body = {"model": FLAT, "max_tokens": OUTPUT, "messages": SLOW}
    pieces = await gateway.openai("moving-bot").chat.completions.create(**body, stream=True)
    await anext(aiter(pieces))
    await moved(gateway, 0)
    assert [c.choices[0].finish_reason async for c in pieces if c.choices][-1] == "stop"
    assert (await gateway.counter("moving")).spent - before == COST
    await refused(gateway, "moving-bot", "moving")


async def moved(gateway: GatewayUnderTest, calls: int) -> None:
    """The changed rule is in force in every worker."""
    taken = "envelope.worker: configuration "
    count = gateway.log.read_text().count(taken) + len(gateway.worker_pids())
    staged = gateway.folder / "staged.yaml"
    staged.write_text(moving(calls))
    staged.rename(gateway.config / "moving.yaml")
    await until(lambda: gateway.log.read_text().count(taken) == count, "the limit is changed")


async def refuses(passed: Counter[int]) -> None:
    """Some more calls are refused."""
    so_far = passed[429]
    await until(lambda: passed[429] > so_far + 5, "calls are refused")


@asynccontextmanager
async def traffic(gateway: GatewayUnderTest) -> AsyncIterator[Counter[int]]:
    """Calls one after the other on three lines; their statuses."""
    passed: Counter[int] = Counter()
    stop = asyncio.Event()

    async def one_after_the_other() -> None:
        http = gateway.http()
        while not stop.is_set():
            answer = await gateway.chat("moving-bot", "x", model=FLAT, max_tokens=OUTPUT, http=http)
            passed[answer.status_code] += 1

    lines = [asyncio.create_task(one_after_the_other()) for _ in range(3)]
    try:
        yield passed
    finally:
        stop.set()
        await asyncio.gather(*lines)
