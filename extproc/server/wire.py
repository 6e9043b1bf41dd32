"""Wire <-> core: ext_proc messages become the core's values, its replies become messages.

Nothing is decided here. Messages are those of `protos/ext_proc.proto`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf import duration_pb2, struct_pb2

from extproc.dataplane.clusters import cluster_name
from extproc.dataplane.local_reply import PROCESSOR_DETAILS
from extproc.dataplane.trail import attempts_made
from extproc.exchange.values import (
    Allowed,
    Answered,
    Attempt,
    BodyReply,
    HeadReply,
    Incoming,
    Refused,
    ResponseHead,
)
from extproc.llm.error_body import refusal_body
from extproc.server import ext_proc_pb2 as pb

FILTER = "envoy.filters.http.ext_proc"
_HEADER = "request.headers['"
"""How the attribute of a header begins; `dataplane/listener.py` lists those that travel."""
_HEAD_NAMES = frozenset({":status", "content-type", "content-encoding"})
Pair = tuple[str, str]
_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


# --- in --------------------------------------------------------------------------------------


def attributes(message: pb.ProcessingRequest) -> dict[str, Any]:
    """The CEL attributes that came with this message: name -> string or number."""
    fields = message.attributes[FILTER].fields if FILTER in message.attributes else {}
    return {
        name: value.string_value if value.HasField("string_value") else value.number_value
        for name, value in fields.items()
    }


def incoming(attrs: Mapping[str, Any], body: bytes | None) -> Incoming:
    start = len(_HEADER)
    headers = {n[start:-2]: str(value) for n, value in attrs.items() if n.startswith(_HEADER)}
    return Incoming(
        decision_id=headers.get("x-envelope-decision-id", ""),
        method=str(attrs.get("request.method", "")),
        path=str(attrs.get("request.path", "")),
        headers=headers,
        body=body,
    )


def response_head(message: pb.ProcessingRequest) -> ResponseHead:
    head = message.response_headers
    found: dict[str, str] = {}
    for header in head.headers.headers:
        if header.key in _HEAD_NAMES:
            found[header.key] = (header.raw_value or header.value.encode()).decode("latin-1")
    attrs = attributes(message)
    status = int(found.get(":status", "0"))
    return ResponseHead(
        status=status,
        content_type=found.get("content-type", ""),
        encoding=found.get("content-encoding", "").strip().lower(),
        attempts=attempts_made(attrs, status),
        attempt=int(attrs.get("upstream.request_attempt_count", 0)),
        details=str(attrs.get("response.code_details", "")),
        ends=head.end_of_stream,
    )


# --- out -------------------------------------------------------------------------------------


def _set(mutation: pb.HeaderMutation, headers: Iterable[tuple[str, str]]) -> None:
    for key, value in headers:
        option = mutation.set_headers.add(append_action=_OVERWRITE)
        option.header.key = key
        option.header.raw_value = value.encode("utf-8")


def go_on_with_headers() -> pb.ProcessingResponse:
    reply = pb.ProcessingResponse()
    reply.request_headers.SetInParent()
    return reply


def allowed(
    verdict: Allowed, headers: Mapping[str, str], *, headers_sent: bool
) -> pb.ProcessingResponse:
    """The plan as dynamic metadata and the main body.

    `headers` travel as metadata too (`hold.lua` puts them on): where request headers are not sent
    to the processor, Envoy 1.40 does not apply a body answer's header mutation to them. The
    mutation must still be there, or the cached route stays for the first attempt.
    """
    retries = str(len(verdict.attempts) - 1)
    wanted = {"x-envoy-max-retries": retries, **headers}
    metadata = _plan(verdict.attempts, verdict.tier) + _fields({"envelope.request": wanted})
    reply = pb.ProcessingResponse(dynamic_metadata=metadata)
    response = reply.request_body.response
    response.clear_route_cache = True
    response.body_mutation.body = verdict.body
    _set(response.header_mutation, (("x-envoy-max-retries", retries),))
    if headers_sent:
        # With headers sent, Envoy insists on the mutated body's exact length.
        _set(response.header_mutation, (("content-length", str(len(verdict.body))),))
    return reply


def wait_for_me(ms: int) -> pb.ProcessingResponse:
    """The answer to the current message takes longer: Envoy's timer starts again, at `ms`."""
    duration = duration_pb2.Duration(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)
    return pb.ProcessingResponse(override_message_timeout=duration.SerializeToString())


def refused(verdict: Refused, decision_id: str) -> pb.ProcessingResponse:
    body = refusal_body(verdict.family, verdict.refusal, decision_id)
    return _immediate(verdict.refusal.status, body, verdict.headers, decision_id)


def answered(verdict: Answered, decision_id: str) -> pb.ProcessingResponse:
    return _immediate(200, verdict.body, verdict.headers, decision_id)


