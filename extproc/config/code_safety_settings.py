"""`config` of a `code-safety` guardrail: from which severity on, and which kinds not."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complaint
from extproc.config.mistake import did_you_mean, one_of

SEVERITIES = ("low", "medium", "high")
CODE_KINDS = (
    "EVAL", "EXEC", "OS_SYSTEM", "SUBPROCESS_SHELL", "SUBPROCESS", "CHILD_PROCESS",
    "RECURSIVE_DELETE", "TREE_REMOVAL", "DISK_WRITE", "PIPE_TO_SHELL", "FORK_BOMB",
    "REVERSE_SHELL", "TABLE_DROP", "DOWNLOAD_CRADLE", "UNSAFE_DESERIALISATION",
)  # fmt: skip


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _known(value: str) -> str:
    if value not in CODE_KINDS:
        raise complaint(f"must be {one_of(CODE_KINDS)}{did_you_mean(value, CODE_KINDS)}")
    return value


CodeKind = Annotated[str, BeforeValidator(_upper), AfterValidator(_known)]


class CodeSafetySettings(Document):
    """`severity`: the least that counts. `exclude_kinds`: what is welcome here."""

    severity: Literal["low", "medium", "high"] = "low"
    exclude_kinds: tuple[CodeKind, ...] = Field(default=())

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if set(self.exclude_kinds) >= set(CODE_KINDS):
            raise complaint("leaves no kind of code to look for", "exclude_kinds")
        return self
