"""AWS credentials in the provider stand-in: Signature Version 4, or Bedrock's API keys as bearer.

Promises: with a secret configured, a request passes only if its signature fits its method, path,
query, signed headers and body (docs.aws.amazon.com, IAM User Guide, "Create a signed AWS API
request"); the path is encoded twice, as everywhere but at S3. Pure: the date is the request's own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote

from extproc.demo.provider_place import Options, Received
from extproc.demo.provider_reply import Wrong

_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<scope>(?P<date>\d{8})/(?P<region>[\w-]+)"
    r"/(?P<service>[\w-]+)/aws4_request), ?SignedHeaders=(?P<names>[\w;-]+),"
    r" ?Signature=(?P<signature>[0-9a-f]{64})"
)
_UNSIGNED = "UNSIGNED-PAYLOAD"


def refusal(received: Received, options: Options) -> Wrong | None:
    """Why these credentials are none; None when they are good."""
    authorization = received.headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        wrong = bool(options.bedrock_key) and token.strip() != options.bedrock_key
        return _wrong("Authentication failed: Please make sure your API Key is valid.") if wrong \
            else None  # fmt: skip
    if not (signed := _SIGNED.fullmatch(authorization)):
        return _wrong("Missing Authentication Token", "MissingAuthenticationTokenException")
    if not options.aws_secret_key:
        return None
    if signed["id"] != options.aws_id_key:
        message = "The security token included in the request is invalid."
        return _wrong(message, "UnrecognizedClientException")
    if signed["service"] != "bedrock":
        message = f"Credential should be scoped to correct service: 'bedrock'. {signed['service']}"
        return _wrong(message, "InvalidSignatureException")
    if hmac.compare_digest(_signature(received, signed, options.aws_secret_key), signed[7]):
        return None
    return _wrong(
        "The request signature we calculated does not match the signature you provided. Check your"
        " AWS Secret Access Key and signing method.",
        "InvalidSignatureException",
    )


def _wrong(message: str, code: str = "AccessDeniedException") -> Wrong:
    return Wrong(403, message, code=code)


def _signature(received: Received, signed: re.Match[str], secret: str) -> str:
    canonical = hashlib.sha256(_canonical(received, signed["names"]).encode()).hexdigest()
    stamp = received.headers.get("x-amz-date", "")
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, signed["scope"], canonical))
    key = f"AWS4{secret}".encode()
    for step in signed["scope"].split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical(received: Received, names: str) -> str:
    path, _, query = received.target.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    spoken = "&".join(
        f"{quote(name, safe='-_.~')}={quote(one, safe='-_.~')}" for name, one in pairs
    )
    headers = "".join(
        f"{name}:{' '.join(received.headers.get(name, '').split())}\n" for name in names.split(";")
    )
    payload = hashlib.sha256(received.body).hexdigest()
    if received.headers.get("x-amz-content-sha256") == _UNSIGNED:
        payload = _UNSIGNED
    return "\n".join((received.method, quote(path, safe="/-_.~"), spoken, headers, names, payload))