def _immediate(
    status: int, body: bytes, headers: Mapping[str, str], decision_id: str
) -> pb.ProcessingResponse:
    reply = pb.ProcessingResponse()
    immediate = reply.immediate_response
    immediate.status.code = status
    immediate.body = body
    immediate.details = PROCESSOR_DETAILS
    fixed = (("content-type", "application/json"), ("x-envelope-decision-id", decision_id))
    _set(immediate.headers, (*fixed, *headers.items()))
    return reply


def head_reply(reply: HeadReply) -> pb.ProcessingResponse:
    message = pb.ProcessingResponse()
    response = message.response_headers.response
    _set(response.header_mutation, reply.headers.items())
    response.header_mutation.remove_headers.extend(reply.remove)
    if reply.streamed:
        message.mode_override.response_header_mode = pb.ProcessingMode.SEND
        message.mode_override.request_body_mode = pb.ProcessingMode.BUFFERED
        message.mode_override.response_body_mode = pb.ProcessingMode.STREAMED
    if reply.streamed or reply.status is not None:
        message.dynamic_metadata = stamp(1)
    if reply.body is not None:
        # The whole answer at once: no body message follows (CONTINUE_AND_REPLACE).
        response.status = pb.CommonResponse.CONTINUE_AND_REPLACE
        response.body_mutation.body = reply.body
        pairs = ((":status", str(reply.status)), ("content-length", str(len(reply.body))))
        _set(response.header_mutation, pairs)
    return message


def body_reply(reply: BodyReply, seq: int) -> pb.ProcessingResponse:
    message = pb.ProcessingResponse(dynamic_metadata=stamp(seq))
    response = message.response_body.response
    response.SetInParent()
    if reply.body is not None:
        response.body_mutation.body = reply.body
    if reply.headers or reply.status is not None:
        _set(response.header_mutation, reply.headers.items())
        if reply.status is not None:
            _set(response.header_mutation, ((":status", str(reply.status)),))
        if reply.body is not None:
            _set(response.header_mutation, (("content-length", str(len(reply.body))),))
    return message


# --- dynamic metadata ------------------------------------------------------------------------
# A serialized google.protobuf.Struct is the concatenation of its fields, so the parts that repeat
# from request to request are encoded once.

_STAMP = struct_pb2.Struct(
    fields={
        "envelope.answer": struct_pb2.Value(
            struct_value=struct_pb2.Struct(fields={"seq": struct_pb2.Value(number_value=1.0)})
        )
    }
).SerializeToString()
_STAMP_HEAD = _STAMP[: _STAMP.index(struct.pack("<d", 1.0))]


def stamp(seq: int) -> bytes:
    """`envelope.answer.seq`: what the answer's lock counts."""
    return _STAMP_HEAD + struct.pack("<d", float(seq))


def _fields(values: Mapping[str, Any]) -> bytes:
    message = struct_pb2.Struct()
    message.update(values)
    return message.SerializeToString()


@lru_cache(maxsize=4096)
def _verdict(clusters: tuple[str, ...], tier: str) -> bytes:
    groups = [
        {"name": str(n), "clusters": [{"cluster_name": c, "weight": 1}]}
        for n, c in enumerate(clusters, 1)
    ]
    said: dict[str, Any] = {"verdict": "allow", "priority_groups": groups}
    if tier:
        said["tier"] = tier
    return _fields({"envelope": said})


@lru_cache(maxsize=4096)
def _bodiless(
    number: int, path: str, retry_on: str, headers: tuple[Pair, ...], remove: tuple[str, ...],
    delay_ms: int | None,
) -> bytes:  # fmt: skip
    fields = _attempt_fields(path, retry_on, headers, remove, delay_ms)
    return _fields({f"envelope.attempt.{number}": fields})


def _attempt_fields(
    path: str, retry_on: str, headers: tuple[Pair, ...], remove: tuple[str, ...],
    delay_ms: int | None,
) -> dict[str, Any]:  # fmt: skip
    fields: dict[str, Any] = {"path": path, "retry_on": retry_on}
    if delay_ms is not None:
        fields["delay_ms"] = delay_ms
    if headers:
        fields["headers"] = dict(headers)
    if remove:
        fields["remove"] = list(remove)
    return fields


def _plan(attempts: tuple[Attempt, ...], tier: str) -> bytes:
    parts = [_verdict(tuple(cluster_name(a.target.connection) for a in attempts), tier)]
    for number, a in enumerate(attempts, 1):
        headers = tuple(a.headers.items())
        if a.body is None:
            parts.append(_bodiless(number, a.path, a.retry_on, headers, a.remove, a.delay_ms))
        else:
            fields = _attempt_fields(a.path, a.retry_on, headers, a.remove, a.delay_ms)
            fields["body"] = a.body.decode("utf-8")
            parts.append(_fields({f"envelope.attempt.{number}": fields}))
    return b"".join(parts)
