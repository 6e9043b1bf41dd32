"""Builtins answered by ourselves, beside a real OPA."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from extproc.policy.rego import replaced
from tests.policy.opa_process import OpaProcess

CHARS = [
    chr(code) for code in range(1, 0x20000)
    if not 0xD800 <= code <= 0xDFFF and unicodedata.category(chr(code)) != "Cn"
]  # fmt: skip
NUMBERS = ["1", "-1", "0", "1.5", "0.1", "1e2", " 1", "", "123456789012345", "-", "0x1", "٣"]
TIMES = [
    "2026-11-20T15:04:05Z", "2026-11-20T15:04:05.1Z", "2026-11-20T15:04:05.123456789Z",
    "2026-11-20T15:04:05+02:00", "2026-02-30T00:00:00Z", "2026-11-20T24:00:00Z",
    "1969-12-31T23:59:59.5Z", "1600-01-01T00:00:00Z", "2300-01-01T00:00:00Z",
    "2026-11-20T15:04:05", "2026-11-20 15:04:05Z", "2026-11-20t15:04:05z", "2026-11-20T15:04:60Z",
]  # fmt: skip


def ours(answer: Callable[..., Any], *args: Any) -> Any:
    """Our answer, or 'no answer' where we raise: that denies."""
    try:
        return answer(*args)
    except Exception:
        return "no answer"


def opas(opa: OpaProcess, call: str, rows: list[Any]) -> list[Any]:
    """OPA's answers; 'no answer' where it is undefined."""
    opa.clear()
    text = f"package q\nr[i] := v if {{ some i, x in input.rows; v := {call} }}\n"
    opa.call("PUT", "/v1/policies/q", text.encode())
    found = opa.value("q/r", {"rows": rows})
    return [found.get(str(i), "no answer") for i in range(len(rows))]


@pytest.mark.parametrize("name", ["lower", "upper"])
def test_case_mapping_is_gos(name: str, opa: OpaProcess) -> None:
    """P6: `lower` and `upper` agree with OPA on every character."""
    text = "".join(CHARS)
    assert opas(opa, f"{name}(x)", [text]) == [getattr(replaced, name)(text)]


def test_case_mapping_has_no_context() -> None:
    """P6: a final sigma stays as in Go; Python's and Rust's own mapping would change it."""
    assert replaced.lower("\N{GREEK CAPITAL LETTER SIGMA}") == "\N{GREEK SMALL LETTER SIGMA}"
    assert replaced.lower("a\N{GREEK CAPITAL LETTER SIGMA}")[1] == "\N{GREEK SMALL LETTER SIGMA}"
    assert replaced.upper("\N{LATIN SMALL LETTER SHARP S}") == "\N{LATIN SMALL LETTER SHARP S}"


@pytest.mark.parametrize("rows,call,answer", [
    (NUMBERS, "to_number(x)", replaced.to_number),
    (TIMES, "time.parse_rfc3339_ns(x)", replaced.parse_rfc3339_ns),
], ids=["to_number", "parse_rfc3339_ns"])  # fmt: skip
def test_parsers_agree_or_give_no_answer(
    rows: list[str], call: str, answer: Callable[[str], Any], opa: OpaProcess
) -> None:
    """P6: what we parse, OPA parses alike; what OPA does not parse, we do not."""
    answers = [ours(answer, row) for row in rows]
    for row, mine, theirs in zip(rows, answers, opas(opa, call, rows), strict=True):
        assert mine in (theirs, "no answer"), row
    assert sum(a != "no answer" for a in answers) >= 5


def test_globs_are_opas(opa: OpaProcess) -> None:
    """P6: glob.match agrees with OPA wherever it answers."""
    choose = random.Random(7)  # fixed seed
    rows: list[Any] = [
        ["".join(choose.choices(["a", "b", "/", ".", "*", "-", "*", "**"], k=choose.randint(0, 6))),
         choose.choice([[], ["/"], ["/", "."], None, ["ab"]]),
         "".join(choose.choices("ab/.-\n", k=choose.randint(0, 6)))]
        for _ in range(3_000)
    ]  # fmt: skip
    answers = [ours(replaced.glob_match, *row) for row in rows]
    for row, mine, theirs in zip(rows, answers, opas(opa, "glob.match(x[0], x[1], x[2])", rows),
                                 strict=True):  # fmt: skip
        assert mine in (theirs, "no answer"), row
    assert answers.count(True) > 100


def test_a_glob_cannot_run_long() -> None:
    """P1: matching is bounded; beyond the bound there is no answer, so the policy denies."""
    assert ours(replaced.glob_match, "*a*a*a*a*a*b", None, "a" * 200) == "no answer"
    assert ours(replaced.glob_match, "*", None, "a" * 1_000) == "no answer"


FORMATS = [
    ("%s", ["a"]), ("%s", [None]), ("%v", [True]), ("%v", [None]), ("%d", [5]), ("%v", [-5]),
    ("%d%%", [1]), ("%s %s", ["é", "b"]), ("%s", [1]), ("%d", ["a"]), ("%d", [True]), ("%v", [1.5]),
    ("%s", []), ("a", [1]), ("%", []),
]  # fmt: skip


def test_formats_are_gos(opa: OpaProcess) -> None:
    """P6: sprintf prints what OPA prints, or denies."""
    rows = [list(row) for row in FORMATS]
    answers = [ours(replaced.sprintf, *row) for row in rows]
    theirs_all = opas(opa, "sprintf(x[0], x[1])", rows)
    for row, mine, theirs in zip(rows, answers, theirs_all, strict=True):
        assert mine in (theirs, "no answer"), row
    assert sum(a != "no answer" for a in answers) == 8
