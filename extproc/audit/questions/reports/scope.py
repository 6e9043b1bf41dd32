"""Which entries a report is about, how it is grouped, and the small SQL that all reports share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from extproc.audit.questions.database import Questions
from extproc.audit.questions.filters import dimension
from extproc.audit.questions.report import Chart, Column, Kind, Table

CHART_ROWS = 12
DAYS_MAX = 400


@dataclass(frozen=True, slots=True)
class Scope:
    """`where`: SQL over `entries`. `by`: dimensions; () = the report's own.

    `data_classes`: globs of the metadata value `data_class` that mean customer data; () = every
    class but those that say there is none.
    """

    where: str = "true"
    by: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ()

    def calls(self) -> str:
        """SQL: the entries that are calls."""
        return f"(SELECT * FROM entries WHERE kind = 'call' AND {self.where})"

    def events(self) -> str:
        """SQL: the entries that are not."""
        return f"(SELECT * FROM entries WHERE kind = 'event' AND {self.where})"

    def dimensions(self, *default: str) -> tuple[tuple[str, ...], str]:
        """Names, and the SQL list `expression AS d0, ...`."""
        names = self.by or default
        listed = ", ".join(f"{dimension(name)} AS d{n}" for n, name in enumerate(names))
        return names, listed


def places(names: Sequence[str]) -> str:
    """SQL: `d0, d1, ...`, as `dimensions` names them."""
    return ", ".join(f"d{n}" for n in range(len(names)))


def grouped(keys: int, first: str = "n DESC") -> str:
    """SQL: groups by the first `keys` columns, the largest first, then by those keys."""
    places = ", ".join(str(n + 1) for n in range(keys))
    return f"GROUP BY {places} ORDER BY {first}, {places}"


def columns(*given: str) -> list[Column]:
    """`name` or `name:kind`."""
    found = []
    for one in given:
        name, _, kind = one.partition(":")
        chosen: Kind = "text"
        for known in ("count", "usd", "time"):
            chosen = known if kind == known else chosen
        found.append(Column(name, chosen))
    return found


def table(
    questions: Questions, name: str, title: str, listed: Sequence[str], sql: str, note: str = ""
) -> Table:
    """A table from one SELECT; `listed`: its columns, as for `columns`."""
    return Table(name, title, columns(*listed), questions.rows(sql), note)


def one_row(questions: Questions, sql: str) -> tuple[Any, ...]:
    """The only row of an answer."""
    return questions.rows(sql)[0]


def bars(title: str, rows: Sequence[tuple[str, str, float]], kind: Kind = "count") -> Chart:
    """Stacked bars from (label, series, value) rows; the longest bars first, few of them."""
    totals: dict[str, float] = {}
    series: dict[str, dict[str, float]] = {}
    for label, name, value in rows:
        totals[label] = totals.get(label, 0) + float(value or 0)
        of_name = series.setdefault(name, {})
        of_name[label] = of_name.get(label, 0) + float(value or 0)
    labels = sorted(totals, key=lambda label: (-totals[label], label))
    shown, rest = labels[:CHART_ROWS], labels[CHART_ROWS:]
    named = [
        (name, [*(values.get(label, 0) for label in shown),
                *([sum(values.get(label, 0) for label in rest)] if rest else [])])
        for name, values in _few(series).items()
    ]  # fmt: skip
    return Chart(title, [*shown, *([f"{len(rest)} more"] if rest else [])], named, kind=kind)


def _few(series: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """At most six series, the largest first; what is left is one of its own."""
    order = sorted(series, key=lambda name: (-sum(series[name].values()), name))
    few = {name: series[name] for name in order[:6]}
    rest: dict[str, float] = {}
    for name in order[6:]:
        for label, value in series[name].items():
            rest[label] = rest.get(label, 0) + value
    return few | ({"others": rest} if rest else {})


def per_day(
    questions: Questions, title: str, relation: str, series: str, value: str = "count(*)",
    kind: Kind = "count",
) -> Chart:  # fmt: skip
    """One column a day, days without anything included; `series`: SQL for a row's series."""
    rows = questions.rows(
        f"SELECT time::DATE AS day, {series} AS series, {value} AS v FROM {relation} "
        "WHERE time IS NOT NULL GROUP BY ALL"
    )
    days = questions.rows(
        f"SELECT unnest(generate_series(a::TIMESTAMP, b::TIMESTAMP, INTERVAL 1 DAY))::DATE FROM "
        f"(SELECT greatest(min(time)::DATE, max(time)::DATE - {DAYS_MAX}) AS a, "
        f"max(time)::DATE AS b FROM {relation}) WHERE a IS NOT NULL"
    )
    labels = [day.isoformat() for (day,) in days]
    at = {label: n for n, label in enumerate(labels)}
    grouped: dict[str, dict[str, float]] = {}
    for day, name, number in rows:
        if day.isoformat() in at:
            grouped.setdefault(str(name), {})[day.isoformat()] = float(number or 0)
    named = [(n, [v.get(label, 0) for label in labels]) for n, v in _few(grouped).items()]
    return Chart(title, labels, named, form="days", kind=kind)
