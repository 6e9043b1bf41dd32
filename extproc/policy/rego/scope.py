"""Name resolution: every name becomes a variable of its rule, `input`, or a path below `data`.

Refuses what OPA's compiler refuses here: names declared twice or used before their declaration,
declared and never used, `input` or `data` as a variable, a variable or value called as a function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from extproc.policy.rego.builtins import ONE_WORD_BUILTINS
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
    Module,
    Obj,
    Path,
    Ref,
    Refused,
    Root,
    Rule,
    Some,
    SomeIn,
    Stmt,
    Term,
    Var,
    walk_branch,
)  # fmt: skip

_ROOTS = ("data", "input")


class _Scope:
    """One lexical level: what it declares, and which names were already used in it."""

    def __init__(self, parent: _Scope | None) -> None:
        self.parent = parent
        self.declared: dict[str, str] = {}
        self.used: set[str] = set()

    def find(self, name: str) -> str | None:
        scope: _Scope | None = self
        while scope is not None:
            scope.used.add(name)
            if name in scope.declared:
                return scope.declared[name]
            scope = scope.parent
        return None

    def encloses(self, name: str) -> bool:
        """Whether an enclosing scope declares the name."""
        scope = self.parent
        while scope is not None and name not in scope.declared:
            scope = scope.parent
        return scope is not None


class ModuleNames:
    """What a bare name means in one module: an import, or a rule of its package."""

    def __init__(self, module: Module, rule_names: frozenset[str]) -> None:
        self.module = module
        self.imports = {
            i.alias: i.path for i in module.imports if i.path[0] in _ROOTS and len(i.path) > 1
        }
        self.rule_names = rule_names

    def path(self, name: str) -> Path | None:
        """Absolute path of a bare global name; None when it is no global."""
        if name in self.imports:
            return self.imports[name]
        if name in self.rule_names:
            return ("data", *self.module.package, name)
        return (name,) if name in _ROOTS else None


class _Resolver:
    """Resolves one rule branch; owns its counter of unique names."""

    def __init__(self, names: ModuleNames, file: str) -> None:
        self.names = names
        self.file = file
        self.count = 0
        self.must_use: dict[str, tuple[str, int]] = {}

    def refuse(self, line: int, message: str) -> Refused:
        return Refused(self.file, line, message)

    def declare(self, scope: _Scope, name: str, line: int, must_use: bool = False) -> Var:
        if name == "_":
            return self.wildcard(line)
        if name in _ROOTS:
            raise self.refuse(line, f"`{name}` may not be redefined")
        if name in scope.declared:
            raise self.refuse(line, f"variable {name} is declared twice")
        if name in scope.used:
            raise self.refuse(line, f"variable {name} is used before it is declared")
        self.count += 1
        scope.declared[name] = unique = f"{name}#{self.count}"
        if must_use:
            self.must_use[unique] = (name, line)
        return Var(unique, line)

    def wildcard(self, line: int) -> Var:
        self.count += 1
        return Var(f"_#{self.count}", line)

    # --- branches and statements ----------------------------------------------------------

    def branch(self, branch: Branch) -> Branch:
        scope = _Scope(None)
        args = tuple(self.pattern(a, scope, must_use=False) for a in branch.args)
        body = self.body(branch.body, scope)
        key = self.term(branch.key, scope) if branch.key is not None else None
        value = self.term(branch.value, scope)
        found = replace(branch, args=args, key=key, value=value, body=body)
        self.check_used(found)
        return found

    def check_used(self, branch: Branch) -> None:
        """`some` and `every` names must be used (OPA: declared var unused)."""
        uses = Counter(t.name for t in walk_branch(branch) if isinstance(t, Var))
        for unique, (name, line) in self.must_use.items():
            if not uses[unique]:
                raise self.refuse(line, f"variable {name} is declared and never used")

    def body(self, body: Body, scope: _Scope) -> Body:
        return tuple(s for stmt in body if (s := self.stmt(stmt, scope)) is not None)

    def stmt(self, stmt: Stmt, scope: _Scope) -> Stmt | None:
        match stmt:
            case Expr(term, line, negated, replaced):
                mods = tuple(self.replacement(t, v, scope) for t, v in replaced)
                return Expr(self.whole(term, negated, scope), line, negated, mods)
            case Some(names, line):
                for name in names:
                    if name == "_":
                        raise self.refuse(line, "variable _ is declared and never used")
                    self.declare(scope, name, line, must_use=True)
                return None
            case SomeIn(key, value, collection, line):
                source = self.term(collection, scope)
                for part in (key, value):
                    self.check_new(part, scope)
                first = self.pattern(key, scope) if key is not None else None
                return SomeIn(first, self.pattern(value, scope), source, line)
            case Every():
                return self.every(stmt, scope)

    def check_new(self, pattern: Term | None, scope: _Scope) -> None:
        """The engine fails on every input when `some x in` reuses a name; OPA hides the old one."""
        for part in _assigned(pattern) if pattern is not None else ():
            if isinstance(part, Var) and (
                scope.encloses(part.name) or self.names.path(part.name) is not None
            ):
                text = f"`some {part.name} in` reuses a name that has a meaning here; rename it"
                raise self.refuse(part.line, text)

    def whole(self, term: Term | Bind, negated: bool, scope: _Scope) -> Term | Bind:
        match term:
            case Bind(":=", left, right, line):
                if negated:
                    raise self.refuse(line, "nothing can be assigned below `not`")
                value = self.term(right, scope)
                if any(isinstance(part, Const) for part in _assigned(left)):
                    raise self.refuse(line, "nothing can be assigned to a value")
                return Bind(":=", self.pattern(left, scope), value, line)
            case Bind("=", left, right, line):
                return Bind("=", self.term(left, scope), self.term(right, scope), line)
            case _:
                return self.term(term, scope)  # type: ignore[arg-type]  # no Bind any more

    def replacement(self, target: Term, value: Term, scope: _Scope) -> tuple[Term, Term]:
        """`with target as value`: documents only, never functions."""
        found = self.term(target, scope)
        base, keys = (found.base, found.keys) if isinstance(found, Ref) else (found, ())
        if not isinstance(base, Root) or not all(isinstance(k, Const) for k in keys):
            raise self.refuse(target.line, "`with` replaces input or data documents only")
        return found, self.term(value, scope)

    def every(self, stmt: Every, scope: _Scope) -> Every:
        domain = self.term(stmt.domain, scope)
        inner = _Scope(scope)
        key = self.declare(inner, stmt.key.name, stmt.line, True) if stmt.key else None
        value = self.declare(inner, stmt.value.name, stmt.line, True)
        return Every(key, value, domain, self.body(stmt.body, _Scope(inner)), stmt.line)

    def pattern(self, term: Term, scope: _Scope, must_use: bool = False) -> Term:
        """A term whose variables are declared here: arguments, left of `:=`, `some ... in`."""
        match term:
            case Var(name, line):
                return self.declare(scope, name, line, must_use)
            case Items("array", items, line):
                return Items("array", tuple(self.pattern(i, scope) for i in items), line)
            case Obj(pairs, line):
                kept = tuple((self.term(k, scope), self.pattern(v, scope)) for k, v in pairs)
                return Obj(kept, line)
            case Const():
                return term
        raise self.refuse(term.line, "only variables, values, arrays and objects can stand here")

    # --- terms ---------------------------------------------------------------------------

    def term(self, term: Term, scope: _Scope) -> Term:
        match term:
            case Var(name, line):
                return self.name(name, scope, line)
            case Ref(base, keys, line):
                return _join(self.term(base, scope), self.terms(keys, scope), line)
            case Items(kind, items, line):
                return Items(kind, self.terms(items, scope), line)
            case Obj(pairs, line):
                kept = tuple((self.term(k, scope), self.term(v, scope)) for k, v in pairs)
                return Obj(kept, line)
            case Call(name, args, line):
                return self.call(name, self.terms(args, scope), scope, line)
            case Compr(kind, terms, body, line):
                inner = _Scope(scope)
                found = self.body(body, inner)
                return Compr(kind, self.terms(terms, inner), found, line)
            case _:
                return term

    def terms(self, terms: Iterable[Term], scope: _Scope) -> tuple[Term, ...]:
        return tuple(self.term(t, scope) for t in terms)

    def name(self, name: str, scope: _Scope, line: int) -> Term:
        if name == "_":
            return self.wildcard(line)
        local = scope.find(name)
        if local is not None:
            return Var(local, line)
        path = self.names.path(name)
        if path is None:
            if name in ONE_WORD_BUILTINS:
                raise self.refuse(line, f"{name} is a function, not a variable")
            return Var(name, line)
        return _absolute(path, line)

    def call(self, name: str, args: tuple[Term, ...], scope: _Scope, line: int) -> Call:
        first, *rest = name.split(".")
        if scope.find(first) is not None:
            raise self.refuse(line, f"{first} is a variable here, not a function")
        path = self.names.path(first)
        return Call(name, args, line, (*path, *rest) if path is not None else None)


def _assigned(term: Term) -> Iterator[Term]:
    """What an assignment's left side gives values to (an object's keys are not)."""
    match term:
        case Items("array", items):
            for item in items:
                yield from _assigned(item)
        case Obj(pairs):
            for _, value in pairs:
                yield from _assigned(value)
        case _:
            yield term


def _absolute(path: Path, line: int) -> Term:
    root = Root(path[0], line)  # type: ignore[arg-type]  # ModuleNames.path yields roots only
    if len(path) == 1:
        return root
    return Ref(root, tuple(Const(p, line) for p in path[1:]), line)


def _join(base: Term, keys: tuple[Term, ...], line: int) -> Ref:
    if isinstance(base, Ref):
        return Ref(base.base, (*base.keys, *keys), line)
    return Ref(base, keys, line)


def resolve(rule: Rule, names: ModuleNames) -> Rule:
    """The rule with every name resolved. Raises Refused."""
    branches = tuple(_Resolver(names, rule.file).branch(b) for b in rule.branches)
    return replace(rule, branches=branches)
