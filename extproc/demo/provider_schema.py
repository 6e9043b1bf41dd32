"""A value that follows a JSON Schema: what the provider stand-in answers when one is asked for.

Promises: the same schema gives the same value; every property is there, each of the least interest
that its schema allows. Reads JSON Schema and Google's own dialect of it (types in capitals). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEPTH_MAX = 12


def sample(schema: Mapping[str, Any]) -> Any:
    """A value for this schema; `{}` (any object) gives an object."""
    return _sample(schema, schema, 0) if schema else {"said": "ok"}


def _sample(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > DEPTH_MAX:
        return None
    match schema:
        case {"$ref": str(pointer)}:
            return _sample(_resolved(pointer, root), root, depth + 1)
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"anyOf": list(ways)} | {"oneOf": list(ways)}:
            real = [way for way in ways if _kind(way) != "null"]
            return _sample((real or ways)[0], root, depth + 1)
        case {"allOf": [first, *_]}:
            return _sample(first, root, depth + 1)
    return _of_kind(_kind(schema), schema, root, depth)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return str(kind).lower()


def _of_kind(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: _sample(one, root, depth + 1) for name, one in properties.items()}
        case "array":
            count = max(1, schema.get("minItems", 1))
            return [_sample(schema.get("items", {}), root, depth + 1) for _ in range(count)]
        case "integer" | "number":
            return schema.get("minimum", 7)
        case "boolean":
            return True
        case "null":
            return None
    return "ok"


def _resolved(pointer: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in pointer.removeprefix("#").strip("/").split("/") if pointer != "#" else ():
        found = found.get(step, {}) if isinstance(found, Mapping) else {}
    return found


def loose_object(schema: Any, every_property: bool = False) -> str | None:
    """Where a schema has an object that is open to other properties (`every_property`: or leaves
    one of its own out of `required`), which a strict API refuses: its path, `#` at the root."""
    return _loose(schema, "#", every_property)


def _loose(schema: Any, path: str, every: bool) -> str | None:
    if isinstance(schema, list):
        parts = ((f"{path}/{at}", one) for at, one in enumerate(schema))
        return next((found for at, one in parts if (found := _loose(one, at, every))), None)
    if not isinstance(schema, Mapping):
        return None
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        missing = every and set(properties) - set(schema.get("required", ()))
        if schema.get("additionalProperties") is not False or missing:
            return path
    below = [(f"{path}/{name}", schema[name]) for name in _BELOW if name in schema]
    for group in ("properties", "$defs", "definitions"):
        below += [(f"{path}/{group}/{n}", one) for n, one in schema.get(group, {}).items()]
    return next((found for at, one in below if (found := _loose(one, at, every))), None)


_BELOW = ("items", "anyOf", "oneOf", "allOf")
