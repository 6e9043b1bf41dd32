"""Conditions that are always true: `WHERE 1=1`, `WHERE id = 3 OR true`, `WHERE id = id`.

Promises: linear in the tokens; knows constants and comparisons of a thing with itself. What it
does not know (functions, sub-queries, arithmetic) it takes for a real condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from extproc.guardrails.detectors.sql_sanitizer_tokens import Kind

Word = tuple[Kind, str]
"""Kind and text in lower case of one token."""

CONDITION_MAX = 200
"""Tokens of a condition that are looked at."""

_DEEP_MAX = 8
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": float.__eq__, "<": float.__lt__, ">": float.__gt__, "<=": float.__le__,
    ">=": float.__ge__, "<>": float.__ne__, "!=": float.__ne__,
}  # fmt: skip
_EQUAL = ("=", "<=", ">=", "==", "like", "is", "<=>")


def is_always_true(words: Sequence[Word], deep: int = 0) -> bool:
    """Whether the words of a condition hold for every row."""
    while len(words) > 1 and words[0][1] == "(" and _closing(words) == len(words) - 1:
        words = words[1:-1]
    if not words or deep > _DEEP_MAX:
        return False
    for signs, decides in ((("or", "|"), any), (("and",), all)):
        parts = _parts(words, signs)
        if len(parts) > 1:
            return decides(is_always_true(part, deep + 1) for part in parts)
    return _is_true(words)


def _closing(words: Sequence[Word]) -> int:
    depth = 0
    for index, (_, text) in enumerate(words):
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth == 0:
            return index
    return len(words)


def _parts(words: Sequence[Word], signs: tuple[str, ...]) -> list[Sequence[Word]]:
    """The words between `signs` outside of parentheses."""
    parts: list[Sequence[Word]] = []
    depth = begin = 0
    for index, (_, text) in enumerate(words):
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth == 0 and text in signs:
            parts.append(words[begin:index])
            begin = index + 1
    return [*(part for part in parts if part), words[begin:]]


def _is_true(words: Sequence[Word]) -> bool:
    texts = [text for _, text in words]
    if len(texts) == 1:
        return texts[0] == "true" or (_number(texts[0]) or 0) != 0
    if texts[0] == "not":
        return texts[1:] in (["false"], ["0"])
    operator = "".join(texts[1:-1])
    left, right = _number(texts[0]), _number(texts[-1])
    if left is not None and right is not None and operator in _COMPARE:
        return _COMPARE[operator](left, right)
    if texts[0] == texts[-1] and operator in _EQUAL:
        return True
    both = words[0][0] is words[-1][0] is Kind.STRING
    return both and operator in ("<>", "!=") and texts[0] != texts[-1]


def _number(text: str) -> float | None:
    try:
        return float(text) if text[:1].isdigit() else None
    except ValueError:
        return None
