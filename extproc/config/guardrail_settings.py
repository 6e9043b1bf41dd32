"""What stands under a guardrail's `config`, by the guardrail's type.

Promises: an unknown or ill-typed setting is a mistake, as everywhere. A new guardrail type adds its
model to `GUARDRAIL_SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from extproc.config.fields import complaint
from extproc.config.mistake import one_of
from extproc.config.model import Document
from extproc.config.secrets_settings import SecretsSettings

PII_CATEGORIES = ("EMAIL", "PHONE", "CARD", "IBAN", "US_SSN")


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _known(value: str) -> str:
    if value not in PII_CATEGORIES:
        raise complaint(f"must be {one_of(PII_CATEGORIES)}")
    return value


Category = Annotated[str, BeforeValidator(_upper), AfterValidator(_known)]


class PiiSettings(Document):
    """`config` of a `pii` guardrail; no `categories` means all of them."""

    categories: tuple[Category, ...] | None = Field(default=None, min_length=1)


GUARDRAIL_SETTINGS: Mapping[str, type[Document]] = {"pii": PiiSettings, "secrets": SecretsSettings}
