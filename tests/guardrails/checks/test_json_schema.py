"""The json-schema guardrail: strict JSON of a schema; hostile schemas; the request's own schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.json_schema_settings import SCHEMA_FILE_BYTES_MAX, JsonSchemaSettings
from extproc.guardrails.checks.json_judge import Judge, Judges
from extproc.guardrails.checks.json_schema import asked_schema, check
from extproc.guardrails.checks.schema_cost import SchemaMistake, schema_cost
from tests.guardrails.checks.builders import exam, told

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}
GOOD = '{"name": "Ada", "age": 36}'


def judged(*texts: str, request: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    settings = JsonSchemaSettings.model_validate(fields or {"schema": PERSON}, strict=False)
    return told(check(settings).examine(exam(*texts, request=request)))


@pytest.mark.parametrize(("text", "label"), [
    (GOOD, None), (f" \n{GOOD}\n", None), ('{"name": "Ada"}', None),
    ('{"name": ""}', "SCHEMA_MISMATCH"), ('{"age": 3}', "SCHEMA_MISMATCH"),
    ('{"name": "Ada", "age": -1}', "SCHEMA_MISMATCH"), ("[]", "SCHEMA_MISMATCH"),
    ('{"name": "Ada", "secret": 1}', "SCHEMA_MISMATCH"), ("null", "SCHEMA_MISMATCH"),
    (GOOD[:-1], "NOT_JSON"), ("", "NOT_JSON"), ("Sure! " + GOOD, "NOT_JSON"),
    (GOOD + GOOD, "NOT_JSON"), ('{"name": NaN}', "NOT_JSON"), ("{'name': 'Ada'}", "NOT_JSON"),
    ('{"name": "\\ud800"}', "NOT_JSON"), ('{"name": "\ud800"}', "NOT_JSON"),
    (f"```json\n{GOOD}\n```", "NOT_JSON"), ("[" * 100_000, "NOT_JSON"),
])  # fmt: skip
def test_a_text_is_json_of_its_schema(text: str, label: str | None) -> None:
    """P3: strict JSON, all of the text, cut off or talked around is none."""
    assert judged(text) == ([] if label is None else [(label, "t[0]")])


def test_every_text_is_judged() -> None:
    """P3: of several choices each has to fit; where there is none there is nothing to judge."""
    assert judged(GOOD, "no", GOOD, "[]") == [("NOT_JSON", "t[1]"), ("SCHEMA_MISMATCH", "t[3]")]
    assert judged() == []


@pytest.mark.parametrize(("text", "fits"), [
    (f"```json\n{GOOD}\n```", True), (f"\n``` \n{GOOD}```\n", True), (GOOD, True),
    (f"```json\n{GOOD}\n``` That is it.", False), (f"```\n{GOOD}\n```\n```\n{GOOD}\n```", False),
])  # fmt: skip
def test_code_fences_where_they_are_allowed(text: str, fits: bool) -> None:
    """P3: one fence around all of it, and only where the settings say so."""
    assert (judged(text, schema=PERSON, code_fences=True) == []) == fits


def test_only_where_it_begins_like_json() -> None:
    """P3: prose passes on demand; what begins like JSON does not."""
    assert judged("I cannot do that.", schema=PERSON, only_if_json=True) == []
    assert judged("  [1]", schema=PERSON, only_if_json=True) != []


OPENAI = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}
}


@pytest.mark.parametrize(("request_body", "schema"), [
    ({}, None), ({"response_format": {"type": "text"}}, None), ({"response_format": "json"}, None),
    ({"response_format": {"type": "json_object"}}, {"type": "object"}), (OPENAI, PERSON),
    ({"output_config": {"format": {"type": "json_schema", "schema": PERSON}}}, PERSON),
    ({"output_format": {"type": "json_schema", "schema": PERSON}}, PERSON),
    ({"response_format": {"type": "json_schema"}}, {"type": "object"}),
])  # fmt: skip
def test_the_schema_a_request_asks_for(request_body: dict[str, Any], schema: Any) -> None:
    """P3: OpenAI's and Anthropic's places for it; none asked for, none judged."""
    assert asked_schema(request_body) == schema
    texts = ("prose", "[]", GOOD)
    found = [label for label, _ in judged(*texts, request=request_body, **{"from": "request"})]
    assert found == ([] if schema is None else ["NOT_JSON", "SCHEMA_MISMATCH"])


def doubling(size: int, leaf: Any) -> dict[str, Any]:
    """Definitions of which each refers to the next one twice."""
    steps: dict[str, Any] = {
        f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]}
        for i in range(size)
    }
    return {"$defs": {**steps, f"d{size}": leaf}, "$ref": "#/$defs/d0"}


def nested(depth: int) -> Any:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


HOSTILE = [
    pytest.param(schema, id=name)
    for name, schema in {
        "doubling": doubling(30, {}), "doubling and back": doubling(12, {"items": {"$ref": "#"}}),
        "http": {"$ref": "http://127.0.0.1:9/x"}, "file": {"$ref": "file:///etc/passwd"},
        "relative": {"$ref": "other.json"}, "nowhere": {"$ref": "#/$defs/none"},
        "metaschema": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        "inner id": {"properties": {"a": {"$id": "http://a/b", "$ref": "#/$defs/x"}}},
        "encoded": {"$ref": "#/%24defs/a", "$defs": {"a": {}}}, "deep": nested(400),
        "unknown type": {"type": "objekt"}, "back-reference": {"pattern": "(a)\\1"},
        "look-ahead": {"pattern": "(?=a)b"}, "large pattern": {"pattern": "(a{1000}){1000}"},
        "draft": {"$schema": "urn:none"}, "in properties": {
            "properties": {"$defs": {"$ref": "#/$defs/d0"}}, **doubling(30, {})},
    }.items()
]  # fmt: skip


@pytest.mark.parametrize("schema", HOSTILE)
def test_schemas_that_cannot_be_used(schema: dict[str, Any]) -> None:
    """P7, P8: a mistake in the settings; an objection, no failure, where a request brings it."""
    with pytest.raises(ValueError):
        JsonSchemaSettings.model_validate({"schema": schema}, strict=False)
    request = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    assert judged("{}", request=request, **{"from": "request"}) == [("SCHEMA_UNUSABLE", "")]


@pytest.mark.parametrize(("schema", "fits", "fails"), [
    ({"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "type": "array"}}},
     "[[],[[]]]", "[[1]]"),
    ({"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}, "type": "array"}, "[[]]", "[[1]]"),
    ({"$ref": "#there", "$defs": {"x": {"$anchor": "there", "type": "null"}}}, "null", "1"),
    ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, "null", "1"),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]},
     "[null]", "[1]"),
    ({"prefixItems": [{"type": "null"}], "unevaluatedItems": False}, "[null]", "[null,1]"),
    ({"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#"}}}, {"const": 1}]},
     '{"a":{"a":1}}', '{"a":{"a":2}}'),
])  # fmt: skip
def test_draft_2020_12(schema: dict[str, Any], fits: str, fails: str) -> None:
    """P3: local references of every kind, recursion, older drafts that name themselves."""
    assert Judge(schema).judge(fits) == "fits"
    assert Judge(schema).judge(fails) == "mismatch"


@pytest.mark.parametrize("leaf", [{}, {"items": {"$ref": "#"}}, {"type": "array"}])
def test_the_worst_schema_that_is_taken_stays_quick(leaf: dict[str, Any]) -> None:
    """P8: just below the bounds, deep values included; the time limit is the test's."""
    judge = Judge(doubling(7, leaf))
    for depth in (1, 10, 100):
        judge.judge("[" * depth + "]" * depth)


