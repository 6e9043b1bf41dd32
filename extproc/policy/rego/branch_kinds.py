"""Kinds of one rule branch's variables, learnt statement by statement.

The rules are those of OPA's type checker for the constructs that `tree` admits. `input` and `data`
documents are anything, as in OPA without schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from extproc.policy.rego.builtins import BUILTINS, OPERATORS
from extproc.policy.rego.kinds import (
    ANY,
    BOOLEAN,
    Arr,
    Func,
    Kind,
    Map,
    SetOf,
    Union,
    either,
    keys,
    of_value,
    overlap,
    select,
    values,
)  # fmt: skip
from extproc.policy.rego.tree import (
    Bind,
    Body,
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
    Some,
    SomeIn,
    Stmt,
    Term,
    Var,
)  # fmt: skip

_SIGNATURES: Mapping[str, Func] = {**BUILTINS, **OPERATORS}


class BranchKinds:
    """What is known so far; `body` learns, `kind` asks."""

    def __init__(self, file: str, known: Mapping[Path, Kind]) -> None:
        self.file = file
        self.known = known
        self.vars: dict[str, Kind] = {}

    def refuse(self, line: int, message: str) -> Refused:
        return Refused(self.file, line, message)

    def body(self, body: Body) -> None:
        for stmt in body:
            for _, value in stmt.replaced if isinstance(stmt, Expr) else ():
                self.kind(value)
            self.stmt(stmt)

    def stmt(self, stmt: Stmt) -> None:
        match stmt:
            case Expr(Bind(_, left, right, line)):
                self.equal(left, right, line)
            case Expr(Call("equal", (left, right), line)):
                self.equal(left, right, line)
            case Expr(term):
                self.kind(term)  # type: ignore[arg-type]
            case SomeIn(key, value, collection, line):
                self.some_in(key, value, self.kind(collection), line)
            case Every(key, value, domain, body, line):
                self.some_in(key, value, self.kind(domain), line, every=True)
                self.body(body)
            case Some():
                return

    def some_in(self, key: Term | None, value: Term, source: Kind | None, line: int,
                every: bool = False) -> None:  # fmt: skip
        """`some k, v in c` is `v = c[k]`; an empty collection may hold anything, as in OPA."""
        empty = source in (Arr(), Map())
        if empty or (every and keys(source) is None):
            source = ANY
        if keys(source) is None:
            raise self.refuse(line, "there is nothing to enumerate in this value")
        for term, kind in ((key, keys(source)), (value, values(source))):
            if term is not None and not self.unify(term, kind):
                raise self.refuse(line, "these values can never be equal (match error)")

    def equal(self, left: Term, right: Term, line: int) -> None:
        a, b = self.kind(left), self.kind(right)
        if not self.unify_both(left, a, right, b):
            raise self.refuse(line, "these values can never be equal (match error)")

    def unify_both(self, left: Term, a: Kind | None, right: Term, b: Kind | None) -> bool:
        """Learn the unknown side from the known one; both known must overlap."""
        if a is not None and b is not None:
            return overlap(a, b)
        if a is None and b is not None:
            return self.unify(left, b)
        if a is not None:
            return self.unify(right, a)
        match left, right:
            case Items("array", xs), Items("array", ys):
                return len(xs) == len(ys) and all(
                    self.unify_both(x, self.kind(x), y, self.kind(y))
                    for x, y in zip(xs, ys, strict=True)
                )
            case _:
                return self.unify(left, ANY) and self.unify(right, ANY)

    def unify(self, term: Term, kind: Kind | None) -> bool:
        """Whether the term can have that kind; unknown variables in it take it on."""
        if kind is None:
            return False
        match term:
            case Var(name):
                if name in self.vars:
                    return overlap(self.vars[name], kind)
                self.vars[name] = kind
                return True
            case Items("array", items):
                return self.unify_array(items, kind)
            case Items("set", items):
                return self.unify_set(items, kind)
            case Obj(pairs):
                return self.unify_object(pairs, kind)
            case _:
                return overlap(self.kind(term), kind)

    def unify_array(self, items: tuple[Term, ...], kind: Kind) -> bool:
        match kind:
            case Arr(static, rest):
                if len(items) != len(static) and (rest is None or len(items) < len(static)):
                    return False
                return all(self.unify(t, select(kind, i)) for i, t in enumerate(items))
            case Union(of):
                return self.unify_each(items, of, self.unify_array)
        return False

    def unify_set(self, items: tuple[Term, ...], kind: Kind) -> bool:
        match kind:
            case SetOf(of):
                return all(self.unify(t, of) for t in items)
            case Union(of):
                return self.unify_each(items, of, self.unify_set)
        return False

    def unify_each(
        self,
        items: tuple[Term, ...],
        of: frozenset[Kind],
        one: Callable[[tuple[Term, ...], Kind], bool],
    ) -> bool:
        """Against a union: every member is tried, so that variables learn from all."""
        if not of:
            return all(self.unify(t, ANY) for t in items)
        return any([one(items, kind) for kind in of])  # a list: no short cut

    def unify_object(self, pairs: tuple[tuple[Term, Term], ...], kind: Kind) -> bool:
        match kind:
            case Map(static, rest):
                if len(pairs) != len(static) and rest is None:
                    return False
                return all(
                    self.unify(v, select(kind, k.value) if isinstance(k, Const) else values(kind))
                    for k, v in pairs
                )
            case Union(of):
                if not of:
                    return all(self.unify(v, ANY) for _, v in pairs)
                return any([self.unify_object(pairs, k) for k in of])  # a list: no short cut
        return False

    def argument(self, term: Term) -> Kind:
        """A head argument's kind; a variable nothing was learnt about is anything."""
        if isinstance(term, Var):
            return self.vars.get(term.name, ANY)
        return self.kind(term) or ANY

    # --- kinds of terms ------------------------------------------------------------------

    def kind(self, term: Term) -> Kind | None:
        """The term's kind; None while it holds a variable nothing is known about."""
        match term:
            case Const(value):
                return of_value(value)
            case Var(name):
                return self.vars.get(name)
            case Root():
                return ANY
            case Items(kind, items):
                return self.items(kind, [self.kind(i) for i in items])
            case Obj(pairs):
                return self.object(pairs)
            case Compr():
                return self.compr(term)
            case Call():
                return self.call(term)
            case Ref():
                return self.ref(term)

    def items(self, kind: str, parts: list[Kind | None]) -> Kind | None:
        if any(p is None for p in parts):
            return None
        if kind == "array":
            return Arr(tuple(p for p in parts if p is not None))
        return SetOf(either(*parts) or ANY)

    def object(self, pairs: tuple[tuple[Term, Term], ...]) -> Kind | None:
        static: dict[object, Kind] = {}
        rest: tuple[Kind, Kind] | None = None
        for key, value in pairs:
            key_kind, kind = self.kind(key), self.kind(value)
            if key_kind is None or kind is None:
                return None
            if isinstance(key, Const):
                static[key.value] = kind
            else:
                seen = rest or (None, None)
                rest = (either(seen[0], key_kind) or ANY, either(seen[1], kind) or ANY)
        return Map(tuple(static.items()), rest)

    def compr(self, term: Compr) -> Kind:
        """A comprehension's variables are its own, outer ones keep what is learnt inside."""
        self.body(term.body)
        kinds = [self.kind(t) or ANY for t in term.terms]
        match term.kind:
            case "array":
                return Arr((), kinds[0])
            case "set":
                return SetOf(kinds[0])
            case "object":
                return Map((), (kinds[0], kinds[1]))

    def call(self, term: Call) -> Kind:
        if term.name == "in" and term.target is None:
            for part in term.args:
                self.kind(part)
            return BOOLEAN
        if term.name == "equal" and term.target is None:
            self.equal(term.args[0], term.args[1], term.line)
            return BOOLEAN
        found = _SIGNATURES[term.name] if term.target is None else self.known[term.target[1:]]
        assert isinstance(found, Func)
        for number, (arg, kind) in enumerate(zip(term.args, found.args, strict=True), 1):
            self.kind(arg)
            if not self.unify(arg, kind):
                raise self.refuse(term.line, f"{term.name}: invalid argument {number}")
        return found.result

    def ref(self, term: Ref) -> Kind:
        current: Kind | None
        if isinstance(term.base, Root):
            current, rest = self.rooted(term)
        else:
            current, rest = self.kind(term.base), term.keys
        found: Kind = ANY if current is None else current
        for key in rest:
            found = self.step(found, key, term.line)
        return found

    def rooted(self, term: Ref) -> tuple[Kind, tuple[Term, ...]]:
        """The rule a `data` reference names, if any, and the keys that look into its value."""
        assert isinstance(term.base, Root)
        if term.base.name == "data":
            path: Path = ()
            for index, key in enumerate(term.keys):
                if not isinstance(key, Const) or not isinstance(key.value, str):
                    break
                path = (*path, key.value)
                if path in self.known:
                    return self.rule_value(path, term.line), term.keys[index + 1 :]
        return ANY, term.keys

    def rule_value(self, path: Path, line: int) -> Kind:
        kind = self.known[path]
        if isinstance(kind, Func):
            raise self.refuse(line, f"function {path[-1]} is used as a value, not called")
        return kind

    def step(self, current: Kind, key: Term, line: int) -> Kind:
        name = keys(current)
        if name is None:
            raise self.refuse(line, "undefined reference: this value has no elements")
        if isinstance(key, Const):
            found = select(current, key.value)
        else:
            self.kind(key)
            found = values(current) if self.unify(key, name) else None
        if found is None:
            raise self.refuse(line, "undefined reference: no such key in this value")
        return found
