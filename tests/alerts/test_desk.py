"""The whole desk: once over all gateways, at least once over crashes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from extproc.alerts import lane
from extproc.alerts.claims import PREFIX, Claims, Mine
from extproc.alerts.desk import AlertDesk
from extproc.limits.values import CounterReading
from extproc.store_client import open_client
from tests.alerts.desks import BASE, Stage
from tests.alerts.fake_time import FakeTime
from tests.alerts.http_target import HANG, Got
from tests.alerts.readings import DAY_MS, HOUR_MS, MIDDLE_MS, SPAN, reading
from tests.ledger.conftest import PrivateStore


def thresholds(got: list[Got]) -> list[float]:
    return [one.json["threshold"] for one in got]


async def test_every_kind_of_channel_gets_it_once(stage: Stage) -> None:
    """Contract, alerts: webhook, Slack, Teams and PagerDuty side by side."""
    kinds = ("webhook", "slack-webhook", "ms-teams-webhook", "pagerduty")
    targets = [await stage.target() for _ in kinds]
    channels = [stage.channel(k, t.url, k) for k, t in zip(kinds, targets, strict=True)]
    desk = await stage.desk(stage.config(*channels))
    for _ in range(3):
        stage.observe(desk, 76)
    await desk.idle()
    assert [len(target.got) for target in targets] == [1, 1, 1, 1]
    assert desk.figures.sent == dict.fromkeys(kinds, 1)
    assert targets[3].got[0].json["routing_key"] == "key-of-pagerduty"


async def test_a_jump_is_one_message(stage: Stage) -> None:
    """P2, alerts: from 10 % to 96 %: only 95; the lower ones are not sent later, by nobody."""
    target = await stage.target()
    config = stage.config(stage.channel("ops", target.url))
    first = await stage.desk(config)
    for usd in (10, 96):
        stage.observe(first, usd)
    await first.idle()
    second = await stage.desk(config)
    stage.observe(second, 80)
    await second.idle()
    assert thresholds(target.got) == [95]


async def test_two_gateways_send_it_once_together(stage: Stage) -> None:
    """P2, alerts: one store, two desks, the same readings at the same time."""
    target = await stage.target()
    config = stage.config(stage.channel("ops", target.url))
    desks = [await stage.desk(config, chance=Random(n)) for n in range(2)]
    for usd in (76, 91, 96, 100):
        for desk in desks:
            stage.observe(desk, usd)
    for desk in desks:
        await desk.idle()
    assert sorted(thresholds(target.got)) == [75, 90, 95, 100]
    assert sum((desk.figures.sent for desk in desks), Counter()) == {"webhook": 4}


async def test_a_restart_does_not_repeat(stage: Stage) -> None:
    """P2, alerts: what was sent is known to the store, not to the process."""
    target = await stage.target()
    config = stage.config(stage.channel("ops", target.url))
    for _ in range(3):
        desk = await stage.desk(config)
        stage.observe(desk, 76)
        await desk.idle()
    assert len(target.got) == 1


async def test_a_gateway_that_dies_while_sending_loses_nothing(stage: Stage, client: Redis) -> None:
    """P2, alerts: another one that saw it waits for the claim to lapse, then sends it."""
    target = await stage.target()
    target.answers.append(HANG)
    config = stage.config(stage.channel("ops", target.url))
    dying = AlertDesk(client, clock_ms=stage.time, timeout_s=60)
    dying.use(config)
    running = asyncio.create_task(dying.run())
    stage.observe(dying, 76)
    await target.next()
    stage.time.hold()
    alive = await stage.desk(config)
    stage.observe(alive, 76)
    await stage.time.asleep()  # it waits for the claim
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await dying.close()
    assert len(target.got) == 1
    (claim,) = await client.keys(PREFIX + "*")
    await client.delete(claim)  # its time is over
    await stage.time.advance(lane.LEASE_MS + 1_000)
    await target.next()
    await alive.idle()
    first, second = target.got
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_dead_channel_does_not_repeat_the_others(stage: Stage) -> None:
    """P2, alerts: each target has a claim of its own."""
    dead, alive = await stage.target(), await stage.target()
    dead.answers.append(500)
    config = stage.config(stage.channel("dead", dead.url), stage.channel("alive", alive.url))
    for _ in range(2):
        desk = await stage.desk(config)
        stage.observe(desk, 76)
        await desk.idle()
    assert (len(dead.got), len(alive.got)) == (2, 1)


async def test_while_one_gateway_rests_the_others_do_not_knock(stage: Stage, client: Redis) -> None:
    """P2, alerts: a target that is down is not asked by every gateway in turn."""
    target = await stage.target()
    target.answers.append(404)
    config = stage.config(stage.channel("ops", target.url))
    stage.time.hold()
    first, second = await stage.desk(config), await stage.desk(config)
    stage.observe(first, 76)
    await stage.time.asleep()
    stage.observe(second, 76)
    await stage.time.asleep(2)
    assert len(target.got) == 1
    assert stage.time.slept[1] > 500


async def test_a_claim_is_kept_while_its_gateway_pauses(stage: Stage, client: Redis) -> None:
    """P2, alerts: the pause between two attempts is not taken for a crash."""
    target = await stage.target()
    target.answers.append((503, {"retry-after": "25"}))
    stage.time.hold()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)))
    stage.observe(desk, 76)
    await stage.time.asleep()
    (claim,) = await client.keys(PREFIX + "*")
    assert await client.pttl(claim) > lane.LEASE_MS + 20_000


async def test_a_claim_that_was_lost_is_left_alone(stage: Stage, client: Redis) -> None:
    """P2, alerts: a gateway that was too slow does not send beside the one that took over."""
    target = await stage.target()
    target.answers.append(HANG)
    stage.time.hold()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)), timeout_s=60)
    stage.observe(desk, 76)
    await target.next()
    (claim,) = await client.keys(PREFIX + "*")
    await client.set(claim, "another gateway", px=600_000)
    target.answer_now(500)
    await stage.time.asleep()
    await client.set(claim, "sent", px=600_000)  # the other one did it
    await stage.time.advance(lane.STORE_AGAIN_MS)
    await desk.idle()
    assert len(target.got) == 1
    assert desk.figures.sent == desk.figures.failed == {}


async def test_nothing_is_sent_without_the_store_and_nothing_is_lost(
    own_store: PrivateStore, stage: Stage
) -> None:
    """P2, alerts: no claim, no message; when the store is back it is sent, once."""
    target = await stage.target()
    client = open_client(own_store.url, 500)
    own_store.stop()
    stage.time.hold()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)), client=client)
    stage.observe(desk, 76)
    await stage.time.asleep()
    assert target.got == []
    own_store.start()
    await stage.time.advance(lane.STORE_AGAIN_MS)
    await desk.idle()
    assert len(target.got) == 1
    await client.aclose()


async def test_a_store_that_leaves_after_the_delivery_hears_of_it_later(
    own_store: PrivateStore, stage: Stage
) -> None:
    """P2, alerts: the gateway that sent it does not send it again: only the note is late."""
    target = await stage.target()
    target.answers.append(HANG)
    client = open_client(own_store.url, 500)
    stage.time.hold()
    desk = await stage.desk(
        stage.config(stage.channel("ops", target.url)), client=client, timeout_s=60
    )
    stage.observe(desk, 76)
    await target.next()
    own_store.stop()
    target.answer_now(200)
    await stage.time.asleep()
    own_store.start()
    await stage.time.advance(lane.STORE_AGAIN_MS)
    await desk.idle()
    assert len(target.got) == 1
    assert [await client.get(key) for key in await client.keys(PREFIX + "*")] == [b"sent"]
    await client.aclose()


async def test_the_queue_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """P8, alerts: a dead target holds so many alerts; the oldest go first, counted."""
    monkeypatch.setattr(lane, "WAITING_MAX", 3)
    target = await stage.target()
    target.answers.append(HANG)
    desk = await stage.desk(stage.config(stage.channel("ops", target.url)), timeout_s=60)
    for n in range(10):
        stage.observe(desk, 76, counter=f"budget:team-month:user-{n}")
        if n == 0:
            await target.next()
    assert desk.waiting == 3
    assert desk.figures.dropped == {"webhook": 7}
    target.answer_now(200)
    await desk.idle()
    assert [got.json["counter"][-6:] for got in target.got] == ["user-0", "user-8", "user-9"]


async def test_an_alert_without_target_is_a_line_in_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """P4, alerts: the rule and the amount, once over all gateways, and nobody's name."""
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        desk = await stage.desk(stage.config())
        stage.observe(desk, 76)
        await desk.idle()
    assert caplog.text.count("Budget team-month: 75 % spent (76.00 USD)") == 1
    assert "alice" not in caplog.text


