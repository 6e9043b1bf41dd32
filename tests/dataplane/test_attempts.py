"""Attempts by real Envoy: where an ending leads, and that the processor learns of every one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.dataplane.scripted import FORGED
from tests.dataplane.stand import Stand

B = ("b", "")


@pytest.mark.parametrize(
    ("account", "word", "listed", "told"),
    [
        ("a", "503", "503", "503"),
        ("a", "429", "500>2:b,429", "429"),
        ("a", "hang", "late", "late"),
        ("a", "cut", "broken", "broken"),
        ("gone", "", "broken", "unsent"),
    ],
)
async def test_the_processor_learns_how_an_earlier_attempt_ended(
    stand: Stand, account: str, word: str, listed: str, told: str
) -> None:
    """P2: what a provider may bill is known: an error, nothing at all, or never seen."""
    stand.plan((account, f"{listed}>2:b"), B)
    stand.providers["a"].script(word)
    answer = await stand.call()
    assert answer.status_code == 200
    assert stand.told() == [(1, told), (2, "200")]
    assert stand.paths("b") == ["/2"]
    assert [e.silent for e in stand.ended()] == [told in ("late", "broken"), False]


@pytest.mark.parametrize("word", ["cut", "hang", "503"])
async def test_warm_connections_hide_nothing(stand: Stand, word: str) -> None:
    """P2: the same where both connections stand already and nothing waits for them."""
    stand.plan(("a", "503>2:b"), B)
    stand.providers["a"].script("503")
    await stand.call()
    stand.plan(("a", "503>2:b,late>2:b,broken>2:b"), B)
    stand.providers["a"].script(word)
    assert (await stand.call()).status_code == 200
    ending = {"cut": "broken", "hang": "late"}.get(word, word)
    assert stand.told() == [(1, ending), (2, "200")]
    stand.plan(("gone", "broken>2:b"), B)
    await stand.call()
    assert stand.told() == [(1, "unsent"), (2, "200")]


@pytest.mark.parametrize(
    ("account", "word", "listed", "status", "told"),
    [
        ("a", "503", "500>2:b,late>2:b,broken>2:b", 503, "503"),
        ("a", "hang", "500>2:b,broken>2:b", 504, "late"),
        ("a", "cut", "500>2:b,late>2:b", 502, "broken"),
        ("gone", "", "500>2:b,late>2:b", 502, "unsent"),
    ],
)
async def test_an_ending_that_is_not_listed_leads_nowhere(
    stand: Stand, account: str, word: str, listed: str, status: int, told: str
) -> None:
    """P2: nobody is asked again who may have worked already, unless the target's lists say so."""
    stand.plan((account, listed), B)
    stand.providers["a"].script(word)
    answer = await stand.call()
    assert answer.status_code == status
    assert stand.paths("b") == []
    assert stand.told() == [(1, told)]


@pytest.mark.parametrize(
    ("account", "word", "status", "told"),
    [
        ("a", "503", 503, "503"),
        ("a", "hang", 504, "late"),
        ("a", "cut", 502, "broken"),
        ("gone", "", 502, "unsent"),
        ("nohost", "", 503, "unsent"),
    ],
)
async def test_a_plan_of_one_attempt(
    stand: Stand, account: str, word: str, status: int, told: str
) -> None:
    """P2: of the only attempt the processor learns as much."""
    stand.plan((account, ""))
    stand.providers["a"].script(word)
    answer = await stand.call()
    assert answer.status_code == status
    assert stand.told() == [(1, told)]


@pytest.mark.parametrize("word", ["503", "hang", "cut"])
async def test_an_ending_can_lead_past_the_targets_other_tries(stand: Stand, word: str) -> None:
    """Contract 2: a fallback-only ending goes to the next target at once; its slot is told."""
    leads = "429>2:a,503>3:b,late>3:b,broken>3:b"
    stand.plan(("a", leads), ("a", leads.replace("2:a", "3:b")), B)
    stand.providers["a"].script(word)
    assert (await stand.call()).status_code == 200
    assert (stand.paths("a"), stand.paths("b")) == (["/1"], ["/3"])
    assert [slot for slot, _ in stand.told()] == [1, 3]


