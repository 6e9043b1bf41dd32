"""`docs/metrics.md` and the catalog say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from extproc.telemetry import catalog
from extproc.telemetry.catalog import Definition
from extproc.telemetry.series import SERIES_MAX, VALUES_MAX

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
DEFINITIONS = {d.name: d for d in (*catalog.RECORDED, *catalog.READ_ON_DEMAND)}
ROWS = {name: rest for name, rest in re.findall(r"^\| `(\w+)` (\|.*\|)$", PAGE, re.MULTILINE)}


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.shown_labels) or "-"
    more = ", metadata" if definition.by_metadata else ""
    return f"| {definition.kind} | {labels}{more} | {definition.meaning} |"


def test_page_lists_exactly_the_catalog() -> None:
    """Contract 3, `/metrics`: no metric without a line, no line without a metric."""
    assert sorted(ROWS) == sorted(DEFINITIONS)


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_line_says_what_the_catalog_says(name: str) -> None:
    """Contract 3, `/metrics`: kind, labels and meaning of each metric."""
    assert ROWS[name] == _row(DEFINITIONS[name])


def test_page_names_the_bounds() -> None:
    """Contract 3, `/metrics`: the bounds of the labels are the real ones."""
    assert f"after {VALUES_MAX} values of a label or {SERIES_MAX:,} series" in PAGE


def test_every_definition_is_listed_once() -> None:
    """Contract 3, `/metrics`: a definition outside both lists would never be published."""
    every = [d for d in vars(catalog).values() if isinstance(d, Definition)]
    assert sorted(d.name for d in every) == sorted(DEFINITIONS)
    assert len(catalog.FIRST_TOKEN_S) == 21
    assert len(catalog.PER_TOKEN_S) == 13
    assert (catalog.TOKENS[-1], catalog.DURATION_S[-1]) == (67_108_864, 81.92)
