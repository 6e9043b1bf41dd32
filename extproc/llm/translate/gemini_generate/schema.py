"""Google's own `Schema` (a subset of OpenAPI 3.0) as JSON Schema.

Source: ai.google.dev, "Structured output" and the API reference, `Schema`. Types are in capitals,
`nullable` stands beside them, counts are strings in JSON. The order of properties that
`propertyOrdering` asks for becomes the order they stand in. Refuses, by path: a field that Google's
`Schema` does not have, and a shape it cannot have.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.gemini_fields import camel
from extproc.llm.translate.not_carried import NotCarried

_SAME = frozenset(
    ("description", "format", "title", "enum", "default", "pattern", "required", "minimum",
     "maximum")
)  # fmt: skip
_COUNTS = frozenset(
    ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
)
_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))


def json_schema(schema: Any, path: str) -> Json:
    """Raises NotCarried."""
    if type(schema) is not dict:
        raise NotCarried(path, "must be an object")
    made: Json = {}
    nullable = order = None
    for key, value in schema.items():
        name, where = camel(key), f"{path}.{key}"
        if value is None:
            continue
        if name == "nullable":
            nullable = value
        elif name == "propertyOrdering":
            order = value
        else:
            _field(name, value, where, made)
    if type(order) is list and "properties" in made:
        made["properties"] = _ordered(made["properties"], order)
    return _with_null(made) if nullable else made


def _field(name: str, value: Any, path: str, made: Json) -> None:
    match name:
        case "type":
            if _type(value, path):
                made["type"] = _type(value, path)
        case "properties" | "defs" | "$defs":
            if type(value) is not dict:
                raise NotCarried(path, "must be an object")
            target = "properties" if name == "properties" else "$defs"
            made[target] = {k: json_schema(v, f"{path}.{k}") for k, v in value.items()}
        case "items":
            made["items"] = json_schema(value, path)
        case "anyOf":
            options = value if type(value) is list else [value]
            made["anyOf"] = [json_schema(v, f"{path}[{i}]") for i, v in enumerate(options)]
        case "additionalProperties":
            made[name] = json_schema(value, path) if type(value) is dict else value
        case "ref" | "$ref":
            made["$ref"] = value
        case "example":
            made["examples"] = [value]
        case _ if name in _COUNTS:
            made[name] = _count(value, path)
        case _ if name in _SAME:
            made[name] = value
        case _:
            raise NotCarried(path)


def _type(value: Any, path: str) -> str:
    kind = value.lower() if type(value) is str else None
    if kind == "type_unspecified":
        return ""
    if kind is None or kind not in _TYPES:
        raise NotCarried(path, "must be one of Google's types")
    return kind


def _count(value: Any, path: str) -> int:
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value)
    if type(value) is not int:
        raise NotCarried(path, "must be a whole number")
    return value


def _ordered(properties: Json, order: list[Any]) -> Json:
    first = {name: properties[name] for name in order if name in properties}
    return {**first, **properties}


def _with_null(made: Json) -> Json:
    if "anyOf" in made:
        return {**made, "anyOf": [*made["anyOf"], {"type": "null"}]}
    if "type" not in made:
        return made
    kept = {**made, "type": [made["type"], "null"]}
    if "enum" in made:
        kept["enum"] = [*made["enum"], None]
    return kept
