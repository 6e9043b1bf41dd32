"""What a term can be: kinds, and whether two kinds can ever be the same value.

The embedded engine checks no kinds: `deny if input.max_tokens == "500"` or a misspelt key of a
known object is simply never true there, where OPA refuses to compile it. This is the lattice that
admission needs to refuse the same: as precise as OPA's own, over the constructs we admit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scalar:
    name: str


@dataclass(frozen=True, slots=True)
class Arr:
    """`static`: kinds of the first elements; `rest`: of any further, None = there are none."""

    static: tuple[Kind, ...] = ()
    rest: Kind | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """An object: known keys, and the kind of any other (key, value), None = there is none."""

    static: tuple[tuple[Any, Kind], ...] = ()
    rest: tuple[Kind, Kind] | None = None


@dataclass(frozen=True, slots=True)
class SetOf:
    of: Kind


@dataclass(frozen=True, slots=True)
class Func:
    args: tuple[Kind, ...]
    result: Kind


@dataclass(frozen=True, slots=True)
class Union:
    """One of several; with none named: anything."""

    of: frozenset[Kind] = frozenset()


Kind = Scalar | Arr | Map | SetOf | Func | Union

ANY = Union()
NULL, BOOLEAN = Scalar("null"), Scalar("boolean")
NUMBER, STRING = Scalar("number"), Scalar("string")


def either(*kinds: Kind | None) -> Kind | None:
    """The union; anything swallows the rest; None when there is nothing to unite."""
    flat: set[Kind] = set()
    for kind in kinds:
        if kind == ANY:
            return ANY
        if isinstance(kind, Union):
            flat |= kind.of
        elif kind is not None:
            flat.add(kind)
    if len(flat) <= 1:
        return flat.pop() if flat else None
    return Union(frozenset(flat))


def of_value(value: Any) -> Kind:
    """The kind of a scalar constant."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int() | float():
            return NUMBER
        case _:
            return STRING


def overlap(a: Kind | None, b: Kind | None) -> bool:
    """Whether some value has both kinds."""
    if a is None or b is None:
        return False
    if a == ANY or b == ANY:
        return True
    if isinstance(a, Union):
        return any(overlap(kind, b) for kind in a.of)
    if isinstance(b, Union):
        return any(overlap(a, kind) for kind in b.of)
    match a, b:
        case Scalar(), Scalar():
            return a == b
        case Arr(), Arr():
            return _overlap_arrays(a, b)
        case Map(), Map():
            return _overlap_maps(a, b)
        case SetOf(of), SetOf(other):
            return overlap(of, other)
    return False


def _overlap_arrays(a: Arr, b: Arr) -> bool:
    size = max(len(a.static), len(b.static))
    if not all(overlap(select(a, i), select(b, i)) for i in range(size)):
        return False
    return a.rest is None or b.rest is None or overlap(a.rest, b.rest)


def _overlap_maps(a: Map, b: Map) -> bool:
    keys = [k for k, _ in (*a.static, *b.static)]
    if not all(overlap(select(a, k), select(b, k)) for k in keys):
        return False
    return a.rest is None or b.rest is None or overlap(a.rest[1], b.rest[1])


def select(kind: Kind | None, key: Any) -> Kind | None:
    """The kind of `x[key]` for a constant key; None when there can be no such element."""
    match kind:
        case Arr(static, rest):
            if isinstance(key, bool) or not isinstance(key, int) or key < 0:
                return None
            return static[key] if key < len(static) else rest
        case Map(static, rest):
            for name, value in static:
                if type(name) is type(key) and name == key:
                    return value
            return rest[1] if rest and overlap(rest[0], of_value(key)) else None
        case SetOf(of):
            return of_value(key) if overlap(of, of_value(key)) else None
        case Union(of):
            return ANY if not of else either(*(select(k, key) for k in of))
    return None


def keys(kind: Kind | None) -> Kind | None:
    """The kind of what can stand in brackets; None for what has no elements."""
    match kind:
        case Arr():
            return NUMBER
        case Map(static, rest):
            return either(*(of_value(k) for k, _ in static), rest[0] if rest else None)
        case SetOf(of):
            return of
        case Union(of):
            return ANY if not of else either(*(keys(k) for k in of))
    return None


def values(kind: Kind | None) -> Kind | None:
    """The kind of the elements; None for what has none."""
    match kind:
        case Arr(static, rest):
            return either(*static, rest)
        case Map(static, rest):
            return either(*(v for _, v in static), rest[1] if rest else None)
        case SetOf(of):
            return of
        case Union(of):
            return ANY if not of else either(*(values(k) for k in of))
    return None
