"""A processor that does nothing: the floor. It allows everything with one fixed plan.

python -m bench.nothing SOCKET ACCOUNT PATH
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
import uvloop

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.exchange.values import Allowed, Attempt, BodyReply, HeadReply
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.routing.values import Target
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire
from extproc.server.service import SERVICE


def _replies(account: str, path: str) -> dict[str, pb.ProcessingResponse]:
    """Every reply, built once. The body goes on as it is."""
    spec = ProviderAccount(
        type="provider-account", name=account, provider="openai",
        base_url="http://127.0.0.1:1", models=(ModelSpec(id="m"),),
    )  # fmt: skip
    attempt = Attempt(Target(spec, spec.models[0]), OPENAI_CHAT, path, None, "")
    allowed = wire.allowed(Allowed(b"", (attempt,)), {}, headers_sent=False)
    allowed.request_body.response.ClearField("body_mutation")
    return {
        "request_body": allowed,
        "response_headers": wire.head_reply(HeadReply(streamed=False)),
        "stream": wire.head_reply(HeadReply(streamed=True, remove=("content-length",))),
        "response_body": wire.body_reply(BodyReply(None), 2),
    }


async def serve(socket: str, account: str, path: str) -> None:
    replies = _replies(account, path)

    async def process(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        pieces = 1
        while (message := await context.read()) is not grpc.aio.EOF:
            kind = message.WhichOneof("request")
            if kind == "response_headers" and _is_stream(message):
                kind = "stream"
            if kind == "response_body":
                pieces += 1
                if pieces > 2:
                    await context.write(wire.body_reply(BodyReply(None), pieces))
                    continue
            await context.write(replies[kind])

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    method = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=pb.ProcessingRequest.FromString,
        response_serializer=pb.ProcessingResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(SERVICE, {"Process": method})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await server.wait_for_termination()


def _is_stream(message: pb.ProcessingRequest) -> bool:
    return any(
        h.key == "content-type" and h.raw_value.startswith(b"text/event-stream")
        for h in message.response_headers.headers.headers
    )


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:4]))
