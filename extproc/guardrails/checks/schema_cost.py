"""How much work a JSON schema can make, known before it is run.

Promises: a bound for any schema, hostile ones included. `jsonschema-rs` judges a recursive
reference once per value, yet writes every other one out: definitions that refer to the next one
twice double the work with each, as "billion laughs" do. Refuses: references that lead outside the
schema, so that nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NODES_MAX = 20_000
"""Of a schema with its references written out."""
LOOPS_MAX = 512
"""Places in it where a reference leads back to what it stands in."""
DEPTH_MAX = 256
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")


class SchemaMistake(ValueError):
    """What is wrong with a schema, in words for its author."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`nodes` of a schema written out; `loops`: references among them that lead back."""

    nodes: int
    loops: int


def schema_cost(schema: Any) -> Cost:
    """Raises SchemaMistake when it is too much, or when a reference is not to be followed."""
    expansion = _Expansion(schema)
    cost = expansion.of(schema, 0)
    if cost.nodes > NODES_MAX:
        raise SchemaMistake(f"has more than {NODES_MAX} parts once its references are written out")
    if cost.loops > LOOPS_MAX:
        raise SchemaMistake(f"leads back to itself in more than {LOOPS_MAX} places")
    return cost


class _Expansion:
    def __init__(self, schema: Any) -> None:
        self._root = schema
        self._known: dict[int, Cost] = {}
        self._open: set[int] = set()
        self._anchors = dict(_anchors(schema, 0))

    def of(self, node: Any, depth: int) -> Cost:
        """Every container is counted once and remembered, so this is linear in the schema."""
        if type(node) not in (dict, list):
            return Cost(1 + len(node) // 16 if type(node) is str else 1, 0)
        if id(node) in self._open:
            return Cost(1, 1)
        if (known := self._known.get(id(node))) is not None:
            return known
        if depth > DEPTH_MAX:
            raise SchemaMistake(f"is nested deeper than {DEPTH_MAX} levels")
        self._open.add(id(node))
        nodes, loops = 1, 0
        for part in self._parts(node, depth):
            cost = self.of(part, depth + 1)
            nodes, loops = min(nodes + cost.nodes, 2**62), min(loops + cost.loops, 2**62)
        self._open.discard(id(node))
        self._known[id(node)] = Cost(nodes, loops)
        return self._known[id(node)]

    def _parts(self, node: Any, depth: int) -> Iterator[Any]:
        if type(node) is list:
            yield from node
            return
        for key, value in node.items():
            if key == "$id" and depth > 0 and type(value) is str:
                raise SchemaMistake("has a '$id' inside: one schema, one name")
            if key in _REFERENCES and type(value) is str:
                yield self._target(value)
            else:
                yield key
                yield value

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise SchemaMistake("refers to another schema: only '#...' is followed")
        if not reference.startswith("#/"):
            name = reference[1:]
            return self._root if not name else self._anchors.get(name, True)
        node = self._root
        for step in reference[2:].split("/"):
            node = _step(node, step.replace("~1", "/").replace("~0", "~"))
        return node


def _step(node: Any, step: str) -> Any:
    """One step of a JSON pointer; True, the schema of nothing special, where it leads nowhere.

    Percent-encoded steps lead nowhere here and must not somewhere else, so they are refused.
    """
    if "%" in step:
        raise SchemaMistake("has a percent-encoded reference")
    if type(node) is dict:
        return node.get(step, True)
    if type(node) is list and step.isdecimal() and int(step[:9]) < len(node):
        return node[int(step[:9])]
    return True


def _anchors(node: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH_MAX:
        raise SchemaMistake(f"is nested deeper than {DEPTH_MAX} levels")
    if type(node) is dict:
        yield from ((node[key], node) for key in _ANCHORS if type(node.get(key)) is str)
    if type(node) in (dict, list):
        for part in node.values() if type(node) is dict else node:
            yield from _anchors(part, depth + 1)
