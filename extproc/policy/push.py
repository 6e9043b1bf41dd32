"""Put a bundle's policies and data into an OPA server that takes them through its REST API.

For servers without a bundle service: a laptop, a test. Uses the OPA client library, whose rewriting
of old Rego stays off: what is pushed is what stands in the files.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from opa_client import OpaClient
from opa_client.errors import ConnectionsError, RegoParseError

from extproc.policy.bundle import Bundle

TIMEOUT_SECONDS: Final = 10.0


class PushFailed(Exception):
    """OPA refused the bundle or was not there; the text is OPA's own."""


def push(bundle: Bundle, url: str) -> list[str]:
    """Upload data first, then policies; returns the policy ids. Raises PushFailed."""
    client = _client(url)
    try:
        if not client.check_health():
            raise PushFailed(f"no healthy OPA at {url}")
        for key, value in bundle.data.items():
            if not isinstance(value, dict):
                raise PushFailed(f"data.{key} is not an object; OPA's client sends objects only")
            client.update_or_create_data(value, quote(key, safe=""))
        ids = [quote(name.lstrip("/")) for name in bundle.files]
        for policy_id, text in zip(ids, bundle.files.values(), strict=True):
            client.update_policy_from_string(text, policy_id, rego_compat=False)
        return ids
    except (RegoParseError, ConnectionsError, OSError) as error:
        raise PushFailed(str(error)) from None
    finally:
        client.close_connection()


def _client(url: str) -> OpaClient:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PushFailed("an OPA to push to is http://host:port or https://host:port")
    port = parts.port or (443 if parts.scheme == "https" else 8181)
    return OpaClient(
        host=parts.hostname, port=port, ssl=parts.scheme == "https", timeout=TIMEOUT_SECONDS,
        retries=0,
    )  # fmt: skip
