"""AWS's own model of Converse as the judge of what is written and of what the tests feed.

botocore checks types, required members and lengths; enumerations and patterns are checked here, for
botocore leaves those to the service.
"""

from __future__ import annotations

import re
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from extproc.llm.call import Json

_MODEL = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))


def faults(body: Json, *, stream: bool = False) -> list[str]:
    """What AWS would say of a request body; empty when it is valid."""
    operation = _MODEL.operation_model("ConverseStream" if stream else "Converse")
    shape = operation.input_shape
    assert shape is not None
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    return [*([report.generate_report()] if report.has_errors() else []), *_walk(body, shape, "")]


def answer_faults(body: Json) -> list[str]:
    shape = _MODEL.operation_model("Converse").output_shape
    assert shape is not None
    report = ParamValidator().validate(body, shape)
    return [*([report.generate_report()] if report.has_errors() else []), *_walk(body, shape, "")]


def event_faults(event: str, data: Json) -> list[str]:
    """The same of one event of a stream."""
    output = _MODEL.operation_model("ConverseStream").output_shape
    assert isinstance(output, StructureShape)
    events = output.members["stream"]
    assert isinstance(events, StructureShape)
    shape = events.members[event]
    said = {key: value for key, value in data.items() if key != "p"}
    report = ParamValidator().validate(said, shape)
    return [*([report.generate_report()] if report.has_errors() else []), *_walk(said, shape, "")]


def _walk(value: Any, shape: Shape, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(shape, StructureShape):
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            found.append(f"{path}: a union of {len(value)}")
        if getattr(shape, "is_document_type", False):
            return found
        for key, below in value.items():
            if key not in shape.members:
                found.append(f"{path}.{key}: unknown")
            else:
                found += _walk(below, shape.members[key], f"{path}.{key}")
    elif isinstance(shape, ListShape):
        for position, below in enumerate(value):
            found += _walk(below, shape.member, f"{path}[{position}]")
    elif isinstance(shape, MapShape):
        for key, below in value.items():
            found += _walk(below, shape.value, f"{path}.{key}")
    elif shape.type_name == "string":
        allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
        if allowed and value not in allowed:
            found.append(f"{path}: not one of {allowed}")
        if pattern and not re.fullmatch(pattern, value):
            found.append(f"{path}: does not match {pattern}")
        if len(value) > shape.metadata.get("max", len(value)):
            found.append(f"{path}: too long")
    return found
