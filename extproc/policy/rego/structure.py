"""How rules, packages, imports and data fit together.

Refuses what OPA's compiler refuses: rules of different kinds or arity under one name, several
defaults, rules that hide each other, a package or a data document, unknown functions, wrong
numbers of arguments, recursion. Also refuses references to whole packages and computed references
into one, which OPA admits in some cases: they would hide recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from extproc.config.mistake import Mistake
from extproc.policy.rego.builtins import BUILTINS, OPERATORS, REASONS
from extproc.policy.rego.tree import (
    Branch,
    Call,
    Const,
    Items,
    Module,
    Obj,
    Path,
    Ref,
    Refused,
    Root,
    Rule,
    Term,
    walk_branch,
)  # fmt: skip

Groups = dict[Path, list[Rule]]
_KEYWORDS = ("in", "if", "every", "contains")
_RESERVED = frozenset((
    "data", "input", "_", "as", "contains", "default", "else", "every", "false", "if",
    "import", "in", "not", "null", "package", "some", "true", "with",
))  # fmt: skip


def check_imports(module: Module) -> Iterator[Mistake]:
    """Imports: `rego.v1`, `future.keywords`, `data.x`, `input.x`; each name once."""
    seen: set[str] = set()
    rules = {rule.name for rule in module.rules}
    for item in module.imports:
        match item.path:
            case ("rego", "v1") | ("future", "keywords"):
                name = ".".join(item.path)
            case ("future", "keywords", keyword) if keyword in _KEYWORDS:
                name = ".".join(item.path)
            case ("data" | "input", _, *_):
                name = item.alias
            case _:
                name = ""
        if not name:
            yield Mistake(module.file, item.line, f"unknown import {'.'.join(item.path)}")
        elif name in seen:
            yield Mistake(module.file, item.line, f"{name} is imported twice")
        elif name in rules or name in ("data", "input"):
            yield Mistake(module.file, item.line, f"import {name} hides another name")
        seen.add(name)


def check_groups(groups: Groups) -> Iterator[Mistake]:
    """Rules of one name must be of one kind, with one default at most."""
    for path, rules in groups.items():
        first = rules[0]
        for rule in rules:
            if rule.kind != first.kind or _arity(rule) != _arity(first):
                yield _at(rule, f"conflicting rules {'.'.join(path)}: different kinds or arity")
            if rule.name in _RESERVED:
                yield _at(rule, f"a rule may not be called {rule.name}")
            if rule.default:
                yield from _check_default(rule)
            if any(len(b.args) == 0 for b in rule.branches) and rule.kind == "function":
                yield _at(rule, f"function {rule.name} has no arguments")
        if sum(rule.default for rule in rules) > 1:
            yield _at(rules[-1], f"multiple default rules {'.'.join(path)}")


def _check_default(rule: Rule) -> Iterator[Mistake]:
    branch = rule.branches[0]
    if not _is_constant(branch.value):
        yield _at(rule, "a default must be a constant value")
    if any(isinstance(arg, Const | Items | Obj) for arg in branch.args):
        yield _at(rule, "a default function takes plain variables")


def _is_constant(term: Term) -> bool:
    match term:
        case Const():
            return True
        case Items(_, items):
            return all(_is_constant(i) for i in items)
        case Obj(pairs):
            return all(_is_constant(k) and _is_constant(v) for k, v in pairs)
    return False


def check_paths(groups: Groups, packages: Iterable[Path], data: Mapping[str, Any]
                ) -> Iterator[Mistake]:  # fmt: skip
    """No rule above a rule or a package, no data document where a rule is."""
    taken = [*groups, *packages]
    for path, rules in groups.items():
        if any(other != path and other[: len(path)] == path for other in taken):
            yield _at(rules[0], f"rule {'.'.join(path)} conflicts with what lies below it")
        if path in packages:
            yield _at(rules[0], f"rule {'.'.join(path)} conflicts with a package")
        if _hides(path, data):
            yield _at(rules[0], f"rule {'.'.join(path)} conflicts with a data document")


def _hides(path: Path, data: Any) -> bool:
    """Whether the data documents hold anything at, or a non-object above, the rule's path."""
    for part in path:
        if not isinstance(data, Mapping):
            return True
        if part not in data:
            return False
        data = data[part]
    return True


def _arity(rule: Rule) -> int:
    return len(rule.branches[0].args)


