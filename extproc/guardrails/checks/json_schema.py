"""The `json-schema` guardrail: texts that must be JSON of a schema.

Promises: judges the whole text, streamed or not; a text that was cut off is no JSON and refused. A
schema of the request itself that cannot be used is an objection, not a failure: whoever writes the
request must not be able to switch the guardrail off. Findings name neither keys nor values (P4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from extproc.config.json_schema_settings import JsonSchemaSettings
from extproc.guardrails.checks.json_judge import ANY_OBJECT, Judge, Judges
from extproc.guardrails.checks.schema_cost import SchemaMistake
from extproc.guardrails.values import Check, Exam, Opinion, Remark

NOT_JSON = "NOT_JSON"
SCHEMA_MISMATCH = "SCHEMA_MISMATCH"
SCHEMA_UNUSABLE = "SCHEMA_UNUSABLE"
JSON_TOO_LARGE = "JSON_TOO_LARGE"

_LABELS = {"not_json": NOT_JSON, "mismatch": SCHEMA_MISMATCH, "too_large": JSON_TOO_LARGE}
_FENCE = re.compile(r"\s*```[ \t]*[A-Za-z0-9]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*", re.DOTALL)
_BEGINS_LIKE_JSON = re.compile(r"\s*(?:[{\[]|```)")


def check(settings: JsonSchemaSettings) -> Check:
    """Raises ValueError when the schema's file is not there or holds no usable schema."""
    return _JsonSchemaCheck(settings)


class _JsonSchemaCheck:
    def __init__(self, settings: JsonSchemaSettings) -> None:
        schema = settings.read_schema()
        self._own: Judge | None = None
        if settings.source is None:
            try:
                self._own = Judge(schema)
            except SchemaMistake as mistake:
                where = f"schema file {settings.file}" if settings.file else "schema"
                raise ValueError(f"{where} {mistake}") from None
        self._judges = Judges()
        self._fences = settings.code_fences
        self._only_if_json = settings.only_if_json

    def examine(self, exam: Exam) -> Opinion:
        judge = self._own
        if judge is None:
            schema = asked_schema(exam.request)
            if schema is None or not exam.passages:
                return Opinion()
            try:
                judge = self._judges.of(schema)
            except SchemaMistake:
                return Opinion((Remark(SCHEMA_UNUSABLE),))
        return Opinion(tuple(self._remarks(judge, exam)))

    def _remarks(self, judge: Judge, exam: Exam) -> Iterator[Remark]:
        for passage in exam.passages:
            text = passage.text
            if self._only_if_json and _BEGINS_LIKE_JSON.match(text) is None:
                continue
            if self._fences and (fenced := _FENCE.fullmatch(text)):
                text = fenced[1]
            verdict = judge.judge(text)
            if verdict != "fits":
                yield Remark(_LABELS[verdict], passage.path)


def asked_schema(request: Mapping[str, Any]) -> Any:
    """The schema a request asks its answer to have; None when it asks for none.

    OpenAI: `response_format` ("Structured Outputs", and `json_object`). Anthropic:
    `output_config.format`, before that `output_format`.
    """
    config = request.get("output_config")
    wanted = (
        request.get("response_format")
        or (config.get("format") if isinstance(config, Mapping) else None)
        or request.get("output_format")
    )
    if not isinstance(wanted, Mapping):
        return None
    match wanted.get("type"):
        case "json_object":
            return dict(ANY_OBJECT)
        case "json_schema":
            named = wanted.get("json_schema")
            holder = named if isinstance(named, Mapping) else wanted
            return holder.get("schema", dict(ANY_OBJECT))
        case _:
            return None
