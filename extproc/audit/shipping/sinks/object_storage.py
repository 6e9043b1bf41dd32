"""Object stores by one library (obstore): S3, Google Cloud Storage, Azure Blob Storage; folders.

Promises: an object appears whole or not at all and is never overwritten: what is there already
counts as sent. S3 gets a SHA-256 checksum with each object, which buckets with a lock demand. In a
folder a file and its name are durable before its batch counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from extproc.audit.disk import replace_file, sync_folder
from extproc.audit.shipping.sinks.objects import Format, Object, Unwritable, object_of
from extproc.audit.shipping.values import Batch, Misconfigured, Outcome, Taken, Unacceptable
from extproc.config.audit_model import Sink

RemoteStore = S3Store | GCSStore | AzureStore


class Place(Protocol):
    """Where objects go."""

    async def put(self, made: Object) -> None:
        """There, durably, when it returns; an object that is there already stays as it is."""
        ...


class ObjectStorage:
    """`folder`: where files may stand while they are made."""

    def __init__(self, place: Place, form: Format, folder: Path) -> None:
        self._place, self._form, self._folder = place, form, folder

    async def send(self, batch: Batch) -> Outcome:
        try:
            made = await asyncio.to_thread(object_of, batch, self._form, self._folder)
        except Unwritable:
            return Unacceptable("unwritable")
        try:
            await self._place.put(made)
        except (PermissionDeniedError, UnauthenticatedError):
            return Misconfigured("it does not let us write")
        except FileNotFoundError:
            return Misconfigured("there is no such bucket or container")
        except UnknownConfigurationKeyError:
            return Misconfigured("its settings cannot be used")
        return Taken()

    async def close(self) -> None:
        """The library keeps its connections."""


class Remote:
    """A bucket or container."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store
        self._creates = True

    async def put(self, made: Object) -> None:
        attributes: Any = {"Content-Type": made.content_type}
        if self._creates:
            try:
                await self._put(made, attributes, "create")
            except (AlreadyExistsError, PreconditionError):
                return
            except NotSupportedError:
                # It knows no `If-None-Match`. The same name means the same entries.
                self._creates = False
            else:
                return
        await self._put(made, attributes, "overwrite")

    async def _put(self, made: Object, attributes: Any, mode: Any) -> None:
        # In one request: an upload in parts can be left half done and is not conditional.
        await obstore.put_async(
            self._store, made.name, made.content, attributes=attributes, mode=mode,
            use_multipart=False,
        )  # fmt: skip


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, made: Object) -> None:
        await asyncio.to_thread(self._write, made)

    def _write(self, made: Object) -> None:
        path = self._root / made.name
        self._make(path.parent)
        if path.exists():
            sync_folder(path.parent)  # its writer may have died before it did
        else:
            replace_file(path, made.content)

    def _make(self, folder: Path) -> None:
        """With every name on the way durable."""
        if not folder.is_dir():
            self._make(folder.parent)
            os.makedirs(folder, mode=0o700, exist_ok=True)
            sync_folder(folder.parent)


def place_of(sink: Sink, keys: Mapping[str, str]) -> Place:
    """`keys`: from `credentials.cloud`. Raises what the library raises for settings it refuses."""
    parts = urlsplit(sink.location or "")
    if parts.scheme == "file":
        return Folder(Path(unquote(parts.netloc + parts.path)))
    return Remote(remote_store(sink, keys))


def remote_store(sink: Sink, keys: Mapping[str, str]) -> RemoteStore:
    """The library's store for `location`; no retries of its own, ours are the ones."""
    parts = urlsplit(sink.location or "")
    bucket, prefix = parts.netloc, unquote(parts.path.strip("/")) or None
    options: Any = {
        "client_options": {
            "timeout": timedelta(milliseconds=sink.timeout_ms),
            "connect_timeout": timedelta(milliseconds=min(sink.timeout_ms, 5_000)),
            "allow_http": (sink.endpoint or "").startswith("http://"),
            "user_agent": "envelope-audit",
        },
        "retry_config": {"max_retries": 0},
    }
    config: Any = dict(keys)
    match parts.scheme:
        case "s3":
            config |= {"checksum_algorithm": "sha256"}
            config |= _given(endpoint=sink.endpoint, region=sink.region)
            return S3Store(bucket, prefix=prefix, config=config, **options)
        case "gs":
            config |= _given(base_url=sink.endpoint)
            return GCSStore(bucket, prefix=prefix, config=config, **options)
        case "az":
            config |= _given(endpoint=sink.endpoint)
            return AzureStore(bucket, prefix=prefix, config=config, **options)
        case _:
            raise ValueError(parts.scheme)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
