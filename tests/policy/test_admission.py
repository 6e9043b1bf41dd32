"""What may not load: everything OPA refuses, and what the two engines would read differently."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import regorus
import yaml

from extproc.policy.bundle import Bundle, BundleRefused, shipped
from extproc.policy.decision import FAILED, UNDEFINED, read_decision
from extproc.policy.embedded import EmbeddedEngine
from extproc.policy.rego.admit import admit
from extproc.policy.rego.builtins import BUILTINS, ONE_WORD_BUILTINS, OPERATORS
from extproc.policy.rego.kinds import Arr, Func, Kind, Map, Scalar, SetOf, Union
from extproc.policy.rego.literals import is_common_pattern
from extproc.policy.values import Decision
from tests.policy.opa_process import OpaProcess

HERE = Path(__file__).parent
HEAD = "package envelope.authz\n"
REFUSED: dict[str, str] = yaml.safe_load((HERE / "refused.yaml").read_text())
STRICTER: dict[str, str] = yaml.safe_load((HERE / "stricter.yaml").read_text())


def mistakes(rules: str) -> list[str]:
    return [str(m) for m in admit({"p.rego": HEAD + rules + "\n"}, {}).mistakes]


@pytest.mark.parametrize("name", REFUSED)
def test_what_opa_refuses_does_not_load(name: str) -> None:
    """P7: a policy that OPA would not compile must not load in process."""
    assert mistakes(REFUSED[name])


def test_opa_refuses_the_refused(opa: OpaProcess) -> None:
    """P7: the corpus above is what a real OPA refuses, not what we imagine it does."""
    opa.clear()
    assert [n for n, rules in REFUSED.items() if not opa.compile(HEAD + rules + "\n")] == []


@pytest.mark.parametrize("name", STRICTER)
def test_what_would_differ_does_not_load(name: str) -> None:
    """P6: where the engines would answer differently, or cannot be reproduced, refuse."""
    assert mistakes(STRICTER[name])


def test_opa_takes_the_stricter(opa: OpaProcess) -> None:
    """P7: `stricter` lists our own refusals only; OPA compiles each."""
    opa.clear()
    assert [n for n, rules in STRICTER.items() if opa.compile(HEAD + rules + "\n")] == []


def test_a_mistake_names_file_and_line() -> None:
    """P7: all mistakes at once, with file and line."""
    found = mistakes("allow if {\n  input.a == 1\n  regoin != 2\n}\n\nq if nope(1)")
    assert found == [
        "p.rego:4: variable regoin is unsafe: nothing gives it a value",
        "p.rego:7: nope is unknown, or not available in process (an OPA server may have it)",
    ]


@pytest.mark.parametrize("depth", [10, 60, 5_000])
def test_deep_brackets_are_refused_before_they_are_parsed(depth: int) -> None:
    """P7: a policy may not stall or crash the process that loads it."""
    assert mistakes("x := " + "[" * depth + "]" * depth)


def test_recursion_is_refused_before_it_runs() -> None:
    """P1: the engine's stack would overflow, and the process with it."""
    assert "recursive" in mistakes("f(x) := f(x)\nallow if f(1)")[0]


def test_rules_may_not_hide_data() -> None:
    """P7: a data document at a rule's path is a conflict, as in OPA."""
    found = admit({"p.rego": HEAD + "allow := true\n"}, {"envelope": {"authz": {"allow": True}}})
    assert "conflicts with a data document" in str(found.mistakes[0])


def test_numbers_in_data_are_judged_too() -> None:
    """P6: a number that a double cannot hold would differ between the engines."""
    assert admit({"p.rego": HEAD + "allow := true\n"}, {"limit": [2**53 + 1]}).mistakes
    assert not admit({"p.rego": HEAD + "allow := true\n"}, {"limit": [0.5]}).mistakes
    assert admit({"p.rego": HEAD + "x := input.a + 1\nallow := true\n"}, {"l": 0.5}).mistakes


@pytest.mark.parametrize(
    "pattern", ["^[a-z0-9-]+$", "a{1,3}?", "(eu|us)-(west|east)*", r"^a\.b$", "[^/]+/gpt-.*", ""]
)
def test_common_patterns_pass(pattern: str) -> None:
    """Contract, policies: ordinary regular expressions are usable."""
    assert is_common_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\d", r"\w+", r"\s", r"a\b", "(?i)a", "(?P<n>a)", "a**", "a{2}{3}", "[a&&b]", "[[a]b]",
     "[a--b]", "{,3}", "a++", "*a", "(*a)", "a{1001}", r"\pL", r"\x41", "[", "(", "a|*b",
     "[[:alpha:]]", r"\1"],
)  # fmt: skip
def test_patterns_that_engines_read_differently_are_refused(pattern: str) -> None:
    """P6: outside the common subset of Go's and Rust's expressions nothing is admitted."""
    assert not is_common_pattern(pattern)


# --- the table of builtins -------------------------------------------------------------------


def test_the_builtins_table_is_opas_own(opa_binary: str) -> None:
    """P7: names, arity and kinds of every admitted builtin are those that OPA declares."""
    done = subprocess.run(
        [opa_binary, "capabilities", "--current"], capture_output=True, check=True
    )
    declared = {b["name"]: b["decl"] for b in orjson.loads(done.stdout)["builtins"]}
    assert {n for n in declared if "." not in n} == ONE_WORD_BUILTINS
    for name, func in {**BUILTINS, **OPERATORS}.items():
        decl = declared[name]
        args = tuple(_kind(a) for a in decl.get("args", ()))
        assert func == Func(args, _kind(decl["result"])), name


