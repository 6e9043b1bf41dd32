"""The secrets of sinks. The only place of shipping that reads them (P4).

They are read when a way to a sink is opened, so that after a failure a rotated one is found; they
go nowhere but into the sender that is being made.
"""

from __future__ import annotations

from collections.abc import Mapping

from extproc.config.audit_model import CloudCredentials, Sink
from extproc.config.base import SecretRef
from extproc.config.secrets import SecretMissing, resolve


def secret(ref: SecretRef | None) -> bytes:
    """Raises SecretMissing, also where none is configured."""
    if ref is None:
        raise SecretMissing("not configured")
    return resolve(ref)


def headers(sink: Sink) -> dict[str, str]:
    """The headers that a sink's configuration adds, in clear. Raises SecretMissing."""
    return {name.lower(): _header_value(resolve(ref)) for name, ref in sink.headers.items()}


def cloud(credentials: CloudCredentials | None) -> Mapping[str, str]:
    """An object store's keys, as its library names them; {} = wherever it usually looks."""
    if credentials is None:
        return {}
    found: dict[str, str] = {}
    for name in ("access_key_id", "secret_access_key", "account_key"):
        ref = getattr(credentials, name)
        if ref is not None:
            found[name] = secret(ref).decode()
    if credentials.account_name is not None:
        found["account_name"] = credentials.account_name
    if credentials.service_account_file is not None:
        found["service_account"] = credentials.service_account_file
    return found


def _header_value(value: bytes) -> str:
    # A line end would begin another header (RFC 9110 5.5).
    text = value.decode("latin-1")
    if not text.isprintable():
        raise SecretMissing("a header's value holds control characters")
    return text