async def test_rules_and_targets_change_while_it_runs(stage: Stage) -> None:
    """Contract 2, alerts: a reload takes effect at once; what is new is told to the new target."""
    old, new = await stage.target(), await stage.target()
    desk = await stage.desk(stage.config(stage.channel("ops", old.url), thresholds=[50]))
    stage.observe(desk, 60)
    await desk.idle()
    channels = (stage.channel("ops", new.url), stage.channel("more", old.url))
    desk.use(stage.config(*channels, thresholds=[50, 80]))
    stage.observe(desk, 85)
    await desk.idle()
    assert (thresholds(old.got), thresholds(new.got)) == ([50, 80], [80])
    desk.use(stage.config())
    stage.observe(desk, 100)
    await desk.idle()
    assert (len(old.got), len(new.got)) == (2, 1)


async def test_budgets_of_the_second_version_too(stage: Stage) -> None:
    """Contract 2, alerts: `tenant-budget-config`: each of its windows is a budget of its own."""
    target = await stage.target()
    tenant = {
        "type": "tenant-budget-config", "name": "acme", "when": {}, "timezone": "Europe/Berlin",
        "limits": {"cost_per_day": 10, "cost_per_month": 100},
        "alerts": {"notification_target": [{"type": "webhook", "notification_channel": "ops"}]},
    }  # fmt: skip
    desk = await stage.desk(stage.load([*BASE, stage.channel("ops", target.url), tenant]))
    stage.observe(desk, 80, rule_id="acme:cost_per_month", counter="budget:acme%3Acost_per_month:")
    stage.observe(desk, 80, rule_id="acme:other", counter="budget:acme%3Aother:")
    await desk.idle()
    (got,) = target.got
    assert got.json["rule"] == "acme:cost_per_month"
    assert "Counter: shared" in got.json["text"]
    assert "ends Tuesday 2026-12-01 01:00 Europe/Berlin" in got.json["text"]


