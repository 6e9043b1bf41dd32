"""Verifies AWS Signature Version 4, written from its description alone.

Source: IAM User Guide, "Create a signed AWS API request". Knows nothing of botocore.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from tests.guardrails.services.standins.loopback import Asked

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def signed_by(asked: Asked, secrets: dict[str, str], region: str, service: str) -> str | None:
    """The access key that signed this request, None when nobody did."""
    found = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
    if found is None or found[1] not in secrets:
        return None
    key_id, day, for_region, for_service, names, signature = found.groups()
    at = asked.headers.get("x-amz-date", "")
    needed = {"host", "x-amz-date"} | {n for n in asked.headers if n == "x-amz-security-token"}
    if not needed <= set(names.split(";")) or not at.startswith(day):
        return None
    if (for_region, for_service) != (region, service):
        return None
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(_canonical(asked, names).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"
    expected = _mac(_key(secrets[key_id], day, region, service), to_sign).hex()
    return key_id if hmac.compare_digest(expected, signature) else None


def _canonical(asked: Asked, names: str) -> str:
    # Every service but S3 encodes the path a second time.
    path = "/".join(quote(part, safe="-_.~") for part in asked.path.split("/"))
    headers = "".join(f"{n}:{' '.join(asked.headers.get(n, '').split())}\n"
                      for n in names.split(";"))  # fmt: skip
    payload = hashlib.sha256(asked.body).hexdigest()
    return f"POST\n{path}\n{asked.query}\n{headers}\n{names}\n{payload}"


def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
