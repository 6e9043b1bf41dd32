"""Admission: may this bundle be enforced by the embedded engine?

Promise: a bundle that OPA would not compile does not pass, and what passes means the same in both
engines (P6, P7). The embedded engine alone is laxer: it runs unsafe variables, unknown functions
and misspelt keys as "not true", so that a deny rule silently never fires. Refuses more than OPA
does; `docs/policy-engines.md` lists what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from extproc.config.mistake import Mistake
from extproc.policy.rego.absence import always_defined, check_absence
from extproc.policy.rego.infer import infer
from extproc.policy.rego.literals import (
    check_annotations,
    check_literals,
    uses_arithmetic,
    wrong_number,
)  # fmt: skip
from extproc.policy.rego.read import read_module
from extproc.policy.rego.safety import check_safety
from extproc.policy.rego.scope import ModuleNames, resolve
from extproc.policy.rego.structure import (
    Groups,
    check_groups,
    check_imports,
    check_paths,
    check_uses,
    in_order,
)  # fmt: skip
from extproc.policy.rego.tree import Module, Refused, Rule


@dataclass(frozen=True, slots=True)
class Admission:
    """`mistakes` empty: admitted. `whole_only`: the bundle computes; inputs must hold whole
    numbers, because the engine's fractions differ from OPA's."""

    mistakes: tuple[Mistake, ...]
    modules: tuple[Module, ...] = ()
    whole_only: bool = False


def admit(files: Mapping[str, str], data: Mapping[str, Any]) -> Admission:
    """Judge Rego files (name -> text) and the data documents beside them."""
    mistakes: list[Mistake] = []
    modules: list[Module] = []
    for file, text in files.items():
        mistakes += check_annotations(file, text)
        try:
            modules.append(read_module(file, text))
        except Refused as refused:
            mistakes.append(refused.mistake)
    if mistakes:
        return Admission(tuple(mistakes))
    groups = _groups(rule for module in modules for rule in module.rules)
    packages = {module.package for module in modules}
    mistakes += [m for module in modules for m in check_imports(module)]
    mistakes += check_groups(groups)
    mistakes += check_paths(groups, packages, data)
    whole_only = uses_arithmetic([rule for rules in groups.values() for rule in rules])
    mistakes += _wrong_data(data, whole_only)
    if not mistakes:
        mistakes += _check_rules(modules, groups, whole_only)
    return Admission(tuple(mistakes), tuple(modules), whole_only)


def _groups(rules: Iterator[Rule]) -> Groups:
    groups: Groups = {}
    for rule in rules:
        groups.setdefault(rule.path, []).append(rule)
    return groups


def _check_rules(modules: list[Module], groups: Groups, whole_only: bool) -> list[Mistake]:
    """Names, uses, safety and literals rule by rule; then recursion and kinds of all."""
    mistakes: list[Mistake] = []
    checked: Groups = {}
    always = always_defined(groups)
    for module in modules:
        names = frozenset(path[-1] for path in groups if path[:-1] == module.package)
        scope = ModuleNames(module, names)
        for rule in module.rules:
            try:
                resolved = resolve(rule, scope)
                mistakes += check_literals(resolved, whole_only)
                check_uses(resolved, groups)
                check_absence(resolved, always)
                resolved = check_safety(resolved)
                checked.setdefault(rule.path, []).append(resolved)
            except Refused as refused:
                mistakes.append(refused.mistake)
    if not mistakes:
        try:
            infer(in_order(checked))
        except Refused as refused:
            mistakes.append(refused.mistake)
    return mistakes


def _wrong_data(data: Any, whole_only: bool) -> Iterator[Mistake]:
    if isinstance(data, Mapping):
        for value in data.values():
            yield from _wrong_data(value, whole_only)
    elif isinstance(data, list):
        for value in data:
            yield from _wrong_data(value, whole_only)
    elif message := wrong_number(data, whole_only):
        yield Mistake("data", 1, message)
