"""`config` of a `webhook` guardrail: your own service, asked with the whole body.

Promises: a secret is never written down here, only named. Refuses: header names that belong to the
connection or to the credential, and a credential of two kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import Fault, HttpUrl, complain, complaint

RESERVED_HEADERS = frozenset(
    ("authorization", "connection", "content-encoding", "content-length", "content-type", "cookie",
     "expect", "host", "keep-alive", "proxy-authorization", "te", "traceparent", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip


def _header_name(value: str) -> str:
    # RFC 9110, 5.1: a token.
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise complaint("is no header name")
    if value.lower() in RESERVED_HEADERS:
        raise complaint(f"must not hold '{value.lower()}': the gateway sets it (or `auth_data`)")
    return value.lower()


def _header_value(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise complaint("must be printable ASCII")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, Field(max_length=1024), AfterValidator(_header_value)]


class AuthData(Document):
    """`basic-auth`: `username` and `password`. `bearer-auth`: `bearer_token`."""

    type: Literal["basic-auth", "bearer-auth"]
    username: Annotated[str, Field(min_length=1), AfterValidator(_header_value)] | None = None
    password: SecretRef | None = None
    bearer_token: SecretRef | None = None

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> Self:
        if self.username and ":" in self.username:
            raise complaint("must not hold a colon (RFC 7617, 2)", "username")
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        needed = ("username", "password") if self.type == "basic-auth" else ("bearer_token",)
        for field in ("username", "password", "bearer_token"):
            given = getattr(self, field) is not None
            if field in needed and not given:
                yield f"is missing: '{self.type}' needs it", field
            elif given and field not in needed:
                yield f"is not for '{self.type}'", field


class WebhookSettings(Document):
    """`target`: whose texts it judges; without it those of the hook it stands at."""

    url: HttpUrl
    target: Literal["request", "response"] | None = None
    headers: Mapping[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=32)
    secret_headers: Mapping[HeaderName, SecretRef] = Field(default_factory=dict, max_length=8)
    auth_data: AuthData | None = None
    config: Mapping[str, Any] = Field(default_factory=dict)

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        for name, ref in self.secret_headers.items():
            yield f"secret_headers.{name}", ref
        for field in ("password", "bearer_token"):
            secret = getattr(self.auth_data, field, None)
            if secret is not None:
                yield f"auth_data.{field}", secret

    @model_validator(mode="after")
    def _one_value_each(self) -> Self:
        if twice := sorted(set(self.headers) & set(self.secret_headers)):
            raise complaint(f"has '{twice[0]}', which `headers` has too", "secret_headers")
        return self
