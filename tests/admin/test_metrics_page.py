"""The text of `/metrics`, with a real store behind the limits."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from extproc.admin.limit_gauges import RULES_MAX, limit_gauges
from extproc.admin.metrics_page import MetricsPage
from extproc.admin.spec import Spec
from extproc.limits.redis_ledger import RedisLedger
from extproc.limits.values import Charge, CounterReading
from extproc.store import PrivateStore
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.snapshot import SnapshotFile, encode
from tests.telemetry.records import served

NO_LIMIT = -1


def _budget(user: str, amount: int, limit: int) -> Charge:
    return Charge("budget", "team-day", f"budget:team-day:{user}", "cost", amount, amount, limit,
                  "calendar", 86_400_000)  # fmt: skip


RATE = Charge("rate", "team-rpm", "rate:team-rpm:", "requests", 1, 1, 600, "sliding", 60_000)


async def scrape(spec: Spec, client: Redis) -> dict[str, dict[str, float]]:
    """Metric -> rule (or '') -> value."""
    page = MetricsPage(spec, client)
    text = (await page.text()).decode()
    await page.close()
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[sample.labels.get("rule", "")] = sample.value
    return found


async def test_limits_show_what_is_used_reserved_and_left(spec: Spec, client: Redis) -> None:
    """P2: the gauges are the ledger's own figures; cost in USD."""
    ledger = RedisLedger(client)
    await ledger.reserve("one", "w", [RATE, _budget("ann", 4_000_000_000, 25_000_000_000)], 60_000)
    await ledger.settle("one", {"requests": 1, "cost": 1_500_000_000})
    await ledger.reserve("two", "w", [RATE, _budget("ann", 2_000_000_000, 25_000_000_000)], 60_000)
    await ledger.aclose()
    found = await scrape(spec, client)
    assert found["envelope_limit_used"] == {"team-day": 1.5, "team-rpm": 1}
    assert found["envelope_limit_reserved"] == {"team-day": 2.0, "team-rpm": 1}
    assert found["envelope_limit_left"] == {"team-day": 21.5, "team-rpm": 598}
    assert found["envelope_store_up"] == {"": 1}


async def test_rule_with_many_counters_shows_its_fullest(spec: Spec, client: Redis) -> None:
    """P4: callers' names are no labels; the counter that will refuse first is what matters."""
    ledger = RedisLedger(client)
    for user, amount in (("ann", 1), ("bob", 9), ("cem", 4)):
        await ledger.reserve(user, "w", [_budget(user, amount * 10**9, 10 * 10**9)], 60_000)
    await ledger.aclose()
    found = await scrape(spec, client)
    assert found["envelope_limit_left"] == {"team-day": 1.0}
    assert found["envelope_limit_counters"] == {"team-day": 3}


async def test_store_that_is_gone_takes_only_its_own_figures(
    spec: Spec, client: Redis, store: PrivateStore
) -> None:
    """Contract 3, `/metrics`: an outage is when figures are needed most."""
    metrics = Metrics()
    metrics.exchange_closed(served())
    SnapshotFile(spec.metrics_folder, "w0").write(1, encode(metrics, "w0", {}))
    await store.stop()
    found = await scrape(spec, client)
    assert found["envelope_store_up"] == {"": 0}
    assert "envelope_limit_used" not in found
    assert found["envelope_requests_total"] == {"": 1}


def _reading(rule: str, spent: int, limit: int = 1_000) -> CounterReading:
    return CounterReading(rule, "rate", f"rate:{rule}:", "requests", "sliding", 60_000, limit,
                          spent, 0, 1_000)  # fmt: skip


def test_only_the_fullest_rules_are_shown() -> None:
    """P4: the page is bounded; what is left out is counted, and is the least urgent."""
    readings = [_reading(f"rule-{n:03}", n) for n in range(RULES_MAX + 30)]
    used, _reserved, _left, _counters, omitted = limit_gauges(readings)
    assert len(used.samples) == RULES_MAX
    assert min(sample.value for sample in used.samples) == 30
    assert omitted.samples[0].value == 30


@pytest.mark.parametrize(("limit", "left"), [(0, [0.0]), (10, [3.0]), (NO_LIMIT, [])])
def test_left_is_shown_where_there_is_a_limit(limit: int, left: list[float]) -> None:
    """P2: no limit is not `-1 left`; a limit of zero has nothing left."""
    families = limit_gauges([_reading("r", 7, limit)])
    assert [sample.value for sample in families[2].samples] == left
