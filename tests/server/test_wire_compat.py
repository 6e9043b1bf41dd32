"""Our rendering of the ext_proc interface against Envoy's own schema, both ways."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import betterproto2
import pytest
from envoy_data_plane.envoy.config.core.v3 import HeaderMap, HeaderValue
from envoy_data_plane.envoy.service.ext_proc.v3 import (
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)
from envoy_data_plane.google.protobuf import Struct, Value

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.errors import Code, Refusal
from extproc.exchange.values import Allowed, Attempt, BodyReply, HeadReply, Refused
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.routing.values import Target
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire

ACCOUNT = ProviderAccount(
    type="provider-account", name="a", provider="openai", base_url="http://127.0.0.1:9/v1",
    models=(ModelSpec(id="m"),),
)  # fmt: skip
TARGET = Target(ACCOUNT, ACCOUNT.models[0])


def theirs(message: pb.ProcessingResponse) -> ProcessingResponse:
    return ProcessingResponse.parse(message.SerializeToString())


def metadata(message: pb.ProcessingResponse) -> dict[str, object]:
    found = theirs(message).dynamic_metadata
    assert found is not None
    return found.to_dict()


def test_a_request_of_envoy_is_read_by_ours() -> None:
    """Wire: Envoy's one message (body and attributes) reads the same through our classes."""
    attributes = Struct(
        fields={
            "request.path": Value(string_value="/v1/messages"),
            "request.headers['x-api-key']": Value(string_value="k"),
            "upstream.request_attempt_count": Value(number_value=2.0),
        }
    )
    sent = ProcessingRequest(
        request_body=HttpBody(body=b"{}", end_of_stream=True), attributes={wire.FILTER: attributes}
    )
    ours = pb.ProcessingRequest.FromString(bytes(sent))
    assert ours.WhichOneof("request") == "request_body"
    assert ours.request_body.body == b"{}"
    attrs = wire.attributes(ours)
    assert attrs["upstream.request_attempt_count"] == 2.0
    incoming = wire.incoming(attrs, ours.request_body.body)
    assert (incoming.path, incoming.headers["x-api-key"]) == ("/v1/messages", "k")


def test_an_answers_head_is_read_by_ours() -> None:
    """Wire: status and content type of Envoy's response_headers, raw values as Envoy sends them."""
    headers = HeaderMap(
        headers=[
            HeaderValue(key=":status", raw_value=b"429"),
            HeaderValue(key="content-type", raw_value=b"text/event-stream"),
        ]
    )
    sent = ProcessingRequest(response_headers=HttpHeaders(headers=headers, end_of_stream=True))
    head = wire.response_head(pb.ProcessingRequest.FromString(bytes(sent)))
    assert (head.status, head.content_type, head.ends) == (429, "text/event-stream", True)


def test_a_plan_reads_the_same_in_envoys_schema() -> None:
    """P1: the verdict, the chain and each attempt arrive in the metadata Envoy will look at."""
    attempts = (
        Attempt(TARGET, OPENAI_CHAT, "/v1/chat/completions", None, "429"),
        Attempt(
            TARGET, OPENAI_CHAT, "/v1/messages", b'{"x":"\xc3\xa4"}', "",
            {"anthropic-version": "2023-06-01"}, ("x-old",), 250,
        ),
    )  # fmt: skip
    verdict = Allowed(b"{}", attempts, "batch")
    message = wire.allowed(verdict, {"traceparent": "t"}, headers_sent=True)
    read = theirs(message)
    assert read.request_body is not None and read.request_body.response is not None
    response = read.request_body.response
    assert response.clear_route_cache
    assert response.body_mutation is not None and response.body_mutation.body == b"{}"
    assert response.header_mutation is not None
    sent = {
        o.header.key: o.header.raw_value for o in response.header_mutation.set_headers if o.header
    }
    assert sent == {"x-envoy-max-retries": b"1", "content-length": b"2"}
    found = metadata(message)
    assert found["envelope.request"] == {"x-envoy-max-retries": "1", "traceparent": "t"}
    assert found["envelope"]["verdict"] == "allow"  # type: ignore[index]
    assert found["envelope"]["tier"] == "batch"  # type: ignore[index]
    names = [g["clusters"][0]["cluster_name"] for g in found["envelope"]["priority_groups"]]  # type: ignore[index]
    assert names == ["account.a", "account.a"]
    assert found["envelope.attempt.1"] == {"path": "/v1/chat/completions", "retry_on": "429"}
    assert found["envelope.attempt.2"] == {
        "path": "/v1/messages", "retry_on": "", "body": '{"x":"ä"}', "remove": ["x-old"],
        "headers": {"anthropic-version": "2023-06-01"}, "delay_ms": 250.0,
    }  # fmt: skip


