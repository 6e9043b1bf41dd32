"""Show what the gateway would do with one call: scope, rules, policy, limits, guardrails, plan.

Nothing is sent, no store is asked, nothing is reserved: it walks the steps of a real request as far
as they need neither a body nor a counter. Exit code 0: allowed, 1: refused, 2: mistakes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from extproc.cli.explain_view import Explanation, described, lines
from extproc.config.load import load
from extproc.config.model import Config, KeySpec
from extproc.config.sources import read_sources
from extproc.errors import Refusal
from extproc.exchange import admission, bounds, capping, decision
from extproc.exchange.record import Record
from extproc.exchange.request import Request
from extproc.exchange.values import Incoming
from extproc.exchange.world import World
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.engine import Engine
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import GuardrailFault
from extproc.identity.directory import Directory
from extproc.identity.principal import Principal
from extproc.limits.caps import CapMatcher
from extproc.limits.match import LimitMatcher
from extproc.llm.call import Dialect, LlmCall
from extproc.llm.dialects import CALLER_DIALECTS
from extproc.policy.bundle import BundleRefused
from extproc.policy.choose import engine_for
from extproc.routing.plan import Router
from extproc.usage.input_bound import InputBound
from extproc.usage.prices import PriceTable
from extproc.usage.tokens import TokenCounter

_NOBODYS_KEY = "0" * 64
"""The hash of no key: what a user is looked up by who may have none."""
Step = Callable[[Request], "Refusal | Awaitable[Refusal | None] | None"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="PATH", help="file or folder")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--account", metavar="NAME", help="virtual account that calls")
    who.add_argument("--user", metavar="EMAIL", help="user that calls, by e-mail or name")
    who.add_argument("--key-hash", metavar="HEX", help="SHA-256 of a key in the configuration")
    parser.add_argument("--model", required=True, help="what is asked for")
    parser.add_argument(
        "--metadata", action="append", default=[], metavar="KEY=VALUE", help="may be repeated"
    )
    parser.add_argument(
        "--operation", default="chat", choices=sorted({d.operation for d in _dialects()})
    )
    families = sorted({dialect.family for dialect in _dialects()})
    parser.add_argument("--dialect", default="openai", choices=families, help="what it speaks")
    parser.add_argument("--input-tokens", type=int, default=0, metavar="N")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="the caller's own maximum")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--json", action="store_true", help="the whole of it as JSON on stdout")
    parser.add_argument("--state", metavar="DIR", default=".envelope", help="not used here")


def run(args: argparse.Namespace) -> int:
    config = load(read_sources(args.config))
    if isinstance(config, list):
        return _mistaken(*map(str, config))
    principal = _principal(config, args)
    metadata = _metadata(args.metadata)
    caller = _caller(args.operation, args.dialect)
    if isinstance(principal, str) or isinstance(metadata, str) or caller is None:
        wrong = f"{args.dialect} has no '{args.operation}' here"
        return _mistaken(next((w for w in (principal, metadata) if isinstance(w, str)), wrong))
    try:
        world = _world(config)
    except BundleRefused as refused:
        return _mistaken(*map(str, refused.mistakes))
    except ValueError as error:
        return _mistaken(str(error))
    request = _request(world, principal, caller, metadata, args)
    explanation = asyncio.run(_explain(request))
    if args.json:
        print(json.dumps(explanation, indent=2, default=dict))
    else:
        print("\n".join(lines(explanation)))
    return 0 if explanation["verdict"]["allowed"] else 1


def _mistaken(*said: str) -> int:
    for line in said:
        print(line, file=sys.stderr)
    return 2


# --- what was asked about ------------------------------------------------------------------------


def _dialects() -> tuple[Dialect, ...]:
    return tuple(CALLER_DIALECTS.values())


def _caller(operation: str, family: str) -> Dialect | None:
    found = (d for d in _dialects() if d.operation == operation and d.family == family)
    return next(found, None)


def _principal(config: Config, args: argparse.Namespace) -> Principal | str:
    """Who calls, or why there is no such caller."""
    now_ms = time.time_ns() // 1_000_000
    if args.account is not None:
        account = Directory.of(config).accounts.get(args.account)
        return account or f"no virtual-account is called '{args.account}'"
    sha256 = _NOBODYS_KEY if args.user is not None else args.key_hash.lower()
    if args.user is not None:
        name = next((n for n, u in config.users.items() if args.user in (n, u.email)), None)
        if name is None:
            return f"no user is called '{args.user}'"
        user = config.users[name].model_copy(update={"keys": (KeySpec(sha256=_NOBODYS_KEY),)})
        config = config.model_copy(update={"users": {name: user}})
    found = Directory.of(config).lookup(sha256, now_ms)
    return f"{found.code}: {found.reason}" if isinstance(found, Refusal) else found


def _metadata(pairs: list[str]) -> dict[str, str] | str:
    split = [pair.partition("=") for pair in pairs]
    wrong = [key for key, sign, _ in split if not sign or not key]
    return "--metadata is KEY=VALUE" if wrong else {key: value for key, _, value in split}


# --- a world without an outside ------------------------------------------------------------------


class _Deaf:
    """Nobody is asked anything."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        raise GuardrailFault("unreachable")


