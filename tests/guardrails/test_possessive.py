"""Possessive patterns that every Python from 3.11.0 on reads alike (CPython gh-106052).

Before 3.11.5 `re` is wrong about `(?:...)*+`, `++`, `?+`, `{m,n}+` when a round of the group that
fails has moved on before: `(?:-(?!-))*+` takes the first `-` of `--`. Debian 12 has 3.11.2.
Single sets, atomic groups and groups that fail at their first character are right everywhere:
write `(?>(?:...)*)` for the rest.
"""

import ast
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import secrets_values, sql_sanitizer_beginnings
from extproc.guardrails.detectors.prompt_injection import disguise
from extproc.guardrails.detectors.sql_sanitizer_tokens import _TOKEN

ROOT = Path(__file__).parents[2]
CHARACTERS = {"LITERAL", "NOT_LITERAL", "ANY", "IN"}


def characters(items: Any) -> bool:
    """Whether a parsed pattern is characters and sets one behind another, captured or not."""
    return all(
        str(op) in CHARACTERS or (str(op) == "SUBPATTERN" and characters(of[3])) for op, of in items
    )


def run_of_a_set(items: Any) -> bool:
    """Whether a parsed pattern is one possessive repeat of one set, as `[^']++`."""
    return [str(op) for op, _ in items] == ["POSSESSIVE_REPEAT"] and _compiler._simple(
        items[0][1][2]
    )


def fails_where_it_begins(items: Any) -> bool:
    """Whether a round that fails surely leaves `re` where the round began, on every Python."""
    if [str(op) for op, _ in items] != ["BRANCH"]:
        return characters(items)
    return all(
        run_of_a_set(one) or all(str(op) in CHARACTERS for op, _ in one) for one in items[0][1][1]
    )


def repeated_possessively(part: Any) -> Iterator[Any]:
    """What the possessive quantifiers of a parsed pattern repeat, however deep they stand."""
    match part:
        case (op, of) if str(op) == "POSSESSIVE_REPEAT":
            yield of[2]
            yield from repeated_possessively(of[2])
        case _parser.SubPattern() | tuple() | list():
            for one in part:
                yield from repeated_possessively(one)


def differs_between_pythons(pattern: str | bytes, flags: int = 0) -> bool:
    """Whether `re` before 3.11.5 may read a pattern in a way of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = _parser.parse(pattern, flags)
        except (re.error, OverflowError):
            return False
    return not all(
        _compiler._simple(of) or fails_where_it_begins(of) for of in repeated_possessively(parsed)
    )


# --- finding the patterns of a package -------------------------------------------------------

RECORD = """
import importlib, pkgutil, re, re._compiler, sys
kept, real, folder = {}, re._compiler.compile, sys.argv[1] + "/"

def record(pattern, flags=0):
    frame = sys._getframe(1)
    while frame and frame.f_code.co_filename == re.__file__:
        frame = frame.f_back
    if frame and frame.f_code.co_filename.startswith(folder):
        kept[pattern, int(flags)] = frame.f_code.co_filename
    return real(pattern, flags)

