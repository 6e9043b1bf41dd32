"""A report as one HTML file: nothing is fetched, nothing runs, everything that came from callers is
escaped. Pure.

It says which log it is of, how large that log was, under which signed checkpoint, and how to check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from extproc.audit.questions.charts import legend, svg
from extproc.audit.questions.report import Column, Report, Row, Table, brief, words
from extproc.audit.questions.style import CSS

ROWS_MAX = 500
_WORD_MAX = 32
"""Longer texts may be broken anywhere: digests, names that callers chose."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_LANG = '<!doctype html>\n<html lang="en">'


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report stands on. `checkpoint`: the signed note, '' where there is none (exported
    records only); `size`, `root`: what it states. `asked`: the command; `sources`: of the records.
    """

    made_at: str
    period: str
    asked: str
    sources: Sequence[str] = ()
    origin: str = ""
    size: int = 0
    root: str = ""
    checkpoint: str = ""
    key: str = ""
    notices: Sequence[str] = ()


def html(reports: Sequence[Report], evidence: Evidence) -> str:
    """The file's whole text."""
    first = reports[0]
    title = first.title if len(reports) == 1 else "Audit reports"
    head = (
        f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="color-scheme" content="light dark">'
        f"<title>{words(title)}</title><style>{CSS}</style></head>"
    )
    body = "".join(_body(reports, evidence, title))
    return f"{_LANG}{head}<body><main>{body}</main></body></html>\n"


def _body(reports: Sequence[Report], evidence: Evidence, title: str) -> Iterator[str]:
    yield f"<header><h1>{words(title)}</h1>"
    yield f'<p class="period">{words(evidence.period)}</p>'
    yield f'<p class="made">made {words(evidence.made_at)}</p></header>'
    for notice in evidence.notices:
        yield f'<p class="notice" role="alert">{words(notice)}</p>'
    for number, report in enumerate(reports):
        yield from _report(report, number, heading=len(reports) > 1)
    yield from _proof(evidence)


def _report(report: Report, number: int, *, heading: bool) -> Iterator[str]:
    yield "<section>"
    if heading:
        yield f"<h2>{words(report.title)}</h2>"
    yield f'<p class="question">{words(report.answers)}</p>'
    tiles = (
        f"<div><dt>{words(label)}</dt><dd>{words(value)}</dd></div>"
        for label, value in report.figures
    )
    yield f'<dl class="tiles">{"".join(tiles)}</dl>'
    for n, chart in enumerate(report.charts):
        if drawn := svg(chart, number * 100 + n):
            caption = f"<figcaption>{words(chart.title)}</figcaption>"
            yield f"<figure>{caption}{legend(chart)}{drawn}</figure>"
    for table in report.tables:
        yield from _table(table)
    if report.notes:
        notes = "".join(f"<li>{words(note)}</li>" for note in report.notes)
        yield f'<aside><h3>How to read this</h3><ul class="notes">{notes}</ul></aside>'
    yield "</section>"


def _table(table: Table) -> Iterator[str]:
    yield f"<h3>{words(table.title)}</h3>"
    if table.note:
        yield f'<p class="note">{words(table.note)}</p>'
    if not table.rows:
        yield '<p class="none">none</p>'
        return
    heads = "".join(
        f'<th scope="col"{_side(column)}>{words(column.title)}</th>' for column in table.columns
    )
    rows = "".join(_row(row, table.columns) for row in table.rows[:ROWS_MAX])
    yield f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    yield "</div>"
    if len(table.rows) > ROWS_MAX:
        rest = len(table.rows) - ROWS_MAX
        yield f'<p class="note">{rest:,} more rows are not shown here; CSV and JSON have all.</p>'


def _row(row: Row, columns: Sequence[Column]) -> str:
    return f"<tr>{''.join(map(_cell, row, columns))}</tr>"


def _cell(value: object, column: Column) -> str:
    text = _text(value, column)
    name = _side(column) or (' class="long"' if len(text) > _WORD_MAX else "")
    return f"<td{name}>{words(text)}</td>"


def _text(value: object, column: Column) -> str:
    text = brief(value, column.kind)
    return text if len(text) <= 200 else text[:199] + "\u2026"


def _side(column: Column) -> str:
    match column.kind:
        case "count" | "usd":
            return ' class="n"'
        case "time":
            return ' class="t"'
        case _:
            return ""


def _proof(evidence: Evidence) -> Iterator[str]:
    facts = {
        "asked": evidence.asked,
        "records": ", ".join(evidence.sources),
        "log": evidence.origin,
        "entries in the log": f"{evidence.size:,}" if evidence.checkpoint else "",
        "root (RFC 6962)": evidence.root,
        "verifier key": evidence.key,
    }
    rows = "".join(
        f"<tr><th scope=row>{words(name)}</th><td><code>{words(value)}</code></td></tr>"
        for name, value in facts.items()
        if value
    )
    yield '<section class="proof"><h2>What this stands on, and how to check it</h2>'
    yield f'<div class="wide"><table>{rows}</table></div>'
    if evidence.checkpoint:
        yield "<p>The signed checkpoint under which this report was made:</p>"
        yield f"<pre>{escape(evidence.checkpoint)}</pre>"
        yield (
            "<p>This page is a summary and is not signed itself. Check the log it summarises with "
            "a key that you got elsewhere, and ask again:</p>"
            "<pre>envelope audit verify --key verifier.pub --checkpoint checkpoint\n"
            "envelope audit prove INDEX --key verifier.pub</pre>"
            "<p>An evidence pack (<code>envelope audit pack</code>) holds the records themselves "
            "with their proofs, and a program that checks them without this gateway.</p>"
        )
    else:
        yield (
            "<p>This report was made of exported records without their log: nothing here proves "
            "that they are complete or unchanged. An evidence pack does.</p>"
        )
    yield "</section>"
