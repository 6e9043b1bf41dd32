"""A gateway's traffic without Envoy: calls of every kind, with time, and their archive."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import yaml
from redis.asyncio import Redis

from extproc.app import Adapters, Place, build_adapters, build_world
from extproc.audit.archive import Archive, keep_in_force
from extproc.audit.entry import canonical
from extproc.audit.values import Entry
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.exchange.entry import closing_entry
from extproc.exchange.exchange import Exchange
from extproc.exchange.values import Allowed, Incoming, ResponseHead
from extproc.exchange.world import World
from extproc.identity.keys import hash_key
from extproc.replay.candidates import draw_of
from extproc.routing.values import Ended, Ending
from tests.exchange.stage import Json, account, budgets, caps, come, model, rates, told
from tests.ledger.clock import Clock
from tests.ledger.conftest import opened

BOT, DEV, ALICE = "key-of-bot", "key-of-dev", "key-of-alice"
POLICY = """package envelope.authz

import rego.v1

default allow := false

allow if count(reasons) == 0

reasons contains "the project is closed" if input.metadata.project_id == "closed"

reasons contains "only team t may use claude" if {
	input.resource.account == "claude"
	input.principal.team != "t"
}

obligations := {"max_tokens": 200} if input.principal.team == "d"
"""
BAD_WORD, MAIL = "xyzzy", "ada@example.com"


def policy_at(folder: Path, text: str = POLICY) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "authz.rego").write_text(text)
    return str(folder)


def documents(policy: str, **change: Json) -> list[Json]:
    """The configuration. `change`: documents to put in the place of those of the same name."""
    made: dict[str, Json] = {
        "gateway": {"type": "gateway-config", "name": "gateway", "policy": {"rego": [policy]}},
        "big": account("big", model("large")),
        "small": account("small", model("tiny", 0.1, 1), model("unknown", most=None)),
        "many": account("many", model("large"), keys=[
            {"name": name, "api_key": {"env": "NOBODY"}, "weight": weight}
            for name, weight in (("one", 3), ("two", 1))]),
        "fallbacks": {"type": "gateway-fallback-config", "name": "fallbacks", "rules": [
            {"id": "further", "when": {"models": ["many/large"]},
             "fallback_models": [{"target": "big/large"}]}]},
        "claude": account("claude", model("sonnet", 3, 15), provider="anthropic"),
        "team": {"type": "team", "name": "d", "models": ["small/*", "prod/*"]},
        **{name: {"type": "team", "name": name} for name in ("t", "ml", "research")},
        "bot": {"type": "virtual-account", "name": "bot", "team": "t", "models": ["*"],
                "keys": [{"name": "k", "sha256": hash_key(BOT)}]},
        "dev": {"type": "virtual-account", "name": "dev", "team": "d", "models": ["*"],
                "keys": [{"name": "k", "sha256": hash_key(DEV)}]},
        "alice": {"type": "user", "name": "alice", "email": MAIL, "teams": ["ml", "research"],
                  "models": ["big/*", "small/*", "claude/*", "prod/*", "many/*"],
                  "keys": [{"name": "a", "sha256": hash_key(ALICE)}]},
        "routing": {"type": "gateway-load-balancing-config", "name": "routing", "rules": [
            {"id": "chat", "type": "weight-based-routing", "when": {"models": ["prod/chat"]},
             "load_balance_targets": [
                 {"target": "small/tiny", "weight": 70}, {"target": "big/large", "weight": 30}]},
            {"id": "chain", "type": "priority-based-routing", "when": {"models": ["prod/chain"]},
             "load_balance_targets": [
                 {"target": "claude/sonnet", "priority": 0},
                 {"target": "big/large", "priority": 1}]}]},
        "rates": rates(
            {"id": "user-rpm", "limit_to": 6, "unit": "requests_per_minute",
             "when": {"subjects": [f"user:{MAIL}"]}, "rate_limit_applies_per": ["user"]},
            {"id": "dev-tpm", "limit_to": 800, "unit": "tokens_per_minute",
             "when": {"subjects": ["team:d"]}}),
        "budgets": budgets(
            {"id": "project-day", "limit_to": 0.03, "unit": "cost_per_day",
             "budget_applies_per": ["metadata.project_id"]},
            {"id": "degrading", "limit_to": 0.1, "unit": "cost_total",
             "when": {"metadata": {"project_id": "shrinks"}},
             "degrade": [{"at_percent": 5, "max_tokens": 100},
                         {"at_percent": 10, "model": "small/tiny"}]},
            {"id": "watched", "limit_to": 0.01, "unit": "cost_total", "audit_mode": True}),
        "caps": caps(
            {"id": "clamp", "max_tokens": 400, "on_excess": "clamp",
             "when": {"subjects": ["team:ml"]}},
            {"id": "short", "max_tokens": 300, "when": {"metadata": {"project_id": "capped"}}}),
        "group": {"type": "guardrail-config-group", "name": "g", "guardrails": [
            guardrail("words", "regex", "validate",
                      custom_patterns=[{"name": "BAD", "pattern": BAD_WORD}]),
            guardrail("pii", "pii", "mutate"),
            guardrail("watch", "regex", "validate", "audit",
                      custom_patterns=[{"name": "HELLO", "pattern": "hello"}])]},
        "guards": {"type": "gateway-guardrails-config", "name": "guards", "rules": [
            {"id": "everyone", "when": {}, "llm_input_guardrails": ["g/words", "g/pii", "g/watch"],
             "llm_output_guardrails": ["g/words"]}]},
    }  # fmt: skip
    made |= change
    return list(made.values())


def guardrail(
    name: str, kind: str, operation: str, strategy: str = "enforce", **config: Any
) -> Json:
    return {"name": name, "type": kind, "operation": operation, "enforcing_strategy": strategy,
            "config": config}  # fmt: skip


def sources(made: Sequence[Json], folder: Path) -> list[Source]:
    return [Source("test.yaml", yaml.safe_dump_all(list(made)), str(folder))]


def configured(made: Sequence[Json], folder: Path) -> Config:
    found = load(sources(made, folder))
    assert isinstance(found, Config), found
    return found


@dataclass
class Traffic:
    """One gateway. Each call moves the clock; `entries` in the order in which they closed."""

    folder: Path
    adapters: Adapters
    world: World
    clock: Clock
    archive: Archive
    place: Place
    entries: list[Entry] = field(default_factory=list)
    calls: int = 0

    async def use(self, made: Sequence[Json]) -> None:
        """Put a configuration in force, and keep what its entries will name."""
        config = configured(made, self.folder)
        self.world = await build_world(config, self.place, self.adapters)
        keep_in_force(self.archive, sources(made, self.folder), self.world)

    async def say(
        self, text: str = "one two three", *, key: str | None = BOT,
        path: str = "/v1/chat/completions", metadata: Mapping[str, str] | None = None,
        used: tuple[int, int] = (5, 20), answer: str = "ok", body: bytes | None = None,
        also: Mapping[str, str] | None = None, leaves: bool = False, **fields: Any,
    ) -> Entry:  # fmt: skip
        """One whole call, and its entry."""
        self.calls += 1
        self.clock.now += 1_500
        asked = {"model": "big/large", "messages": [{"role": "user", "content": text}], **fields}
        headers = {"content-type": "application/json", **(also or {})}
        headers |= {} if key is None else {"authorization": f"Bearer {key}"}
        headers |= {} if metadata is None else {"x-tfy-metadata": json.dumps(metadata)}
        sent = json.dumps(asked).encode() if body is None else body
        incoming = Incoming(f"call-{self.calls}", "POST", path, headers, sent)
        draw = draw_of(incoming.decision_id)  # the same call is routed alike in every run
        exchange = Exchange(replace(self.world, draw=lambda: draw), incoming, self.clock.now)
        exchange.begin()
        verdict = await exchange.govern()
        if isinstance(verdict, Allowed) and not leaves:
            ended = (Ended(1, Ending.ANSWERED, 200),)
            exchange.on_head(ResponseHead(200, "application/json", 1, "", False, attempts=ended))
            await come(exchange.on_body(_answer(verdict, answer, used), last=True))
        exchange.close(complete=not leaves)
        if exchange.holds_reservation:
            exchange.note_used()
            await exchange.settle()
        return self._closed(exchange)

    def _closed(self, exchange: Exchange) -> Entry:
        """As the log would give it back."""
        entry: Entry = orjson.loads(canonical(closing_entry(exchange.record)))
        self.entries.append(entry)
        return entry

    async def mixed(self, number: int, *, seed: int = 7, steady: bool = False) -> None:
        """So many calls of every kind. `steady`: all of them use the same, nobody leaves, and what
        a guardrail blocks is said by callers without other limits alone."""
        chance = random.Random(seed)
        for _ in range(number):
            await self._any(chance, steady)

    async def _any(self, chance: random.Random, steady: bool) -> None:
        out = chance.randrange(1, 250)
        out = 100 if steady else out
        used, project = (5, out), f"p{chance.randrange(5)}"
        who = chance.choice([BOT, BOT, DEV, ALICE])
        name = chance.choice(
            ["big/large", "small/tiny", "prod/chat", "prod/chain", "claude/sonnet", "many/large"]
        )
        more: Json = {"model": name, "max_tokens": max(out, 50), "used": used}
        words: Json = {"metadata": {"project_id": "free"}} if steady else {}
        match chance.randrange(14):
            case 0:
                await self.say(key=who, metadata={"project_id": "closed"}, **more)
            case 1:
                await self.say(f"say {BAD_WORD}", key=BOT if steady else who, **more, **words)
            case 2:
                key = BOT if steady else who
                await self.say(f"write to {MAIL}, hello", key=key, **more, **words)
            case 3:
                await self.say(key=BOT if steady else who, answer=f"a {BAD_WORD}", **more, **words)
            case 4:
                await self.say(key=BOT, metadata={"project_id": "shrinks"}, **more)
            case 5:
                await self.say(
                    key=who,
                    metadata={"project_id": "capped"},
                    **more | {"max_tokens": chance.choice([100, 350])},
                )
            case 6:
                await self.say(key=ALICE, used=used, max_tokens=900)
            case 7:
                await self.say(key=who, leaves=not steady, **more)
            case 8:
                await self.say(key=BOT, **more | {"model": "small/unknown"}, n=2)
            case 9:
                header = json.dumps({"llm_input_guardrails": ["g/words"]})
                await self.say(key=who, also={"x-tfy-guardrails": header}, **more)
            case 10:
                retry = json.dumps({"attempts": 2, "onStatusCodes": [429, 500]})
                await self.say(key=who, also={"x-tfy-retry-config": retry}, **more)
            case _:
                await self.say(key=who, metadata={"project_id": project}, **more)

    async def unreadable(self) -> None:
        """Calls whose decision nobody can make again, and one that anybody can."""
        await self.say(key=None)
        await self.say(body=b"{")
        await self.say(metadata={"bad key!": "x"})
        await self.say(path="/v2/nowhere")

    async def close(self) -> None:
        await self.adapters.ledger.aclose()
        await self.adapters.http.close()
        self.adapters.slate.leave()
        self.adapters.audit.release()
        await self.adapters.client.aclose()


def _answer(verdict: Allowed, text: str, used: tuple[int, int]) -> bytes:
    if verdict.attempts[0].dialect.shape == "anthropic_messages":
        return json.dumps({
            "id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
            "usage": {"input_tokens": used[0], "output_tokens": used[1]},
        }).encode()  # fmt: skip
    message = {"role": "assistant", "content": text}
    return json.dumps({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": told(used),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }).encode()  # fmt: skip


async def traffic(folder: Path, store_url: str, made: Sequence[Json]) -> Traffic:
    """A gateway on an empty store, with a clock that the calls move."""
    client = Redis.from_url(store_url)
    await client.flushall()
    (folder / "ledger").mkdir(exist_ok=True)
    place = Place("owner-1", 0, store_url, folder, folder / "ledger", folder, folder,
                  "http://127.0.0.1:9")  # fmt: skip
    config, clock = configured(made, folder), Clock()
    adapters = await build_adapters(config, place)
    await adapters.ledger.aclose()
    adapters.ledger = await opened(client, clock)
    world = await build_world(config, place, adapters)
    found = Traffic(folder, adapters, world, clock, Archive(folder / "archive"), place)
    await found.use(made)
    return found
