"""The audit log as a document: how durable, what content, for how long, and where it is sent.

Defaults keep no content but its digests, keep every entry for ever, and send nothing anywhere.
One table says which fields a sink or an anchor of each type has: one too few or too many is a
mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.audit.anchoring.cosignature import WitnessKey
from extproc.audit.note import NoteInvalid
from extproc.config.base import Document, SecretRef, When
from extproc.config.fields import (
    Fault,
    FilePath,
    HttpUrl,
    MetadataKey,
    PlainName,
    StoreUrl,
    complain,
    complaint,
    no_repeats,
)
from extproc.config.limit_fields import Host

Capture = Literal["none", "digests", "redacted", "full"]
"""`none`: not even digests of bodies. `digests`: SHA-256 (the default). `redacted`: bodies with
personal data and secrets replaced. `full`: bodies as they are. Both kept encrypted."""
CAPTURES_CONTENT = frozenset(("redacted", "full"))
RecordClass = Literal["exchange", "refusal", "admin", "content"]
"""Classes of record. `exchange`: calls that were let through. `refusal`: those that were not.
`admin`: everything else in the log. `content`: kept bodies, which are not in the log itself."""
Days = Annotated[int, Field(ge=1, le=36_500)]

SinkType = Literal["otlp", "redis-stream", "object-storage", "syslog", "webhook", "splunk-hec"]
# Type -> (fields it needs, fields it may have).
SINK_FIELDS: Mapping[SinkType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "otlp": (("url",), ("headers",)),
    "redis-stream": ((), ("store_url", "stream", "stream_entries_max")),
    "object-storage": (
        ("location",), ("format", "endpoint", "region", "credentials")
    ),
    "syslog": (("host",), ("port", "transport", "format", "ca_file", "facility")),
    "webhook": (("url", "hmac_secret"), ()),
    "splunk-hec": (("url", "token"), ("index", "sourcetype", "acknowledged")),
}  # fmt: skip
_SINK_COMMON = frozenset(
    ("name", "type", "classes", "batch_entries_max", "batch_wait_ms", "timeout_ms")
)
AnchorType = Literal["file", "object-storage", "webhook"]
ANCHOR_FIELDS: Mapping[AnchorType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "file": (("path",), ()),
    "object-storage": (("location",), ("endpoint", "region", "credentials")),
    "webhook": (("url", "hmac_secret"), ()),
}
_ANCHOR_COMMON = frozenset(("name", "type", "interval_ms", "timeout_ms"))


def _location(value: str) -> str:
    scheme, mark, rest = value.partition("://")
    if not mark or scheme not in ("s3", "gs", "az", "file") or not rest.strip("/"):
        raise complaint("is not s3://bucket/prefix, gs://…, az://container/… or file:///folder")
    return value


def _witness_key(value: str) -> str:
    try:
        WitnessKey.parse(value)
    except NoteInvalid:
        raise complaint("is not a witness's public key: name+hash+base64") from None
    return value


Location = Annotated[str, AfterValidator(_location)]
"""`s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///folder`."""


class ContentRule(Document):
    """The first rule whose `when` and `environments` fit decides. `retention_days`: instead of the
    class's own."""

    id: PlainName
    when: When
    environments: Annotated[tuple[str, ...], AfterValidator(no_repeats)] = ()
    capture: Capture
    retention_days: Days | None = None


class Content(Document):
    """What is kept of bodies. `key_per`: whose key encrypts them, and so whose content one erasure
    makes unreadable: `tenant` (metadata `tenant_id`, else the team, else the caller), `team`,
    `principal`, or `metadata.KEY`. `key`: wraps these keys (32 bytes, base64); without it a key of
    this gateway's own does. `masked_fields`: names of JSON fields whose value never enters a kept
    body, whatever its type. `body_bytes_max`: a longer body is cut, and its entry says so."""

    capture: Capture = "digests"
    rules: tuple[ContentRule, ...] = ()
    key: SecretRef | None = None
    key_per: Annotated[str, Field(pattern=r"^(tenant|team|principal|metadata\.\S+)$")] = "tenant"
    masked_fields: Annotated[tuple[str, ...], AfterValidator(no_repeats)] = ()
    body_bytes_max: int = Field(default=256 * 1024, ge=1024, le=16 * 1024 * 1024)

    @property
    def captures(self) -> bool:
        """Whether any call's bodies may be kept."""
        return any(c in CAPTURES_CONTENT for c in (self.capture, *(r.capture for r in self.rules)))


