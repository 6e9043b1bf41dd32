"""Pydantic's errors as plain sentences at the right line.

Promises: an unknown key names the nearest known one; a value outside a closed choice names the
choice, or says that this version does not support it yet. Refuses to quote free values: what stands
in the wrong place may be a secret (P4).
"""

from __future__ import annotations

import re
import types
from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from extproc.config.alert_model import SECRET_FIELDS
from extproc.config.kinds import NOT_YET_KEYS, NOT_YET_VALUES
from extproc.config.mistake import Mistake, did_you_mean, one_of
from extproc.config.yaml_tree import Node

Path = tuple[str | int, ...]
SECRETS = frozenset({"api_key", "password", *SECRET_FIELDS})

_QUOTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,39}")
_LETTERS = {
    r"^[A-Za-z0-9][A-Za-z0-9._@:/-]*$": "letters, digits and . _ @ : / -, the first no sign",
    r"^[A-Za-z0-9][A-Za-z0-9._@:-]*$": "letters, digits and . _ @ : - (no /), the first no sign",
    r"^[^\s*?\[\]]+$": "no spaces and none of * ? [ ]",
    r"^[^\s?\[\]]+$": "no spaces and none of ? [ ] (the one wildcard is *)",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and _, the first no digit",
}
_SHOULD_BE = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false (other words are text)",
    "tuple_type": "must be a list",
    "mapping_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "string_too_short": "must not be empty",
}


def explain(
    error: ValidationError,
    model: type[BaseModel],
    tree: Node,
    file: str,
    known: Container[Path] = (),
) -> list[Mistake]:
    """One mistake per error of `model` over the value of `tree`, but none for `known` paths."""
    found = [one for one in error.errors(include_url=False) if one["loc"] not in known]
    said = ((path, text) for one in found if not _echo(one) for path, text in _said(one, model))
    return [Mistake(file, tree.at(path).line, text) for path, text in said]


def label(path: Path) -> str:
    """`rules[0].when.models[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _echo(found: Any) -> bool:
    """A list that is only short because its entries were refused, each with its own error."""
    return found["type"] == "too_short" and bool(found["input"])


def _said(found: Any, model: type[BaseModel]) -> Iterator[tuple[Path, str]]:
    """What one error says, and where: complaints about a whole model come several at once."""
    path: Path = tuple(found["loc"])
    if path and path[-1] == "[key]":  # pydantic's mark for a mapping's key itself
        path = path[:-1]
    if found["type"] != "complaint":
        yield path, _sentence(found, path, model)
        return
    for text, at in found["ctx"]["faults"]:
        place = (*path, *(int(part) if part.isdecimal() else part for part in at.split(".") if at))
        yield place, f"`{label(place)}` {text}" if place else text


def _sentence(found: Any, path: Path, model: type[BaseModel]) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "missing":
            return _missing(path)
        case "extra_forbidden":
            return _unknown_key(path, model)
        case "literal_error":
            return f"`{label(path)}` {_choice(path, found['input'], context['expected'])}"
        case kind:
            return f"`{label(path)}` {_should_be(kind, found, path, context)}"


def _missing(path: Path) -> str:
    where = f" in `{label(path[:-1])}`" if path[:-1] else ""
    hint = " (`when: {}` matches everything)" if path[-1] == "when" else ""
    return f"`{path[-1]}` is missing{where}{hint}"


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    key = str(path[-1])
    where = f" in `{label(path[:-1])}`" if path[:-1] else ""
    owner = _model_at(model, path[:-1])
    if owner is None:
        return f"unknown key `{key}`{where}"
    if key in NOT_YET_KEYS.get(owner.__name__, ()):
        return f"`{key}`{where} is not supported by this version"
    known = list(_fields(owner))
    hint = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
    return f"unknown key `{key}`{where}{hint}"


def _choice(path: Path, given: Any, expected: str) -> str:
    known = re.findall(r"'([^']*)'", expected)
    if not isinstance(given, str) or not _QUOTABLE.fullmatch(given):
        return f"must be {one_of(known)}"
    if given in NOT_YET_VALUES.get(str(path[-1]), ()):
        return f"'{given}' is not supported by this version; supported: {', '.join(known)}"
    return f"'{given}' must be {one_of(known)}{did_you_mean(given, known)}"


def _should_be(kind: str, found: Any, path: Path, context: Mapping[str, Any]) -> str:
    match kind:
        case "model_type" if path[-1] in SECRETS:
            return "must be {env: NAME} or {file: PATH}: no secret stands in a configuration"
        case "model_type" if path[-1] == "when":
            return "must be a mapping; `when: {}` matches everything"
        case "string_pattern_mismatch":
            return f"may hold {_LETTERS.get(context['pattern'], context['pattern'])}"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "too_short":
            return "must not be empty"
        case "too_long":
            return f"must have at most {context['max_length']} entries"
        case "greater_than":
            return f"must be above {_plain(context['gt'])}"
        case "greater_than_equal":
            return f"must be at least {_plain(context['ge'])}"
        case "less_than_equal":
            return f"must be at most {_plain(context['le'])}"
        case _:
            return _SHOULD_BE.get(kind) or str(found["msg"]).lower()


def _plain(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else str(bound)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """By the key that a document writes: `in`, not `in_`."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    here: Any = model
    for part in path:
        here = _step(here, part)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _step(here: Any, part: str | int) -> Any:
    if isinstance(here, type) and issubclass(here, BaseModel):
        field = _fields(here).get(str(part))
        return _bare(field.annotation) if field else None
    arguments = get_args(here)
    if not arguments:
        return None
    return _bare(arguments[0] if isinstance(part, int) else arguments[-1])


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _bare(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation
