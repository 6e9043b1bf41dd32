"""`config` of a `bedrock-guardrails` guardrail.

Promises: identifiers have the shapes of the API reference (ApplyGuardrail), for they become part of
a signed path. Without `credentials` AWS's own chain is asked, save the instance's metadata service:
that one is reached over the network and is asked only when `instance_metadata` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, complaint

_ARN = r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+"
GuardrailId = Annotated[str, Field(max_length=2048, pattern=rf"^([a-z0-9]+|{_ARN})$")]
GuardrailVersion = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,7}|DRAFT)$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2,8}(-[a-z]{1,12}){1,3}-[0-9]{1,2}$")]


class AwsCredentials(Document):
    access_key_id: SecretRef
    secret_access_key: SecretRef
    session_token: SecretRef | None = None


class BedrockGuardrailsSettings(Document):
    """`endpoint`: instead of the region's public one, such as a VPC endpoint."""

    guardrail_id: GuardrailId
    guardrail_version: GuardrailVersion
    region: Region
    endpoint: HttpUrl | None = None
    credentials: AwsCredentials | None = None
    instance_metadata: bool = False
    call_chars_max: int = Field(default=25_000, ge=1_000, le=200_000)

    @property
    def base_url(self) -> str:
        """Without a slash at the end."""
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        url = self.endpoint or f"https://bedrock-runtime.{self.region}.{domain}"
        return url.rstrip("/")

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        for field in ("access_key_id", "secret_access_key", "session_token"):
            secret = getattr(self.credentials, field, None)
            if secret is not None:
                yield f"credentials.{field}", secret

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.credentials is not None and self.instance_metadata:
            raise complaint("is not for a guardrail with `credentials`", "instance_metadata")
        return self
