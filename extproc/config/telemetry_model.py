"""Telemetry as a document: where spans and metrics go, how many, and how log lines look.

Defaults export nothing, and write log lines as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import FilePath, HttpUrl, MetadataKey, complaint

# Lower case, as gRPC wants it. What frames a message is the exporter's to say.
_FRAMING = "host|content-length|content-type|content-encoding|transfer-encoding|connection|te|grpc-"
HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
ResourceKey = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_./-]{0,127}$")]
ResourceValue = Annotated[str, Field(max_length=256)]


class Telemetry(Document):
    """`otlp_endpoint`: a collector, e.g. `http://127.0.0.1:4318`; absent = no export. `ca_file`
    takes the place of the system's trust store. `sample_ratio`: of the traces that begin here;
    where a caller's trace goes on, the caller has decided. `conversation_key`: the metadata key
    that becomes `gen_ai.conversation.id`."""

    otlp_endpoint: HttpUrl | None = None
    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    headers: Mapping[HeaderName, SecretRef] = Field(default_factory=dict, max_length=16)
    ca_file: FilePath | None = None
    traces: bool = True
    metrics: bool = True
    sample_ratio: float = Field(default=1.0, ge=0, le=1)
    resource_attributes: Mapping[ResourceKey, ResourceValue] = Field(
        default_factory=dict, max_length=64
    )
    conversation_key: MetadataKey | None = None
    metric_metadata_keys: tuple[MetadataKey, ...] = ()
    log_format: Literal["text", "json"] = "text"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        endpoint = urlsplit(self.otlp_endpoint or "")
        if self.protocol == "grpc" and endpoint.path not in ("", "/"):
            raise complaint("has a path, and gRPC knows none", at="otlp_endpoint")
        if self.ca_file is not None and endpoint.scheme == "http":
            raise complaint("is never used: the address begins with http://", at="ca_file")
        for name in self.headers:
            if name.startswith(tuple(_FRAMING.split("|"))):
                raise complaint(f"'{name}' is the exporter's to say", at="headers")
        return self

    @property
    def exports_traces(self) -> bool:
        return self.traces and self.otlp_endpoint is not None

    @property
    def exports_metrics(self) -> bool:
        return self.metrics and self.otlp_endpoint is not None
