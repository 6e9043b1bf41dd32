"""A whole world without Envoy: the real store, ledger, policy, keys and audit spool; one exchange
after the other, as a dialogue of what comes in and what goes out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from extproc.app import Adapters, Place, build_adapters, build_world
from extproc.audit.values import Entry
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.exchange.entry import closing_entry
from extproc.exchange.exchange import Exchange
from extproc.exchange.values import Allowed, Answered, Incoming, Refused, ResponseHead, Verdict
from extproc.exchange.world import World
from extproc.identity.keys import hash_key
from extproc.limits.values import CounterReading
from extproc.routing.values import Ended, Ending

Json = dict[str, Any]
KEY = "a-key-of-the-tests"
STARTED_MS = 1_790_000_000_000
IN, OUT = 1_000, 10_000
"""Nano-USD per token of `big/large`; `small/tiny` costs a tenth."""


def account(name: str, *models: Json, provider: str = "openai", **more: Any) -> Json:
    return {"type": "provider-account", "name": name, "provider": provider, "region": "eu",
            "base_url": "http://127.0.0.1:9/v1", "models": list(models), **more}  # fmt: skip


def model(name: str, usd_in: float = 1, usd_out: float = 10, most: int | None = 1000) -> Json:
    """Prices in USD per million tokens: 1 is 1,000 nano-USD per token."""
    limit = {} if most is None else {"max_output_tokens": most}
    return {"id": name, "price": {"input_per_mtok": usd_in, "output_per_mtok": usd_out}, **limit}


def rules(kind: str, *made: Json) -> Json:
    return {"type": kind, "name": kind, "rules": list(made)}


def budgets(*made: Json) -> Json:
    return rules("gateway-budget-config", *({"when": {}, **rule} for rule in made))


def caps(*made: Json) -> Json:
    return rules("gateway-request-caps-config", *({"when": {}, **rule} for rule in made))


def rates(*made: Json) -> Json:
    return rules("gateway-rate-limiting-config", *({"when": {}, **rule} for rule in made))


def configuration(
    folder: Path, *documents: Json, grants: tuple[str, ...] = ("*",), environment: str = ""
) -> Config:
    """Three accounts, one caller who may call what `grants` says, and the documents on top."""
    where = {"environment": environment} if environment else {}
    base = [
        # Patient with its store: the machine may be busy with other tests.
        {"type": "gateway-config", "name": "gateway", "store": {"timeout_ms": 5_000}, **where},
        account("big", model("large")),
        account("small", model("tiny", 0.1, 1), model("unknown", most=None)),
        account("claude", model("sonnet"), provider="anthropic"),
        {"type": "virtual-account", "name": "bot", "team": "t", "models": list(grants),
         "keys": [{"name": "k", "sha256": hash_key(KEY)}], **({"tags": where} if where else {})},
    ]  # fmt: skip
    text = yaml.safe_dump_all([*base, *documents])
    loaded = load([Source("test.yaml", text, str(folder))])
    assert isinstance(loaded, Config), loaded
    return loaded


def told(used: tuple[int, int]) -> Json:
    """OpenAI's usage object."""
    return {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}


