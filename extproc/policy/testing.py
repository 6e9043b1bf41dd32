"""Runs a bundle's own tests: every rule `test_*` of its `*_test.rego` files.

A test passes when its rule is true, as with `opa test`; undefined, false and errors fail. The
tests are admitted like policies are, so a typo in one cannot pass for a pass.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import regorus

from extproc.policy.bundle import Bundle, BundleRefused, judge, read
from extproc.policy.rego.replaced import install
from extproc.policy.rego.tree import Rule


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test. `why` says how it failed; '' for a pass."""

    name: str
    passed: bool
    why: str = ""


def run_embedded(paths: Sequence[str | Path]) -> list[Outcome]:
    """Run the tests in process. Raises BundleRefused."""
    bundle = read(paths)
    admission = judge(bundle, with_tests=True)
    if admission.mistakes:
        raise BundleRefused(admission.mistakes)
    engine = _engine(bundle, admission.whole_only)
    rules = [r for m in admission.modules if m.file in bundle.tests for r in m.rules]
    names = dict.fromkeys(_path(r) for r in rules if _is_test(r))
    return [_run(engine, name) for name in names]


def _engine(bundle: Bundle, whole_only: bool) -> regorus.Engine:
    engine = regorus.Engine()
    install(engine, whole_only)
    for name, text in (*bundle.files.items(), *bundle.tests.items()):
        engine.add_policy(name, text)
    engine.add_data_json(orjson.dumps(bundle.data).decode())
    return engine


def _is_test(rule: Rule) -> bool:
    return rule.name.startswith("test_") and rule.kind == "complete"


def _path(rule: Rule) -> str:
    return ".".join(("data", *rule.path))


def _run(engine: regorus.Engine, name: str) -> Outcome:
    try:
        answer = engine.eval_rule_as_json(name)
    except Exception as error:
        said = str(error).split("Stack backtrace")[0].split("error:")[-1].strip()
        return Outcome(name, False, said[:200])
    return Outcome(name, answer == "true", "" if answer == "true" else "not true")


def run_opa(paths: Sequence[str | Path], binary: str) -> list[Outcome]:
    """Run the tests with the `opa` program. Raises BundleRefused when OPA does not take them."""
    read(paths)
    command = [binary, "test", "--format=json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        results = json.loads(done.stdout)
    except ValueError:
        raise OpaFailed((done.stderr or done.stdout).strip()[:2000]) from None
    return list(_outcomes(results or ()))


class OpaFailed(Exception):
    """`opa test` could not run the tests; the text is OPA's own."""


def _outcomes(results: Sequence[dict[str, object]]) -> Iterator[Outcome]:
    for result in results:
        if result.get("skip"):
            continue
        failed = bool(result.get("fail") or result.get("error"))
        name = f"{result['package']}.{result['name']}"
        yield Outcome(name, not failed, "not true" if failed else "")
