"""Strict YAML: documents as trees of JSON-like values that know their lines.

Promises: scalars follow the YAML 1.2 core schema (10.3), so `no`, `on` and dates stay text and only
`true`/`false` are booleans; quoted stays text. Refuses: duplicate keys, tags, keys that are not
scalars, numbers that are not finite or not exact in 53 bits, and documents that grow beyond
NODES_MAX when their aliases are written out (the "billion laughs").
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import yaml

from extproc.config.mistake import Mistake

NODES_MAX = 500_000
DEPTH_MAX = 64
EXACT_INT_MAX = 2**53 - 1

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PAIR = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `line` is that of its key (in a mapping) or of its own start; `size` in nodes.

    `value` is plain (dict, list, str, int, float, bool, None); `children` mirrors a container.
    """

    line: int
    value: Any
    children: dict[str, Node] | list[Node] | None = None
    size: int = 1

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at `path`, or the deepest one on the way to it."""
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                return node
            node = child
        return node

    def child(self, part: str | int) -> Node | None:
        match self.children, part:
            case dict(), str():
                return self.children.get(part)
            case list(), int() if part < len(self.children):
                return self.children[part]
        return None


class _Stop(Exception):
    """Ends one file: what follows cannot be trusted."""


def compose(text: str, file: str) -> tuple[list[Node], list[Mistake]]:
    """All documents of one text, without the empty ones, and every mistake found on the way.

    After a syntax mistake the rest of the file is left unread.
    """
    composer = _Composer(text, file)
    documents: list[Node] = []
    try:
        documents.extend(composer.documents())
    except yaml.YAMLError as error:
        composer.mistakes.append(_syntax_mistake(error, text, file))
    except _Stop:
        pass
    return documents, composer.mistakes


def json_as_yaml(text: str) -> str:
    """JSON whose escaped surrogate pairs, which YAML does not know, are the characters they mean.

    All else in JSON is YAML; lines stay where they are.
    """
    return _PAIR.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    if match[1] is None:  # an escaped backslash, perhaps before the letter u
        return match[0]
    return chr(0x10000 + ((int(match[1], 16) - 0xD800) << 10) + int(match[2], 16) - 0xDC00)


class _Composer:
    """Owns one file's event stream, its anchors and its mistakes."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                node = self._node(next(self._events), 0)
                if node.value is not None:
                    yield node

    def _node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        self._spend(1, line)
        if depth > DEPTH_MAX:
            self._stop(line, f"nested deeper than {DEPTH_MAX} levels")
        if event.tag is not None:
            self._mistake(line, f"tags such as '{event.tag}' are not accepted; quote text instead")
        match event:
            case yaml.ScalarEvent():
                node = Node(line, event.value if event.style else self._plain(event.value, line))
            case yaml.SequenceStartEvent():
                node = self._sequence(line, depth)
            case _:
                node = self._mapping(line, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, line: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._stop(line, f"alias '*{event.anchor}' stands for nothing that ends before it")
        self._spend(node.size, line)
        return replace(node, line=line)

    def _sequence(self, line: int, depth: int) -> Node:
        children = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            children.append(self._node(event, depth + 1))
        size = 1 + sum(child.size for child in children)
        return Node(line, [child.value for child in children], children, size)

    def _mapping(self, line: int, depth: int) -> Node:
        children: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_line = self._key(event)
            child = replace(self._node(next(self._events), depth + 1), line=key_line)
            if key in children:
                first = children[key].line
                self._mistake(key_line, f"key '{key}' stands here twice (first on line {first})")
            else:
                children[key] = child
        size = 1 + sum(child.size for child in children.values())
        return Node(line, {key: child.value for key, child in children.items()}, children, size)

    def _key(self, event: Any) -> tuple[str, int]:
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._stop(line, "a key must be plain or quoted text")
        return event.value, line

    def _plain(self, text: str, line: int) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if _NOT_FINITE.fullmatch(text):
            self._mistake(line, f"{text} is not a finite number")
            return 0
        return self._number(text, line)

    def _number(self, text: str, line: int) -> str | int | float:
        value: str | int | float = text
        if _INT.fullmatch(text):
            # Octal and hexadecimal carry their prefix; a leading zero is decimal in YAML 1.2.
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            value = int(text, base) if len(text) < 32 else EXACT_INT_MAX + 1
        elif _FLOAT.fullmatch(text):
            value = float(text)
        if not isinstance(value, str) and (math.isinf(value) or abs(value) > EXACT_INT_MAX):
            self._mistake(line, "this number is too large to be exact; put text in quotes")
            return 0
        return value

    def _spend(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            self._stop(line, f"more than {NODES_MAX} values, aliases written out")

    def _mistake(self, line: int, message: str) -> None:
        self.mistakes.append(Mistake(self.file, line, message))

    def _stop(self, line: int, message: str) -> NoReturn:
        self._mistake(line, message)
        raise _Stop


def _syntax_mistake(error: yaml.YAMLError, text: str, file: str) -> Mistake:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    if mark is not None:
        return Mistake(file, mark.line + 1, f"not YAML: {problem}")
    position = getattr(error, "position", 0)
    line = text.encode()[:position].count(b"\n") + 1
    return Mistake(file, line, f"not YAML: {problem}")
