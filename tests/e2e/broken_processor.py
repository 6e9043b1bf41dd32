"""An external processor that breaks at a chosen point, in front of Envoy as the gateway renders it.

    processor.fault = Fault(at="response_body", how="end")     # or "abort", "hang", or a reply
    answer = await processor.chat("x")

Until its point it behaves: it allows everything with one fixed plan and lets every answer pass, as
`bench.nothing` does. What it breaks, the data plane must hold by itself (P1): nothing unallowed to
a provider, nothing unjudged to a caller.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc
import httpx2

from extproc.cli.up_command import free_port
from extproc.config.load import load
from extproc.config.model import ModelSpec, ProviderAccount
from extproc.config.sources import read_sources
from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess
from extproc.exchange.values import Allowed, Attempt, BodyReply, HeadReply
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.routing.values import Target
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire
from extproc.server.service import SERVICE
from tests.e2e.documents import Documents, Json, priced

HOST = "127.0.0.1"
PATHS = {"openai-main": "/v1/chat/completions", "claude": "/v1/messages"}
Point = Literal["open", "request", "allowed", "head", "body", "piece"]
"""When it breaks. `open`: before any message. `request`: instead of answering the request.
`allowed`: after it has. `head`, `body`: instead of answering the answer's head, its whole body.
`piece`: instead of answering a stream's piece."""
How = Literal["end", "abort", "hang"] | pb.ProcessingResponse | bytes
"""`end`: the gRPC stream ends with OK. `abort`: with an error. `hang`: it stays, and stays silent.
A reply or bytes: this is what it says instead; then it goes on as if nothing had happened."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break. `pieces`: how many pieces of a stream are answered before."""

    at: Point
    how: How
    pieces: int = 0


class BrokenProcessor:
    """The service, and how it breaks now. Threads, because each test has its own event loop."""

    def __init__(self, socket: str) -> None:
        self.fault: Fault | None = None
        self.heard: list[str] = []
        self._released = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(16))
        method = grpc.stream_stream_rpc_method_handler(
            self._process,
            request_deserializer=pb.ProcessingRequest.FromString,
            response_serializer=_serialized,
        )
        handler = grpc.method_handlers_generic_handler(SERVICE, {"Process": method})
        self._server.add_generic_rpc_handlers((handler,))
        self._server.add_insecure_port(f"unix:{socket}")
        self._server.start()

    def stop(self) -> None:
        self._released.set()
        self._server.stop(grace=None).wait()

    def _process(
        self, messages: Iterator[pb.ProcessingRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse | bytes]:
        fault, pieces, streamed = self.fault, 0, False
        if fault and fault.at == "open":
            return self._break(fault, context)
        for message in messages:
            kind = message.WhichOneof("request") or ""
            self.heard.append(kind)
            streamed = streamed or (kind == "response_headers" and _is_stream(message))
            point = _point(kind, streamed)
            if fault and fault.at == point and pieces == fault.pieces:
                if isinstance(fault.how, str):
                    return self._break(fault, context)
                yield fault.how
            else:
                yield _good(kind, streamed, pieces, message)
            pieces += point == "piece"
            if fault and fault.at == "allowed" and point == "request":
                return self._break(fault, context)

    def _break(self, fault: Fault, context: grpc.ServicerContext) -> None:
        match fault.how:
            case "abort":
                context.abort(grpc.StatusCode.INTERNAL, "broken on purpose")
            case "hang":
                self._released.wait()
            case _:
                return


def _point(kind: str, streamed: bool) -> Point:
    if kind in ("request_headers", "request_body"):
        return "request"
    if kind == "response_headers":
        return "head"
    return "piece" if streamed else "body"


def _is_stream(message: pb.ProcessingRequest) -> bool:
    return any(
        h.key == "content-type" and h.raw_value.startswith(b"text/event-stream")
        for h in message.response_headers.headers.headers
    )


def _serialized(reply: pb.ProcessingResponse | bytes) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


def _good(
    kind: str, streamed: bool, pieces: int, message: pb.ProcessingRequest
) -> pb.ProcessingResponse:
    match kind:
        case "request_headers":
            return wire.go_on_with_headers()
        case "request_body":
            return allow(_account(message))
        case "response_headers":
            remove = ("content-length",) if streamed else ()
            return wire.head_reply(HeadReply(streamed=streamed, remove=remove))
        case _:
            return wire.body_reply(BodyReply(None), pieces + 2)


def _account(message: pb.ProcessingRequest) -> str:
    path = str(wire.attributes(message).get("request.path", ""))
    return next((name for name, known in PATHS.items() if known == path), "openai-main")


def allow(account: str) -> pb.ProcessingResponse:
    """Allow, with a plan of one attempt; the body goes on as it is."""
    spec = ProviderAccount(
        type="provider-account", name=account, provider="openai",
        base_url="http://127.0.0.1:1", models=(ModelSpec(id="m"),),
    )  # fmt: skip
    path = PATHS.get(account, PATHS["openai-main"])
    headers = {"anthropic-version": "2023-06-01"} if account == "claude" else {}
    attempt = Attempt(Target(spec, spec.models[0]), OPENAI_CHAT, path, None, "", headers)
    reply = wire.allowed(Allowed(b"", (attempt,)), {}, headers_sent=False)
    reply.request_body.response.ClearField("body_mutation")
    return reply


class BrokenGateway:
    """Envoy with the gateway's own configuration, and a processor that breaks."""

    def __init__(
        self, folder: Path, provider_url: str, openai_key: str, anthropic_key: str
    ) -> None:
        folder.mkdir(parents=True)
        for name, key in (("openai", openai_key), ("anthropic", anthropic_key)):
            (folder / f"{name}.key").write_text(key)
        made = Documents()
        for name, base, vendor in (
            ("openai-main", f"{provider_url}/v1", "openai"), ("claude", provider_url, "anthropic"),
        ):  # fmt: skip
            made.add("provider-account", name, provider=vendor, base_url=base,
                     auth={"api_key": {"file": str(folder / f"{vendor}.key")}},
                     models=[priced("m", 1, 1)])  # fmt: skip
        config = load(read_sources(made.write(folder / "config")))
        assert not isinstance(config, list), config
        socket, port = str(folder / "broken.sock"), free_port(HOST, 0)
        self.processor = BrokenProcessor(socket)
        self.log = folder / "access.log"
        place = Place(HOST, port, [socket], str(folder / "admin.sock"), str(self.log))
        self.envoy = EnvoyProcess(folder, place, concurrency=1)
        self.envoy.start(config)
        self.url = f"http://{HOST}:{port}"

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, timeout=15, trust_env=False)

    async def stop(self) -> None:
        assert self.envoy.child is not None
        await self.envoy.child.stop(grace_s=3)
        self.processor.stop()


def request_body(prompt: str, *, stream: bool = False) -> Json:
    """Right for both vendors."""
    messages: list[Any] = [{"role": "user", "content": prompt}]
    return {"model": "m", "max_tokens": 500, "messages": messages, "stream": stream}
