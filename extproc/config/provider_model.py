"""Provider accounts: who is called, where, with which credential, and what its models cost.

Shapes, and what one document can be judged by alone. What is known of each provider stands in
`providers/presets.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import (
    Fault,
    FilePath,
    HttpUrl,
    ModelId,
    PlainName,
    complain,
    complaint,
)
from extproc.config.upstream_headers import never_set
from extproc.llm.call import Family
from extproc.providers.presets import PRESETS, AuthStyle, Preset

if TYPE_CHECKING:
    Provider = str
else:
    Provider = Literal[tuple(PRESETS)]


class PriceTier(Document):
    """A rate for ALL tokens of its kind in a call with more than `above_tokens` of input."""

    above_tokens: int = Field(ge=0)
    per_mtok: float = Field(ge=0)


def _ascending(tiers: tuple[PriceTier, ...]) -> tuple[PriceTier, ...]:
    starts = [tier.above_tokens for tier in tiers]
    if starts != sorted(set(starts)):
        raise complaint("must rise in `above_tokens` from tier to tier")
    return tiers


PriceTiers = Annotated[tuple[PriceTier, ...], AfterValidator(_ascending)]


class PriceSpec(Document):
    """USD per million tokens; `..._usd` are USD each, of what a name says: a picture made, a
    million characters spoken, a minute listened to, a search unit of a rerank. Tokens are not free
    by omission: only what is billed by such a unit may leave their price out."""

    input_per_mtok: float = Field(default=0.0, ge=0)
    output_per_mtok: float = Field(default=0.0, ge=0)
    cached_input_per_mtok: float | None = Field(default=None, ge=0)
    cache_write_per_mtok: float | None = Field(default=None, ge=0)
    cache_write_1h_per_mtok: float | None = Field(default=None, ge=0)
    audio_input_per_mtok: float | None = Field(default=None, ge=0)
    audio_output_per_mtok: float | None = Field(default=None, ge=0)
    image_input_per_mtok: float | None = Field(default=None, ge=0)
    image_output_per_mtok: float | None = Field(default=None, ge=0)
    input_tiers: PriceTiers = ()
    output_tiers: PriceTiers = ()
    cached_input_tiers: PriceTiers = ()
    cache_write_tiers: PriceTiers = ()
    per_request_usd: float = Field(default=0.0, ge=0)
    web_search_usd: float = Field(default=0.0, ge=0)
    per_image_usd: float = Field(default=0.0, ge=0)
    per_mchar_usd: float = Field(default=0.0, ge=0)
    per_audio_minute_usd: float = Field(default=0.0, ge=0)
    per_search_usd: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _stated(self) -> Self:
        if not self.model_fields_set & _BASIC_RATES:
            raise complaint("is missing: 0 is free on purpose", "input_per_mtok")
        return self


_BASIC_RATES = frozenset(
    ("input_per_mtok", "per_image_usd", "per_mchar_usd", "per_audio_minute_usd", "per_search_usd")
)  # fmt: skip


class ModelSpec(Document):
    """`publisher`: at Google Vertex, whose model it is;
    not said: Anthropic's where the id begins with `claude`. `quality_tier`, `model_family`: what a
    caller may ask for instead of a name."""

    id: ModelId
    max_output_tokens: int | None = Field(default=None, ge=1)
    price: PriceSpec | None = None
    publisher: Literal["google", "anthropic"] | None = None
    quality_tier: str | None = None
    model_family: str | None = None

    @property
    def published_by(self) -> Literal["google", "anthropic"]:
        return self.publisher or ("anthropic" if self.id.startswith("claude") else "google")


class AwsCredentials(Document):
    """A long-lived or temporary key pair for SigV4."""

    access_key_id: SecretRef
    secret_access_key: SecretRef
    session_token: SecretRef | None = None


class GcpCredentials(Document):
    """`service_account`: its JSON key. Absent: the machine's own identity (metadata server)."""

    service_account: SecretRef | None = None


class Auth(Document):
    """One way of proving who calls. `aws: {}` is not one: Envoy's own chain is `aws_chain`."""

    api_key: SecretRef | None = None
    aws: AwsCredentials | None = None
    aws_chain: bool = False
    gcp: GcpCredentials | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [self.api_key, self.aws, self.aws_chain or None, self.gcp]
        if sum(one is not None for one in given) != 1:
            raise complaint("must say exactly one of `api_key`, `aws`, `aws_chain`, `gcp`")
        return self


class ProviderKey(Document):
    """One of several keys of an account. `weight`: its share of the calls."""

    name: PlainName
    api_key: SecretRef
    weight: float = Field(default=1, gt=0)


class ConnectionLimits(Document):
    """What the gateway asks of one provider at a time, for each key of its own: beyond it a call
    ends at once. `retry_budget_percent`: further attempts, of all that run. `overflow_at`: with so
    many calls in flight at the whole account, its targets go last in every rule."""

    connections_max: int = Field(default=4096, ge=1, le=100_000)
    pending_requests_max: int = Field(default=16_384, ge=1, le=1_000_000)
    requests_max: int = Field(default=16_384, ge=1, le=1_000_000)
    retry_budget_percent: float | None = Field(default=None, gt=0, le=100)
    overflow_at: int | None = Field(default=None, ge=1, le=1_000_000)


