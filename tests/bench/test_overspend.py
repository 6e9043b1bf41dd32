"""The report of `bench.overspend`: its arithmetic, and that every product gets the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench import overspend
from bench.litellm import install
from bench.litellm.proxy import QUIET, settings
from bench.spend.callers import Outcome, outcome, play
from bench.spend.envelope import envelope
from bench.spend.product import CannotRun, Product
from bench.spend.provider import Provider, provider
from bench.spend.report import Row, markdown
from bench.spend.scenarios import (
    BUDGET_USD,
    CALL_USD,
    MAX_TOKENS,
    MODEL,
    ROOM,
    SCENARIOS,
    bill_usd,
)

ANSWERED = Outcome(answered=100, left=0, refused=400, failed=0)
BURST = SCENARIOS[0]


def row(billed: float, believed: float | None = 1.0) -> Row:
    return Row("p", "burst", ANSWERED, billed, 1.0, believed)


@pytest.mark.parametrize(
    ("billed", "over", "percent"),
    [(1.25, 0.25, 25.0), (1.0, 0, 0), (0.5, 0, 0), (1.0000000000000007, 0, 0), (1.01, 0.01, 1.0)],
)
def test_overspend_is_the_bill_beyond_the_budget(
    billed: float, over: float, percent: float
) -> None:
    """P2: what was billed above the budget counts, what was left does not; floats do not count."""
    assert row(billed).overspend == pytest.approx(over)
    assert row(billed).overspend_percent == pytest.approx(percent)


def test_a_row_shows_what_happened() -> None:
    """P2: bill, budget, overspend and belief stand beside each other, unknown beliefs as such."""
    table = markdown([row(1.25, None)])
    assert "| p | 100 | 0 | 400 | 0 | 1.2500 | 1.00 | 0.2500 | 25.0 | unknown |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_every_call_ends_in_one_count() -> None:
    """P2: answered, hung up, refused, failed: nothing is lost, nothing counts twice."""
    ends = Counter(["answered"] * 3 + ["left"] * 2 + ["429", "422", "503", "ClientOSError"])
    found = outcome(ends)
    assert found == Outcome(3, 2, 2, 2, (("422", 1), ("429", 1), ("503", 1), ("ClientOSError", 1)))


def test_the_budget_has_room_for_exactly_the_dearest_calls() -> None:
    """P2: `ROOM` calls of the greatest length cost the budget, to the cent."""
    assert bill_usd(ROOM * MAX_TOKENS) == pytest.approx(BUDGET_USD)
    assert bill_usd(MAX_TOKENS) == pytest.approx(CALL_USD)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_scenarios_ask_for_no_more_than_they_state(scenario: object) -> None:
    """P2: an answer is never longer than the caller's maximum, so a reservation can be exact."""
    assert isinstance(scenario, type(BURST))
    words = [scenario.words(n) for n in range(scenario.calls)]
    assert (min(words), max(words)) == (scenario.words_least, MAX_TOKENS)
    for n in (0, 1, 17):
        body = json.dumps(scenario.body(n, MODEL))
        assert f"[[tokens: {scenario.words(n)}]]" in body
        assert scenario.body(n, MODEL)["max_tokens"] == MAX_TOKENS


def test_a_third_hangs_up() -> None:
    """P2: the second scenario is what it says."""
    leavers = next(s for s in SCENARIOS if s.name == "leavers")
    share = sum(leavers.leaves(n) for n in range(leavers.calls)) / leavers.calls
    assert share == pytest.approx(1 / 3, abs=0.01)
    assert not any(BURST.leaves(n) for n in range(BURST.calls))


# --- the other product ---------------------------------------------------------------------------


def test_the_other_product_is_pinned() -> None:
    """House rule: every version with its hashes, no address of an index, no other source."""
    lines = Path(install.REQUIREMENTS).read_text().splitlines()
    pins = [line for line in lines if re.match(r"^[A-Za-z0-9]", line)]
    assert f"litellm=={install.version()} \\" in pins
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==\S+ \\", pin) for pin in pins)
    hashes = sum("--hash=sha256:" in line for line in lines)
    assert hashes >= len(pins)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_the_other_product_stays_on_this_machine() -> None:
    """House rule: loopback only, and nothing fetched at run time."""
    text = json.dumps(settings(Provider(9100), {}, 6379))
    assert set(re.findall(r"https?://([^/:]+)", text)) == {"127.0.0.1"}
    assert '"host": "127.0.0.1"' in text
    fetches = [name for name in QUIET if name.startswith("LITELLM_LOCAL_")]
    assert len(fetches) == 4 and all(QUIET[name] == "True" for name in fetches)


def test_the_other_product_has_the_same_price() -> None:
    """P2: one price on both sides, and room for the same calls."""
    params = settings(Provider(9100), {}, None)["model_list"][0]["litellm_params"]
    assert params["output_cost_per_token"] * MAX_TOKENS == pytest.approx(CALL_USD)
    assert params["input_cost_per_token"] == 0


# --- ours ----------------------------------------------------------------------------------------


@pytest.mark.e2e
async def test_envelope_stays_within_the_budget() -> None:
    """P2: the benchmark's own first scenario, smaller: exactly the room is answered."""
    small = replace(BURST, calls=ROOM + 20, delay_s=0.1)
    async with provider() as stand_in, envelope(stand_in, "Envelope") as product:
        found = await play(small, product.urls, product.keys[small.name], product.model)
        assert (found.answered, found.refused, found.failed) == (ROOM, 20, 0)
        assert found.statuses == (("429", 20),)
        assert await stand_in.billed_usd() == pytest.approx(BUDGET_USD)
        assert await product.final_belief_usd(small.name) == pytest.approx(BUDGET_USD)


async def test_a_product_that_cannot_start_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """P2: a comparison that did not take place is said loudly; the others go on."""

    async def install(folder: Path) -> Path:
        raise CannotRun("no such package")

    @asynccontextmanager
    async def broken() -> AsyncIterator[Product]:
        raise CannotRun("it does not start")
        yield

    monkeypatch.setattr(overspend, "install", install)
    monkeypatch.setattr(overspend, "ours", lambda stand_in: [broken])
    assert await overspend.run([BURST], envelope_only=False) == []
    said = capsys.readouterr().err
    assert "NOT COMPARED: no such package" in said
    assert "NOT COMPARED: it does not start" in said
