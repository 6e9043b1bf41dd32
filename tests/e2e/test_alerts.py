"""Budget alerts of two gateways on one store, by real calls: each once, signed, never in the way;
and the figures that metrics and commands show of the same budgets."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as families

from extproc.alerts.claims import PREFIX
from tests.alerts.http_target import HANG, Got, HttpTarget
from tests.docs.pages import blocks, page
from tests.e2e.documents import Documents, Json, priced
from tests.e2e.faults import gateway_of
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import OwnStore, kill_gateway, suspended, until
from tests.e2e.provider_child import ProviderUnderTest
from tests.e2e.twins import Pair

pytestmark = pytest.mark.e2e

FLAT, OUTPUT, COST = "flat/gpt-flat", 100, 1_000_000
"""Input is free: a call's worst case and its real cost are one number, in nano-USD."""
SECRET = b"the secret that both sides know"
WITHIN_S = 10
HOOK = {"type": "webhook", "notification_channel": "hook"}
STUCK = {"type": "webhook", "notification_channel": "stuck"}
BUDGETS: dict[str, tuple[int, Json]] = {
    "crossing": (20, {"thresholds": [75, 90, 100], "notification_target": [HOOK]}),
    "sentinel-1": (1, {"thresholds": [100], "notification_target": [HOOK]}),
    "sentinel-2": (1, {"thresholds": [100], "notification_target": [HOOK]}),
    "soft": (20, {"thresholds": [100], "notification_target": [HOOK]}),
    "slow": (20, {"thresholds": [50], "notification_target": [STUCK, HOOK]}),
    "shown": (4, {"notification_target": [HOOK], "thresholds": [100]}),
}
"""By team: room in calls, and what is told to whom."""
SOFT = 2


def documents(provider_url: str, store_url: str) -> Documents:
    """One caller and one budget a team; two channels, whose addresses tests write."""
    made = Documents().add("gateway-config", "gateway", environment="production",
                           store={"url": store_url, "timeout_ms": 3_000})  # fmt: skip
    made.provider("flat", f"{provider_url}/v1", [priced("gpt-flat", 0, 10)])
    channels = [
        {"type": "notification-channel", "name": name, "kind": "webhook",
         "url": {"file": f"{name}-url"}, "hmac_secret": {"file": "hook-secret"}}
        for name in ("hook", "stuck")
    ]  # fmt: skip
    made.files["channels.yaml"] = yaml.safe_dump_all(channels)
    made.files["hook-url"] = made.files["stuck-url"] = "http://127.0.0.1:9/nobody"
    made.files["hook-secret"] = SECRET.decode() + "\n"
    made.add("gateway-budget-config", "budgets", rules=[
        {"id": team, "when": {"subjects": [f"team:{team}"]}, "limit_to": calls * COST / 1e9,
         "unit": "cost_per_day", "alerts": {"forecast": False, **alerts},
         **({"soft_limit_to": SOFT * COST / 1e9} if team == "soft" else {})}
        for team, (calls, alerts) in BUDGETS.items()
    ])  # fmt: skip
    for team in BUDGETS:
        made.bot(f"{team}-bot", team=team, models=["flat/*"])
    return made


@pytest.fixture(scope="module")
def both(place: Path, provider_process: ProviderUnderTest) -> Iterator[Pair]:
    with OwnStore(place) as store:
        made = documents(provider_process.url, store.url)
        with (
            gateway_of(made, provider_process, place, workers=1) as one,
            gateway_of(made, provider_process, place, workers=1) as two,
        ):
            yield one, two
        for gateway in (one, two):
            gateway.settle_accounts()


@pytest.fixture
async def pair(both: Pair, provider: ProviderUnderTest) -> AsyncIterator[Pair]:
    await provider.fault("gpt-flat", usage=f"in=1,out={OUTPUT}")
    yield both
    for gateway in both:
        await gateway.close_clients()


@pytest.fixture(scope="module")
def received() -> list[Got]:
    """What the targets of earlier tests got."""
    return []


@pytest.fixture
async def hook(pair: Pair, received: list[Got]) -> AsyncIterator[HttpTarget]:
    """The target of channel `hook`; secrets are read when a message is sent."""
    async with HttpTarget() as target:
        lead(pair, "hook", target)
        yield target
    received += target.got


def lead(pair: Pair, channel: str, target: HttpTarget) -> None:
    for gateway in pair:
        (gateway.config / f"{channel}-url").write_text(target.url)


