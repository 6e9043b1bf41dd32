"""The embedded engine where things go wrong."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from extproc.policy.embedded import EmbeddedEngine, load
from extproc.policy.values import Decision, PolicyUnavailable

FAILED = Decision(False, faults=("evaluation_error",))


def engine(folder: Path, rules: str) -> EmbeddedEngine:
    path = folder / "p.rego"
    path.write_text(f"package envelope.authz\n\n{rules}\n")
    return load([path])


class Panic(BaseException):
    """As pyo3's PanicException: no Exception, so `except Exception` misses it."""


class Broken:
    """An engine whose next evaluation panics."""

    def set_input_json(self, _: str) -> None:
        raise Panic


async def test_a_panic_is_no_decision_and_the_next_request_has_a_new_engine(tmp_path: Path) -> None:
    """P1: PolicyUnavailable, never allow, and the process goes on."""
    found = engine(tmp_path, "allow := true")
    found._local.engine = Broken()
    with pytest.raises(PolicyUnavailable):
        await found.decide([{}])
    assert await found.decide([{}]) == [Decision(True)]


async def test_interrupts_are_not_swallowed(tmp_path: Path) -> None:
    """Style 7: the process can still be stopped."""
    found = engine(tmp_path, "allow := true")

    class Interrupted:
        def set_input_json(self, _: str) -> None:
            raise KeyboardInterrupt

    found._local.engine = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        await found.decide([{}])


async def test_threads_have_engines_of_their_own(tmp_path: Path) -> None:
    """P1: an engine shared between threads would panic."""
    found = engine(tmp_path, "allow if input.a == 1")
    answers: list[Decision] = []
    threads = [
        threading.Thread(target=lambda: answers.append(found.decide_one({"a": 1})))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Decision(True)] * 4


async def test_no_input_leaks_into_the_next(tmp_path: Path) -> None:
    """P4: one engine serves many requests; each sees its own input only."""
    found = engine(tmp_path, "default allow := false\nallow if input.secret == 1\n"
                   "obligations.seen := input.secret")  # fmt: skip
    decisions = await found.decide([{"secret": 1}, {}, {"secret": 2}, {}])
    assert [d.allow for d in decisions] == [True, False, False, False]
    assert [dict(d.obligations) for d in decisions] == [{"seen": 1}, {}, {"seen": 2}, {}]


@pytest.mark.parametrize("test", [
    'not startswith(x, "a")', "not count(x) > 1", "not x + 1 == 2", "not to_number(x) > 5",
    'not lower(x) == "a"', 'not glob.match(x, ["/"], "a")', 'not object.get(x, "a", 1) == 2',
])  # fmt: skip
async def test_a_failing_builtin_denies(tmp_path: Path, test: str) -> None:
    """P1: where OPA goes on with 'undefined' the embedded engine denies: only ever stricter."""
    found = engine(tmp_path, f"allow if {{\n\tx := input.x\n\t{test}\n}}")
    value = [] if "count" not in test and "object" not in test else 1
    assert await found.decide([{"x": value}]) == [FAILED]


@pytest.mark.parametrize("value", [object(), {1, 2}, "\ud800", 2**70])
async def test_an_input_that_is_no_json_denies(tmp_path: Path, value: Any) -> None:
    """P1: what cannot be asked exactly is denied."""
    found = engine(tmp_path, "allow if input.claims.a != 1")
    assert await found.decide([{"claims": {"a": value}}]) == [
        Decision(False, faults=("input_not_json",))
    ]


async def test_an_input_nested_too_deep_denies(tmp_path: Path) -> None:
    """P1: the engine's own limit denies; it does not crash."""
    deep: Any = {}
    for _ in range(150):
        deep = {"a": deep}
    assert await engine(tmp_path, "allow := true").decide([{"claims": deep}]) == [FAILED]


@pytest.mark.parametrize("claims", [{"n": 0.5}, {"n": [2**53 + 1]}])
async def test_a_bundle_that_computes_takes_whole_numbers_only(
    tmp_path: Path, claims: dict[str, Any]
) -> None:
    """P6: 0.1 + 0.2 is 0.3 in OPA and not in a double; so it is denied."""
    found = engine(tmp_path, "allow if input.request.input_tokens + 1 < 100")
    shared = {"request": {"input_tokens": 5}}
    whole, other = await found.decide(
        [{**shared, "claims": {"n": 1}}, {**shared, "claims": claims}]
    )
    assert whole == Decision(True)
    assert other == Decision(False, faults=("input_number_not_whole",))


async def test_a_text_in_a_collections_place_denies(tmp_path: Path) -> None:
    """P1: `some x in "text"` is undefined in OPA and an error here: stricter."""
    found = engine(tmp_path, 'allow if not bad\nbad if { some t in input.tools; t == "rm" }')
    assert await found.decide([{"tools": "rm"}]) == [FAILED]
