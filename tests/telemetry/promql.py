"""As much of PromQL as tells whether an expression names metrics and labels that exist.

Source: Prometheus, "Querying basics" and "Query operators".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?(?:e\d+)?)"""
    r"""|(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])|(?P<word>[a-zA-Z_:][\w:]*)"""
    r"""|(?P<match>=~|!~|!=)|(?P<sign>==|>=|<=|[-+*/<>(){},=])"""
)
WORDS = frozenset({"by", "and", "or", "unless"})
CALLS = frozenset({"sum", "max", "min", "topk", "rate", "histogram_quantile", "absent"})
TARGET_LABELS = frozenset({"environment", "job", "instance"})
"""What Prometheus adds by itself."""


@dataclass(frozen=True, slots=True)
class Used:
    """One selector: `metric{matchers}`, and whether `rate` counts it."""

    metric: str
    matchers: Mapping[str, tuple[str, str]]
    rated: bool


def tokens(expression: str) -> list[tuple[str, str]]:
    """(kind, text). Raises ValueError at what is none, and where brackets do not match."""
    found, at, opened = [], 0, list[str]()
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"no PromQL at {expression[at : at + 20]!r}")
        at = match.end()
        if match.lastgroup != "space":
            found.append((match.lastgroup, match[0]))
        if match[0] in "({":
            opened.append(match[0])
        elif match[0] in ")}" and (not opened or opened.pop() != {")": "(", "}": "{"}[match[0]]):
            raise ValueError("brackets do not match")
    if opened:
        raise ValueError("a bracket stays open")
    return found


def selectors(expression: str) -> Iterator[Used]:
    """Every metric that is asked for. Raises ValueError."""
    found = tokens(expression)
    for n, (kind, word) in enumerate(found):
        called = n + 1 < len(found) and found[n + 1][1] == "("
        if kind != "word" or word in WORDS or _inside(found, n):
            continue
        if called or word in CALLS:
            if word not in CALLS:
                raise ValueError(f"no function {word}")
            continue
        matchers, after = _matchers(found, n + 1)
        rated = n > 1 and found[n - 2][1] == "rate"
        ranged = after < len(found) and found[after][0] == "range"
        if rated != ranged:
            raise ValueError(f"{word}: `rate` and a range go together")
        yield Used(word, matchers, rated)


def grouped(expression: str) -> list[tuple[str, ...]]:
    """The labels of each `by (...)`."""
    groups = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return [tuple(label.strip() for label in group.split(",")) for group in groups]


def _inside(found: list[tuple[str, str]], n: int) -> bool:
    """Whether this is a label: inside braces, or of a `by (...)`."""
    for at in range(n - 1, -1, -1):
        kind, text = found[at]
        if text == "{":
            return True
        if text == "(":
            return at > 0 and found[at - 1][1] == "by"
        if kind not in ("word", "text", "match") and text not in (",", "="):
            return False
    return False


def _matchers(found: list[tuple[str, str]], at: int) -> tuple[dict[str, tuple[str, str]], int]:
    """label -> (operator, value), and what follows them."""
    if at >= len(found) or found[at][1] != "{":
        return {}, at
    matchers = {}
    end = next(n for n in range(at, len(found)) if found[n][1] == "}")
    for n in range(at + 1, end, 4):
        (_, label), (_, operator), (kind, value) = found[n : n + 3]
        if kind != "text" or operator not in ("=", "=~", "!=", "!~"):
            raise ValueError(f"{label}: no matcher")
        matchers[label] = (operator, value[1:-1])
    return matchers, end + 1