def _kind(decl: dict) -> Kind:  # type: ignore[type-arg]
    match decl["type"]:
        case "any":
            return Union(frozenset(_kind(k) for k in decl.get("of", ())))
        case "array":
            rest = _kind(decl["dynamic"]) if "dynamic" in decl else None
            return Arr(tuple(_kind(k) for k in decl.get("static", ())), rest)
        case "object":
            pair = decl["dynamic"]
            return Map((), (_kind(pair["key"]), _kind(pair["value"])))
        case "set":
            return SetOf(_kind(decl["of"]))
        case name:
            return Scalar(name)


# --- mutants ---------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d+|:=|==|!=|>=|<=|[ ]+|\n|.', re.S)
_WORDS = (
    "x", "input", "data", "(", ")", "[", "]", "{", "}", ".", ",", ":", ":=", "=", "==", "!=",
    "<", "+", "-", "&", "|", "if", "else", "some", "every", "in", "not", "contains", "default",
    "import", "as", "with", "1", "true", "null", "_", ";", "set()", "input.x", "sum",
    "startswith", ".b", "f", "\n", '"a"', "# METADATA\n", "not ", " in ",
)  # fmt: skip


def _mutant(text: str, choose: random.Random) -> str:
    tokens = _TOKEN.findall(text)
    for _ in range(choose.choice((1, 1, 2, 3))):
        at = choose.randrange(len(tokens))
        match choose.randrange(4):
            case 0:
                tokens[at] = ""
            case 1:
                tokens[at] = choose.choice(_WORDS)
            case 2:
                tokens.insert(at, choose.choice(_WORDS))
            case _:
                tokens[at] = choose.choice(tokens)
    return "".join(tokens)


def _mutants(count: int) -> Iterator[str]:
    choose = random.Random(20261120)
    seeds = [p.read_text() for p in sorted((HERE / "vectors").glob("*/policy.rego"))]
    seeds.append((shipped() / "default.rego").read_text())
    for _ in range(count):
        yield _mutant(choose.choice(seeds), choose)


def _embedded(text: str) -> EmbeddedEngine | None:
    admission = admit({"p.rego": text}, {})
    if admission.mistakes:
        return None
    try:
        return EmbeddedEngine(Bundle({"p.rego": text}, {}, {}, ""), admission.whole_only)
    except BundleRefused:
        return None


def test_no_mutant_is_laxer_than_opa(opa: OpaProcess) -> None:
    """P1: random damage to real policies: what OPA refuses does not load, what loads decides as
    OPA does or fails (and denies)."""
    opa.clear()
    inputs = [
        row["input"]
        for case in ("objects", "quantifiers", "functions-and-else")
        for row in orjson.loads((HERE / "vectors" / case / "decisions.json").read_bytes())
    ]
    compared = 0
    for text in _mutants(600):
        engine = _embedded(text)
        if engine is None:
            continue
        status, _ = opa.call("PUT", "/v1/policies/p", text.encode())
        assert status == 200, text
        for document in inputs[:: len(inputs) // 6]:
            mine = engine.decide_one(document)
            if mine != FAILED and mine.faults != ("input_number_not_whole",):
                assert mine == _opas(opa, document), text
                compared += 1
    assert compared > 100


def _opas(opa: OpaProcess, document: dict[str, Any]) -> Decision:
    body = orjson.dumps({"input": document})
    status, answer = opa.call("POST", "/v1/data/envelope/authz", body)
    if status == 500:
        return FAILED
    return read_decision(answer["result"]) if "result" in answer else UNDEFINED


_PIECES = (
    "a", "b", "\u00e9", "-", ".", "/", "[ab]", "[^a]", "[a-c]", "[a-]", "[-a]", "[]a]", "(", ")",
    "(?:", "|", "*", "+", "?", "{1,2}", "{2}", "{2,}", "*?", "^", "$", "\\.", "\\-", "\\n", "[.]",
    "[*+]", "[a\\-c]", "\\[", "{", "}", "1", "\n", " ", "#", "[\\]]", "&", "[a&]", "[[:word:]]",
    "]",
)  # fmt: skip
_TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "aa",
    "\u00e9",
    "-",
    "a-b",
    "\n",
    "a\n",
    "1",
    "]",
    "^",
    "a/b",
    ".",
    " ",
]


def test_admitted_patterns_match_alike(opa: OpaProcess) -> None:
    """P6: Go's and Rust's regular expressions agree on the subset that is admitted."""
    opa.clear()
    choose = random.Random(1)
    made = ("".join(choose.choices(_PIECES, k=choose.randint(1, 6))) for _ in range(4_000))
    patterns = [p for p in made if is_common_pattern(p)]
    text = "package q\nr[i] := [s | some s in input.s; regex.match(p, s)] if some i, p in input.p\n"
    opa.call("PUT", "/v1/policies/q", text.encode())
    theirs = opa.value("q/r", {"p": patterns, "s": _TEXTS})
    engine = regorus.Engine()
    engine.add_policy("q", text)
    engine.set_input_json(orjson.dumps({"p": patterns, "s": _TEXTS}).decode())
    assert orjson.loads(engine.eval_rule_as_json("data.q.r")) == theirs
    assert len(patterns) > 500
