"""`config` of an `opa` guardrail: which OPA server is asked for which decision.

Promises: a path that would leave OPA's data API is a mistake, and so is a secret that would travel
in clear to another machine.
"""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import HttpUrl, complain, complaint, is_loopback

_OWN_HEADERS = frozenset(("host", "content-type", "content-length", "connection",
                          "transfer-encoding", "traceparent"))  # fmt: skip


def _policy_path(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", value):
        raise complaint("must be names joined by '/', as 'envelope/guardrail' for that package")
    return value


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise complaint("is no header name")
    if value.lower() in _OWN_HEADERS:
        raise complaint("is a header that the gateway sets itself")
    return value


class OpaAuth(Document):
    """`bearer_token`, or `value` in the header named `header`."""

    bearer_token: SecretRef | None = None
    header: Annotated[str, AfterValidator(_header)] | None = None
    value: SecretRef | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.bearer_token is None) == (self.header is None):
            raise complaint("needs either 'bearer_token' or 'header' with 'value'")
        complain(
            [("goes with 'header'", "value")] if (self.header is None) != (self.value is None)
            else ()
        )  # fmt: skip
        return self


class OpaGuardSettings(Document):
    """`send_texts`: whether the policy is shown what was said; off, it sees everything else."""

    opa_url: HttpUrl
    policy_path: Annotated[str, Field(max_length=256), AfterValidator(_policy_path)]
    auth: OpaAuth | None = None
    send_texts: bool = True

    @model_validator(mode="after")
    def _keeps_secrets(self) -> Self:
        parts = urlsplit(self.opa_url)
        if self.auth and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise complaint("must be https:// where `auth` is sent", "opa_url")
        return self