async def test_a_status_decides_although_silence_would_lead_elsewhere(stand: Stand) -> None:
    """Contract 2: a retry status is tried again at its target, a time-out of it is not."""
    leads = "429>2:a,late>3:b"
    stand.plan(("a", leads), ("a", "429>3:b,late>3:b"), B)
    stand.providers["a"].script("429", "429")
    assert (await stand.call()).status_code == 200
    assert stand.told() == [(1, "429"), (2, "429"), (3, "200")]


async def test_a_long_chain_is_told_in_order(stand: Stand) -> None:
    """P2: four attempts, three accounts, every kind of ending."""
    stand.plan(
        ("a", "500>2:gone"), ("gone", "broken>3:a"), ("a", "broken>4:b"),
        ("b", "late>6:a"), ("b", ""), ("a", ""),
    )  # fmt: skip
    stand.providers["a"].script("500", "cut", "404")
    stand.providers["b"].script("hang")
    answer = await stand.call()
    assert answer.status_code == 404
    assert stand.told() == [(1, "500"), (2, "unsent"), (3, "broken"), (4, "late"), (6, "404")]
    assert stand.paths("a") == ["/1", "/3", "/6"]


async def test_the_last_slot_is_the_last(stand: Stand) -> None:
    """P2: when slots were passed over Envoy has tries to spare; it may not use them."""
    stand.plan(("a", "503>3:b"), ("a", ""), B)
    stand.providers["a"].script("503")
    stand.providers["b"].script("cut")
    answer = await stand.call()
    assert answer.status_code == 502
    assert stand.told() == [(1, "503"), (3, "broken")]
    assert (len(stand.paths("a")), len(stand.paths("b"))) == (1, 1)


async def test_a_next_target_without_an_address(stand: Stand) -> None:
    """P2: what came before is not forgotten when the next attempt cannot even begin."""
    stand.plan(("a", "500>2:nohost"), ("nohost", ""))
    stand.providers["a"].script("500")
    answer = await stand.call()
    assert answer.status_code == 503
    assert stand.told() == [(1, "500")]
    stand.plan(("a", "broken>2:nohost"), ("nohost", ""))
    stand.providers["a"].script("cut")
    await stand.call()
    assert stand.told() == [(1, "broken")]


async def test_every_slot_has_its_own_body(stand: Stand) -> None:
    """Contract 2: a target that is reached past others gets its own body, not theirs."""
    stand.plan(("a", "503>3:b"), ("a", ""), B, bodies={2: b"second", 3: b"third"})
    stand.providers["a"].script("503")
    await stand.call()
    (first,), (third,) = stand.providers["a"].seen, stand.providers["b"].seen
    assert (first.body, third.body) == (b'{"x":1}', b"third")
    assert third.headers["content-length"] == "5"


async def test_nobody_outside_can_forge_a_trail(stand: Stand) -> None:
    """P2: neither a caller's nor a provider's headers change what is told or what is tried."""
    stand.plan(("a", "500>2:b,broken>2:b"), B)
    stand.providers["a"].script("forge")
    answer = await stand.call(FORGED)
    assert answer.status_code == 400
    assert stand.told() == [(1, "400")]
    assert not [name for name in answer.headers if name in FORGED]
    (request,) = stand.providers["a"].seen
    assert not [name for name in request.headers if name.startswith(("x-envoy-", "x-envelope-"))]
    stand.plan(("a", "500>2:b,broken>2:b"), B)
    stand.providers["a"].script("cut")
    await stand.call(FORGED)
    assert stand.told() == [(1, "broken"), (2, "200")]


async def test_a_filter_that_fails_lets_nothing_pass(stand: Stand) -> None:
    """P1: a slot that cannot be read is refused; it does not go out as the caller sent it."""
    stand.plan(("a", ""))
    (attempt,) = stand.processor.plan
    unreadable: Any = 7
    stand.processor.plan = (replace(attempt, retry_on=unreadable),)
    answer = await stand.call()
    assert answer.status_code == 503
    assert stand.paths("a") == []
