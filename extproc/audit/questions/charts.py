"""Charts as SVG, drawn here: stacked bars by name, and stacked columns by day. Pure.

Promises: no script, nothing from elsewhere; colours are the page's variables, so that they follow
its light or dark dress; every piece says its value in words (`<title>`), and the tables beside a
chart hold its figures. Text of callers is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extproc.audit.questions.report import Chart, Kind, words

WIDTH = 760
_ROW, _BAR, _NAME, _END = 26, 16, 190, 90
_HEIGHT, _LEFT, _BOTTOM = 180, 56, 22
_NAME_CHARS = 28


_TONES = {
    "redacted": 2, "partly redacted": 5, "sent as it was": 1, "nothing found": 0,
    "not scanned": 4, "refused": 6, "answered": 0, "failed or cut off": 3,
    "mutate": 2, "audit": 1, "block": 0, "error": 3, "pending": 6,
}  # fmt: skip
"""Colours that mean the same in every chart."""


def svg(chart: Chart, number: int) -> str:
    """The chart as an `<svg>` element, `number` makes its ids unique; '' when it shows nothing."""
    if not chart.labels or not any(any(values) for _, values in chart.series):
        return ""
    drawn = _bars(chart) if chart.form == "bars" else _days(chart)
    height = len(chart.labels) * _ROW + 4 if chart.form == "bars" else _HEIGHT + _BOTTOM + 8
    title = f'<title id="c{number}">{words(chart.title)}</title>'
    return (
        f'<svg role="img" aria-labelledby="c{number}" viewBox="0 0 {WIDTH} {height}" '
        f'preserveAspectRatio="xMinYMin meet">{title}{"".join(drawn)}</svg>'
    )


def legend(chart: Chart) -> str:
    """Which colour is which series; '' for one."""
    if len(chart.series) < 2:
        return ""
    items = (
        f'<li><span class="key f{tone}"></span>{words(_cut(name or "-"))}</li>'
        for (name, _), tone in zip(chart.series, _tones(chart), strict=True)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _tones(chart: Chart) -> list[int]:
    """Of each series; those of `_TONES` where it knows all of them."""
    known = [_TONES.get(name) for name, _ in chart.series]
    return [n % 7 if tone is None or None in known else tone for n, tone in enumerate(known)]


def _bars(chart: Chart) -> Iterator[str]:
    totals = [sum(values[n] for _, values in chart.series) for n in range(len(chart.labels))]
    scale = (WIDTH - _NAME - _END) / (max(totals) or 1)
    for n, label in enumerate(chart.labels):
        top = n * _ROW + 4
        yield (
            f'<text class="name" x="{_NAME - 10}" y="{top + 12}" text-anchor="end">'
            f"{words(_cut(label))}</text>"
        )
        left = float(_NAME)
        for tone, (name, values) in zip(_tones(chart), chart.series, strict=True):
            width = values[n] * scale
            if width > 0:
                told = f"{label}, {name}: {amount(values[n], chart.kind)}"
                yield _piece(tone, left, top, max(width - 1, 0.75), _BAR, told)
                left += width
        yield (
            f'<text class="value" x="{left + 6:.1f}" y="{top + 12}">'
            f"{words(amount(totals[n], chart.kind))}</text>"
        )


def _days(chart: Chart) -> Iterator[str]:
    count = len(chart.labels)
    totals = [sum(values[n] for _, values in chart.series) for n in range(count)]
    top = _nice(max(totals))
    top = max(top, 2.0) if chart.kind == "count" else top
    yield from _grid(top, chart.kind)
    step = (WIDTH - _LEFT - 4) / count
    gap = 1 if step > 4 else 0
    for n, label in enumerate(chart.labels):
        floor = float(_HEIGHT)
        for tone, (name, values) in zip(_tones(chart), chart.series, strict=True):
            height = values[n] / top * (_HEIGHT - 10)
            if height > 0:
                floor -= height
                told = f"{label}, {name}: {amount(values[n], chart.kind)}"
                width = min(max(step - gap, 0.75), 48)
                yield _piece(tone, _LEFT + n * step, floor, width, height, told)
    yield from _ticks(chart.labels, step)


def _grid(top: float, kind: Kind) -> Iterator[str]:
    for part in (0, 0.5, 1):
        y = _HEIGHT - part * (_HEIGHT - 10)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        told = words(amount(top * part, kind))
        yield (f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
               f"{told}</text>")  # fmt: skip


def _ticks(labels: Sequence[str], step: float) -> Iterator[str]:
    """About one date for each 90 units of width."""
    every = max(1, round(90 / step))
    for n in range(0, len(labels), every):
        x = _LEFT + n * step
        if x < WIDTH - 64:
            yield (f'<text class="tick" x="{x:.1f}" y="{_HEIGHT + 16}">'
                   f"{words(labels[n])}</text>")  # fmt: skip


def _piece(tone: int, x: float, y: float, width: float, height: float, told: str) -> str:
    return (
        f'<rect class="f{tone}" x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" '
        f'height="{height:.2f}"><title>{words(told)}</title></rect>'
    )


def _nice(value: float) -> float:
    """The next round number whose half is one too."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 < value:
        power *= 10
    return next(power * step for step in (1, 2, 3, 4, 6, 8, 10) if power * step >= value)


def amount(value: float, kind: Kind = "count") -> str:
    """`12,345`; money and halves with as many digits as say something."""
    if kind != "usd" and value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if value >= 1 or not value else f"{value:.2g}"


def _cut(text: str) -> str:
    return text if len(text) <= _NAME_CHARS else text[: _NAME_CHARS - 1] + "\u2026"
