"""The length guardrail: characters, words, tokens; each text and all of them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.length_settings import LengthSettings
from extproc.guardrails.checks.length import SAMPLE_CHARS, check
from extproc.usage.tokens import TokenCounter
from tests.guardrails.checks.builders import exam, told


def judged(*texts: str, **fields: Any) -> list[tuple[str, str]]:
    return told(check(LengthSettings.model_validate(fields)).examine(exam(*texts)))


@pytest.mark.parametrize(("fields", "found"), [
    ({"each": {"max_chars": 5}}, []), ({"each": {"max_chars": 4}}, [("TOO_LONG", "t[0]")]),
    ({"each": {"min_chars": 3}}, [("TOO_SHORT", "t[1]")]), ({"each": {"min_words": 1}}, []),
    ({"each": {"max_words": 1}}, [("TOO_LONG", "t[0]")]), ({"total": {"max_words": 3}}, []),
    ({"total": {"max_words": 2}}, [("TOO_LONG", "")]), ({"total": {"min_chars": 7}}, []),
    ({"total": {"min_chars": 8}}, [("TOO_SHORT", "")]), ({"total": {"max_tokens": 3}}, []),
    ({"total": {"max_tokens": 2}}, [("TOO_LONG", "")]),
    ({"total": {"max_chars": 0, "max_words": 0}}, [("TOO_LONG", "")]),
    ({"each": {"max_chars": 1}, "total": {"max_chars": 1}},
     [("TOO_LONG", "t[0]"), ("TOO_LONG", "t[1]"), ("TOO_LONG", "")]),
])  # fmt: skip
def test_bounds(fields: dict[str, Any], found: list[tuple[str, str]]) -> None:
    """P3: both ends are allowed; each text by its path, the total by none; a label once."""
    assert judged("ab cd", "ef", **fields) == found


def test_no_text_is_not_a_short_one() -> None:
    """P3: an answer that only calls a tool has no text to be too short."""
    assert judged(total={"min_chars": 1}) == []
    assert judged("", total={"min_chars": 1}) == [("TOO_SHORT", "")]


@pytest.mark.parametrize("unit", ["word ", "日本語", "x9$ ", "a"])
def test_long_texts_are_estimated(unit: str) -> None:
    """P8: a long text's tokens are those of samples, within a tenth for even text."""
    text = unit * (4 * SAMPLE_CHARS // len(unit))
    exact = TokenCounter().raw(text)
    assert judged(text, total={"max_tokens": exact * 9 // 10}) == [("TOO_LONG", "")]
    assert judged(text, total={"max_tokens": exact * 11 // 10}) == []


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=4), bound=st.integers(0, 60))
def test_characters_are_exact(texts: list[str], bound: int) -> None:
    """P3: a bound of characters is a bound of code points."""
    total = sum(map(len, texts))
    assert bool(judged(*texts, total={"max_chars": bound})) == (total > bound)
    assert bool(judged(*texts, total={"min_chars": bound})) == (total < bound)


@pytest.mark.parametrize("wrong", [
    {}, {"each": {}}, {"each": {"min_chars": 2, "max_chars": 1}}, {"each": {"max_chars": -1}},
    {"total": {"max_lines": 2}}, {"total": {"max_chars": "5"}},
])  # fmt: skip
def test_bounds_nobody_can_meet_are_mistakes(wrong: dict[str, Any]) -> None:
    """P7: no bound at all, a least above the most, unknown units."""
    with pytest.raises(ValueError):
        LengthSettings.model_validate(wrong)
