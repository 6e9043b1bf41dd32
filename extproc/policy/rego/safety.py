"""Variable safety: every variable must get its value from somewhere (OPA: rego_unsafe_var_error).

The engine behind us notices some unsafe variables only when it reaches them, some never: a typo in
a deny rule would silently never fire. So this is checked here, as OPA does: statements are put in
an order in which each one's variables are known, and what cannot be placed is refused.
"""

from __future__ import annotations

from dataclasses import replace

from extproc.policy.rego.tree import (
    Bind,
    Body,
    Branch,
    Call,
    Compr,
    Every,
    Expr,
    Items,
    Obj,
    Ref,
    Refused,
    Rule,
    SomeIn,
    Stmt,
    Term,
    Var,
    subterms,
    terms_of,
)  # fmt: skip

Names = frozenset[str]


def check_safety(rule: Rule) -> Rule:
    """The rule with its bodies in a safe order. Raises Refused for an unsafe variable."""
    return replace(rule, branches=tuple(_branch(b, rule.file) for b in rule.branches))


def _branch(branch: Branch, file: str) -> Branch:
    args = frozenset(n for a in branch.args for n in own_names(a))
    body, safe = _order(branch.body, args, file)
    value, safe = _head(branch.value, safe, branch.line, file)
    if branch.key is None:
        return replace(branch, value=value, body=body)
    key, _ = _head(branch.key, safe, branch.line, file)
    return replace(branch, value=value, body=body, key=key)


def _head(term: Term, safe: Names, line: int, file: str) -> tuple[Term, Names]:
    safe |= _ref_outputs(term, safe)
    _require(own_names(term) - safe, line, file)
    return _inner(term, safe, file), safe


def _order(body: Body, safe: Names, file: str) -> tuple[Body, Names]:
    """Place statements until none is left; the rest is unsafe."""
    bindable = frozenset(n for stmt in body for n in _names(stmt)) | safe
    waiting, placed = list(body), []
    while waiting:
        stmt = next((s for s in waiting if not _missing(s, safe, bindable)), waiting[0])
        _require(_missing(stmt, safe, bindable), stmt.line, file)
        waiting.remove(stmt)
        outputs = _outputs(stmt, safe)
        placed.append(_inside(stmt, safe | outputs, file))
        safe |= outputs
    return tuple(placed), safe


def _missing(stmt: Stmt, safe: Names, bindable: Names) -> Names:
    """What is unknown yet: own variables it does not bind, outer ones its closures look at."""
    own = _names(stmt) - safe - _outputs(stmt, safe)
    return own | ((_closure_names(stmt) & bindable) - safe)


def _require(missing: Names, line: int, file: str) -> None:
    if missing:
        name = min(n.split("#")[0] for n in missing)
        raise Refused(file, line, f"variable {name} is unsafe: nothing gives it a value")


# --- which names a statement has, needs, gives ------------------------------------------------


def own_names(term: Term) -> Names:
    """Variables of a term, comprehensions excluded."""
    if isinstance(term, Var):
        return frozenset((term.name,))
    return frozenset(n for part in subterms(term) for n in own_names(part))


def _names(stmt: Stmt) -> Names:
    return frozenset(n for term in terms_of(stmt) for n in own_names(term))


def _closure_names(stmt: Stmt) -> Names:
    """Every variable inside the statement's comprehensions and `every` body."""
    found = frozenset(n for term in terms_of(stmt) for n in _inside_names(term))
    return found | _all_names(stmt.body) if isinstance(stmt, Every) else found


def _inside_names(term: Term) -> Names:
    found = frozenset(n for part in subterms(term) for n in _inside_names(part))
    if isinstance(term, Compr):
        found |= _all_names(term.body)
        found |= frozenset(n for t in term.terms for n in own_names(t) | _inside_names(t))
    return found


def _all_names(body: Body) -> Names:
    return frozenset(n for stmt in body for n in _names(stmt) | _closure_names(stmt))