async def call(gateway: GatewayUnderTest, team: str, **metadata: str) -> httpx2.Response:
    """One call of the openai SDK that costs `COST`."""
    answer = await gateway.openai(f"{team}-bot").chat.completions.with_raw_response.create(
        model=FLAT, max_tokens=OUTPUT, messages=[{"role": "user", "content": "hi"}],
        extra_headers={"x-tfy-metadata": json.dumps(metadata)},
    )  # fmt: skip
    whole: httpx2.Response = answer.http_response
    return whole


async def calls(pair: Pair, team: str, count: int) -> None:
    """So many calls, every other one at the other gateway."""
    answers = [await call(pair[n % 2], team) for n in range(count)]
    for n, answer in enumerate(answers):
        await pair[n % 2].entry_of(answer)


async def told(target: HttpTarget) -> Got:
    return await asyncio.wait_for(target.next(), WITHIN_S)


def genuine() -> Callable[[dict[str, str], bytes, bytes], bool]:
    """The function of docs/alerts.md, as a reader would paste it."""
    (block,) = blocks(page("docs/alerts.md"), "py")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/alerts.md", "exec"), names)  # noqa: S102
    found: Callable[[dict[str, str], bytes, bytes], bool] = names["is_genuine"]
    return found


# --- once --------------------------------------------------------------------------------------


async def test_each_threshold_once_over_two_gateways(
    pair: Pair, hook: HttpTarget, received: list[Got]
) -> None:
    """Alert: 75, 90, 100 % by real calls to both gateways, one signed message each; neither a
    restart nor the other gateway repeats any."""
    one, two = pair
    messages = []
    for more, percent in ((15, 75), (3, 90), (2, 100)):
        await calls(pair, "crossing", more)
        got = await told(hook)
        messages.append(got)
        assert is_of("crossing", got) == ("budget.threshold", percent, f"{percent}.0")
        assert genuine()(got.headers, got.body, SECRET)
        assert not genuine()(got.headers, got.body, SECRET + b"?")
    assert got.json["spent"] == got.json["limit"] == "0.02"
    assert (await one.chat("crossing-bot", "x", model=FLAT)).status_code == 429
    ids = {got.headers["idempotency-key"] for got in messages}
    assert len(ids) == 3 == len(hook.got)
    await delivered(pair, len(received) + 3)

    await kill_gateway(two)
    await two.start_again()
    async with suspended(one.pid):
        await call(two, "sentinel-1")
        assert is_of("sentinel-1", await told(hook)) == ("budget.threshold", 100, "100.0")
    async with suspended(two.pid):
        await call(one, "sentinel-2")
        assert is_of("sentinel-2", await told(hook)) == ("budget.threshold", 100, "100.0")
    # A target's alerts go out one after the other: each gateway had looked at all that stood in
    # the store before it told of its sentinel.
    assert len(hook.got) == 5


def is_of(rule: str, got: Got) -> tuple[str, float | None, str]:
    """Type, threshold and percent of a message that must be about this budget."""
    said = got.json
    assert (said["rule"], said["counter"], said["unit"]) == (rule, f"budget:{rule}:", "USD")
    assert said["id"] == got.headers["idempotency-key"]
    assert (said["environment"], said["window"], said["audit_only"]) == ("production", "day", False)
    assert got.headers["content-type"].startswith("application/json")
    return said["type"], said.get("threshold"), said["percent"]


async def test_a_soft_limit_is_told(pair: Pair, hook: HttpTarget) -> None:
    """Alert: passing the soft limit is told once, and refuses nothing."""
    await calls(pair, "soft", SOFT)
    await calls(pair, "soft", 1)
    got = await told(hook)
    assert is_of("soft", got) == ("budget.soft_limit", None, "15.0")
    assert (got.json["spent"], got.json["soft_limit"]) == ("0.003", "0.002")
    entry = await pair[0].entry_of(await call(pair[0], "soft"))
    assert entry["limits"]["over_soft_limit"] == ["soft"]


# --- in nobody's way ---------------------------------------------------------------------------


