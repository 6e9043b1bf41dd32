"""Envoy as the gateway renders it, between a processor that allows and providers that are scripted.

    stand.plan(("a", "503>2:b"), ("b", ""))     # accounts, and where their endings lead
    stand.providers["a"].script("503")
    answer = await stand.call()
    stand.told()                                # what the processor learns about the attempts

Both ends are ours, everything between is Envoy. Only its own timers take time.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx2
from google.protobuf import struct_pb2

from extproc.cli.up_command import free_port
from extproc.config.load import load
from extproc.config.model import Config, ModelSpec
from extproc.config.sources import Source
from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess
from extproc.dataplane.trail import attempts_made
from extproc.exchange.values import Allowed, Attempt, BodyReply, HeadReply
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.routing.values import Ended, Target
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire
from tests.dataplane.scripted import HOST, ScriptedProvider

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
PER_TRY_MS, IDLE_MS = 300, 700
TIERS = {
    "quick": {"first_token_timeout_ms": 100},
    "patient": {"first_token_timeout_ms": 3_000, "stream_idle_timeout_ms": 3_000},
    "restless": {"stream_idle_timeout_ms": 150},
    "brief": {"request_timeout_ms": 150},
}
Json = dict[str, Any]
Accounts = Callable[[Mapping[str, str]], Sequence[Json]]
Told = tuple[int, str]
"""Slot and ending, as in (1, '503') or (3, 'late')."""


class Processor:
    """Allows everything with the plan it was given, lets every answer pass, keeps what it heard."""

    def __init__(self, address: str) -> None:
        self.plan: tuple[Attempt, ...] = ()
        self.headers: Mapping[str, str] = {}
        self.more: Mapping[str, Json] = {}
        self.heads: list[pb.ProcessingRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(8))
        method = grpc.stream_stream_rpc_method_handler(
            self._process,
            request_deserializer=pb.ProcessingRequest.FromString,
            response_serializer=pb.ProcessingResponse.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(SERVICE, {"Process": method})
        self._server.add_generic_rpc_handlers((handler,))
        self._server.add_insecure_port(f"unix:{address}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()

    def _process(
        self, messages: Iterator[pb.ProcessingRequest], _: grpc.ServicerContext
    ) -> Iterator[pb.ProcessingResponse]:
        headers_sent = False
        for message in messages:
            match message.WhichOneof("request"):
                case "request_headers":
                    headers_sent = True
                    yield wire.go_on_with_headers()
                case "request_body":
                    verdict = Allowed(message.request_body.body, self.plan)
                    reply = wire.allowed(verdict, self.headers, headers_sent=headers_sent)
                    reply.dynamic_metadata = _with(reply.dynamic_metadata, self.more)
                    yield reply
                case "response_headers":
                    self.heads.append(message)
                    yield wire.head_reply(HeadReply(streamed=False))
                case _:
                    yield wire.body_reply(BodyReply(None), 2)


class Stand:
    """One Envoy, its processor, the providers `a` and `b`.

    Nobody listens at the account `gone`; the host of the account `nohost` has no address.
    `accounts`: from the places of these four, other documents to stand on.
    """

    def __init__(self, folder: Path, accounts: Accounts | None = None) -> None:
        self._held = socket.socket()
        self._held.bind((HOST, 0))
        self.providers = {"a": ScriptedProvider(), "b": ScriptedProvider()}
        places = {name: f"{HOST}:{p.port}" for name, p in self.providers.items()}
        gone = f"{HOST}:{self._held.getsockname()[1]}"
        places |= {"gone": gone, "nohost": "nohost.invalid"}
        self.config = configured(accounts(places) if accounts else _plain(places))
        address, port = str(folder / "processor.sock"), free_port(HOST, 0)
        self.processor = Processor(address)
        place = Place(HOST, port, [address], str(folder / "admin.sock"))
        self.envoy = EnvoyProcess(folder, place, concurrency=1)
        self.envoy.start(self.config)
        self.url = f"http://{HOST}:{port}"

    async def stop(self) -> None:
        assert self.envoy.child is not None
        await self.envoy.child.stop(grace_s=3)
        self.processor.stop()
        self._held.close()
        for provider in self.providers.values():
            provider.stop()

    def plan(
        self, *attempts: tuple[str, str], bodies: Mapping[int, bytes] | None = None,
        headers: Mapping[str, str] | None = None, more: Mapping[str, Json] | None = None,
    ) -> None:  # fmt: skip
        """(account, retry_on) of each slot; slot n asks for the path `/n`. Empties both scripts.

        `bodies`: slot -> its own body. `headers`: what the verdict puts on the request. `more`:
        namespace -> further dynamic metadata.
        """
        for provider in self.providers.values():
            provider.script()
        self.processor.heads.clear()
        self.processor.headers = headers or {}
        self.processor.more = more or {}
        self.processor.plan = tuple(
            Attempt(
                self._target(account), OPENAI_CHAT, f"/{slot}", (bodies or {}).get(slot), retry_on
            )
            for slot, (account, retry_on) in enumerate(attempts, 1)
        )

    def _target(self, account: str) -> Target:
        """`name`, or `name#key` for one of its keys."""
        name, _, key = account.partition("#")
        return Target(self.config.accounts[name], ModelSpec(id="m"), key=key)

    async def call(
        self, headers: Mapping[str, str] | None = None, *, chunked: bool = False
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=self.url, timeout=15, trust_env=False) as client:
            body: Any = _pieces(b'{"x":1}') if chunked else b'{"x":1}'
            return await client.post("/v1/chat/completions", content=body, headers=headers)

    def ended(self) -> tuple[Ended, ...]:
        (head,) = self.processor.heads
        return attempts_made(wire.attributes(head), wire.response_head(head).status)

    def told(self) -> list[Told]:
        return [(e.slot, str(e.status or e.ending.value)) for e in self.ended()]

    def paths(self, account: str) -> list[str]:
        """The paths that an account's provider was asked for."""
        return [request.path for request in self.providers[account].seen]


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _with(metadata: bytes, more: Mapping[str, Json]) -> bytes:
    """The same with further fields in some namespaces."""
    found = struct_pb2.Struct.FromString(metadata)
    for namespace, fields in more.items():
        part = found[namespace]
        assert isinstance(part, struct_pb2.Struct)
        part.update(fields)
    return found.SerializeToString()


def _plain(places: Mapping[str, str]) -> list[Json]:
    return [
        {"type": "provider-account", "name": name, "provider": "openai-compatible",
         "base_url": f"http://{place}", "kind": "self_hosted", "unpriced": "allow",
         "models": [{"id": "m"}]}
        for name, place in places.items()
    ]  # fmt: skip


def configured(accounts: Sequence[Json], **listener: Any) -> Config:
    """A configuration of these accounts; `listener`: fields of it that differ."""
    limits = {"per_try_timeout_ms": PER_TRY_MS, "stream_idle_timeout_ms": IDLE_MS, "tiers": TIERS,
              **listener}  # fmt: skip
    gateway = {"type": "gateway-config", "name": "gateway", "listener": limits}
    # JSON is YAML.
    text = "\n---\n".join(json.dumps(document) for document in (gateway, *accounts))
    loaded = load([Source("stand.yaml", text, "/")])
    assert isinstance(loaded, Config), loaded
    return loaded
