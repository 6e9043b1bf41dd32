"""The text of `/metrics`, with a real store behind the limits."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from extproc.admin.metrics_page import STATS_KEY, MetricsPage
from extproc.admin.spec import Spec
from extproc.ledger.epoch import EPOCH_KEY
from extproc.ledger.redis_ledger import RedisLedger, wall_clock_ms
from extproc.store import PrivateStore
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.snapshot import SnapshotFile, encode
from tests.ledger.clock import budget, rate, slots
from tests.telemetry.records import served

Scraped = dict[str, dict[str, float]]


async def scrape(spec: Spec, client: Redis) -> Scraped:
    """Metric -> rule, else state (or '') -> value."""
    ledger = RedisLedger(client, timeout_ms=1_000)
    page = MetricsPage(spec, client, ledger)
    text = (await page.text()).decode()
    await page.close()
    await ledger.aclose()
    found: Scraped = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            label = sample.labels.get("rule") or sample.labels.get("state", "")
            found.setdefault(sample.name, {})[label] = sample.value
    return found


def _state(found: Scraped) -> list[str]:
    return [state for state, value in found["envelope_ledger_state"].items() if value == 1]


async def test_limits_show_what_is_used_reserved_and_left(
    spec: Spec, client: Redis, ledger: RedisLedger
) -> None:
    """P2: the gauges are the ledger's own figures; cost in USD."""
    rpm, parallel = rate(600, rule="team-rpm"), slots(4)
    day = budget(25 * 10**9, 4 * 10**9, rule="team-day", soft_limit=20 * 10**9)
    await ledger.reserve("one", "w", [rpm, parallel, day], 60_000)
    await ledger.settle("one", {"requests": 1, "cost": 1_500_000_000})
    day = budget(25 * 10**9, 2 * 10**9, rule="team-day", soft_limit=20 * 10**9)
    await ledger.reserve("two", "w", [rpm, parallel, day], 60_000)
    found = await scrape(spec, client)
    assert found["envelope_limit_used"] == {"team-day": 1.5, "team-rpm": 1, "parallel": 0}
    assert found["envelope_limit_reserved"] == {"team-day": 2.0, "team-rpm": 1, "parallel": 1}
    assert found["envelope_limit_left"] == {"team-day": 21.5, "team-rpm": 598, "parallel": 3}
    assert found["envelope_limit_used_ratio"]["team-day"] == 0.14
    assert found["envelope_limit_soft"] == {"team-day": 20}
    assert found["envelope_limit_counters"] == {"team-day": 1, "team-rpm": 1, "parallel": 1}
    assert found["envelope_store_up"] == {"": 1}
    assert _state(found) == ["ok"]


async def test_expired_reservations_are_counted(
    spec: Spec, client: Redis, ledger: RedisLedger
) -> None:
    """P2: a reservation that nobody settled is money that may be charged twice: it must show."""
    assert (await scrape(spec, client))["envelope_reservations_expired_total"] == {"": 0}
    await ledger.reserve("late", "w", [rate(600)], ttl_ms=0)
    assert await ledger.sweep() == 1
    assert await client.hget(STATS_KEY, "expired") == b"1"
    assert (await scrape(spec, client))["envelope_reservations_expired_total"] == {"": 1}


async def test_ledger_that_refuses_has_another_state(
    spec: Spec, client: Redis, ledger: RedisLedger
) -> None:
    """P2: one state at a time; the store that answers is up, whatever the ledger says."""
    await client.hset(EPOCH_KEY, "stop", "it may evict")
    assert _state(await scrape(spec, client)) == ["stopped"]
    await client.hdel(EPOCH_KEY, "stop")
    await client.hset(EPOCH_KEY, "until", wall_clock_ms() + 60_000)
    assert _state(await scrape(spec, client)) == ["rebuilding"]
    await client.flushall()
    found = await scrape(spec, client)
    assert (_state(found), found["envelope_store_up"]) == (["lost"], {"": 1})


async def test_store_that_is_gone_takes_only_its_own_figures(
    spec: Spec, client: Redis, ledger: RedisLedger, store: PrivateStore
) -> None:
    """Contract 3, `/metrics`: an outage is when figures are needed most."""
    metrics = Metrics()
    metrics.exchange_closed(served())
    SnapshotFile(spec.metrics_folder, "w0").write(1, encode(metrics, "w0", {}))
    await ledger.reserve("one", "w", [rate(600)], 60_000)
    await store.stop()
    found = await scrape(spec, client)
    assert (_state(found), found["envelope_store_up"]) == (["unavailable"], {"": 0})
    assert not {"envelope_limit_used", "envelope_reservations_expired_total"} & set(found)
    assert found["envelope_requests_total"] == {"": 1}
