"""Spans and GenAI metrics to an OpenTelemetry collector, out of every caller's path.

Promises: a queue of QUEUE_BYTES_MAX, and one export under way; what does not fit is dropped, before
any work is done on it, and counted; an export has EXPORT_TIMEOUT_S, and one that the collector
asks to see again is tried TRIES times; a dead, slow or lying collector costs, for
each signal, a line in the log when it goes and one when it is back. Only a worker that sets
`telemetry.otlp_endpoint` imports this. Beside the configuration, OTEL_EXPORTER_OTLP_HEADERS,
OTEL_EXPORTER_OTLP_CERTIFICATE and OTEL_RESOURCE_ATTRIBUTES say what they say everywhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from urllib.parse import unquote

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from extproc import __version__
from extproc.config.model import Telemetry
from extproc.config.secrets import resolve
from extproc.exchange.record import Record
from extproc.telemetry import names
from extproc.telemetry.collector import AGAIN, Collector, Reply, Signal, open_collector
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.otlp_metrics import otlp_metrics
from extproc.telemetry.series import Key
from extproc.telemetry.span import spans_of
from extproc.telemetry.span_wire import Attributes, attributes, field

log = logging.getLogger("envelope.otlp")

QUEUE_BYTES_MAX = 8 * 1024 * 1024
BATCH_SPANS_MAX = 2_048
BATCH_EVERY_S = 1.0
EXPORT_TIMEOUT_S = 5.0
TRIES = 3
AGAIN_IN_S = 1.0
AGAIN_IN_S_MAX = 30.0
CLOSE_WITHIN_S = 3.0
_SLICE = 100
"""Points of a histogram that are encoded before others have their turn."""
Sleep = Callable[[float], Awaitable[None]]


class Otlp:
    """One worker's way to the collector. All methods belong to the worker's event loop."""

    def __init__(
        self, collector: Collector, resource: Resource, *, conversation_key: str = "",
        traces: bool = True, metrics: bool = True, sleep: Sleep = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._collector, self._sleep = collector, sleep
        self._conversation_key = conversation_key
        self._traces, self._metrics = traces, metrics
        scope = InstrumentationScope(name="extproc", version=__version__)
        self._scope = field(1, scope.SerializeToString())
        self._resource = field(1, resource.SerializeToString())
        self._queue: deque[tuple[bytes, int]] = deque()
        self._queued_bytes = 0
        self._refused: set[Signal] = set()
        self._spans = {"exported": 0, "failed": 0, "dropped": 0}
        self._exports: dict[Key, int] = {}

    # --- from the caller's side ---------------------------------------------------------------

    def exchange_closed(self, record: Record) -> None:
        """Queue its spans, or drop them when the queue is full. Never waits."""
        if record.spans is None or not self._traces:
            return
        if self._queued_bytes >= QUEUE_BYTES_MAX:
            self._spans["dropped"] += 1 + len(record.spans) + len(record.tried)
            return
        spans = spans_of(record, self._conversation_key)
        encoded = b"".join([field(2, span) for span in spans])  # `ScopeSpans.spans`
        self._queue.append((encoded, len(spans)))
        self._queued_bytes += len(encoded)

    def outcomes(self) -> dict[Key, int]:
        """What became of the spans so far."""
        return {(result,): count for result, count in self._spans.items()}

    def exports(self) -> dict[Key, int]:
        """(signal, result) -> requests to the collector."""
        return dict(self._exports)

    # --- to the collector ---------------------------------------------------------------------

    async def run(self) -> None:
        """Send spans until cancelled; what is under way then is queued again."""
        while True:
            await self._sleep(BATCH_EVERY_S)
            while self._queue:
                await self._send_batch(TRIES)

    async def export_metrics(
        self, metrics: Metrics, began_ns: int, now_ns: int, timeout_s: float = EXPORT_TIMEOUT_S
    ) -> None:
        """The GenAI histograms as they stand. Times: Unix nanoseconds. Never raises."""
        if not self._metrics:
            return
        parts = []
        for number, part in enumerate(otlp_metrics(metrics, began_ns, now_ns, _SLICE)):
            parts.append(ScopeMetrics(metrics=[part]).SerializeToString())
            if number:
                await asyncio.sleep(0)
        if parts:
            await self._send("metrics", self._wrapped(b"".join(parts)), timeout_s)

    async def close(self, metrics: Metrics, began_ns: int, now_ns: int) -> None:
        """Send the last metrics and what is queued, for CLOSE_WITHIN_S at most; the rest has
        failed. As for `export_metrics`."""
        until_s = time.monotonic() + CLOSE_WITHIN_S
        await self.export_metrics(metrics, began_ns, now_ns, CLOSE_WITHIN_S / 2)
        while self._queue and (left_s := until_s - time.monotonic()) > 0:
            if not await self._send_batch(1, left_s):
                break
        self._spans["failed"] += sum(count for _, count in self._queue)
        self._queue.clear()
        self._queued_bytes = 0
        await self._collector.close()

    async def _send_batch(self, tries: int, timeout_s: float = EXPORT_TIMEOUT_S) -> bool:
        """Whether the collector took it."""
        batch = list(self._batch())
        body, count = self._wrapped(b"".join(part for part, _ in batch)), _spans_of(batch)
        try:
            reply = await self._insist(body, tries, timeout_s)
        except BaseException:
            self._queue.extendleft(reversed(batch))
            self._queued_bytes += _bytes_of(batch)
            raise
        taken = count - min(count, reply.rejected) if reply.result == "taken" else 0
        self._spans["exported"] += taken
        self._spans["failed"] += count - taken
        return reply.result == "taken"

    async def _insist(self, body: bytes, tries: int, timeout_s: float) -> Reply:
        pause_s = AGAIN_IN_S
        while True:
            reply = await self._send("traces", body, min(timeout_s, EXPORT_TIMEOUT_S))
            tries -= 1
            if reply.result not in AGAIN or not tries:
                return reply
            await self._sleep(min(max(pause_s, reply.again_in_s), AGAIN_IN_S_MAX))
            pause_s *= 2

    async def _send(self, signal: Signal, body: bytes, timeout_s: float) -> Reply:
        try:
            reply = await self._collector.send(signal, body, timeout_s)
        except Exception:  # a defect there is an export that failed, and shows as one
            reply = Reply("unreachable")
        key = (signal, reply.result)
        self._exports[key] = self._exports.get(key, 0) + 1
        taken = reply.result == "taken"
        self._tell(signal, taken)
        return reply

    def _tell(self, signal: Signal, taken: bool) -> None:
        """Each signal for itself: many a collector takes one and never the other."""
        if taken and signal in self._refused:
            self._refused.remove(signal)
            log.warning("the OTLP collector takes %s again", signal)
        elif not taken and signal not in self._refused:
            self._refused.add(signal)
            log.warning("the OTLP collector does not take %s", signal)

    def _batch(self) -> Iterator[tuple[bytes, int]]:
        count = 0
        while self._queue and count < BATCH_SPANS_MAX:
            part = self._queue.popleft()
            self._queued_bytes -= len(part[0])
            count += part[1]
            yield part

    def _wrapped(self, parts: bytes) -> bytes:
        """An export request. Resource and scope stand at the same field numbers in both signals'
        messages, and a repeated field is the concatenation of its parts (Protocol Buffers,
        "Encoding"), so nothing is encoded twice."""
        return field(1, self._resource + field(2, self._scope + parts))


def open_otlp(config: Telemetry, owner: str, environment: str = "") -> Otlp:
    """Raises SecretMissing for a header, OSError for a `ca_file` that cannot be read."""
    assert config.otlp_endpoint is not None
    own = {name: resolve(ref).decode("ascii") for name, ref in config.headers.items()}
    headers = {**_listed("OTEL_EXPORTER_OTLP_HEADERS"), **own}
    ca_file = config.ca_file or os.environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE") or None
    return Otlp(
        open_collector(config.otlp_endpoint, config.protocol, headers, ca_file),
        _resource(config, owner, environment),
        conversation_key=config.conversation_key or "",
        traces=config.traces,
        metrics=config.metrics,
    )


def _resource(config: Telemetry, owner: str, environment: str) -> Resource:
    """Every worker is an instance of its own, or their cumulative sums would collide."""
    where = {names.DEPLOYMENT_ENVIRONMENT: environment} if environment else {}
    said: Attributes = {
        names.SERVICE_NAME: "envelope",
        names.SERVICE_VERSION: __version__,
        **where,
        **_listed("OTEL_RESOURCE_ATTRIBUTES"),
        **config.resource_attributes,
        names.SERVICE_INSTANCE_ID: owner,
    }
    return Resource.FromString(attributes(said, 1))


def _listed(variable: str) -> Mapping[str, str]:
    """`a=1,b=2`, percent-encoded (W3C Baggage, as OpenTelemetry's variables have it)."""
    found = {}
    for part in os.environ.get(variable, "").split(","):
        name, mark, value = part.partition("=")
        if mark and name.strip():
            found[name.strip().lower()] = unquote(value.strip())
    return found


def _spans_of(batch: list[tuple[bytes, int]]) -> int:
    return sum(count for _, count in batch)


def _bytes_of(batch: list[tuple[bytes, int]]) -> int:
    return sum(len(part) for part, _ in batch)