re._compiler.compile = record
package = importlib.import_module(sys.argv[2])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print([(name, *of) for of, name in kept.items()])
"""
"""Imports a whole package and prints what its own files hand to `re.compile` meanwhile."""


def compiled(folder: Path, package: str) -> list[tuple[str, str | bytes, int]]:
    """The patterns that a package compiles when it is imported: file, pattern, flags."""
    told = subprocess.run(
        [sys.executable, "-c", RECORD, str(folder), package], check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(folder)}, text=True,
    )  # fmt: skip
    return list(ast.literal_eval(told.stdout))


def written(folder: Path, package: str) -> Iterator[tuple[str, str | bytes, int]]:
    """The literals of a package with a possessive sign: patterns compiled when first used."""
    for file in sorted((folder / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Constant(value=str() | bytes() as value):
                    text = value if isinstance(value, str) else value.decode("latin-1")
                    if re.search(r"[*+?}]\+", text):
                        yield str(file), value, 0


def wrong(patterns: Iterable[tuple[str, str | bytes, int]]) -> list[tuple[str, str | bytes]]:
    return [(Path(f).name, p) for f, p, flags in patterns if differs_between_pythons(p, flags)]


def test_no_pattern_of_ours_is_read_in_two_ways() -> None:
    """P8: whatever Python runs the gateway, its patterns decide the same."""
    found = compiled(ROOT, "extproc")
    assert len({file for file, _, _ in found}) > 20 and len(found) > 1000
    assert wrong(found) == []
    literals = list(written(ROOT, "extproc"))
    assert len(literals) > 20
    assert wrong(literals) == []


def test_a_planted_pattern_is_found(tmp_path: Path) -> None:
    """P8: put together from parts or compiled when first used, a wrong pattern is found."""
    package = tmp_path / "planted"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text(
        "import re\n_PAIR = b'(?:[0-9]{2}[ :]{1,2})'\nA = re.compile(_PAIR + b'{10,170}+')\n"
    )
    (package / "late.py").write_text(
        "import re\ndef plain(text):\n    return re.match(r'(?:[^-]++|-(?!-))*+;', text)\n"
    )
    assert wrong(compiled(tmp_path, "planted")) == [("parts.py", b"(?:[0-9]{2}[ :]{1,2}){10,170}+")]
    assert wrong(written(tmp_path, "planted")) == [("late.py", "(?:[^-]++|-(?!-))*+;")]


@pytest.mark.parametrize(
    "pattern",
    ["(?:ab?c)*+", "(?:a(?!b))++", "(?:a(?=b))?+", "(?:ab|acd)*+", "(?:a[b]++)*+", "((a)|b)*+",
     "(?:'[^']*+'|a)*+", "(?:[ab]|c(?!d)){2,9}+", "(?:a*b)*+", "x(y(?:ab?c)*+)", "(?=(?:ab?c)*+)",
     "(?>(?:ab?c)*+)", "(a)?(?(1)b|(?:ab?c)*+)", "(?:x|(?:ab?c)*+)"],
)  # fmt: skip
def test_what_is_refused(pattern: str) -> None:
    """P8: a group is not repeated possessively when it may fail behind its first character."""
    assert differs_between_pythons(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["[ab]*+", "a{2,5}+b", "(?:[ab])++", "([ab])?+", "(?:ab)*+", "(?:[^']++|'')*+", "(?>(?:ab?c)*)",
     r"(?:[^'\\]++|''|\\.)*+", "(?>a|ab)", "(?:ab?c)*", r"[(a)]*\+", r"\)*+", "(a)?(?(1)b*+|c*+)"],
)  # fmt: skip
def test_what_is_allowed(pattern: str) -> None:
    """P8: sets, atomic groups and groups that fail where they begin are right everywhere."""
    assert not differs_between_pythons(pattern)


# --- the same answer as without anything possessive ------------------------------------------

SIGNS = re.compile(r"(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?>|\)(?:[*+?]|\{[\d,]+\})\+")


def plain(pattern: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """The same pattern whose groups give back: the parts of ours exclude one another."""

    def one(sign: re.Match[str]) -> str:
        if sign[0] == "(?>":
            return "(?:"
        return sign[0][:-1] if sign[0][0] == ")" else sign[0]

    return re.compile(SIGNS.sub(one, pattern.pattern.decode("latin-1")).encode("latin-1"))


QUOTED = rb"([\"'`])?+"
SQL = ["a", "SELECT", " ", "'", '"', "`", "-", "--", "/", "/*", "\\", "''", "#", ";", "\n", "$"]
HEX = ["4a", "6F", "4", " ", ": ", ",", "  -", "x", "6f " * 9, "6f:4a, " * 6]
VALUE = ["a", "b1", "&", "&&", "&x=", "&.y;", "<", "=", "'", '"', " ", "\\", "hunter2", "]", "%"]
CASES: list[tuple[re.Pattern[bytes], list[str]]] = [
    (_TOKEN, SQL),
    *((ends, SQL) for ends in sql_sanitizer_beginnings._PLAIN_ENDS.values()),
    (disguise._PAIRS_RUN, HEX),
    *(
        (re.compile(QUOTED + b"(" + secrets_values._word(least, most, rest) + b")"), VALUE)
        for least, most in ((4, 7), (16, 64))
        for rest in (secrets_values._PLAIN, secrets_values._WITH_AND)
    ),
    (re.compile(QUOTED + b"(" + secrets_values._WORD_RUN + rb")\Z"), VALUE),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_possessive_groups_and_plain_ones_agree(case: int) -> None:
    """P8: nothing possessive changes a match: it only saves the work of giving back."""
    pattern, pieces = CASES[case]
    assert plain(pattern).pattern != pattern.pattern
    texts = st.lists(st.sampled_from(pieces), max_size=24).map("".join)

    @settings(max_examples=120, deadline=None)
    @given(texts)
    @example("SELECT a FROM t--")
    @example("abc123&x=1")
    @example("hunter2hunter2hunter2&x=1")
    @example("6f " * 12 + "6f")
    def agree(text: str) -> None:
        one, other = pattern.match(text.encode()), plain(pattern).match(text.encode())
        assert (one and one.regs) == (other and other.regs)

    agree()