async def test_a_target_that_hangs_holds_up_nobody(
    pair: Pair, hook: HttpTarget, received: list[Got]
) -> None:
    """Alert: while one target keeps an alert waiting, calls are answered and another target is
    told; the waiting one gets it in the end."""
    async with HttpTarget() as stuck:
        stuck.answers.append(HANG)
        lead(pair, "stuck", stuck)
        await calls(pair, "slow", 10)
        waiting = await told(stuck)
        assert is_of("slow", waiting) == ("budget.threshold", 50, "50.0")
        answers = await asyncio.gather(*(call(pair[n % 2], "slow") for n in range(10)))
        assert {answer.status_code for answer in answers} == {200}
        assert is_of("slow", await told(hook))[1] == 50
        assert not await all_noted(pair[0])  # it still waits
        stuck.answer_now(200)
        await until(lambda: all_noted(pair[1]), "both targets have it")
        assert len(stuck.got) == 1
    received += stuck.got
    for n, answer in enumerate(answers):
        await pair[n % 2].entry_of(answer)


async def all_noted(gateway: GatewayUnderTest) -> bool:
    """Whether the store remembers a delivery for each alert that was ever claimed."""
    async with gateway.store() as client:
        names = [name async for name in client.scan_iter(f"{PREFIX}*")]
        return set(await client.mget(names)) == {b"sent"}


# --- seen --------------------------------------------------------------------------------------


async def scrape(gateway: GatewayUnderTest) -> list[Any]:
    """Every sample of a gateway's metrics page."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
        answer = await http.get(f"{gateway.admin}/metrics")
    assert answer.status_code == 200
    return [sample for family in families(answer.text) for sample in family.samples]


async def delivered(pair: Pair, count: int) -> None:
    """The metrics of both gateways together count so many alerts that were sent, never more.

    Only until one of them is restarted: then its figures begin anew.
    """

    async def counted() -> bool:
        found = 0.0
        for gateway in pair:
            found += sum(s.value for s in await scrape(gateway) if _is_sent(s))
        assert found <= count, f"{found} alerts were sent, not {count}"
        return found == count

    await until(counted, f"{count} alerts are counted")


def _is_sent(sample: Any) -> bool:
    sent = {"channel": "webhook", "outcome": "sent"}
    return bool(sample.name == "envelope_alerts_total" and sample.labels == sent)


async def limits_of(gateway: GatewayUnderTest, rule: str) -> dict[str, float]:
    """The gauges of a rule, without their prefix."""
    labels = {"rule": rule, "kind": "budget", "measure": "cost", "window": "day"}
    return {
        sample.name.removeprefix("envelope_limit_"): sample.value
        for sample in await scrape(gateway)
        if sample.labels == labels
    }


async def test_figures_of_a_budget(pair: Pair, hook: HttpTarget) -> None:
    """Alert: used, reserved and left, the same on the metrics page and in `envelope limits`."""
    two = pair[1]
    await calls(pair, "shown", 3)
    await two.reserved_is_zero("shown")
    expected = {"used": 0.003, "reserved": 0, "left": 0.001, "used_ratio": 0.75, "counters": 1}

    async def shown() -> bool:
        found = [await limits_of(gateway, "shown") for gateway in pair]
        return found == [pytest.approx(expected)] * 2

    await until(shown, "both pages show the figures")
    code, out, err = await two.cli("limits", "--rule", "shown", "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    assert (row["unit"], row["used_nano_usd"], row["left_nano_usd"], row["percent_used"]) == (
        "cost_per_day", 3 * COST, COST, 75,
    )  # fmt: skip
    code, out, err = await two.cli("limits", "--over", "90", "--rule", "shown", "--json")
    assert (code, json.loads(out)) == (0, [])


async def test_spend_by_ticket_and_team(pair: Pair) -> None:
    """Alert: `envelope usage --by` any metadata key, as CSV; each gateway's log has its own."""
    one, two = pair
    for gateway, tickets in ((one, ("T-1", "T-1", "T-2")), (two, ("T-1",))):
        for ticket in tickets:
            await gateway.entry_of(await call(gateway, "soft", ticket_id=ticket))
        code, out, err = await gateway.cli("usage", "--by", "ticket_id,team", "--csv")
        assert code == 0, err
        rows = {(row["ticket_id"], row["team"]): row for row in csv.DictReader(io.StringIO(out))}
        for ticket in set(tickets):
            row = rows[ticket, "soft"]
            assert int(row["requests"]) == tickets.count(ticket)
            assert int(row["cost_nano_usd"]) == tickets.count(ticket) * COST
            assert int(row["output_tokens"]) == tickets.count(ticket) * OUTPUT
        assert {ticket for ticket, _ in rows if ticket.startswith("T-")} == set(tickets)
