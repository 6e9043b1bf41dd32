"""A report as one file that can be opened anywhere and hurts nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from extproc.audit.questions.charts import amount, svg
from extproc.audit.questions.database import Questions
from extproc.audit.questions.delimited import csv_text
from extproc.audit.questions.page import Evidence, html
from extproc.audit.questions.report import Chart, Column, Report, Table
from extproc.audit.questions.reports import REPORTS
from extproc.audit.questions.reports.scope import Scope
from tests.audit.questions.ledger_of_calls import HOSTILE, asked, write

EVIDENCE = Evidence(
    made_at="2026-10-01T00:00:00Z", period="from 2026-07-01", asked=f"envelope {HOSTILE}",
    origin="envelope", size=14, root="cm9vdA==", checkpoint="envelope\n14\ncm9vdA==\n\n- x y\n",
    key="envelope+aa+bb", notices=(HOSTILE,),
)  # fmt: skip
_VOID = frozenset(("meta", "br"))


class _Page(HTMLParser):
    """Which elements a page has, and whether they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if (tag not in _VOID and tag not in ("line", "rect")) or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Questions]:
    folder: Path = tmp_path_factory.mktemp("page")
    with asked(write(folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(questions: Questions) -> str:
    return html([make(questions, Scope()) for make in REPORTS.values()], EVIDENCE)


def test_what_callers_wrote_is_text(page: str) -> None:
    """P4: a team named like a script is shown, not run; control characters are not passed on."""
    assert "<script" not in page and "alert(1)" in page
    assert "\x1b" not in page and "\u202e" not in page
    read = _Page()
    read.feed(page)
    assert read.open == [] and "script" not in read.elements
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    """P4: one file; no address, no import, no font, and a policy that forbids them."""
    assert "default-src 'none'" in page
    assert not re.search(r"(?i)https?:|src=|href=|@import|url\(", page)


def test_it_says_what_it_stands_on(page: str) -> None:
    """P3: log, size, root, checkpoint, and how to check them."""
    for text in ("envelope\n14\ncm9vdA==", "envelope+aa+bb", "envelope audit verify", "14"):
        assert text in page
    without = html([_report([])], Evidence("now", "all", "asked"))
    assert "nothing here proves" in without and "<pre>" not in without


def test_a_chart_has_a_bar_for_each_value() -> None:
    """Audit: lengths are in proportion, every piece says its figures, an empty chart is none."""
    chart = Chart("t", ["a", "b"], [("x", [30.0, 0.0]), ("y", [10.0, 20.0])])
    drawn = svg(chart, 1)
    widths = [float(w) for w in re.findall(r'<rect[^>]* width="([\d.]+)"', drawn)]
    assert len(widths) == 3 and "<title>a, x: 30</title>" in drawn
    assert abs((widths[0] + 1) / (widths[1] + 1) - 3) < 0.05
    assert svg(Chart("t", [], []), 1) == svg(Chart("t", ["a"], [("x", [0.0])]), 1) == ""
    days = svg(
        Chart("t", [f"2026-07-{n:02}" for n in range(1, 32)], [("x", [1.0] * 31)], "days"), 2
    )
    assert days.count("<rect") == 31
    assert (amount(1234), amount(0.004, "usd"), amount(2.5, "usd")) == ("1,234", "0.004", "2.50")


def test_long_tables_are_cut_and_said() -> None:
    """Audit: the page stays readable; CSV has every row."""
    report = _report([(f"n{n}", n) for n in range(700)])
    page = html([report], EVIDENCE)
    assert "200 more rows" in page and "n499" in page and "n500" not in page
    assert len(csv_text(report.tables[0]).splitlines()) == 701


def test_no_cell_is_a_formula() -> None:
    """P4: CSV that a spreadsheet opens runs nothing."""
    text = csv_text(_report([("=1+1", 1), ("@x", -2), ("-3+4", 0)]).tables[0]).decode()
    assert text.splitlines() == ["name,n", "'=1+1,1", "'@x,-2", "'-3+4,0"]


def _report(rows: list[tuple[str, int]]) -> Report:
    table = Table("t", "A table", [Column("name"), Column("n", "count")], rows)
    return Report("t", "A report", "What?", [("rows", "1")], [table])