def _outputs(stmt: Stmt, safe: Names) -> Names:
    """Variables this statement binds, given the safe ones."""
    match stmt:
        case Expr(_, _, True):
            return frozenset()
        case Expr(Bind(_, left, right)):
            found = _ref_outputs(left, safe) | _ref_outputs(right, safe)
            return found | _unify(left, right, safe | found)
        case Expr(term):
            return _ref_outputs(term, safe)  # type: ignore[arg-type]
        case SomeIn(key, value, collection):
            found = _ref_outputs(collection, safe)
            if not own_names(collection) <= safe | found:
                return frozenset()
            return found | _pattern_names(value) | (_pattern_names(key) if key else frozenset())
        case Every():
            return _ref_outputs(stmt.domain, safe)
        case _:
            return frozenset()


def _ref_outputs(term: Term, safe: Names) -> Names:
    """Variables in brackets of a reference whose base is known enumerate it (`input.a[i]`)."""
    found: Names = frozenset()
    for part in subterms(term):
        found |= _ref_outputs(part, safe | found)
    if isinstance(term, Ref) and own_names(term.base) <= safe | found:
        for key in term.keys:
            if isinstance(key, Var):
                found |= {key.name}
    return found


def _pattern_names(term: Term) -> Names:
    """Variables that matching a known value against this pattern binds."""
    match term:
        case Var(name):
            return frozenset((name,))
        case Items("array", items):
            return frozenset(n for i in items for n in _pattern_names(i))
        case Obj(pairs):
            return frozenset(n for _, v in pairs for n in _pattern_names(v))
        case _:
            return frozenset()


def _unify(left: Term, right: Term, safe: Names) -> Names:
    """Variables bound by `left = right`: pairwise inside arrays, whole against a known side."""
    if isinstance(left, Items) and isinstance(right, Items) and left.kind == right.kind == "array":
        found: Names = frozenset()
        for a, b in zip(left.items, right.items, strict=False):
            found |= _unify(a, b, safe | found)
        return found
    if own_names(right) <= safe:
        return _pattern_names(left)
    if own_names(left) <= safe:
        return _pattern_names(right)
    return frozenset()


# --- inside comprehensions and every ----------------------------------------------------------


def _inside(stmt: Stmt, safe: Names, file: str) -> Stmt:
    match stmt:
        case Expr(term, _, _, replaced):
            mods = tuple((target, _inner(value, safe, file)) for target, value in replaced)
            return replace(stmt, term=_inner_whole(term, safe, file), replaced=mods)
        case SomeIn(key, value, collection, line):
            return SomeIn(key, value, _inner(collection, safe, file), line)
        case Every(key, value, domain, body, line):
            own = {v.name for v in (key, value) if v is not None}
            kept, _ = _order(body, safe | own, file)
            return Every(key, value, _inner(domain, safe, file), kept, line)
        case _:
            return stmt


def _inner_whole(term: Term | Bind, safe: Names, file: str) -> Term | Bind:
    if not isinstance(term, Bind):
        return _inner(term, safe, file)
    return replace(term, left=_inner(term.left, safe, file), right=_inner(term.right, safe, file))


def _inner(term: Term, safe: Names, file: str) -> Term:
    """The term with the bodies of its comprehensions ordered."""
    match term:
        case Compr(kind, terms, body, line):
            kept, known = _order(body, safe, file)
            for part in terms:
                known |= _ref_outputs(part, known)
                _require(own_names(part) - known, line, file)
            return Compr(kind, tuple(_inner(t, known, file) for t in terms), kept, line)
        case Ref(base, keys, line):
            parts = tuple(_inner(k, safe, file) for k in keys)
            return Ref(_inner(base, safe, file), parts, line)
        case Items(kind, items, line):
            return Items(kind, tuple(_inner(i, safe, file) for i in items), line)
        case Obj(pairs, line):
            both = ((_inner(k, safe, file), _inner(v, safe, file)) for k, v in pairs)
            return Obj(tuple(both), line)
        case Call():
            return replace(term, args=tuple(_inner(a, safe, file) for a in term.args))
        case _:
            return term
