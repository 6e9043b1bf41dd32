"""What every document is made of: strict shapes, secret references, `when`."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from extproc.config.fields import EnvName, FilePath, Models, Subjects, WhenMetadata, complaint


class Document(BaseModel):
    """Base of every part: frozen, strict, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class SecretRef(Document):
    """Where a secret lives; resolved only where it is used, and kept nowhere (P4)."""

    env: EnvName | None = None
    file: FilePath | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise complaint("must name exactly one of `env` and `file`")
        return self


class When(Document):
    """Parts are ANDed; a missing part matches everything; `{}` matches all traffic.

    An empty part is a mistake: it could be read as "nothing" and as "everything".
    """

    subjects: Subjects | None = None
    models: Models | None = None
    metadata: WhenMetadata | None = None
