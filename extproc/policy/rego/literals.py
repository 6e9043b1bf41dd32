"""What stands literally in a policy: numbers, strings, patterns, formats, annotations.

Refuses literals that the embedded engine reads differently from OPA: numbers a double cannot hold,
surrogate escapes, regular expressions outside the common subset (`\\d` is Unicode in one engine
and ASCII in the other), formats other than %s %d %v, broken METADATA comments (OPA parses them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from extproc.config.mistake import Mistake
from extproc.policy.rego.builtins import ARITHMETIC
from extproc.policy.rego.tree import Call, Const, Items, Rule, Term, walk_branch

WHOLE_MAX: Final = 2**53
"""Largest whole number up to which a double holds every one (IEEE 754)."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_VERBS = re.compile(r"%(.?)", re.S)
_CLASS = r"\[\^?\]?(?:[^\[\]\\&~-]|\\[^\w\s]|\\[nrt]|[^\[\]\\&~-]-[^\[\]\\&~-])+-?\]"
_ATOM = rf"(?:[^\\\[\](){{}}*+?|^$]|\\[^\w\s]|\\[nrt]|{_CLASS}|[\^$|]|\((?:\?:)?|\))"
_REPEAT = r"(?:[*+?]\??|\{\d{1,3}(?:,\d{0,3})?\}\??)?"
_PATTERN = re.compile(rf"(?:{_ATOM}{_REPEAT})*\Z")
_NOTHING_TO_REPEAT = re.compile(r"(?:^|[(|^$])(?:[*+?{]|\?:[*+?{])(?!:)")
_ANNOTATION_KEYS = {"title", "description", "custom"}


def uses_arithmetic(rules: list[Rule]) -> bool:
    """Whether any rule computes with numbers (then only whole numbers are admitted)."""
    terms = (t for rule in rules for branch in rule.branches for t in walk_branch(branch))
    return any(isinstance(t, Call) and t.name in ARITHMETIC and t.target is None for t in terms)


def check_literals(rule: Rule, whole_only: bool) -> Iterator[Mistake]:
    """Every literal of one rule."""
    for branch in rule.branches:
        for term in walk_branch(branch):
            message = _wrong(term, whole_only)
            if message:
                yield Mistake(rule.file, term.line, message)


def _wrong(term: Term, whole_only: bool) -> str:
    match term:
        case Const(str(), _, text) if not text.startswith("`") and _SURROGATE.search(text):
            return "write characters themselves, not as surrogate escapes"
        case Const(value, _, text):
            return wrong_number(value, whole_only, text)
        case Call("regex.match", (pattern, *_), target=None):
            return _wrong_pattern(pattern)
        case Call("sprintf", (form, values, *_), target=None):
            return _wrong_format(form, values)
    return ""


def wrong_number(value: Any, whole_only: bool, text: str = "") -> str:
    """Why this number is not admitted; '' when it is, or is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if abs(value) > WHOLE_MAX:
        return "numbers above 2^53 are not exact in the embedded engine"
    if isinstance(value, int):
        return "" if "e" not in text.lower() else "write this number without an exponent"
    if whole_only:
        return "this bundle computes, so its numbers must be whole (OPA computes with decimals)"
    digits = re.sub(r"\D", "", text or repr(value))
    if len(digits) > 15 or "e" in (text or repr(value)).lower():
        return "at most 15 digits and no exponent in a fraction"
    return ""


def _wrong_pattern(pattern: Term) -> str:
    if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
        return "regex.match needs its pattern written out"
    if not is_common_pattern(pattern.value):
        return (
            "this regular expression is outside the common subset (no \\d \\w \\s \\b, no flags, "
            "no named groups; write [0-9], [a-z])"
        )
    return ""


def is_common_pattern(pattern: str) -> bool:
    """Whether Go's and the embedded engine's regular expressions agree on this pattern."""
    if not _PATTERN.match(pattern) or _NOTHING_TO_REPEAT.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _wrong_format(form: Term, values: Term) -> str:
    if not isinstance(form, Const) or not isinstance(form.value, str):
        return "sprintf needs its format written out"
    verbs = _VERBS.findall(form.value)
    if any(v not in ("s", "d", "v", "%") for v in verbs):
        return "sprintf takes only %s, %d, %v and %%"
    given = len(values.items) if isinstance(values, Items) else None
    if given is not None and given != sum(v != "%" for v in verbs):
        return "sprintf has not as many values as verbs"
    return ""


def check_annotations(file: str, text: str) -> Iterator[Mistake]:
    """METADATA comments: title, description, custom; directly above a rule or the package."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if re.fullmatch(r"\s*#\s*METADATA\s*", line):
            message = _wrong_annotation(lines, number)
            if message:
                yield Mistake(file, number + 1, message)


def _wrong_annotation(lines: list[str], start: int) -> str:
    end = start + 1
    while end < len(lines) and lines[end].startswith("#"):
        end += 1
    try:
        found = yaml.safe_load("\n".join(line[1:] for line in lines[start + 1 : end]))
    except (yaml.YAMLError, ValueError):
        return "METADATA is not YAML"
    if not isinstance(found, dict) or not set(found) <= _ANNOTATION_KEYS:
        return "METADATA holds title, description and custom only"
    if not all(isinstance(found.get(k, ""), str) for k in ("title", "description")):
        return "METADATA title and description are texts"
    if not isinstance(found.get("custom", {}), dict):
        return "METADATA custom is a mapping"
    if not lines[start].startswith("#"):
        return "METADATA belongs directly above a rule, at the start of the line"
    code = next((x for x in lines[end:] if x.strip() and not x.startswith("#")), "")
    if not re.match(r"[a-z_A-Z]", code) or re.match(r"(import|else)\b", code):
        return "METADATA belongs directly above a rule or the package"
    return ""
