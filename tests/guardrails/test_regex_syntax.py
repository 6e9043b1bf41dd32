"""The expressions of the regex guardrail: what may be written, what it means."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import regex_patterns
from extproc.guardrails.detectors.regex_detector import RUN_MAX, ExpressionDetector
from extproc.guardrails.detectors.regex_engine import Expressions
from extproc.guardrails.detectors.regex_syntax import parse
from extproc.guardrails.detectors.regex_tree import PatternMistake


def detector(pattern: str, ignore_case: bool = False) -> ExpressionDetector:
    ranked = [(branch, 0) for branch in parse(pattern, ignore_case)]
    return ExpressionDetector(Expressions(ranked), lambda _data, _match: "X", {"X": "[X]"})


@pytest.mark.parametrize(("pattern", "needle"), [
    ("a+", "{1,200}"), ("a*b", "{0,200}"), ("(?:ab){2,}", "no upper bound"), ("^a", "\\n"),
    ("a$", "\\b"), ("a\\Z", "pieces"), ("(a)\\1", "back-reference"), ("(?<=ab)c", "one character"),
    ("a(?!b)c", "very begin"), ('".{0,9}?"', "lazy"), ("a?", "match nothing"), ("", "nothing"),
    ("a{2000}", "0 to 1000"), ("(?:a{1,500}){5}", "2500 characters"), ("a{3,2}", "bounds"),
    ("(a", "without its ')'"), ("a)", "without its '('"), ("[a", "too early"), ("[z-a]", "nowhere"),
    ("\\q", "unknown escape"), ("[[:digit:]]", "\\d"), ("(?i:a)", "group"), ("a{2}{3}",
    "repeat of"),
    ("\\b{2}", "place"), ("\\xZ1", "\\xHH"), ("[\u4e00-\u9fff]", "range"), ("\\", "too early"),
    ("((((((((((((((((((((((((((((((((a", "nests"), ("*a", "nothing before"),
    ("x: (?:\\bübel|a)", "inside"),
])  # fmt: skip
def test_mistakes_say_what_to_write(pattern: str, needle: str) -> None:
    """P7: what no automaton could run, or no stream wait for, is refused with the way out."""
    with pytest.raises(PatternMistake) as mistake:
        parse(pattern)
    assert needle in str(mistake.value)


@pytest.mark.parametrize("pattern", ["[^\\s\\S]", "\\x00", "".join(map(chr, range(0x400, 0x4A0)))])
def test_mistakes_of_the_automaton_are_named(pattern: str) -> None:
    """P7: an expression that reads well and cannot be built is a mistake of its place."""
    found = regex_patterns.mistakes({"custom_patterns": [{"pattern": "ok"}, {"pattern": pattern}]})
    assert len(found) == 1 and found[0].startswith("'custom_patterns.1.pattern'")


@pytest.mark.parametrize(("pattern", "text", "found"), [
    (r"\bübel\b", "das übel, Übel, üble, verübeln", ["übel"]), (r"(?i)ÜBEL", "Übel übel", 2),
    (r"\d{4}", "12345678 123", ["12345678"]), (r"a{1,3}", "aaaaaaa", ["aaaaaaa"]),
    (r"(?<!\.)\bexec\(", "re.exec( exec(", ["exec("]), (r"ab(?!c)", "abc abd", ["ab"]),
    (r"\u20ac\s?\d{1,6}", "kostet € 12 oder €5", ["€ 12", "€5"]), (r"a-b",
    "a\u2011b", ["a\u2011b"]),
    (r"[^,\n]{3}", "ab,abc", ["abc"]), (r"(?P<year>\d{4})-\d\d", "2026-11", ["2026-11"]),
    (r"[]a]{2}", "]a", ["]a"]), (r"x\{1\}", "x{1}", ["x{1}"]), (r"a{b", "a{b", ["a{b"]),
    (r"\w{2,9}", "日本語 ok", ["日本語", "ok"]), (r"a.c", "a\nc abc", ["abc"]),
])  # fmt: skip
def test_expressions_find(pattern: str, text: str, found: list[str] | int) -> None:
    """Contract (regex): longest matches, overlapping ones joined, in any script."""
    spans = [text[s.start : s.end] for s in detector(pattern).find(text)]
    assert spans == found if isinstance(found, list) else len(spans) == found


PATTERNS = [
    r"ab?c{1,2}", r"(?:ab|bc){1,3}", r"\bab\b", r"a\Bb{1,2}", r"[^a]b", r"a.{0,3}c",
    r"(?<!a)b{1,2}",
    r"(?<=a)b", r"b(?!c)", r"b(?=\n)", r"\w{2}\s\w", r"(?:a|ab)(?:c|bcd)?", r"é{1,2}a|bé",
    r"\B\w\B",
    r"a{0,2}b{0,2}c", r"(?:a\b|b){2}", r"[\W\d]{2}",
]  # fmt: skip


def by_re(pattern: str, text: str) -> list[tuple[int, int]]:
    """The longest match at each place by trying every end; overlapping ones joined."""
    exact = re.compile(pattern, re.ASCII)
    runs: list[tuple[int, int]] = []
    for start in range(len(text)):
        ends = [e for e in range(start + 1, len(text) + 1) if _matches(exact, text, start, e)]
        if ends and runs and start < runs[-1][1]:
            runs[-1] = runs[-1][0], max(runs[-1][1], ends[-1])
        elif ends:
            runs.append((start, ends[-1]))
    return runs


def _matches(exact: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Whether text[start:end] matches as a part of the text, so that its edges see neighbours."""
    return re.compile(f"(?s:.{{{start}}})(?:{exact.pattern})(?s:.{{{len(text) - end}}})",
                      re.ASCII).fullmatch(text) is not None  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abc d\n1", max_size=10))
def test_expressions_mean_what_re_means(pattern: str, text: str) -> None:
    """Contract (regex): on any text an expression finds what Python's `re` finds."""
    assert [(s.start, s.end) for s in detector(pattern).find(text)] == by_re(pattern, text)


def test_an_endless_run_is_cut() -> None:
    """P8: what matches without end is found in parts, all of it."""
    spans = detector(r"\d{4}").find("1" * 10_000)
    assert [s.start for s in spans[1:]] == [s.end for s in spans[:-1]]
    assert (spans[0].start, spans[-1].end) == (0, 10_000)
    assert all(span.end - span.start < RUN_MAX + 4 for span in spans)