async def test_the_forecast_arrives_with_its_day(stage: Stage) -> None:
    """P2, alerts: at this rate exhausted on a named day, once."""
    target = await stage.target()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url), thresholds=[100]))
    stage.time.now_ms = SPAN.start_ms + 10 * DAY_MS
    for _ in range(24):
        stage.time.now_ms += HOUR_MS // 6
        stage.observe(desk, 4 * (stage.time.now_ms - SPAN.start_ms) / DAY_MS)
    await desk.idle()
    (got,) = target.got
    assert got.json["type"] == "budget.forecast"
    assert got.json["exhausted_at"] == "2026-11-26T00:00:00Z"
    assert "at this rate exhausted on Thursday 2026-11-26 00:00 UTC" in got.json["text"]


async def test_mail_to_others_is_another_target(stage: Stage, client: Redis) -> None:
    """P2, alerts: two rules may use one mail server for different people: both are told."""
    mail = {"type": "notification-channel", "name": "mail", "kind": "email",
            "smtp": {"host": "127.0.0.1", "from_email": "g@example.com"}}  # fmt: skip
    config = stage.config(mail)
    rule = config.budgets[0]
    assert rule.alerts is not None
    (target,) = rule.alerts.notification_target
    others = target.model_copy(update={"to_emails": ("other@example.com",)})
    alerts = rule.alerts.model_copy(update={"notification_target": (target, others, target)})
    changed = rule.model_copy(update={"alerts": alerts})
    desk = AlertDesk(client)
    desk.use(config.model_copy(update={"budgets": (changed,)}))
    stage.observe(desk, 76)
    assert desk.waiting == 2
    await desk.close()


