"""`config` of a `sql-sanitizer` guardrail: what SQL may not do here."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from extproc.config.base import Document
from extproc.config.fields import complaint


class SqlSanitizerSettings(Document):
    """Every switch of the contract; all but `require_parameterization` are on unless switched off.

    `strip_comments`: a mutate takes comments out of statements, a validate refuses them.
    """

    block_drop: bool = True
    block_truncate: bool = True
    block_alter: bool = True
    block_grant: bool = True
    block_revoke: bool = True
    strip_comments: bool = True
    block_delete_without_where: bool = True
    block_update_without_where: bool = True
    require_parameterization: bool = False

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if not any(value for _, value in self):
            raise complaint("switches everything off")
        return self
