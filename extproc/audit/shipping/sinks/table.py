"""From a sink's configuration to a way to it. One row per type; a driver is imported when used.

Secrets are read in a thread of the sink's own: a file on a mount that hangs holds up it alone.
"""

from __future__ import annotations

import socket
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from extproc.audit.anchoring.blocking import Blocking
from extproc.audit.shipping import credentials
from extproc.audit.shipping.sinks.objects import Format, day
from extproc.audit.shipping.values import Sender, Shape
from extproc.config.audit_model import Sink, SinkType

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sinks need of this process. `store_url`: the gateway's own store. `folder`: for files
    that are being made. `clock_ms`: Unix time."""

    store_url: str
    folder: Path
    clock_ms: Callable[[], int]
    _threads: Blocking = field(default_factory=Blocking)

    async def read(self, secrets: Callable[[], _T]) -> _T:
        """What `secrets` returns or raises; raises Busy while the last ones are being read."""
        return await self._threads.run("secrets", secrets)


Open = Callable[[Sink, Surroundings], Awaitable[Sender]]
_OBJECTS = Shape(bytes_max=32 * 1024 * 1024, together=day)


def shape_of(sink: Sink) -> Shape:
    """How its batches are put together."""
    return _OBJECTS if sink.type == "object-storage" else Shape()


def opening(sink: Sink, around: Surroundings) -> Callable[[], Awaitable[Sender]]:
    """A function that opens a new way to this sink. That may raise SecretMissing, and whatever a
    driver raises for settings that it cannot use."""
    return partial(_OPEN[sink.type], sink, around)


async def _otlp(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.http import Http
    from extproc.audit.shipping.sinks.otlp import Otlp

    extra = await around.read(partial(credentials.headers, sink))
    return Otlp(Http(sink.timeout_ms / 1000), sink.url or "", extra, around.clock_ms)


async def _webhook(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.http import Http
    from extproc.audit.shipping.sinks.webhook import Webhook

    secret = await around.read(partial(credentials.secret, sink.hmac_secret))
    return Webhook(Http(sink.timeout_ms / 1000), sink.url or "", secret, around.clock_ms)


async def _splunk(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.http import Http
    from extproc.audit.shipping.sinks.splunk_hec import Hec, SplunkHec

    token = await around.read(partial(credentials.secret, sink.token))
    hec = Hec(
        url=sink.url or "",
        token=token.decode(),
        index=sink.index,
        sourcetype=sink.sourcetype,
        acknowledged=sink.acknowledged,
        channel=str(uuid.uuid4()),
    )
    return SplunkHec(Http(sink.timeout_ms / 1000), hec, around.clock_ms)


async def _redis(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.sinks.redis_stream import RedisStream
    from extproc.store_client import open_client

    client = open_client(sink.store_url or around.store_url, sink.timeout_ms)
    return RedisStream(client, sink.stream, sink.stream_entries_max)


async def _objects(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.sinks.object_storage import ObjectStorage, place_of

    keys = await around.read(partial(credentials.cloud, sink.credentials))
    place = place_of(sink, keys)
    form: Format = "parquet" if sink.format == "parquet" else "jsonl"
    return ObjectStorage(place, form, around.folder)


async def _syslog(sink: Sink, around: Surroundings) -> Sender:
    from extproc.audit.shipping.sinks.syslog import Receiver, Syslog
    from extproc.audit.shipping.sinks.syslog_text import cef, rfc5424

    tls = ssl.create_default_context(cafile=sink.ca_file) if sink.transport == "tls" else None
    receiver = Receiver(
        sink.host or "", sink.port, sink.transport, tls, timeout_s=sink.timeout_ms / 1000
    )
    write = cef if sink.format == "cef" else rfc5424
    return Syslog(receiver, partial(write, facility=sink.facility, hostname=socket.gethostname()))


_OPEN: dict[SinkType, Open] = {
    "otlp": _otlp,
    "redis-stream": _redis,
    "object-storage": _objects,
    "syslog": _syslog,
    "webhook": _webhook,
    "splunk-hec": _splunk,
}