class ClientCertificate(Document):
    """PEM files; Envoy reads them again when they are replaced."""

    certificate_file: FilePath
    key_file: FilePath


class Tls(Document):
    """For a provider of one's own. `ca_file` takes the place of the system's trust store."""

    ca_file: FilePath | None = None
    server_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")] | None = None
    client_certificate: ClientCertificate | None = None


_HEADER_NAME = re.compile(r"[a-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?")


def _headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise complaint(f"'{name[:64]}' is no header name (lower case letters, digits and -)")
        if never_set(name):
            raise complaint(f"may not set `{name}`, which is the gateway's own")
        if not _HEADER_VALUE.fullmatch(value):
            raise complaint(f"has no plain text as `{name}` (printable ASCII)")
    return headers


class ProviderAccount(Document):
    """`keys`: several instead of `auth`; one that answers 401 or 429 rests. `headers`: set on the
    provider's connection. `http2`: it is spoken to in HTTP/2 without being asked first."""

    type: Literal["provider-account"]
    name: PlainName
    provider: Provider
    base_url: HttpUrl | None = None
    auth: Auth | None = None
    keys: tuple[ProviderKey, ...] = ()
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    project: str | None = None
    api_version: str | None = None
    kind: Literal["external", "self_hosted"] = "external"
    unpriced: Literal["refuse", "allow"] = "refuse"
    headers: Annotated[Mapping[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    limits: ConnectionLimits = ConnectionLimits()
    tls: Tls | None = None
    http2: bool = False
    models: tuple[ModelSpec, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if ".key." in self.name:
            yield (
                "has `.key.` in it, which is how connections of an account's keys are named",
                "name",
            )
        if self.base_url is None and not self.preset.base_url:
            yield f"is missing: '{self.provider}' has no address of its own", "base_url"
        if self.base_url is None and "{region}" in self.preset.base_url and not self.region:
            yield f"is missing: the address of '{self.provider}' has it", "region"
        if self.provider == "google-vertex" and not self.project and self.auth_style == "gcp":
            yield "is missing: its paths have it", "project"
        if self.tls is not None and self.url.startswith("http:"):
            yield "is never used: the address begins with http://", "tls"
        yield from self._auth_faults()

    def _auth_faults(self) -> Iterator[Fault]:
        if self.auth is not None and self.keys:
            yield "and `auth` are two ways of saying one thing; choose one", "keys"
        names = [key.name for key in self.keys]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            yield f"names '{repeated[0]}' twice", "keys"
        if (self.keys or (self.auth and self.auth.api_key)) and self.preset.auth == "none":
            yield f"is not known to '{self.provider}', which asks for no key", "auth"
        aws = self.auth is not None and (self.auth.aws is not None or self.auth.aws_chain)
        if aws and self.preset.auth != "aws":
            yield f"has AWS credentials, and '{self.provider}' takes none", "auth"
        if aws and not self.region and self.base_url is not None:
            yield "is missing: a signature names it", "region"
        if self.auth is not None and self.auth.gcp is not None and self.preset.auth != "gcp":
            yield f"has Google credentials, and '{self.provider}' takes none", "auth"

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret of it, with the field's path."""
        if self.auth is not None and self.auth.api_key is not None:
            yield "auth.api_key", self.auth.api_key
        for key in self.keys:
            yield f"keys.{key.name}", key.api_key
        if self.auth is not None and self.auth.aws is not None:
            for name, value in self.auth.aws:
                if value is not None:
                    yield f"auth.aws.{name}", value
        if self.auth is not None and self.auth.gcp and self.auth.gcp.service_account:
            yield "auth.gcp.service_account", self.auth.gcp.service_account

    @property
    def auth_style(self) -> AuthStyle:
        """How its calls prove who calls. A plain key has the place that its provider gives keys:
        Bedrock takes one as a bearer token, Vertex (express mode) as `x-goog-api-key`."""
        if self.auth is None and not self.keys:
            return "none"
        if self.keys or (self.auth and self.auth.api_key):
            plain: dict[AuthStyle, AuthStyle] = {"aws": "bearer", "gcp": "x-goog-api-key"}
            return plain.get(self.preset.auth, self.preset.auth)
        return self.preset.auth

    @property
    def preset(self) -> Preset:
        return PRESETS[self.provider]

    @property
    def url(self) -> str:
        """Where its API is, without a slash at the end."""
        own = self.base_url or self.preset.base_url
        if self.region == "global":
            own = own.replace("{region}-", "")  # Vertex: the one place that its host does not name
        for name, value in (("{region}", self.region), ("{project}", self.project)):
            own = own.replace(name, value or "")
        return own.rstrip("/")

    @property
    def family(self) -> Family:
        return self.preset.family
