"""Google's token endpoint in the provider stand-in: a signed claim in, an access token out
(developers.google.com/identity/protocols/oauth2/service-account, RFC 7523).

Promises: with the service account's public key configured, the claim's signature is checked, and
that it was made for this endpoint; the token it gives is the one that Vertex accepts here. Pure but
for the clock, which comes in as a parameter.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qs

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from extproc.demo.provider_place import Options

PATH = "/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_S = 3600


def answer(form: bytes, url: str, options: Options, now_s: float) -> tuple[int, bytes]:
    """Status and JSON body. `url`: the endpoint's own address, which claims are made for."""
    fields = parse_qs(form.decode("ascii", "replace"))
    if fields.get("grant_type") != [GRANT]:
        return _no("unsupported_grant_type", "Invalid grant_type")
    claims = _claims((fields.get("assertion") or [""])[0], options.vertex_public_key)
    if claims is None:
        return _no("invalid_grant", "Invalid JWT Signature.")
    if claims.get("aud") != url or not claims.get("iat", 0) <= now_s + 60 < claims.get("exp", 0):
        return _no("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)")
    token = {"access_token": options.vertex_key or "ya29.demo", "expires_in": LIFE_S - 1,
             "token_type": "Bearer"}  # fmt: skip
    return 200, orjson.dumps(token)


def _no(error: str, description: str) -> tuple[int, bytes]:
    return 400, orjson.dumps({"error": error, "error_description": description})


def _claims(assertion: str, public_key: str) -> dict[str, Any] | None:
    signed, _, signature = assertion.rpartition(".")
    try:
        if public_key:
            key = serialization.load_pem_public_key(public_key.encode())
            assert isinstance(key, rsa.RSAPublicKey)
            made = _unpacked(signature)
            key.verify(made, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        found = orjson.loads(_unpacked(signed.partition(".")[2]))
    except (InvalidSignature, binascii.Error, orjson.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
