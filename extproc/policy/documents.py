"""Data documents beside the policies: JSON and YAML files that become `data`.

As OPA does: a file's content appears below the folder it lies in, counted from the path that the
operator named. Refuses what is no JSON (dates, NaN, keys that are no texts), repeated keys, and
two files that give different values to one key.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import yaml

SUFFIXES = (".json", ".yaml", ".yml")


class NotData(Exception):
    """A data document that cannot be loaded; the text says why, without its content (P4)."""


class _StrictLoader(yaml.SafeLoader):
    """YAML with the JSON types only, and each key once."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[str, Any]:
    pairs = [(loader.construct_object(k), loader.construct_object(v, True)) for k, v in node.value]
    return _once(pairs)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _once(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise NotData("keys must be texts")
        if key in found:
            raise NotData(f"key {key} stands twice")
        found[key] = value
    return found


def parse(name: str, text: str) -> dict[str, Any]:
    """One document, by its suffix. Raises NotData."""
    try:
        if name.endswith(".json"):
            found = json.loads(text, object_pairs_hook=_once)
        else:
            found = yaml.load(text, Loader=_StrictLoader)  # a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError):
        raise NotData("not valid JSON or YAML") from None
    if not isinstance(found, dict):
        raise NotData("a data document is an object at its top")
    _check(found)
    return found


def _check(value: Any) -> None:
    match value:
        case dict():
            for part in value.values():
                _check(part)
        case list():
            for part in value:
                _check(part)
        case float() if not math.isfinite(value):
            raise NotData("numbers must be finite")
        case None | bool() | int() | float() | str():
            return
        case _:
            raise NotData(f"a {type(value).__name__} is no JSON value; put it in quotes")


def merge(into: dict[str, Any], folder: tuple[str, ...], document: Mapping[str, Any]) -> None:
    """Put a document below its folder. Raises NotData when a key already has another value."""
    for part in folder:
        into = into.setdefault(part, {})
        if not isinstance(into, dict):
            raise NotData(f"{part} is already a value, not a folder")
    _merge(into, document)


def _merge(into: dict[str, Any], document: Mapping[str, Any]) -> None:
    for key, value in document.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, dict):
            _merge(into[key], value)
        else:
            raise NotData(f"key {key} stands in two documents")
