"""Anchors that are object storage: S3 and what speaks it, Google Cloud Storage, Azure, a folder.

    <prefix>/<origin>/00000000000000000042.checkpoint

Promises: an object is only ever created, never written over (`If-None-Match: *`, or what the
store has for it); one that is there with another content is a conflict; the bucket's own lock
(S3 Object Lock, retention policies) is what keeps somebody with the keys from removing it.
Refuses stores without a conditional put.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from extproc.audit.anchoring.head import Head
from extproc.audit.anchoring.kept_files import file_name, put_in_folder, same_or_conflict
from extproc.audit.anchoring.values import Again, Delivered, Outcome, Refused
from extproc.config.audit_model import CloudCredentials
from extproc.config.base import SecretRef

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Scheme = Literal["s3", "gs", "az", "file"]
Reveal = Callable[[SecretRef], bytes]
"""A secret's value; raises what the caller makes of one that is not there."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go. `bucket`: or container, or a folder's path. `options`: the library's, with
    secrets, so they are not in its `repr` (P4)."""

    scheme: Scheme
    bucket: str
    prefix: str
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    plain_http: bool = False


def bucket_of(
    location: str,
    reveal: Reveal,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    credentials: CloudCredentials | None = None,
) -> Bucket:
    """What the configuration says, in the words of the library (obstore's `S3Config` and so on)."""
    scheme, _, rest = location.partition("://")
    if scheme == "file":
        return Bucket("file", "/" + rest.strip("/"), "")
    name, _, prefix = rest.partition("/")
    keys = credentials or CloudCredentials()
    plain = (endpoint or "").startswith("http://")
    match scheme:
        case "s3":
            options = _s3(keys, reveal, endpoint, region)
        case "gs":
            options = {"service_account": keys.service_account_file, "base_url": endpoint}
        case "az":
            key = _text(keys.account_key, reveal)
            options = {"account_name": keys.account_name, "account_key": key, "endpoint": endpoint}
        case _:
            raise ValueError(f"no object storage is called {scheme}")
    given = {name: value for name, value in options.items() if value is not None}
    return Bucket(scheme, name, prefix.strip("/"), given, plain)


def key_of(head: Head) -> str:
    """Below the prefix. An origin is a name, never a way to another folder, and two stay two."""
    parts = map(_safe, head.checkpoint.origin.split("/"))
    return "/".join([*parts, file_name(head.size)])


def open_bucket(bucket: Bucket, timeout_ms: int, headers: dict[str, str]) -> ObjectStore:
    """The library's client: one attempt, bounded. Takes a while: not on the event loop."""
    from obstore.store import AzureStore, GCSStore, S3Store

    stores: dict[str, Any] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    client = {
        "timeout": f"{timeout_ms}ms",
        "connect_timeout": f"{timeout_ms}ms",
        "allow_http": bucket.plain_http,
        "default_headers": headers,
    }
    made: ObjectStore = stores[bucket.scheme](
        bucket.bucket, prefix=bucket.prefix or None, client_options=client,
        retry_config={"max_retries": 0}, **bucket.options,
    )  # fmt: skip
    return made


def put(bucket: Bucket, head: Head, timeout_ms: int) -> Outcome:
    """Create the checkpoint's object. Blocks; raises OSError where it is a folder."""
    if bucket.scheme == "file":
        return _put_local(Path(bucket.bucket), head)
    from obstore.exceptions import BaseError

    try:
        return _put(bucket, head, timeout_ms)
    except (BaseError, OSError, NotImplementedError) as error:
        return _judged(error)


def _put(bucket: Bucket, head: Head, timeout_ms: int) -> Outcome:
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    note = head.note.encode()
    store = open_bucket(bucket, timeout_ms, _lock_headers(bucket, note))
    try:
        obstore.put(store, key_of(head), note, mode="create")
    except (AlreadyExistsError, PreconditionError):
        reader = open_bucket(bucket, timeout_ms, {})
        return same_or_conflict(bytes(obstore.get(reader, key_of(head)).bytes()), head)
    return Delivered()


def _put_local(base: Path, head: Head) -> Outcome:
    if not base.is_dir():
        return Again("its folder is not there")
    path = base / key_of(head)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return put_in_folder(path.parent, head)


def _lock_headers(bucket: Bucket, note: bytes) -> dict[str, str]:
    """A bucket with Object Lock takes only what has a checksum; some want this one."""
    if bucket.scheme != "s3":
        return {}
    digest = hashlib.md5(note, usedforsecurity=False).digest()
    return {"content-md5": base64.b64encode(digest).decode()}


def _s3(
    keys: CloudCredentials, reveal: Reveal, endpoint: str | None, region: str | None
) -> dict[str, Any]:
    return {
        "access_key_id": _text(keys.access_key_id, reveal),
        "secret_access_key": _text(keys.secret_access_key, reveal),
        "endpoint": endpoint,
        "region": region,
        "checksum_algorithm": "sha256",
    }


def _safe(part: str) -> str:
    """`_xx` for other bytes, and for dots where there is nothing else."""
    kept = r"[^A-Za-z0-9.-]" if part.strip(".") else r"."
    return re.sub(kept, lambda m: "".join(f"_{b:02x}" for b in m[0].encode()), part) or "_"


def _text(ref: SecretRef | None, reveal: Reveal) -> str | None:
    return None if ref is None else reveal(ref).decode()


def _judged(error: Exception) -> Outcome:
    """The library's errors quote addresses and answers: only their kind is told (P4)."""
    from obstore.exceptions import (
        NotSupportedError,
        PermissionDeniedError,
        UnauthenticatedError,
        UnknownConfigurationKeyError,
    )

    match error:
        case PermissionDeniedError() | UnauthenticatedError():
            return Refused("access is refused")
        case FileNotFoundError():
            return Refused("the bucket is not there")
        case NotSupportedError() | NotImplementedError():
            return Refused("the store cannot create without overwriting")
        case UnknownConfigurationKeyError():
            return Refused("its settings are not understood")
        case _:
            return Again(f"cannot be written ({type(error).__name__})")


__all__ = ["Bucket", "bucket_of", "key_of", "open_bucket", "put"]
