"""The syntax tree that admission reads: a small, closed set of nodes with line numbers.

What the parser produces and is not a node here is refused, so a construct that nobody has compared
with OPA cannot slip through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from extproc.config.mistake import Mistake

Path = tuple[str, ...]


class Refused(Exception):
    """Raised inside admission only; carries one Mistake."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(file, line, message)


@dataclass(frozen=True, slots=True)
class Const:
    value: Any
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Var:
    """A variable. After name resolution its name is unique within its rule."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Ref:
    """`base[key][key]...`; after resolution a global's base is Root."""

    base: Term
    keys: tuple[Term, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Root:
    name: Literal["data", "input"]
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    kind: Literal["array", "set"]
    items: tuple[Term, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Obj:
    pairs: tuple[tuple[Term, Term], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """A builtin, an operator under its builtin's name, or a function of the bundle.

    `target`: the absolute path of the bundle's function; None for a builtin.
    """

    name: str
    args: tuple[Term, ...]
    line: int
    target: Path | None = None


@dataclass(frozen=True, slots=True)
class Compr:
    """`terms` are one term, or key and value for an object."""

    kind: Literal["array", "set", "object"]
    terms: tuple[Term, ...]
    body: Body
    line: int


@dataclass(frozen=True, slots=True)
class Bind:
    """`left := right` or `left = right`; stands only as a whole statement."""

    op: Literal[":=", "="]
    left: Term
    right: Term
    line: int


Term = Const | Var | Ref | Root | Items | Obj | Call | Compr


@dataclass(frozen=True, slots=True)
class Expr:
    """`replaced`: what `with` puts in place of `input...` or `data...`; tests only."""

    term: Term | Bind
    line: int
    negated: bool = False
    replaced: tuple[tuple[Term, Term], ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class SomeIn:
    key: Term | None
    value: Term
    collection: Term
    line: int


@dataclass(frozen=True, slots=True)
class Every:
    key: Var | None
    value: Var
    domain: Term
    body: Body
    line: int


Stmt = Expr | Some | SomeIn | Every
Body = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to make a rule true, with the head terms it was written under.

    `then_else`: an `else` follows it.
    """

    args: tuple[Term, ...]
    key: Term | None
    value: Term
    body: Body
    line: int
    then_else: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`kind`: complete `x := v`, function `x(a) := v`, set `x contains k`, object `x[k] := v`."""

    name: str
    kind: Literal["complete", "function", "set", "object"]
    branches: tuple[Branch, ...]
    default: bool
    file: str
    line: int
    package: Path = ()

    @property
    def path(self) -> Path:
        return (*self.package, self.name)


@dataclass(frozen=True, slots=True)
class Import:
    path: Path
    alias: str
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    file: str
    package: Path
    imports: tuple[Import, ...]
    rules: tuple[Rule, ...]


def subterms(term: Term | Bind) -> Iterator[Term]:
    """The direct parts of a term; a comprehension's body is not among them."""
    match term:
        case Ref(base, keys):
            yield base
            yield from keys
        case Items(_, items):
            yield from items
        case Obj(pairs):
            for key, value in pairs:
                yield key
                yield value
        case Call(_, args):
            yield from args
        case Bind(_, left, right):
            yield left
            yield right
        case _:
            return


def terms_of(stmt: Stmt) -> Iterator[Term]:
    """The direct terms of a statement; an `every` yields only its domain."""
    match stmt:
        case Expr(term, replaced=replaced):
            if isinstance(term, Bind):
                yield from subterms(term)
            else:
                yield term
            for _, value in replaced:
                yield value
        case SomeIn(key, value, collection):
            yield collection
            yield value
            if key is not None:
                yield key
        case Every():
            yield stmt.domain
        case Some():
            return


def walk(term: Term) -> Iterator[Term]:
    """The term and everything below it, comprehensions' bodies included."""
    yield term
    for part in subterms(term):
        yield from walk(part)
    if isinstance(term, Compr):
        for part in term.terms:
            yield from walk(part)
        yield from walk_body(term.body)


def walk_body(body: Body) -> Iterator[Term]:
    """Every term of every statement, at any depth."""
    for stmt in body:
        for term in terms_of(stmt):
            yield from walk(term)
        if isinstance(stmt, Every):
            yield from walk_body(stmt.body)


def walk_branch(branch: Branch) -> Iterator[Term]:
    """Every term of a branch: head and body."""
    for term in (*branch.args, branch.value, *((branch.key,) if branch.key else ())):
        yield from walk(term)
    yield from walk_body(branch.body)