def _world(config: Config) -> World:
    """As `app.py` builds it, with nothing behind the ports that an explanation never uses."""
    nothing = cast(Any, None)
    ports = Ports(_Deaf(), "", lambda _account: "", lambda: 0)
    registry = compile_guardrails(
        config.guardrails, config.guardrail_settings, ports, config.gateway.environment
    )
    prices = PriceTable.of(config)
    return World(
        config=config,
        keys=nothing,
        router=Router(config),
        policy=engine_for(config.gateway.policy),
        policy_engine="opa" if config.gateway.policy.opa else "embedded",
        limits=LimitMatcher(config),
        caps=CapMatcher(config.request_caps),
        ledger=nothing,
        prices=prices,
        tokens=TokenCounter(),
        guardrails=Engine(registry, config.guardrail_rules),
        asker=None,
        pseudonym_key=b"",
        patience_s=0.0,
        audit=nothing,
        observer=nothing,
        owner="explain",
        now_ns=time.perf_counter_ns,
        draw=lambda: 0.0,
    )


def _request(
    world: World, principal: Principal, caller: Dialect, metadata: dict[str, str],
    args: argparse.Namespace,
) -> Request:  # fmt: skip
    headers = {"x-tfy-metadata": json.dumps(metadata)}
    now_ms = time.time_ns() // 1_000_000
    record = Record("explain", "POST", "", now_ms, time.perf_counter_ns(), principal=principal)
    request = Request(world, Incoming("explain", "POST", "", headers, None), record)
    request.principal, request.caller = principal, caller
    request.family, request.operation = caller.family, caller.operation
    request.call = record.call = LlmCall(
        caller.operation, args.model, args.stream, args.max_tokens, 1, ()
    )
    request.begin_round()
    request.bound = InputBound(args.input_tokens)
    return request


# --- the walk ------------------------------------------------------------------------------------


def _limits(request: Request) -> None:
    """The first half of `decision.reserve`: what would be taken."""
    assert request.principal is not None
    request.charges = request.world.limits.charges(
        request.principal, request.model_names, request.kind, request.metadata,
        bounds.amounts(request.steps, request.demand),
    )  # fmt: skip


WALK: tuple[tuple[str, Step], ...] = (
    ("contract", admission.agree_metadata),
    ("route", admission.route),
    ("policy", decision.ask_policy),
    ("guardrails", decision.select_guardrails),
    ("plan", decision.order),
    ("caps", capping.cap),
    ("limits", _limits),
)


async def _explain(request: Request) -> Explanation:
    """Walk until a step refuses; what it did so far is described either way."""
    try:
        for name, step in WALK:
            ended = step(request)
            refusal = await ended if isinstance(ended, Awaitable) else ended
            if refusal is not None:
                return described(request, refusal, name)
    finally:
        await request.world.policy.close()
    return described(request, None, "")