def _at(rule: Rule, message: str) -> Mistake:
    return Mistake(rule.file, rule.line, message)


# --- references and calls ---------------------------------------------------------------------


def check_uses(rule: Rule, groups: Groups) -> None:
    """Every call and reference of a resolved rule. Raises Refused."""
    for branch in rule.branches:
        for term in walk_branch(branch):
            if isinstance(term, Call):
                _check_call(rule, term, groups)
            elif isinstance(term, Ref) and isinstance(term.base, Root):
                _check_ref(rule, term, groups)
        if any(isinstance(t, Root) and t.name == "data" for t in _bare(branch)):
            raise Refused(rule.file, branch.line, "`data` as a whole holds every rule: recursive")


def _bare(branch: Branch) -> Iterator[Term]:
    """Terms of a branch that are not merely the base of a reference."""
    bases = {id(t.base) for t in walk_branch(branch) if isinstance(t, Ref)}
    return (t for t in walk_branch(branch) if id(t) not in bases)


def _check_call(rule: Rule, call: Call, groups: Groups) -> None:
    if call.name == "in" and call.target is None:
        return
    if call.target is not None:
        group = groups.get(call.target[1:], ()) if call.target[0] == "data" else ()
        if not group or group[0].kind != "function":
            raise Refused(rule.file, call.line, f"undefined function {call.name}")
        wanted = _arity(group[0])
    else:
        wanted = _builtin_arity(rule, call)
    if len(call.args) != wanted:
        text = f"{call.name} takes {wanted} arguments, {len(call.args)} given"
        raise Refused(rule.file, call.line, text)


def _builtin_arity(rule: Rule, call: Call) -> int:
    if call.name in REASONS:
        text = f"{call.name} is not available in process: {REASONS[call.name]}"
        raise Refused(rule.file, call.line, text)
    found = BUILTINS.get(call.name) or OPERATORS.get(call.name)
    if found is None:
        text = f"{call.name} is unknown, or not available in process (an OPA server may have it)"
        raise Refused(rule.file, call.line, text)
    return len(found.args)


def _check_ref(rule: Rule, ref: Ref, groups: Groups) -> None:
    if ref.base.name != "data":  # type: ignore[union-attr]  # the caller saw a Root
        return
    path = _fixed(ref.keys)
    if any(len(path) < len(known) and known[: len(path)] == path for known in groups):
        text = f"data.{'.'.join(path)} reaches into a whole package; name one rule"
        raise Refused(rule.file, ref.line, text)
    if path in groups and len(path) == len(ref.keys) and _has_fixed_keys(groups[path]):
        text = f"{path[-1]} has fixed keys: refer to one of them, like {path[-1]}.key"
        raise Refused(rule.file, ref.line, text)


def _has_fixed_keys(rules: Iterable[Rule]) -> bool:
    """`name.key := ...`: with no key true, OPA has an empty object, the embedded engine nothing."""
    return any(r.kind == "object" and isinstance(b.key, Const) for r in rules for b in r.branches)


def _fixed(keys: Sequence[Term]) -> Path:
    path: Path = ()
    for key in keys:
        if not isinstance(key, Const) or not isinstance(key.value, str):
            break
        path = (*path, key.value)
    return path


# --- order ------------------------------------------------------------------------------------


def in_order(groups: Groups) -> list[list[Rule]]:
    """Groups of resolved rules, each after those it uses. Raises Refused for recursion."""
    done: dict[Path, bool] = {}
    order: list[list[Rule]] = []

    def visit(path: Path) -> None:
        if done.get(path):
            return
        if path in done:
            rule = groups[path][0]
            raise Refused(rule.file, rule.line, f"rule {'.'.join(path)} is recursive")
        done[path] = False
        for used in sorted(_used(groups[path], groups)):
            visit(used)
        done[path] = True
        order.append(groups[path])

    for path in groups:
        visit(path)
    return order


def _used(rules: Iterable[Rule], groups: Groups) -> set[Path]:
    found: set[Path] = set()
    for rule in rules:
        for branch in rule.branches:
            for term in walk_branch(branch):
                path = _target(term)
                found.update(path[:n] for n in range(1, len(path) + 1) if path[:n] in groups)
    return found


def _target(term: Term) -> Path:
    match term:
        case Call(target=("data", *path)):
            return tuple(path)
        case Ref(Root("data"), keys):
            return _fixed(keys)
    return ()