class Retention(Document):
    """`days`: by class of record; a class that is not there is kept for ever. `policies`: names
    that the metadata key `retention_policy` may take -> days of that call's content."""

    days: Mapping[RecordClass, Days] = Field(default_factory=dict)
    policies: Mapping[PlainName, Days] = Field(default_factory=dict)


class CloudCredentials(Document):
    """Keys of an object store; without them its library looks where it usually does (the
    environment, the instance's own role). s3: the first two. az: `account_name` and
    `account_key`. gs: `service_account_file`."""

    access_key_id: SecretRef | None = None
    secret_access_key: SecretRef | None = None
    account_name: str | None = None
    account_key: SecretRef | None = None
    service_account_file: FilePath | None = None


class Sink(Document):
    """Where entries are sent, out of band and at least once. `classes`: which; () = all.

    A batch goes when it is full or has waited. `headers` are secrets; `store_url` is the gateway's
    own store where it is missing.
    """

    name: PlainName
    type: SinkType
    classes: Annotated[tuple[RecordClass, ...], AfterValidator(no_repeats)] = ()
    batch_entries_max: int = Field(default=500, ge=1, le=100_000)
    batch_wait_ms: int = Field(default=1_000, ge=10, le=3_600_000)
    timeout_ms: int = Field(default=10_000, ge=100, le=300_000)
    url: HttpUrl | None = None
    headers: Mapping[str, SecretRef] = Field(default_factory=dict)
    store_url: StoreUrl | None = None
    stream: str = "envelope:audit"
    stream_entries_max: int = Field(default=1_000_000, ge=1)
    location: Location | None = None
    format: Literal["jsonl", "parquet", "rfc5424", "cef"] | None = None
    endpoint: HttpUrl | None = None
    region: str | None = None
    credentials: CloudCredentials | None = None
    host: Host | None = None
    port: int = Field(default=6514, ge=1, le=65_535)
    transport: Literal["tls", "tcp", "udp"] = "tls"
    ca_file: FilePath | None = None
    facility: int = Field(default=13, ge=0, le=23)
    hmac_secret: SecretRef | None = None
    token: SecretRef | None = None
    index: str | None = None
    sourcetype: str = "envelope:audit"
    acknowledged: bool = False

    @model_validator(mode="after")
    def _fields_of_its_type(self) -> Self:
        complain(_of_type(self, "type", self.type, SINK_FIELDS[self.type], _SINK_COMMON))
        wrong = self.format is not None and self.format not in _FORMATS.get(self.type, ())
        if wrong:
            complain([(f"'{self.format}' is not a format of '{self.type}'", "format")])
        return self


_FORMATS = {"object-storage": ("jsonl", "parquet"), "syslog": ("rfc5424", "cef")}


class Anchor(Document):
    """Where checkpoints are sent, so that nobody can take one back. object-storage: under a name
    of its own each, never overwritten; the bucket's own lock keeps them."""

    name: PlainName
    type: AnchorType
    interval_ms: int = Field(default=60_000, ge=10, le=86_400_000)
    timeout_ms: int = Field(default=10_000, ge=100, le=300_000)
    path: FilePath | None = None
    location: Location | None = None
    endpoint: HttpUrl | None = None
    region: str | None = None
    credentials: CloudCredentials | None = None
    url: HttpUrl | None = None
    hmac_secret: SecretRef | None = None

    @model_validator(mode="after")
    def _fields_of_its_type(self) -> Self:
        complain(_of_type(self, "type", self.type, ANCHOR_FIELDS[self.type], _ANCHOR_COMMON))
        return self


