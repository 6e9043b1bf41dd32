"""OpenTelemetry logs over OTLP/HTTP: one LogRecord per entry, its body the entry's JSON.

Promises: what a collector says it has rejected (`partial_success`) is counted and not sent again,
as the protocol wants it. Source: OTLP 1.x, "OTLP/HTTP Response" and "Partial Success"; the logs
data model. Names are those of `telemetry/names.py`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from extproc import __version__
from extproc.audit.columns import first_text, instant, text, whole
from extproc.audit.shipping.http import Answer, Http, judged
from extproc.audit.shipping.severity import severity
from extproc.audit.shipping.values import Batch, Item, Outcome, Taken
from extproc.audit.values import Entry
from extproc.telemetry import names

PATH = "/v1/logs"
EVENT_NAME = "envelope.audit"
AUDIT_INDEX = "envelope.audit.index"
AUDIT_ORIGIN = "envelope.audit.origin"
_TEXTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    names.DECISION_ID: (("decision_id",),),
    names.OPERATION_NAME: (("request", "operation"),),
    names.PROVIDER_NAME: (("served", "provider"),),
    names.REQUEST_MODEL: (("request", "model"),),
    names.TARGET: (("served", "model"),),
    names.OUTCOME: (("decision", "outcome"),),
    names.ERROR_TYPE: (("decision", "code"),),
    names.TEAM: (("principal", "team"), ("metadata", "team")),
    names.ENVIRONMENT: (("environment",),),
}
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    names.HTTP_STATUS: ("decision", "http_status"),
    names.USAGE_INPUT_TOKENS: ("usage", "input_tokens"),
    names.USAGE_OUTPUT_TOKENS: ("usage", "output_tokens"),
    names.USAGE_CACHE_READ_TOKENS: ("usage", "cached_input_tokens"),
    names.USAGE_CACHE_CREATION_TOKENS: ("usage", "cache_write_tokens"),
    names.COST_NANO_USD: ("cost_nano_usd",),
}


class Otlp:
    """`url`: the collector's base. `headers`: secrets. `clock_ms`: Unix time."""

    def __init__(
        self, http: Http, url: str, headers: Mapping[str, str], clock_ms: Callable[[], int]
    ) -> None:
        self._http, self._clock_ms = http, clock_ms
        base = url.rstrip("/")
        self._url = base if base.endswith(PATH) else base + PATH
        self._headers = {**headers, "content-type": "application/x-protobuf",
                         "content-encoding": "gzip"}  # fmt: skip

    async def send(self, batch: Batch) -> Outcome:
        now_ms = self._clock_ms()
        content = gzip.compress(request(batch, now_ms).SerializeToString(), 6, mtime=0)
        answer = await self._http.post(self._url, content, self._headers, now_ms)
        if not isinstance(answer, Answer):
            return answer
        outcome = judged(answer)
        return Taken(_rejected(answer, len(batch.items))) if outcome == Taken() else outcome

    async def close(self) -> None:
        await self._http.close()


def request(batch: Batch, now_ms: int) -> ExportLogsServiceRequest:
    """`now_ms`: when they are sent (observed)."""
    records = [_record(item, batch.origin, now_ms) for item in batch.items]
    scope = InstrumentationScope(name="envelope.audit", version=__version__)
    resource = Resource(attributes=[_pair("service.name", "envelope"),
                                    _pair("service.version", __version__)])  # fmt: skip
    scoped = ScopeLogs(scope=scope, log_records=records)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource, scope_logs=[scoped])]
    )


def _record(item: Item, origin: str, now_ms: int) -> LogRecord:
    at = instant(item.entry)
    number, name = severity(item.entry).otlp
    values = {AUDIT_INDEX: item.index, AUDIT_ORIGIN: origin, **_attributes(item.entry)}
    return LogRecord(
        time_unix_nano=int(at.timestamp() * 1000) * 1_000_000 if at is not None else 0,
        observed_time_unix_nano=now_ms * 1_000_000,
        severity_number=number,  # type: ignore[arg-type]
        severity_text=name,
        event_name=EVENT_NAME,
        body=AnyValue(string_value=item.line.decode("utf-8", "replace")),
        attributes=[_pair(key, value) for key, value in values.items()],
        trace_id=_trace_id(item.entry),
    )


def _attributes(entry: Entry) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for name, paths in _TEXTS.items():
        if said := first_text(entry, *paths):
            found[name] = said
    for name, path in _NUMBERS.items():
        if (number := whole(entry, *path)) is not None:
            found[name] = number
    return found


def _trace_id(entry: Entry) -> bytes:
    """As the exchange's span has it where the caller brought no trace: 16 bytes, or none."""
    digits = (text(entry, "trace_id") or text(entry, "decision_id") or "").replace("-", "")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return b""
    return found if len(found) == 16 and any(found) else b""


def _pair(key: str, value: str | int) -> KeyValue:
    said: dict[str, Any] = (
        {"string_value": value} if isinstance(value, str) else {"int_value": value}
    )
    return KeyValue(key=key, value=AnyValue(**said))


def _rejected(answer: Answer, sent: int) -> int:
    try:
        said = ExportLogsServiceResponse.FromString(answer.body).partial_success
    except DecodeError:
        return 0
    return max(0, min(sent, said.rejected_log_records))
