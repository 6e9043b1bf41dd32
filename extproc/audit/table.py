"""Plain text tables for a terminal. Pure.

Promises: what callers wrote (metadata, model names) cannot move the cursor, colour the terminal or
break a row: control and other unprintable characters are shown as `?`.
"""

from __future__ import annotations

from collections.abc import Sequence

from extproc.audit.query import as_text, look_up
from extproc.audit.spend import usd
from extproc.audit.values import Entry

ENTRY_HEADER = ("INDEX", "AT", "DECISION", "OUTCOME", "CODE", "PRINCIPAL", "TEAM", "MODEL",
                "TOKENS", "USD")  # fmt: skip
WIDTHS = (7, 24, 36, 14, 22, 20, 16, 32, 9, 12)
_CELL_MAX = 48


_OF_CALL = (
    ("decision.code",),
    ("principal.name",),
    ("principal.team", "metadata.team"),
    ("served.model", "request.model"),
)
_OF_EVENT = (("event.action",), ("actor.name",), (), ("event.target",))
"""Where CODE, PRINCIPAL, TEAM and MODEL come from, the first that is there: an event shows what was
done, by whom, to what."""


def entry_cells(entry: Entry) -> list[str]:
    """One entry as a row under ENTRY_HEADER."""
    usage = entry.get("usage") or {}
    tokens = sum(v for k, v in usage.items() if k in _COUNTED and type(v) is int)
    cost = entry.get("cost_nano_usd")
    named = _OF_EVENT if entry.get("kind") == "event" else _OF_CALL
    return [
        *(_text(entry.get(name)) for name in ("index", "at", "decision_id")),
        _text(look_up(entry, "decision.outcome")),
        *(next((t for p in paths if (t := _text(look_up(entry, p))) != "-"), "-")
          for paths in named),
        str(tokens) if usage else "-",
        usd(cost) if type(cost) is int else "-",
    ]  # fmt: skip


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], right: int = 2) -> str:
    """Aligned columns, the last `right` of them to the right; ends without a newline."""
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(row_text(row, widths, right) for row in cells)


def row_text(row: Sequence[str], widths: Sequence[int], right: int = 2) -> str:
    """One row in given widths (for output that is not known as a whole yet)."""
    edge = len(row) - right
    padded = (
        printable(cell).rjust(width) if i >= edge else printable(cell).ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def printable(text: str) -> str:
    """`text` on one line, without anything a terminal would act on, cut to a readable length."""
    whole = clean(text)
    return whole if len(whole) <= _CELL_MAX else whole[: _CELL_MAX - 1] + "\u2026"


def clean(text: str) -> str:
    """`text` with every character that is not printable shown as `?`: line breaks, control
    characters, and those that turn the direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


_COUNTED = frozenset(
    ("input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens",
     "audio_input_tokens", "image_input_tokens", "output_tokens", "audio_output_tokens")
)  # fmt: skip


def _text(value: object) -> str:
    return as_text(value) or "-"
