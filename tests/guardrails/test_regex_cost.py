"""Patterns that would be slow on a text made for them are mistakes at load."""

import pytest

from extproc.guardrails.detectors import regex_patterns
from extproc.guardrails.detectors.regex_cost import CROSSINGS_MAX
from tests.guardrails.test_growth import cpu


def mistakes(pattern: str) -> list[str]:
    return regex_patterns.mistakes({"custom_patterns": [{"pattern": pattern}]})


@pytest.mark.parametrize("pattern", [
    r"(?:[a-z]{1,9} ){1,99}you", r"[a-z ]{1,990}you", r"(?:a|aa){1,300}", r"\d{1,900}(?!\d)",
    r"[a-z0-9]{1,400}\d{1,5}", r"x?.{0,500}x", r".{1,60}a|.{1,60}b",
])  # fmt: skip
def test_many_ends_for_each_character_are_refused(pattern: str) -> None:
    """P8: what could cost seconds per megabyte is told at load, with what to write instead."""
    (mistake,) = mistakes(pattern)
    assert mistake.startswith("'custom_patterns.0.pattern': would be slow")
    assert str(CROSSINGS_MAX) in mistake


@pytest.mark.parametrize("pattern", [
    r"\d{1,1000}", r"\b[A-Z0-9]{10,40}\b", r"[^,]{1,900},", r"begin[^e]{0,80}end",
    r"BEGIN[\w\W]{0,900}END", r"(?<![0-9])(?:\d[ -]?){12,18}\d(?![0-9])", r"EMP-\d{4,6}",
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}", r'"key":"[^"]{1,200}"',
    r"(?i)confidential.{0,100}internal", r"\w{1,400}@\w{1,400}", r"<b>.{0,500}</b>",
    r"(?:\d{1,3}\.){3}\d{1,3}",
])  # fmt: skip
def test_ordinary_patterns_are_not(pattern: str) -> None:
    """Contract (regex): bounds that a reader would write are taken."""
    assert mistakes(pattern) == []


@pytest.mark.parametrize(("pattern", "worst"), [
    (r"[a-z ]{1,70}you", "you"), (r"(?:[a-z]{1,9} ){1,9}you", "you "), (r"BEGIN[\w\W]{0,900}END",
    "BEGINEND"), (r"[\w.]{1,64}@[\w.]{1,60}\.[a-z]{2,24}", "a" * 60 + "@" + "a.bb" * 15),
])  # fmt: skip
def test_what_is_accepted_stays_near_the_cheapest(pattern: str, worst: str) -> None:
    """P8: on its worst text an accepted pattern costs a few times what finding digits does."""
    assert mistakes(pattern) == []
    detector, digits = (
        regex_patterns.build({"custom_patterns": [{"pattern": one}]})
        for one in (pattern, r"\d{1,9}")
    )
    cheapest = max(cpu(lambda: digits.find("1" * 8000)), 1e-3)
    text = worst * (8000 // len(worst))
    assert cpu(lambda: detector.find(text)) < 8 * cheapest
