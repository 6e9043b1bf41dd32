"""Delays between tries at one target, and what a provider asks for, by real Envoy."""

from __future__ import annotations

import pytest

from tests.dataplane.scripted import DRIP_MS
from tests.dataplane.stand import PER_TRY_MS, Json, Stand

A, B = ("a", ""), ("b", "")


def delay(slot: int, ms: int) -> dict[str, Json]:
    return {f"envelope.attempt.{slot}": {"delay_ms": ms}}


def gap_ms(stand: Stand) -> float:
    seen = [*stand.providers["a"].seen, *stand.providers["b"].seen]
    first, second = sorted(request.at_s for request in seen)
    return (second - first) * 1000


@pytest.mark.parametrize("body", [None, b"second"])
async def test_a_retry_waits_its_delay(stand: Stand, body: bytes | None) -> None:
    """Route: `retry_config.delay` is a least time between two tries at one target."""
    bodies = {2: body} if body else None
    stand.plan(("a", "500>2:a"), A, more=delay(2, 150), bodies=bodies)
    stand.providers["a"].script("500")
    answer = await stand.call()
    assert answer.status_code == 200
    assert 145 <= gap_ms(stand) < 280
    assert stand.providers["a"].seen[1].body == (body or b'{"x":1}')
    assert stand.told() == [(1, "500"), (2, "200")]


async def test_another_target_is_asked_at_once(stand: Stand) -> None:
    """Route: nobody waits for a target that has not failed, whatever the one before asked for."""
    stand.plan(("a", "429>2:b"), B)
    stand.providers["a"].script("429+1")
    answer = await stand.call()
    assert answer.status_code == 200
    assert gap_ms(stand) < 100
    assert [(e.status, e.retry_after_s) for e in stand.ended()] == [(429, 1), (200, 0)]


async def test_a_retry_waits_as_long_as_its_provider_asks(stand: Stand) -> None:
    """Route: `retry-after` of a provider outweighs a shorter delay."""
    stand.plan(("a", "429>2:a"), A, more={**delay(2, 10), "envelope": {"tier": "patient"}})
    stand.providers["a"].script("429+1")
    answer = await stand.call()
    assert answer.status_code == 200
    assert 995 <= gap_ms(stand) < 1400


async def test_nobody_waits_for_a_provider_that_asks_for_much(stand: Stand) -> None:
    """Route: who asks for a minute would refuse every try of this call; its own delay holds."""
    stand.plan(("a", "429>2:a"), A, more=delay(2, 20))
    stand.providers["a"].script("429+60", "429+60")
    answer = await stand.call()
    assert answer.status_code == 429
    assert 19 <= gap_ms(stand) < 200
    assert [(e.status, e.retry_after_s) for e in stand.ended()] == [(429, 60), (429, 60)]


async def test_the_pause_counts_into_the_attempt(stand: Stand) -> None:
    """Route: a delay longer than an attempt may take leaves none; the next target is asked."""
    stand.plan(("a", "500>2:a"), ("a", "late>3:b"), B, more=delay(2, PER_TRY_MS + DRIP_MS))
    stand.providers["a"].script("500")
    answer = await stand.call()
    assert answer.status_code == 200
    assert stand.paths("a") == ["/1"]
    assert stand.paths("b") == ["/3"]
    assert stand.told() == [(1, "500"), (2, "late"), (3, "200")]


async def test_headers_are_set_and_removed(stand: Stand) -> None:
    """Contract 2, headers_override: of what goes to the provider, for this attempt."""
    more: dict[str, Json] = {
        "envelope.attempt.1": {"remove": ["user-agent", "x-caller"], "headers": {"x-team": "red"}}
    }
    stand.plan(("a", "500>2:b"), B, more=more)
    stand.providers["a"].script("500")
    await stand.call({"x-caller": "1", "x-team": "blue"})
    (first,) = stand.providers["a"].seen
    assert first.headers["x-team"] == "red"
    assert not {"user-agent", "x-caller"} & set(first.headers)


async def test_a_plan_cannot_say_how_the_message_is_made(stand: Stand) -> None:
    """P1: host, length and pseudo headers are Envoy's; credentials are taken out behind it."""
    forbidden = {"host": "evil", ":path": "/evil", "content-length": "1", "authorization": "k",
                 "transfer-encoding": "chunked", "x-envelope-sent": "0",
                 "x-api-key": "k"}  # fmt: skip
    fields: Json = {"headers": forbidden, "remove": ["content-length", ":path", "host"]}
    stand.plan(A, more={"envelope.attempt.1": fields})
    answer = await stand.call()
    assert answer.status_code == 200
    (request,) = stand.providers["a"].seen
    assert (request.path, request.body) == ("/1", b'{"x":1}')
    assert request.headers["host"].startswith("127.0.0.1")
    assert not {"authorization", "x-api-key", "x-envelope-sent"} & set(request.headers)