def delta(text: str) -> Json:
    """One chunk of an OpenAI stream."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [choice]}  # fmt: skip


async def come(reply: Any) -> Any:
    return await reply if isinstance(reply, Awaitable) else reply


def heard(stream: bytes) -> str:
    """The text of what left, `...CODE` where it ended in an error."""
    out = ""
    for line in stream.decode().splitlines():
        if line.startswith("data: {"):
            data = json.loads(line[6:])
            if "error" in data:
                return f"{out}...{data['error']['code']}"
            out += data["choices"][0]["delta"].get("content", "")
    return out


@dataclass
class Said:
    """One exchange so far: what went in, and the verdict."""

    exchange: Exchange
    verdict: Verdict

    @property
    def allowed(self) -> Allowed:
        assert isinstance(self.verdict, Allowed), self.verdict
        return self.verdict

    @property
    def refused(self) -> Refused:
        assert isinstance(self.verdict, Refused), self.verdict
        return self.verdict

    @property
    def answered(self) -> Answered:
        assert isinstance(self.verdict, Answered), self.verdict
        return self.verdict

    @property
    def sent(self) -> list[Json]:
        """What each attempt would carry to its provider."""
        attempts = self.allowed.attempts
        return [json.loads(a.body or self.allowed.body) for a in attempts]

    @property
    def targets(self) -> list[str]:
        return [a.target.name for a in self.allowed.attempts]

    @property
    def entry(self) -> Entry:
        return closing_entry(self.exchange.record)

    def answer(
        self, used: tuple[int, int] = (1, 1), *, status: int = 200, details: str = "",
        attempts: tuple[Ended, ...] = (),
    ) -> Mapping[str, str]:  # fmt: skip
        """The provider's whole answer, with (input, output) as its usage; the headers back.

        `attempts`: those before it, and its own; by default it is the first.
        """
        made = attempts or (Ended(1, Ending.ANSWERED, status),)
        head = ResponseHead(status, "application/json", len(made), details, False, attempts=made)
        self.exchange.on_head(head)
        usage = told(used)
        message = {"role": "assistant", "content": "ok"}
        body: Json = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                      "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                      "usage": usage}  # fmt: skip
        reply = self.exchange.on_body(json.dumps(body).encode(), last=True)
        return reply.headers

    def stream(self, *chunks: Json | None, last: bool = True) -> bytes:
        """A streamed answer; None is `[DONE]`. What leaves for the caller."""
        self.exchange.on_head(ResponseHead(200, "text/event-stream", 1, "", False))
        out = b""
        for number, chunk in enumerate(chunks, 1):
            piece = b"data: " + (b"[DONE]" if chunk is None else json.dumps(chunk).encode())
            ends = last and number == len(chunks)
            reply = self.exchange.on_body(piece + b"\n\n", last=ends)
            out += piece + b"\n\n" if reply.body is None else reply.body
        return out

    async def reply(self, text: str, *, stream: bool = False, pieces: int = 1) -> str:
        """The provider says `text`, in so many frames if streamed; what the caller gets of it, once
        every judge has spoken: the text, or the refusal's code."""
        if stream:
            return await self._streamed(text, pieces)
        message = {"role": "assistant", "content": text}
        body: Json = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                      "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                      "usage": told((1, 1))}  # fmt: skip
        self.exchange.on_head(ResponseHead(200, "application/json", 1, "", False))
        sent = json.dumps(body).encode()
        reply = await come(self.exchange.on_body(sent, last=True))
        out = json.loads(sent if reply.body is None else reply.body)
        if "error" in out:
            return str(out["error"]["code"])
        return str(out["choices"][0]["message"]["content"])

    async def audio(self, *, stream: bool) -> str:
        """The provider speaks aloud; all that the caller gets of it."""
        spoken = {"id": "a", "data": "UklGRg==", "expires_at": 1}
        if stream:
            await come(self.exchange.on_head(ResponseHead(200, "text/event-stream", 1, "", False)))
            part = delta("")
            part["choices"][0]["delta"] = {"role": "assistant", "audio": spoken}
            piece = f"data: {json.dumps(part)}\n\ndata: [DONE]\n\n".encode()
            reply = await come(self.exchange.on_body(piece, last=True))
        else:
            message = {"role": "assistant", "content": None, "audio": spoken}
            body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                    "usage": told((1, 1))}  # fmt: skip
            self.exchange.on_head(ResponseHead(200, "application/json", 1, "", False))
            piece = json.dumps(body).encode()
            reply = await come(self.exchange.on_body(piece, last=True))
        return (piece if reply.body is None else reply.body).decode()

    async def _streamed(self, text: str, pieces: int) -> str:
        head = await come(
            self.exchange.on_head(ResponseHead(200, "text/event-stream", 1, "", False))
        )
        if head.refusal is not None:
            return str(head.refusal.refusal.code.value)
        size = -(-len(text) // pieces)
        parts = [delta(text[at : at + size]) for at in range(0, len(text), size)]
        data = [json.dumps(part) for part in parts] + ["[DONE]"]
        out = b""
        for number, one in enumerate(data, 1):
            piece = f"data: {one}\n\n".encode()
            reply = await come(self.exchange.on_body(piece, last=number == len(data)))
            out += piece if reply.body is None else reply.body
        return heard(out)

    async def over(self, *, complete: bool = True) -> Entry:
        self.exchange.close(complete=complete)
        if self.exchange.lingers:
            await self.exchange.linger()
        if self.exchange.holds_reservation:
            self.exchange.note_used()
            await self.exchange.settle()
        return self.entry


@dataclass
class Stage:
    """One world. `use` swaps its configuration, as a reload does."""

    folder: Path
    store_url: str
    place: Place = field(init=False)
    adapters: Adapters = field(init=False)
    world: World = field(init=False)

    async def open(self, *documents: Json, **more: Any) -> Stage:
        config = configuration(self.folder, *documents, **more)
        ledger = self.folder / "ledger"
        ledger.mkdir(exist_ok=True)
        self.place = Place(
            "owner-1",
            0,
            self.store_url,
            self.folder,
            ledger,
            self.folder,
            self.folder,
            "http://127.0.0.1:9",
        )
        self.adapters = await build_adapters(config, self.place)
        await self.adapters.ledger.store.begin_first()
        self.world = await build_world(config, self.place, self.adapters)
        return self

    async def use(self, *documents: Json, **more: Any) -> None:
        config = configuration(self.folder, *documents, **more)
        self.world = await build_world(config, self.place, self.adapters)

    async def close(self) -> None:
        await self.adapters.ledger.aclose()
        await self.adapters.http.close()
        self.adapters.slate.leave()
        self.adapters.audit.release()
        await self.adapters.client.aclose()

    async def say(
        self, body: Json | None = None, *, path: str = "/v1/chat/completions",
        metadata: Mapping[str, str] | None = None, also: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Said:  # fmt: skip
        """One request with the headers of `also`; `fields` go into its body. By default ten words
        are asked."""
        text = "one two three four five six seven eight nine ten"
        whole = {"model": "big/large", "messages": [{"role": "user", "content": text}]}
        whole = whole if body is None else body
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}",
                   **(also or {})}  # fmt: skip
        if metadata is not None:
            headers["x-tfy-metadata"] = json.dumps(metadata)
        sent = json.dumps({**whole, **fields}).encode()
        incoming = Incoming(str(uuid.uuid4()), "POST", path, headers, sent)
        exchange = Exchange(self.world, incoming, STARTED_MS)
        exchange.begin()
        return Said(exchange, await exchange.govern())

    async def spend(self, output: int, **fields: Any) -> None:
        """A call that uses so many output tokens, and one of input."""
        said = await self.say(max_tokens=max(1, output), **fields)
        said.answer((1, output))
        await said.over()

    async def counter(self, rule_id: str) -> CounterReading:
        (found,) = [c for c in await self.world.ledger.counters() if c.rule_id == rule_id]
        return found
