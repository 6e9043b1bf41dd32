"""What a generateContent request must look like before anybody decides on it.

Promises: every field the gateway decides on has the type Google documents ("GenerateContentRequest"
in the API reference), under either spelling; a fault names the field. A single value where a list
is due is taken, as Google takes it. What nobody here knows passes on, and is scanned.
"""

from __future__ import annotations

from typing import Any

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.call import Json
from extproc.llm.gemini_fields import camel, get, listed, spelling, spelt_twice

CHOICES_MAX = 8
_ROLES = frozenset(("user", "model", "function"))
_OBJECTS = ("systemInstruction", "generationConfig", "toolConfig", "labels")


def request_fault(body: Json, model: str) -> Refusal | None:
    twice = spelt_twice(body)
    if twice:
        return fields.refuse(twice, "is there under both of its spellings")
    return (
        _model_fault(body, model)
        or fields.first(fields.object_fault(body, spelling(body, name)) for name in _OBJECTS)
        or _contents_fault(body)
        or _system_fault(body)
        or _config_fault(get(body, "generationConfig"), spelling(body, "generationConfig"))
        or _tools_fault(body)
    )


def tool_names(body: Json) -> tuple[str, ...]:
    """Declared functions in order; a hosted tool is known by its kind."""
    names: list[str] = []
    for tool in listed(body.get("tools")):
        for key, value in tool.items():
            if camel(key) == "functionDeclarations":
                names += (declared["name"] for declared in listed(value))
            elif value is not None:
                names.append(camel(key))
    return tuple(names)


def _model_fault(body: Json, model: str) -> Refusal | None:
    fault = fields.model_fault({"model": model})
    if fault:
        return fault
    said = body.get("model")
    if said is None or said in (model, f"models/{model}"):
        return None
    return fields.refuse("model", "must be the one in the path")


def _contents_fault(body: Json) -> Refusal | None:
    contents = body.get("contents")
    if type(contents) is dict:
        return _content_fault(contents, "contents")
    return fields.objects_fault(body, "contents", required=True) or fields.first(
        _content_fault(content, f"contents[{position}]")
        for position, content in enumerate(body["contents"])
    )


def _content_fault(content: Json, path: str) -> Refusal | None:
    role = content.get("role")
    if role is not None and (type(role) is not str or role not in _ROLES):
        return fields.refuse(f"{path}.role", "must be 'user' or 'model'")
    return _parts_fault(content, path)


def _system_fault(body: Json) -> Refusal | None:
    key = spelling(body, "systemInstruction")
    content = body.get(key)
    return None if content is None else _parts_fault(content, key)


def _parts_fault(content: Json, path: str) -> Refusal | None:
    parts = content.get("parts")
    if parts is not None and type(parts) not in (list, dict):
        return fields.refuse(f"{path}.parts", "must be a list of parts")
    for position, part in enumerate(listed(parts)):
        if type(part) is dict and len(part) == 1 and type(part.get("text")) is str:
            continue
        fault = _part_fault(part, f"{path}.parts[{position}]")
        if fault:
            return fault
    return None


def _part_fault(part: Any, path: str) -> Refusal | None:
    if type(part) is not dict:
        return fields.refuse(path, "must be an object")
    for key, value in part.items():
        where = f"{path}.{key}"
        if value is None:
            continue
        match camel(key):
            case "text" if type(value) is not str:
                return fields.refuse(where, "must be a string")
            case "thought" if type(value) is not bool:
                return fields.refuse(where, "must be a boolean")
            case "functionCall" | "functionResponse" as kind:
                fault = _call_fault(value, where, "args" if kind == "functionCall" else "response")
                if fault:
                    return fault
            case "inlineData" | "fileData" as kind:
                if type(value) is not dict:
                    return fields.refuse(where, "must be an object")
                name = spelling(value, "data" if kind == "inlineData" else "fileUri")
                if type(value.get(name)) is not str:
                    return fields.refuse(f"{where}.{name}", "must be a string")
    return None


def _call_fault(call: Any, path: str, content: str) -> Refusal | None:
    if type(call) is not dict:
        return fields.refuse(path, "must be an object")
    fault = fields.text_fault(call, "name", path)
    if fault:
        return fault
    if call.get(content) is not None and type(call[content]) is not dict:
        return fields.refuse(f"{path}.{content}", "must be an object")
    if content == "response":
        return _parts_fault(call, path)
    return None


def _config_fault(config: Json | None, path: str) -> Refusal | None:
    if config is None:
        return None
    return _count_fault(config, "maxOutputTokens", path) or _count_fault(
        config, "candidateCount", path, most=CHOICES_MAX
    )


def _count_fault(config: Json, name: str, path: str, *, most: int = 2**31 - 1) -> Refusal | None:
    key = spelling(config, name)
    if fields.count_fault(config, key, most=most) is None:
        return None
    bound = f" up to {most}" if most == CHOICES_MAX else ""
    return fields.refuse(f"{path}.{key}", f"must be a positive integer{bound}")


def _tools_fault(body: Json) -> Refusal | None:
    tools = body.get("tools")
    if tools is not None and type(tools) not in (list, dict):
        return fields.refuse("tools", "must be a list")
    for position, tool in enumerate(listed(tools)):
        path = f"tools[{position}]"
        if type(tool) is not dict:
            return fields.refuse(path, "must be an object")
        key = spelling(tool, "functionDeclarations")
        for place, declared in enumerate(listed(tool.get(key))):
            where = f"{path}.{key}[{place}]"
            if type(declared) is not dict:
                return fields.refuse(where, "must be an object")
            fault = fields.text_fault(declared, "name", where)
            if fault:
                return fault
    return None
