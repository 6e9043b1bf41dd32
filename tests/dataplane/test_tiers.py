"""Time-out tiers by real Envoy: the verdict names one, its times hold for this request alone."""

from __future__ import annotations

import time

import pytest

from tests.dataplane.scripted import DRIP_MS
from tests.dataplane.stand import IDLE_MS, PER_TRY_MS, TIERS, Json, Stand

B = ("b", "")


def tier(name: str) -> dict[str, Json]:
    return {"envelope": {"tier": name}}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_tier_shortens_the_wait_for_an_answer(stand: Stand, chunked: bool) -> None:
    """Route: the tier's own time to the first token, on both ways in; then the next target."""
    stand.plan(("a", "late>2:b"), B, more=tier("quick"))
    stand.providers["a"].script("hang")
    began_s = time.monotonic()  # the first provider may be late to note what it got
    answer = await stand.call(chunked=chunked)
    assert answer.status_code == 200
    assert stand.told() == [(1, "late"), (2, "200")]
    (second,) = stand.providers["b"].seen
    (first,) = stand.providers["a"].seen
    assert (second.at_s - began_s) * 1000 >= 90
    assert (second.at_s - first.at_s) * 1000 < PER_TRY_MS


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_tier_lengthens_the_wait_for_an_answer(stand: Stand, chunked: bool) -> None:
    """Route: a patient tier outlives the listener's own limits, of silence too."""
    late = f"200@{IDLE_MS + 300}"
    stand.plan(("a", "late>2:b"), B, more=tier("patient"))
    stand.providers["a"].script(late)
    answer = await stand.call(chunked=chunked)
    assert answer.status_code == 200
    assert stand.told() == [(1, "200")]
    stand.plan(("a", "late>2:b"), B)
    stand.providers["a"].script(late)
    await stand.call(chunked=chunked)
    assert stand.told() == [(1, "late"), (2, "200")]


async def test_a_tier_bounds_all_attempts(stand: Stand) -> None:
    """Route: `request_timeout_ms` of a tier counts over its attempts."""
    stand.plan(("a", "500>2:b"), B, more=tier("brief"))
    stand.providers["a"].script("500@100")
    stand.providers["b"].script("200@100")
    answer = await stand.call()
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"


async def test_an_answer_that_has_begun_has_its_time(stand: Stand) -> None:
    """Route: the time to the first token is over with the head; then only silence counts."""
    assert TIERS["quick"]["first_token_timeout_ms"] < DRIP_MS
    stand.plan(("a", "late>2:b"), B, more=tier("quick"))
    stand.providers["a"].script("drip")
    answer = await stand.call()
    assert answer.status_code == 200
    assert stand.paths("b") == []


async def test_silence_in_an_answer_ends_it(stand: Stand) -> None:
    """Route: behind the head nobody else is asked; half an answer is none (P1)."""
    stand.plan(("a", "late>2:b,broken>2:b"), B, more=tier("restless"))
    stand.providers["a"].script("half")
    answer = await stand.call()
    assert answer.status_code == 504
    assert stand.paths("b") == []


async def test_silence_before_an_answer_leads_on(stand: Stand) -> None:
    """Route: a provider that is silent longer than its tier allows is late."""
    stand.plan(("a", "late>2:b"), B, more=tier("restless"))
    stand.providers["a"].script("hang")
    answer = await stand.call()
    assert answer.status_code == 200
    assert stand.told() == [(1, "late"), (2, "200")]


async def test_a_tier_that_is_no_more(stand: Stand) -> None:
    """Route: a verdict made before a tier went has the listener's own times, and is served."""
    stand.plan(("a", "late>2:b"), B, more=tier("gone"))
    stand.providers["a"].script("hang")
    answer = await stand.call()
    assert answer.status_code == 200
    (first,), (second,) = stand.providers["a"].seen, stand.providers["b"].seen
    assert (second.at_s - first.at_s) * 1000 >= PER_TRY_MS - 20


async def test_a_caller_chooses_no_tier(stand: Stand) -> None:
    """P1: only the verdict names one."""
    stand.plan(("a", "late>2:b"), B)
    stand.providers["a"].script("200@200")
    answer = await stand.call({"x-envelope-tier": "quick", "tier": "quick"})
    assert answer.status_code == 200
    assert stand.told() == [(1, "200")]
