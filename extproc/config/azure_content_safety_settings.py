"""`config` of an `azure-content-safety` guardrail.

Refuses: a resource named twice or not at all, an API version that is none, a threshold of 0 (it
would refuse every text).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, complaint, no_repeats, not_empty

HarmCategory = Literal["Hate", "SelfHarm", "Sexual", "Violence"]
SEVERITY_MAX = 7

ResourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,63}$")]
ApiVersion = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$")]
BlocklistName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]


class AzureContentSafetySettings(Document):
    """`severity_threshold`: severities from it on count, of 0 (safe), 2 (low), 4, 6 (high)."""

    api_key: SecretRef
    resource_name: ResourceName | None = None
    custom_host: HttpUrl | None = None
    api_version: ApiVersion = "2024-09-01"
    categories: Annotated[
        tuple[HarmCategory, ...], AfterValidator(no_repeats), AfterValidator(not_empty)
    ] = ("Hate", "SelfHarm", "Sexual", "Violence")
    severity_threshold: int = Field(default=2, ge=1, le=SEVERITY_MAX)
    blocklist_names: Annotated[
        tuple[BlocklistName, ...], Field(max_length=10), AfterValidator(no_repeats)
    ] = ()

    @property
    def base_url(self) -> str:
        """Of the resource, without a slash at the end."""
        host = self.custom_host or f"https://{self.resource_name}.cognitiveservices.azure.com"
        return host.rstrip("/")

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        yield "api_key", self.api_key

    @model_validator(mode="after")
    def _one_resource(self) -> Self:
        if (self.resource_name is None) == (self.custom_host is None):
            raise complaint("must name exactly one of `resource_name` and `custom_host`")
        return self
