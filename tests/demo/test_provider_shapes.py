"""The stand-in's shapes beside the official SDKs' own request types; and the shapes themselves."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from google.genai import types as genai_types
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from extproc.demo.provider_anthropic_shapes import MESSAGE_FIELDS
from extproc.demo.provider_gemini_shapes import GENERATION_FIELDS, normal, schema
from extproc.demo.provider_openai_shapes import CHAT_FIELDS
from extproc.demo.provider_responses import RESPONSE_FIELDS
from extproc.demo.provider_schema import loose_object, sample
from extproc.demo.provider_shape import NUMBER, TEXT, Need, address, fields, one_of, some


def _hints(kind: Any) -> set[str]:
    return set(get_type_hints(kind))


@pytest.mark.parametrize(
    ("known", "sdk"),
    [
        (CHAT_FIELDS, _hints(CompletionCreateParamsBase)),
        (RESPONSE_FIELDS, _hints(ResponseCreateParamsBase)),
        (MESSAGE_FIELDS, _hints(MessageCreateParamsBase)),
        (GENERATION_FIELDS, {field.alias or name for name, field in
                             genai_types.GenerationConfig.model_fields.items()}),
    ],
    ids=["chat", "responses", "messages", "gemini"],
)  # fmt: skip
def test_every_field_of_the_sdk_is_known(known: Any, sdk: set[str]) -> None:
    """Contract, stand-in: it is as strict as the real API and no stricter."""
    assert not sdk - set(known) - {"stream"}


def test_the_first_fault_is_named_by_its_path() -> None:
    """Dialect: unknown, missing and ill-typed fields are told apart, at any depth."""
    shape = fields({"a": Need(some(fields({"b": NUMBER}))), "c": TEXT})
    assert shape({"a": [{"b": 1.5}], "c": None}, ()) is None
    wrong: list[Any] = [{}, {"a": [{"b": 1}, {"x": 1}]}, {"a": [{"b": True}]}, {"a": 3}, []]
    found = [shape(value, ()) for value in wrong]
    assert [fault and (fault.field, fault.kind) for fault in found] == [
        ("a", "missing"), ("a[1].x", "unknown"), ("a[0].b", "type"), ("a", "type"), ("", "type"),
    ]  # fmt: skip


def test_exactly_one_of_several() -> None:
    """Dialect: protobuf's `oneof`, with what may stand beside it."""
    shape = one_of({"a": TEXT, "b": TEXT}, {"c": TEXT})
    assert shape({"a": "x", "c": "y"}, ()) is None
    assert shape({"c": "y"}, ()) and shape({"a": "x", "b": "x"}, ())


def test_addresses_and_google_names() -> None:
    """Dialect: data URLs are read; Google takes both spellings, a caller's JSON stays."""
    assert address("data:image/png;base64,aGk=", ()) is None
    assert address("data:image/png;base64,%", ()) and address("ftp://x", ())
    body = {"inline_data": {"mime_type": "x"}, "args": {"snake_case": 1}}
    assert normal(body) == {"inlineData": {"mimeType": "x"}, "args": {"snake_case": 1}}
    assert schema({"type": "object", "properties": {"q": {"type": "string"}}}, ()) is None
    assert schema({"type": "object", "$ref": "#"}, ())


NESTED = {
    "$defs": {"place": {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}}},
    "type": "object",
    "properties": {
        "where": {"$ref": "#/$defs/place"},
        "when": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 3}]},
        "tags": {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 2},
    },
}


def test_an_answer_follows_its_schema() -> None:
    """Contract, stand-in: references, choices and lists are followed; strictness is judged."""
    assert sample(NESTED) == {"where": {"city": "Oslo"}, "when": 3, "tags": ["ok", "ok"]}
    assert loose_object(NESTED) == "#"
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    assert loose_object(closed) is None and loose_object(closed, True) == "#"
