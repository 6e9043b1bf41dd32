"""What may stand below `not`.

OPA looks up every nested reference and call of a negated expression first: with `input.x` absent,
`not input.x in allowed` is NOT true there, but it is in the embedded engine. An allow rule written
that way would open. So below `not` everything nested must surely have a value; the author says
what is meant by binding it on a line of its own: `x := input.x` and then `not x in allowed`.
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.policy.rego.builtins import BUILTINS, OPERATORS
from extproc.policy.rego.structure import Groups
from extproc.policy.rego.tree import (
    Bind, Body, Branch, Call, Compr, Const, Every, Expr, Items, Obj, Path, Ref, Refused, Root,
    Rule, Term, Var, terms_of, walk,
)  # fmt: skip

_MAYBE = frozenset(("max", "min"))
"""Builtins without a value for some arguments of the right kind (an empty collection)."""


def check_negations(rule: Rule, always: frozenset[Path]) -> None:
    """Refuse negated expressions whose nested parts may have no value. Raises Refused."""
    for branch in rule.branches:
        for stmt in _negated(branch):
            if not _plain(stmt.term, always):
                raise Refused(
                    rule.file,
                    stmt.line,
                    "a value inside `not ...` may be absent, and `not` would then differ from OPA; "
                    "bind it before (x := ...) and negate an expression over x",
                )


def always_defined(groups: Groups) -> frozenset[Path]:
    """Rules that have a value for every input: sets, objects without fixed keys, constants,
    and rules with a default."""
    found = set()
    for path, rules in groups.items():
        branches = [b for rule in rules for b in rule.branches]
        match rules[0].kind:
            case "set":
                found.add(path)
            case "object" if not any(isinstance(b.key, Const) for b in branches):
                found.add(path)
            case "complete" if any(not b.body and _constant(b.value) for b in branches):
                found.add(path)
    return frozenset(found)


def _constant(term: Term) -> bool:
    return all(isinstance(part, Const | Items | Obj) for part in walk(term))


def _negated(branch: Branch) -> Iterator[Expr]:
    heads = (branch.value, *((branch.key,) if branch.key is not None else ()))
    for term in heads:
        yield from _in_term(term)
    yield from _in_body(branch.body)


def _in_body(body: Body) -> Iterator[Expr]:
    for stmt in body:
        if isinstance(stmt, Expr) and stmt.negated:
            yield stmt
        for term in terms_of(stmt):
            yield from _in_term(term)
        if isinstance(stmt, Every):
            yield from _in_body(stmt.body)


def _in_term(term: Term) -> Iterator[Expr]:
    for part in walk(term):
        if isinstance(part, Compr):
            yield from (s for s in part.body if isinstance(s, Expr) and s.negated)
            for stmt in part.body:
                if isinstance(stmt, Every):
                    yield from _in_body(stmt.body)


def _plain(term: Term | Bind, always: frozenset[Path]) -> bool:
    match term:
        case Bind(_, left, right) | Call("equal", (left, right), target=None):
            return all(_flat(side, always) or _sure(side, always) for side in (left, right))
        case Call(_, args):
            return all(_sure(arg, always) for arg in args)
        case _:
            return _flat(term, always) or _sure(term, always)


def _flat(term: Term, always: frozenset[Path]) -> bool:
    """A reference looked up as a whole: constants and variables in its brackets."""
    if not isinstance(term, Ref) or not isinstance(term.base, Root | Var):
        return False
    return all(isinstance(key, Const | Var) for key in term.keys)


def _sure(term: Term, always: frozenset[Path]) -> bool:
    """Whether the term has a value whatever the input is (given that its variables do)."""
    match term:
        case Const() | Var() | Compr():
            return True
        case Root("input"):
            return True
        case Items(_, items):
            return all(_sure(i, always) for i in items)
        case Obj(pairs):
            return all(_sure(k, always) and _sure(v, always) for k, v in pairs)
        case Call(name, args, target=None):
            known = (name in BUILTINS and name not in _MAYBE) or name in OPERATORS or name == "in"
            return known and all(_sure(a, always) for a in args)
        case Ref(Root("data"), keys):
            path = tuple(k.value for k in keys if isinstance(k, Const))
            return len(path) == len(keys) and path in always
    return False