@pytest.mark.parametrize("seq", [1, 2, 3, 1000, 2**31])
def test_a_stamp_is_a_struct_with_that_number(seq: int) -> None:
    """P5: what the answer's lock counts is the number the processor meant."""
    message = wire.body_reply(BodyReply(b"x"), seq)
    assert metadata(message) == {"envelope.answer": {"seq": float(seq)}}


def test_refusals_and_replies_read_the_same() -> None:
    """Wire: immediate responses, mode overrides and status changes in Envoy's schema."""
    refused = theirs(wire.refused(Refused(Refusal(Code.BUDGET_EXCEEDED), "openai"), "d-1"))
    assert refused.immediate_response is not None and refused.immediate_response.status is not None
    assert int(refused.immediate_response.status.code) == 429
    assert b"budget_exceeded" in refused.immediate_response.body
    streamed = theirs(wire.head_reply(HeadReply(streamed=True, remove=("content-length",))))
    assert streamed.mode_override is not None
    assert int(streamed.mode_override.response_body_mode) == 1
    blocked = theirs(wire.body_reply(BodyReply(b"no", status=400), 2))
    assert blocked.response_body is not None and blocked.response_body.response is not None
    mutation = blocked.response_body.response.header_mutation
    assert mutation is not None
    pairs = {o.header.key: o.header.raw_value for o in mutation.set_headers if o.header}
    assert pairs == {":status": b"400", "content-length": b"2"}


def test_our_classes_live_beside_opentelemetrys() -> None:
    """Wire: one process imports ours, OpenTelemetry's exporter and Envoy's schema together."""
    code = (
        "from extproc.server import ext_proc_pb2\n"
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "import envoy_data_plane.envoy.service.ext_proc.v3\n"
        "print(ext_proc_pb2.ProcessingRequest.DESCRIPTOR.full_name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "envelope.ext_proc.v1.ProcessingRequest", done.stderr


def test_the_compiled_classes_are_those_of_the_proto(tmp_path: Path) -> None:
    """Wire: `make protos` was run after the last change of protos/."""
    root = Path(__file__).parents[2]
    command = [
        sys.executable, "-m", "grpc_tools.protoc", f"-I{root / 'protos'}",
        f"--descriptor_set_out={tmp_path / 'set'}", str(root / "protos/ext_proc.proto"),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

    compiled = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(compiled)
    fresh = FileDescriptorSet.FromString((tmp_path / "set").read_bytes()).file[0]
    for file in (compiled, fresh):
        file.ClearField("source_code_info")
        for message in file.message_type:
            for field in message.field:
                field.ClearField("json_name")
            for nested in message.nested_type:
                for field in nested.field:
                    field.ClearField("json_name")
    assert compiled == fresh


def test_the_schema_of_the_other_side_is_envoys() -> None:
    """The comparison means something: the other side is Envoy's own message, not a copy of ours."""
    assert issubclass(ProcessingResponse, betterproto2.Message)
    fields = {f.name for f in dataclasses.fields(ProcessingResponse)}
    assert {f.name for f in pb.ProcessingResponse.DESCRIPTOR.fields} <= fields
