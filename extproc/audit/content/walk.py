"""A JSON tree's values in the order of the document, up to a budget; what lies behind it is taken
out of the tree, for nobody has looked at it.

Pure. Promises: a field whose name is masked loses its value whatever its type; text that is itself
JSON (tool arguments) is walked like the rest; what is not text to anybody (base64) and what is
nested deeper than LEVELS_MAX texts is named instead of kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from extproc.audit.content.scan import Leaf, Steps
from extproc.errors import Refusal
from extproc.llm import strict_json

MASK = "[masked]"
LEVELS_MAX = 4
"""JSON within text within JSON, so many times."""
BINARY_CHARS_MIN = 512
_VALUES_A_PIECE = 2_000
_OVERHEAD = 8
"""What a value costs of the budget beside its characters."""
_BINARY = re.compile(r"[A-Za-z0-9+/_=\r\n-]+")
_DATA_URL = re.compile(r"data:[^,\s]{0,128};base64,")
_PLAIN_KEY = re.compile(r"[A-Za-z_]{1,24}")
_DISCRIMINATORS = ("index", "output_index", "content_index", "summary_index")
Channel = tuple[Any, ...]


def is_binary(text: str) -> bool:
    """Pictures, sound and the like inside JSON: nobody can look at them."""
    if len(text) < BINARY_CHARS_MIN:
        return False
    return _DATA_URL.match(text) is not None or _BINARY.fullmatch(text) is not None


def omitted(text: str) -> str:
    return f"[omitted: binary, {len(text)} characters]"


def nested(text: str) -> dict[str, Any] | None:
    """A text that is JSON: {"": its tree}. None: it is not, or not in one way only."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    tree = strict_json.parse(b'{"":%b}' % text.encode("utf-8", "replace"))
    if isinstance(tree, Refusal) or len(tree) != 1 or type(tree[""]) not in (dict, list):
        return None
    return tree


@dataclass(slots=True)
class Found:
    """What a walk has come by. `leaves`: with their channel, the streamed text they belong to.

    `numbers`: equal ones of one name together. `keys`: (object, leaf of one of its keys). `texts`:
    (holder, key, text before, tree) of JSON inside text, outermost first. `cut`: there was more.
    `renamed`: id of an object -> its fields' names before and after.
    """

    budget: int
    leaves: list[tuple[Leaf, Channel]] = field(default_factory=list)
    numbers: dict[tuple[Any, str], list[Leaf]] = field(default_factory=dict)
    keys: list[tuple[dict[str, Any], Leaf]] = field(default_factory=list)
    texts: list[tuple[Any, Any, str, dict[str, Any]]] = field(default_factory=list)
    cut: bool = False
    renamed: dict[int, dict[str, str]] = field(default_factory=dict)

    def put(self, holder: Any, key: Any, value: str) -> None:
        """Set a value, whatever its field is called by now."""
        holder[self.renamed.get(id(holder), {}).get(key, key)] = value


@dataclass(slots=True)
class _Level:
    node: Any
    keys: Iterator[Any]
    where: Channel
    texts: int


class Walk:
    """`masked`: names of fields, case-folded."""

    def __init__(self, masked: Collection[str]) -> None:
        self._masked = masked

    def over(self, root: Any, found: Found, texts: int = 0) -> Steps:
        """Visit everything below `root`, a dict or a list."""
        stack = [_level(root, (), texts)]
        seen = 0
        while stack:
            level = stack[-1]
            for key in level.keys:
                below = self._visit(level, key, found)
                seen += 1
                if below is not None:
                    stack.append(below)
                if found.budget <= 0:
                    _prune(stack)
                    found.cut = True
                    return
                if below is not None:
                    break
            else:
                stack.pop()
            if seen >= _VALUES_A_PIECE:
                seen = 0
                yield

    def _visit(self, level: _Level, key: Any, found: Found) -> _Level | None:
        """Note one value, or the level below it."""
        node = level.node
        value = node[key]
        found.budget -= _OVERHEAD
        if type(key) is str:
            found.budget -= len(key)
            if key.casefold() in self._masked:
                node[key] = MASK
                return None
            if not _PLAIN_KEY.fullmatch(key) and key:
                found.keys.append((node, Leaf({}, "", key)))
        match value:
            case str():
                return self._text(level, key, value, found)
            case bool() | None:
                return None
            case int() | float():
                leaf = Leaf(node, key, repr(value), number=True)
                found.numbers.setdefault((key, leaf.text), []).append(leaf)
                found.budget -= len(leaf.text)
                return None
        return _level(value, _where(level.where, key, value), level.texts)

    def _text(self, level: _Level, key: Any, value: str, found: Found) -> _Level | None:
        if is_binary(value):
            level.node[key] = omitted(value)
            return None
        tree = nested(value)
        if tree is None:
            found.leaves.append((Leaf(level.node, key, value), (key, *level.where)))
            found.budget -= len(value)
            return None
        if level.texts >= LEVELS_MAX:
            level.node[key] = "[omitted: nested too deep]"
            return None
        found.texts.append((level.node, key, value, tree))
        return _level(tree, level.where, level.texts + 1)


def said(tree: dict[str, Any]) -> str:
    """The text of a tree that `nested` has made; of one that was cut before its first value ''."""
    return orjson.dumps(tree[""]).decode() if tree else ""


def put_back(found: Found) -> None:
    """Write JSON that stood in text back as text: as it was, where nothing in it has changed."""
    for holder, key, before, tree in reversed(found.texts):
        after = said(tree)
        same = nested(before)
        if same is None or said(same) != after:
            found.put(holder, key, after)


def rename(found: Found) -> None:
    """Names of fields that hold what must not be kept; two that become one stay two."""
    nodes: dict[int, dict[str, Any]] = {}
    for node, leaf in found.keys:
        if leaf.regions:
            leaf.write()
            nodes[id(node)] = node
            found.renamed.setdefault(id(node), {})[leaf.text] = leaf.holder[""]
    for number, node in nodes.items():
        names, items = found.renamed[number], list(node.items())
        node.clear()
        for key, value in items:
            new, times = names.get(key, key), 2
            while new in node:
                new, times = f"{names.get(key, key)} {times}", times + 1
            if key in names:
                names[key] = new
            node[new] = value


def _level(node: Any, where: Channel, texts: int) -> _Level:
    keys = list(node) if type(node) is dict else range(len(node))
    return _Level(node, iter(keys), where, texts)


def _where(where: Channel, key: Any, value: Any) -> Channel:
    """What tells the parts of a streamed answer apart: their numbers, whatever stands around."""
    if type(value) is dict:
        numbers = tuple(value[n] for n in _DISCRIMINATORS if type(value.get(n)) in (int, str))
        if numbers:
            return (*where, *numbers)
    return (*where, key) if type(key) is int else where


def _prune(stack: list[_Level]) -> None:
    """Take out whatever the walk has not come to."""
    for level in stack:
        rest = list(level.keys)
        if type(level.node) is dict:
            for key in rest:
                del level.node[key]
        elif rest:
            del level.node[rest[0] :]
