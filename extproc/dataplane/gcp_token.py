"""Access tokens of Google Cloud: what is asked, and what an answer says. Pure.

Envoy's own `gcp_authn` (1.40) knows the metadata server alone and is no upstream filter: a call
that falls over to Google would go without. So the gateway fetches them (`gcp_refresh.py`).
Sources: developers.google.com/identity/protocols/oauth2/service-account (RFC 7523),
cloud.google.com/compute/docs/access/authenticate-workloads.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
METADATA_HEADERS = {"Metadata-Flavor": "Google"}
_LIFE_S = 3600
_SPARE_S = 300
_WAIT_S = (5, 60)


class NotGoogle(ValueError):
    """A key file or an answer that is not what Google makes. The text holds none of it (P4)."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What a key file says. `token_url`: where its tokens are made."""

    email: str
    key_id: str
    token_url: str
    key: rsa.RSAPrivateKey

    @classmethod
    def read(cls, text: bytes) -> ServiceAccount:
        """Raises NotGoogle."""
        try:
            said = json.loads(text)
            key = serialization.load_pem_private_key(said["private_key"].encode(), password=None)
            found = said["client_email"], said.get("private_key_id", ""), said["token_uri"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotGoogle("the service account's key file cannot be read") from None
        if not isinstance(key, rsa.RSAPrivateKey) or not all(isinstance(f, str) for f in found):
            raise NotGoogle("the service account's key file has no RSA key")
        if not _safe(found[2]):
            raise NotGoogle("the service account's `token_uri` must begin with https://")
        return cls(*found, key)


def _safe(url: str) -> bool:
    """A signed claim goes there: over TLS, or not out of this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and until when it holds (seconds since 1970)."""

    value: str
    expires_s: float


def grant(account: ServiceAccount, now_s: float) -> str:
    """The form that asks `token_url` for a token: a JWT signed with RS256."""
    head = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    claims = {
        "iss": account.email, "scope": SCOPE, "aud": account.token_url,
        "iat": int(now_s), "exp": int(now_s) + _LIFE_S,
    }  # fmt: skip
    signed = f"{_part(head)}.{_part(claims)}"
    signature = account.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return urlencode({"grant_type": GRANT, "assertion": f"{signed}.{_base64(signature)}"})


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def read_answer(status: int, body: bytes, now_s: float) -> Token:
    """The token in an answer of the token server or of the metadata server. Raises NotGoogle."""
    if status != 200:
        raise NotGoogle(f"the token server answered {status}")
    try:
        said = json.loads(body)
        value, life_s = said["access_token"], said["expires_in"]
    except (ValueError, KeyError, TypeError):
        raise NotGoogle("the token server's answer holds no token") from None
    plain = isinstance(value, str) and value.isascii() and value.isprintable() and value
    if not plain or not isinstance(life_s, int) or life_s <= 0:
        raise NotGoogle("the token server's answer holds no token")
    return Token(value.rstrip("."), now_s + life_s)


def wait_s(token: Token | None, failures: int, now_s: float) -> float:
    """How long until the next one is fetched: well before this one ends; after a failure soon."""
    if failures or token is None:
        first, most = _WAIT_S
        return float(min(first * 2 ** min(failures, 10), most))
    left = token.expires_s - now_s
    return max(1.0, min(left - _SPARE_S, left / 2 if left < 2 * _SPARE_S else left))
