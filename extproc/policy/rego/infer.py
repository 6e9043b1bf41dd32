"""Kinds of everything in a bundle, in dependency order; refuses what can never be true.

Follows the rules of OPA's type checker for the constructs that `tree` admits: arguments of
functions, equality and unification, references into known values. `input` and `data` documents
are anything, as in OPA without schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from extproc.policy.rego.branch_kinds import BranchKinds
from extproc.policy.rego.kinds import ANY, Func, Kind, Map, SetOf, either
from extproc.policy.rego.tree import Branch, Const, Path, Rule

_Head = tuple[tuple[Kind, ...], Kind, Kind]
"""Kinds of a branch's arguments, key and value."""


def infer(ordered: Iterable[list[Rule]]) -> None:
    """Check groups of rules (one group per name), each after those it refers to."""
    known: dict[Path, Kind] = {}
    for group in ordered:
        known[group[0].path] = _group(group, known)


def _group(group: list[Rule], known: Mapping[Path, Kind]) -> Kind:
    kinds = [_branch(rule, branch, known) for rule in group for branch in rule.branches]
    match group[0].kind:
        case "complete":
            return either(*(value for _, _, value in kinds)) or ANY
        case "set":
            return SetOf(either(*(key for _, key, _ in kinds)) or ANY)
        case "object":
            return _object(group, kinds)
        case "function":
            args = zip(*(args for args, _, _ in kinds), strict=True)
            return Func(
                tuple(either(*a) or ANY for a in args),
                either(*(value for _, _, value in kinds)) or ANY,
            )


def _object(group: list[Rule], kinds: list[_Head]) -> Kind:
    static: dict[object, Kind] = {}
    rest: tuple[Kind, Kind] | None = None
    branches = [branch for rule in group for branch in rule.branches]
    for branch, (_, key, value) in zip(branches, kinds, strict=True):
        if isinstance(branch.key, Const):
            static[branch.key.value] = either(static.get(branch.key.value), value) or ANY
        else:
            seen = rest or (None, None)
            rest = (either(seen[0], key) or ANY, either(seen[1], value) or ANY)
    return Map(tuple(static.items()), rest)


def _branch(rule: Rule, branch: Branch, known: Mapping[Path, Kind]) -> _Head:
    check = BranchKinds(rule.file, known)
    check.body(branch.body)
    key = check.kind(branch.key) if branch.key is not None else ANY
    value = check.kind(branch.value)
    args = tuple(check.argument(a) for a in branch.args)
    return args, key or ANY, value or ANY