# --- the property ------------------------------------------------------------------------------

Step = tuple[int, str, int, int]
STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 60)),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, faults=st.lists(st.sampled_from([200, 429, 500, 503]), max_size=8))
def test_whatever_happens_each_is_delivered_once(
    store: PrivateStore, tmp_path: Path, steps: list[Step], faults: list[int]
) -> None:
    """P2, alerts: two desks, two counters, three windows, any spend in any order, a target that
    fails now and then: nothing twice, and the highest threshold of each window is never missing.
    """
    delivered, wanted = asyncio.run(play(store, tmp_path, steps, faults))
    assert max(delivered.values(), default=1) == 1
    assert wanted <= delivered.keys()
    assert {key[:2] for key in delivered} == {key[:2] for key in wanted}


async def play(
    store: PrivateStore, folder: Path, steps: list[Step], faults: list[int]
) -> tuple[Counter[tuple[str, str, float]], set[tuple[str, str, float]]]:
    """What the target took, and the highest threshold of each counter and window."""
    client = Redis.from_url(store.url)
    await client.flushall()
    spent: Counter[tuple[str, str]] = Counter()
    async with AsyncExitStack() as ends:
        ends.push_async_callback(client.aclose)
        stage = Stage(client, folder, ends)
        target = await stage.target()
        target.answers.extend(faults)
        config = stage.config(stage.channel("ops", target.url), forecast=False)
        desks = [await stage.desk(config) for _ in range(2)]
        for which, name, window, more in steps:
            spent[name, f"2026-{window}"] += more
            desks[which].observe([seen(name, f"2026-{window}", spent)], stage.time())
            if more % 3 == 0:
                await desks[which].idle()
        for desk in desks:
            await desk.idle()
        taken = zip(target.got, [*faults, *[200] * len(target.got)], strict=False)
        told = [got.json for got, status in taken if status == 200]
    wanted = {
        (name, window, max(t for t in (75.0, 90.0, 95.0, 100.0) if t <= usd))
        for (name, window), usd in spent.items() if usd >= 75
    }  # fmt: skip
    return Counter((t["counter"][-1], t["window_id"], t["threshold"]) for t in told), wanted


def seen(name: str, window_id: str, spent: Counter[tuple[str, str]]) -> CounterReading:
    now = reading(spent[name, window_id], MIDDLE_MS)
    return replace(now, counter=f"budget:team-month:{name}", window_id=window_id)


def test_the_property_can_fail(store: PrivateStore, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """P2, alerts: without the note of what was sent the play above shows the same alert twice."""

    async def forget(*_: object) -> None:
        return None

    monkeypatch.setattr(Claims, "sent", forget)
    monkeypatch.setattr(FakeTime, "sleep", lambda *_: asyncio.Event().wait())
    monkeypatch.setattr(Claims, "take", always_mine)
    steps = [(0, "a", 0, 60), (0, "a", 0, 30), (1, "a", 0, 0)]
    delivered, _ = asyncio.run(play(store, tmp_path, steps, []))
    assert max(delivered.values()) == 2


async def always_mine(*_: object) -> Mine:
    return Mine()
