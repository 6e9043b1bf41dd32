"""`x-envoy-upstream-rq-timeout-ms`, put on by our own filter: one deadline for the whole call."""

from __future__ import annotations

from tests.dataplane.stand import PER_TRY_MS, Stand

DEADLINE = "x-envoy-upstream-rq-timeout-ms"


async def test_it_bounds_all_attempts_together(stand: Stand) -> None:
    """Contract 2, max_latency_ms: the second attempt gets what the first has left of it."""
    leads = "late>2:b"
    stand.plan(
        ("a", leads), ("b", "late>3:a"), ("a", ""), headers={DEADLINE: str(PER_TRY_MS + 150)}
    )
    stand.providers["a"].script("hang")
    stand.providers["b"].script("hang")
    answer = await stand.call()
    assert answer.status_code == 504
    assert stand.told() == [(1, "late"), (2, "late")]
    assert (stand.paths("a"), stand.paths("b")) == (["/1"], ["/2"])


async def test_a_deadline_below_the_time_of_one_attempt(stand: Stand) -> None:
    """P2: the call ends at its deadline; no other attempt follows, whatever is listed."""
    stand.plan(("a", "late>2:b"), ("b", ""), headers={DEADLINE: "100"})
    stand.providers["a"].script("hang")
    answer = await stand.call()
    assert answer.status_code == 504
    assert stand.told() == [(1, "late")]
    assert stand.paths("b") == []
    assert answer.elapsed.total_seconds() < PER_TRY_MS / 1000


async def test_no_provider_sees_it(stand: Stand) -> None:
    """P4: it is for the router alone."""
    stand.plan(("a", ""), headers={DEADLINE: "5000"})
    assert (await stand.call()).status_code == 200
    (request,) = stand.providers["a"].seen
    assert not [name for name in request.headers if name.startswith("x-envoy-")]


async def test_a_callers_own_is_removed(stand: Stand) -> None:
    """Contract 3: a caller sets no deadline in Envoy's words."""
    stand.plan(("a", "late>2:b"), ("b", ""))
    stand.providers["a"].script("hang")
    answer = await stand.call({DEADLINE: "50", "x-envoy-upstream-rq-per-try-timeout-ms": "50"})
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= PER_TRY_MS / 1000


async def test_an_answer_that_has_begun_ends_at_the_deadline(stand: Stand) -> None:
    """P1: half an answer is none; nothing of it leaves, and nobody else is asked."""
    stand.plan(("a", "late>2:b"), ("b", ""), headers={DEADLINE: "200"})
    stand.providers["a"].script("half")
    answer = await stand.call()
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"
    assert stand.paths("b") == []
