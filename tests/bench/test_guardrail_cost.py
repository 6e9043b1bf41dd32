"""`bench.guardrail_cost`: linear work of all guardrails together, and the report's arithmetic."""

from __future__ import annotations

from functools import cache

import pytest

from bench import guardrail_cost
from bench.guardrail_cost import BODY, TYPES, built, growth, hook, markdown, ratios
from bench.guardrail_quality.bodies import HURTFUL, ORDINARY
from extproc.guardrails.selection import Selection

TEXTS = {**ORDINARY, **HURTFUL}


@cache
def selections() -> dict[str, Selection]:
    return built()


LARGE = 8 * BODY


def test_no_guardrail_is_left_out() -> None:
    """P8: what is called `all` is all of them."""
    assert set(selections()) == {*TYPES, "all"}
    assert len(selections()["all"].gates) == len(TYPES)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_as_large_as_said(name: str) -> None:
    """P8: cost per KB is of that many KB."""
    for size in (BODY, LARGE):
        assert size * 0.98 <= len(TEXTS[name](size).encode()) <= size * 1.02


def test_the_hook_looks_at_the_whole_body() -> None:
    """P8: what is measured is a scan of every character, not a refusal to look."""
    result = hook(selections()["all"], ORDINARY["dense personal data"](BODY))()
    assert result.scanned_chars >= BODY * 0.97  # type: ignore[attr-defined]
    assert not result.failed and not result.faults and result.findings  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TEXTS)
def test_cost_per_kilobyte_does_not_grow(name: str) -> None:
    """P8: eight times the text is about eight times the work; quadratic would be 8 here."""
    best = min(growth(selections()["all"], TEXTS[name], LARGE, 0.002) for _ in range(2))
    assert best < 3.5


FIGURES = {
    "cpu_us": {"pii": dict.fromkeys(ORDINARY, 40.0), "all": dict.fromkeys(ORDINARY, 100.0)},
    "nothing": {"envoy_us": 300.0, "python_us": 100.0, "total_us": 400.0},
    "presidio_us": dict.fromkeys(ORDINARY, 4000.0),
    "growth": {"digits": 0.9, "dots": 1.4},
}


def test_ratios_are_over_ordinary_chat() -> None:
    """P8: all guardrails together over a request that does nothing, and over Presidio."""
    found = list(ratios(FIGURES).values())
    assert found[:2] == [0.25, 1.0]
    assert found[2:6] == [0.025] * 4
    assert found[6] == 1.4


def test_what_was_not_measured_is_not_in_the_report() -> None:
    """P8: without rivals there is no ratio to them, and the table still stands."""
    alone = {**FIGURES, "nothing": None, "presidio_us": None}
    assert [name for name in ratios(alone) if "Presidio" in name or "nothing" in name] == []
    assert "Presidio" not in markdown(alone) and "| all | 100 |" in markdown(alone)
    assert "| Presidio's recognizers | 4,000 |" in markdown(FIGURES)


def test_a_type_that_cannot_be_built_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: a guardrail that is missing from the sum is said loudly."""
    monkeypatch.setattr(guardrail_cost, "TYPES", {"pii": {"no such setting": 1}, "secrets": {}})
    assert set(built(["pii", "secrets"])) == {"secrets", "all"}
    assert "NOT MEASURED: pii" in capsys.readouterr().err
