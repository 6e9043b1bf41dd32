"""A report as a value: figures, charts and tables, whatever they are shown as. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Literal

from extproc.audit.spend import usd
from extproc.audit.table import clean

Kind = Literal["text", "count", "usd", "time"]
"""`usd`: the value is nano-USD, an integer. `time`: UTC."""
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the CSV's heading too; `title` is for people."""

    name: str
    kind: Kind = "text"

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: one value per column. `note`: what a reader must know about it."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars: for each label, one value per series. `days`: labels are days, in order."""

    title: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[float]]]
    form: Literal["bars", "days"] = "bars"
    kind: Kind = "count"


@dataclass(frozen=True, slots=True)
class Report:
    """`answers`: the question in words. The first table is the answer."""

    name: str
    title: str
    answers: str
    figures: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()


def shown(value: Any, kind: Kind = "text") -> str:
    """A cell for people: thousands are grouped, times end in Z, nothing is `-`."""
    if value is None or value == "":
        return "-"
    match kind:
        case "count":
            return f"{value:,}"
        case "usd":
            return usd(int(value))
        case _:
            return str(plain(value))


def brief(value: Any, kind: Kind = "text") -> str:
    """As `shown`, times to the minute; JSON and CSV have all of them."""
    text = shown(value, kind)
    return text[:16].replace("T", " ") if kind == "time" else text


def plain(value: Any) -> Any:
    """A value that JSON and CSV can hold, without loss: times as RFC 3339, decimals as text."""
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds") + "Z"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.hex()
        case dict():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return str(value)


def words(text: str) -> str:
    """Text of anybody's as HTML: no markup, one line, nothing that turns the writing around."""
    return escape(clean(text))


def row_json(table: Table, row: Row) -> dict[str, Any]:
    """One row with its columns' names; money in nano-USD, `cost_usd` as `cost_nano_usd`."""
    return {
        column.name.removesuffix("_usd") + "_nano_usd" if column.kind == "usd" else column.name: (
            plain(value)
        )
        for column, value in zip(table.columns, row, strict=True)
    }


def _number(text: str) -> int | str:
    """A figure without its thousands' commas: a count as a number, money as exact text."""
    bare = text.replace(",", "")
    return int(bare) if bare.isdecimal() else bare


def report_json(report: Report) -> dict[str, Any]:
    """The whole report, without its charts."""
    return {
        "report": report.name,
        "question": report.answers,
        "figures": {label: _number(text) for label, text in report.figures},
        "tables": {t.name: [row_json(t, row) for row in t.rows] for t in report.tables},
        "notes": list(report.notes),
    }
