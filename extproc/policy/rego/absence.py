"""Values that may be absent, where the two engines treat absence differently.

OPA looks up every nested reference and call of a negated expression first: with `input.x` absent,
`not input.x in allowed` is NOT true there, but it is in the embedded engine. And as a value,
`input.x in allowed` is absent in OPA but false in the embedded engine. And where a function's
value is absent, OPA goes on to `else`. Rules written that way could open. So there everything
nested must surely have a value; the author says what is meant by binding it on a line of its own:
`x := input.x` and then `not x in allowed`.
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.policy.rego.builtins import BUILTINS, OPERATORS
from extproc.policy.rego.structure import Groups
from extproc.policy.rego.tree import (
    Bind,
    Body,
    Branch,
    Call,
    Compr,
    Const,
    Every,
    Expr,
    Items,
    Obj,
    Path,
    Ref,
    Refused,
    Root,
    Rule,
    Stmt,
    Term,
    Var,
    walk,
    walk_branch,
)  # fmt: skip

_MAYBE = frozenset(("max", "min"))
"""Builtins without a value for some arguments of the right kind (an empty collection)."""


def check_absence(rule: Rule, always: frozenset[Path]) -> None:
    """Negations, memberships and values before `else` over what may be absent: Refused."""
    for branch in rule.branches:
        _check_memberships(rule, branch, always)
        if rule.kind == "function" and branch.then_else and not _sure(branch.value, always):
            text = "a value before `else` may be absent; bind it in the body (x := ...)"
            raise Refused(rule.file, branch.line, text)
        for stmt in _negated(branch):
            if not _plain(stmt.term, always):
                raise Refused(
                    rule.file,
                    stmt.line,
                    "a value inside `not ...` may be absent, and `not` would then differ from OPA; "
                    "bind it before (x := ...) and negate an expression over x",
                )


def _check_memberships(rule: Rule, branch: Branch, always: frozenset[Path]) -> None:
    whole = {id(s.term) for s in _statements(branch) if isinstance(s, Expr)}
    for term in walk_branch(branch):
        if not isinstance(term, Call) or term.name != "in" or id(term) in whole:
            continue
        if not all(_sure(a, always) for a in term.args):
            text = "a value in `... in ...` may be absent; bind it before (x := ...)"
            raise Refused(rule.file, term.line, text)


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
    return (s for s in _statements(branch) if isinstance(s, Expr) and s.negated)


def _statements(branch: Branch) -> Iterator[Stmt]:
    """Every statement of a branch, those inside comprehensions and `every` included."""
    yield from _in_body(branch.body)
    for term in walk_branch(branch):
        if isinstance(term, Compr):
            yield from _in_body(term.body)


def _in_body(body: Body) -> Iterator[Stmt]:
    for stmt in body:
        yield stmt
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
