"""`config` of a `json-schema` guardrail: where the schema is, and which texts must satisfy it.

Promises: a schema that stands here is compiled at load, and its mistake told; one in a file is when
the guardrail is built (`read_schema`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import FilePath, complaint

SCHEMA_FILE_BYTES_MAX = 512 * 1024


def _usable(value: Mapping[str, Any]) -> Mapping[str, Any]:
    # Late: the validator is loaded where a schema asks for it.
    from extproc.guardrails.checks.json_judge import Judge
    from extproc.guardrails.checks.schema_cost import SchemaMistake

    try:
        Judge(dict(value))
    except SchemaMistake as mistake:
        raise complaint(str(mistake)) from None
    return value


class JsonSchemaSettings(Document):
    """Exactly one of `schema`, `file` and `from`.

    `from: request`: what the call itself asked its model for; it passes when it asked for nothing.
    `code_fences`: JSON inside one Markdown fence is JSON too. `only_if_json`: a text that does not
    begin like JSON passes.
    """

    inline: Annotated[Mapping[str, Any], AfterValidator(_usable)] | None = Field(
        default=None, alias="schema"
    )
    file: FilePath | None = None
    source: Literal["request"] | None = Field(default=None, alias="from")
    code_fences: bool = False
    only_if_json: bool = False

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(one is not None for one in (self.inline, self.file, self.source)) != 1:
            raise complaint("needs exactly one of 'schema', 'file' and 'from'")
        return self

    def read_schema(self) -> Any:
        """The schema of the settings; None for `from: request`. ValueError says what is wrong."""
        if self.file is None:
            return None if self.inline is None else dict(self.inline)
        try:
            with Path(self.file).open("rb") as opened:
                text = opened.read(SCHEMA_FILE_BYTES_MAX + 1)
        except OSError as error:
            why = (error.strerror or "error").lower()
            raise ValueError(f"schema file {self.file} cannot be read: {why}") from None
        if len(text) > SCHEMA_FILE_BYTES_MAX:
            raise ValueError(f"schema file {self.file} has over {SCHEMA_FILE_BYTES_MAX} bytes")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"schema file {self.file} is not JSON") from None
