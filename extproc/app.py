"""The composition root: the only place that builds adapters and hands them to the core."""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from extproc.audit.content.keeper import Keeper, Keeping
from extproc.audit.content.kek import kek_of
from extproc.audit.content.keys import KeyRing
from extproc.audit.content.rules import CaptureRules
from extproc.audit.content.seal import Kek, own_kek
from extproc.audit.content.store import ContentStore, keys_folder
from extproc.audit.spool import Spool
from extproc.automata_cache import keep_automata
from extproc.config.guardrail_model import patience_ms
from extproc.config.model import Config
from extproc.config.secrets import resolve
from extproc.exchange.world import Observer, World
from extproc.guardrails.asking import Asker
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.engine import Engine
from extproc.guardrails.services.breaker import Breakers
from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.transport import Transport
from extproc.identity.internal_key import InternalKeys, secret_at
from extproc.identity.key_cache import KeyCache
from extproc.identity.key_store import KeyStore
from extproc.ledger.keeper import slate_path
from extproc.ledger.redis_ledger import RedisLedger
from extproc.ledger.slate import Slate
from extproc.limits.caps import CapMatcher
from extproc.limits.match import LimitMatcher
from extproc.policy.choose import engine_for
from extproc.policy.shadow import load_shadows
from extproc.routing.figures import Figures
from extproc.routing.plan import Router
from extproc.routing.values import Target
from extproc.server.mirror import LoopbackMirror
from extproc.store_client import StoreUnavailable, open_client
from extproc.telemetry.observer import build_observer
from extproc.usage.prices import PriceTable, cost_nano_usd
from extproc.usage.tokens import TokenCounter
from extproc.usage.usage import Usage


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker stands: its name, its store, its folders."""

    owner: str
    slot: int
    store_url: str
    audit_folder: Path
    ledger_folder: Path
    secrets_folder: Path
    metrics_folder: Path
    gateway_url: str


@dataclass(slots=True)
class Adapters:
    """What outlives a reload: connections, the spool, the key copy."""

    client: Redis
    ledger: RedisLedger
    slate: Slate
    keys: KeyCache
    audit: Spool
    observer: Observer
    tokens: TokenCounter
    http: Transport
    asker: Asker
    mirror: LoopbackMirror
    figures: Figures
    internal: InternalKeys
    pseudonym_key: bytes
    own_kek: Kek
    keeping: Keeping


async def build_adapters(config: Config, place: Place) -> Adapters:
    keep_automata()
    timeout_ms = config.gateway.store.timeout_ms
    # Not tried here: a gateway whose store is away refuses with the contract's words, and recovers.
    client = open_client(place.store_url, timeout_ms)
    secret = secret_at(place.secrets_folder)
    internal = InternalKeys(secret)
    keys = KeyCache(KeyStore(client), config, internal=internal)
    with suppress(StoreUnavailable):
        await keys.refresh()
    slate = Slate(slate_path(place.ledger_folder, place.owner))
    recovery_ms = config.gateway.limits.recovery_ms
    http = Transport()
    observer = build_observer(
        config.gateway.telemetry,
        place.metrics_folder,
        place.owner,
        config.gateway.environment or "",
    )
    return Adapters(
        client=client,
        ledger=RedisLedger(client, timeout_ms=timeout_ms, recovery_ms=recovery_ms, slate=slate),
        slate=slate,
        keys=keys,
        audit=Spool(
            place.audit_folder / "spool",
            place.owner,
            strict=config.gateway.audit.durability == "strict",
        ),
        observer=observer,
        tokens=TokenCounter(),
        http=http,
        asker=Asker(Breakers(), time.monotonic),
        mirror=LoopbackMirror(http, place.gateway_url, internal.key, observer.shadowed),
        figures=Figures(),
        internal=internal,
        pseudonym_key=hmac.digest(secret, b"envelope pseudonyms", "sha256"),
        own_kek=own_kek(secret),
        keeping=_keeping(place, secret),
    )


def _engine(config: Config, place: Place, adapters: Adapters) -> Engine:
    ports = Ports(adapters.http, place.gateway_url, adapters.internal.key, lambda: int(time.time()))
    registry = compile_guardrails(
        config.guardrails, config.guardrail_settings, ports, config.gateway.environment
    )
    return Engine(registry, config.guardrail_rules)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _keeping(place: Place, secret: bytes) -> Keeping:
    """Opens nothing until something is kept."""
    ring = KeyRing(keys_folder(place.audit_folder), secret, own_kek(secret))
    return Keeping(ContentStore(place.audit_folder, place.owner, ring, _now_ms))


def _content(config: Config, adapters: Adapters) -> Keeper | None:
    """None where digests are all that is ever kept: then it costs nothing."""
    audit = config.gateway.audit
    if CaptureRules(audit.content, audit.retention).idle:
        return None
    adapters.keeping.store.ring.use(kek_of(audit.content) or adapters.own_kek)
    return Keeper(audit, adapters.keeping)


def _pseudonym_key(config: Config, adapters: Adapters) -> bytes:
    """The configured one, which several gateways can share; else this gateway's own."""
    secret = config.gateway.guardrails.pseudonym_key
    return adapters.pseudonym_key if secret is None else resolve(secret)


def compared_by(prices: PriceTable) -> Callable[[Target], float]:
    """What models are compared by where a caller names none: input and output, a token each."""

    def cost(target: Target) -> float:
        price = prices.price(target.name)
        if price is None:
            return 0.0 if target.account.unpriced == "allow" else float("inf")
        return float(cost_nano_usd(Usage(1_000, 1_000), price))

    return cost


async def build_world(config: Config, place: Place, adapters: Adapters) -> World:
    """One configuration made ready. Raises BundleRefused for policies that must not load."""
    prices = PriceTable.of(config)
    policy = engine_for(config.gateway.policy)
    await policy.start()
    adapters.keys.use(config)
    adapters.figures.window_ms = config.gateway.routing.health_window_ms
    return World(
        config=config,
        keys=adapters.keys,
        router=Router(config, adapters.figures, compared_by(prices)),
        policy=policy,
        policy_engine="opa" if config.gateway.policy.opa else "embedded",
        limits=LimitMatcher(config),
        caps=CapMatcher(config.request_caps),
        ledger=adapters.ledger,
        prices=prices,
        tokens=adapters.tokens,
        guardrails=_engine(config, place, adapters),
        asker=adapters.asker,
        pseudonym_key=_pseudonym_key(config, adapters),
        patience_s=patience_ms(config.guardrails.values()) / 1000,
        audit=adapters.audit,
        observer=adapters.observer,
        owner=place.owner,
        now_ns=time.perf_counter_ns,
        draw=random.random,
        mirror=adapters.mirror,
        content=_content(config, adapters),
        shadow_policies=load_shadows(config.gateway.policy.shadow),
    )