def test_large_answers_meet_a_bound() -> None:
    """P8: parts of the schema times parts of the text are bounded, and so is depth."""
    judge = Judge({"items": doubling(8, {})["$defs"]["d8"], **doubling(8, {})})
    assert judge.judge("[" + "1," * 200_000 + "1]") == "too_large"
    assert Judge({}).judge("[" * 300 + "]" * 300) == "too_large"
    assert judged("[" * 300 + "]" * 300, schema={}) == [("JSON_TOO_LARGE", "t[0]")]


UTF8 = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(value=st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | UTF8,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UTF8, inner, max_size=4),
    max_leaves=12))  # fmt: skip
def test_json_of_any_kind_is_json(value: Any) -> None:
    """P3: whatever is JSON fits the schema of everything and its own constant."""
    text = json.dumps(value, ensure_ascii=False)
    assert Judge({}).judge(text) == "fits"
    assert Judge({"const": value}).judge(text) == "fits"
    assert Judge({"not": {"const": value}}).judge(text) == "mismatch"


def test_request_schemas_are_kept_and_forgotten() -> None:
    """P8: a schema that comes again is not compiled again; only so many are kept."""
    judges = Judges()
    first = judges.of(PERSON)
    assert judges.of(json.loads(json.dumps(PERSON))) is first
    for number in range(200):
        judges.of({"const": number})
    assert judges.of(PERSON) is not first
    assert len(judges._kept) <= 64


def test_cost_of_a_schema() -> None:
    """P8: references count as what they refer to, those that lead back as loops."""
    assert schema_cost({"$ref": "#", "type": "array"}).loops == 1
    assert schema_cost(doubling(8, {})).nodes > 2**8
    with pytest.raises(SchemaMistake):
        schema_cost(doubling(10, {"items": {"$ref": "#"}}))


def test_a_schema_in_a_file(tmp_path: Path) -> None:
    """P7: read when the guardrail is built; what is wrong with it is said without its content."""
    file = tmp_path / "person.json"
    file.write_text(json.dumps(PERSON))
    assert judged(GOOD, file=str(file)) == []
    assert judged("[]", file=str(file)) == [("SCHEMA_MISMATCH", "t[0]")]
    for content, why in {"{": "is not JSON", '"x"': "must be an object",
                         '{"type": "objekt"}': "no usable JSON schema",
                         " " * (SCHEMA_FILE_BYTES_MAX + 1): "has over"}.items():  # fmt: skip
        file.write_text(content)
        with pytest.raises(ValueError, match=why):
            judged(GOOD, file=str(file))
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        judged(GOOD, file=str(file))


@pytest.mark.parametrize("wrong", [
    {"code_fences": True}, {"schema": {}, "from": "request"}, {"from": "answer"}, {"schema": []},
    {"schema": {}, "draft": 7},
])  # fmt: skip
def test_one_schema_and_no_more(wrong: dict[str, Any]) -> None:
    """P7: none, two, or unknown settings are mistakes."""
    with pytest.raises(ValueError):
        JsonSchemaSettings.model_validate(wrong, strict=False)
