"""Whether a request has the shape that a real API accepts: the judge of whoever translates.

Promises: a shape is data beside its API's reader; the first thing that does not fit is named by its
path; a field that the API does not know is a fault, at every depth. `null` is a field left out, as
the real APIs have it. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Path = tuple[str | int, ...]
Kind = Literal["unknown", "missing", "type", "value"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit, and where. `wanted`: what would have fitted."""

    path: Path
    kind: Kind
    wanted: str = ""

    @property
    def field(self) -> str:
        """The path in OpenAI's words: `messages[0].content`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")

    @property
    def dotted(self) -> str:
        """The path in Anthropic's words: `messages.0.content`."""
        return ".".join(str(step) for step in self.path)


Shape = Callable[[Any, Path], Fault | None]


class Need(NamedTuple):
    """A field that must be there."""

    shape: Shape


Fields = Mapping[str, Shape | Need]


def anything(value: Any, path: Path) -> Fault | None:
    return None


def _of(wanted: str, *types: type) -> Shape:
    """A JSON type. Python's booleans are whole numbers; JSON's are not."""

    def check(value: Any, path: Path) -> Fault | None:
        fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        return None if fits else Fault(path, "type", wanted)

    return check


TEXT = _of("a string", str)
WHOLE = _of("an integer", int)
NUMBER = _of("a number", int, float)
FLAG = _of("a boolean", bool)
OBJECT = _of("an object", dict)


def filled(value: Any, path: Path) -> Fault | None:
    """A string with something in it."""
    if not isinstance(value, str):
        return Fault(path, "type", "a string")
    return None if value.strip() else Fault(path, "value", "a string that is not empty")


def packed(value: Any, path: Path) -> Fault | None:
    """Base64, padded."""
    if not isinstance(value, str):
        return Fault(path, "type", "a string")
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return Fault(path, "value", "valid base64")
    return None if decoded else Fault(path, "value", "valid base64")


def address(value: Any, path: Path) -> Fault | None:
    """A web address, or a data URL with base64 in it."""
    if not isinstance(value, str):
        return Fault(path, "type", "a string")
    head, comma, data = value.partition(",")
    if head.startswith("data:") and head.endswith(";base64") and comma:
        return packed(data, path)
    web = value.startswith(("http://", "https://"))
    return None if web else Fault(path, "value", "a valid URL")


def within(least: float, most: float, whole: bool = False) -> Shape:
    def check(value: Any, path: Path) -> Fault | None:
        if fault := (WHOLE if whole else NUMBER)(value, path):
            return fault
        fits = least <= value <= most
        return None if fits else Fault(path, "value", f"between {least:g} and {most:g}")

    return check


def some(shape: Shape, least: int = 0, most: int = 100_000) -> Shape:
    """A list."""

    def check(value: Any, path: Path) -> Fault | None:
        if not isinstance(value, list):
            return Fault(path, "type", "an array")
        if not least <= len(value) <= most:
            return Fault(path, "value", f"{least} to {most} items")
        return next((f for at, one in enumerate(value) if (f := shape(one, (*path, at)))), None)

    return check


def among(*values: Any) -> Shape:
    def check(value: Any, path: Path) -> Fault | None:
        return None if value in values else Fault(path, "value", ", ".join(map(repr, values)))

    return check


def either(*shapes: Shape) -> Shape:
    """The fault that got deepest is the one that helps."""

    def check(value: Any, path: Path) -> Fault | None:
        faults = [shape(value, path) for shape in shapes]
        found = [fault for fault in faults if fault is not None]
        return max(found, key=lambda f: len(f.path)) if len(found) == len(faults) else None

    return check


def fields(known: Fields) -> Shape:
    """An object with these fields and no others."""
    required = [name for name, shape in known.items() if isinstance(shape, Need)]
    shapes = {n: s.shape if isinstance(s, Need) else s for n, s in known.items()}

    def check(value: Any, path: Path) -> Fault | None:
        if not isinstance(value, dict):
            return Fault(path, "type", "an object")
        for name in required:
            if value.get(name) is None:
                return Fault((*path, name), "missing")
        for name, one in value.items():
            if (shape := shapes.get(name)) is None:
                return Fault((*path, name), "unknown")
            if one is not None and (fault := shape(one, (*path, name))):
                return fault
        return None

    return check


def tagged(tag: str, kinds: Mapping[str, Fields], fallback: Shape | None = None) -> Shape:
    """An object whose field `tag` says which fields the others are."""
    shapes = {name: fields({tag: Need(TEXT), **known}) for name, known in kinds.items()}

    def check(value: Any, path: Path) -> Fault | None:
        if not isinstance(value, dict):
            return Fault(path, "type", "an object")
        shape = shapes.get(value.get(tag, ""), fallback)
        return shape(value, path) if shape else Fault((*path, tag), "value", ", ".join(kinds))

    return check


def one_of(kinds: Fields, beside: Fields | None = None) -> Shape:
    """An object with exactly one of these fields (protobuf's `oneof`), and maybe those beside."""
    shape = fields({**kinds, **(beside or {})})

    def check(value: Any, path: Path) -> Fault | None:
        if fault := shape(value, path):
            return fault
        said = [name for name in kinds if value.get(name) is not None]
        wanted = "exactly one of " + ", ".join(kinds)
        return None if len(said) == 1 else Fault(path, "value", wanted)

    return check