class Witness(Document):
    """Somebody who signs checkpoints too, having seen that the log only grew (C2SP tlog-witness).

    `key`: its public key, as it publishes it. `url`: below which `add-checkpoint` is."""

    name: PlainName
    url: HttpUrl
    key: Annotated[str, AfterValidator(_witness_key)]
    interval_ms: int = Field(default=60_000, ge=10, le=86_400_000)
    timeout_ms: int = Field(default=10_000, ge=100, le=300_000)


class Audit(Document):
    """`durability`: `standard` survives the death of any process, and a power cut but for the last
    moments; `strict`: what is about to happen is on the disk before a provider sees a byte.

    `spool_bytes_max`: more than this waiting for the log, and calls are refused.
    `masked_metadata`: keys whose value is not kept, whatever its type.
    `unseen_after_ms`: a request that only Envoy saw gets its entry after so long; longer than any
    judge that nobody waits for may take.
    `segment_bytes`: a file of the log that has grown past it is closed and another begun.
    """

    durability: Literal["standard", "strict"] = "standard"
    checkpoint_interval_ms: int = Field(default=1_000, ge=10)
    origin: str = "envelope"
    spool_bytes_max: int = Field(default=1024 * 1024 * 1024, ge=1024 * 1024)
    segment_bytes: int = Field(default=64 * 1024 * 1024, ge=4096)
    unseen_after_ms: int = Field(default=90_000, ge=1_000, le=3_600_000)
    masked_metadata: Annotated[tuple[MetadataKey, ...], AfterValidator(no_repeats)] = ()
    content: Content = Content()
    retention: Retention = Retention()
    sinks: tuple[Sink, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    witnesses: tuple[Witness, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        parts = {
            "sinks": [sink.name for sink in self.sinks],
            "anchors": [anchor.name for anchor in self.anchors],
            "witnesses": [witness.name for witness in self.witnesses],
        }
        for field, names in parts.items():
            for name in sorted({n for n in names if names.count(n) > 1}):
                yield f"has two named '{name}'", field
        ids = [rule.id for rule in self.content.rules]
        for one in sorted({i for i in ids if ids.count(i) > 1}):
            yield f"has two rules '{one}'", "content.rules"

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with its dotted path below `audit`."""
        if self.content.key is not None:
            yield "content.key", self.content.key
        for n, sink in enumerate(self.sinks):
            yield from ((f"sinks.{n}.{path}", ref) for path, ref in _secrets_of(sink))
            yield from ((f"sinks.{n}.headers.{k}", ref) for k, ref in sink.headers.items())
        for n, anchor in enumerate(self.anchors):
            yield from ((f"anchors.{n}.{path}", ref) for path, ref in _secrets_of(anchor))


def _secrets_of(target: Sink | Anchor) -> Iterator[tuple[str, SecretRef]]:
    for field in ("hmac_secret", "token"):
        if (ref := getattr(target, field, None)) is not None:
            yield field, ref
    if target.credentials is not None:
        for field in ("access_key_id", "secret_access_key", "account_key"):
            if (ref := getattr(target.credentials, field)) is not None:
                yield f"credentials.{field}", ref


def _of_type(
    document: Document,
    key: str,
    value: str,
    fields: tuple[tuple[str, ...], tuple[str, ...]],
    common: frozenset[str],
) -> Iterator[Fault]:
    """Fields that are missing, and fields that mean nothing there."""
    needed, allowed = fields
    for field in needed:
        if getattr(document, field) is None:
            yield f"is missing: {key} '{value}' needs it", field
    for field in sorted(document.model_fields_set - common - {*needed, *allowed}):
        yield f"is not for {key} '{value}'", field


__all__ = [
    "ANCHOR_FIELDS",
    "CAPTURES_CONTENT",
    "SINK_FIELDS",
    "Anchor",
    "Audit",
    "Capture",
    "CloudCredentials",
    "Content",
    "ContentRule",
    "Days",
    "RecordClass",
    "Retention",
    "Sink",
    "Witness",
]
