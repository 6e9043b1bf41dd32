"""Everything a decision is made by, under one configuration, bundle and price table: made ready.

Promises: the parts are the gateway's own (policy engine, routing, limits, caps, guardrail rules);
nothing outside this process is asked, no secret is read, no content is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from extproc.config.model import Config
from extproc.errors import Refusal
from extproc.exchange.world import World
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.engine import Engine
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import GuardrailFault
from extproc.identity.directory import (
    INTERNAL_KEY_NAME,
    NO_ACCOUNT,
    UNKNOWN_KEY,
    Directory,
    judge,
)
from extproc.identity.directory import Entry as KeyEntry
from extproc.identity.principal import Principal
from extproc.limits.caps import CapMatcher
from extproc.limits.match import LimitMatcher
from extproc.policy.values import PolicyEngine
from extproc.replay.candidates import Candidates
from extproc.replay.recorded import Recorded
from extproc.routing.plan import Router
from extproc.usage.prices import PriceTable

Who = tuple[str, str]


@dataclass(slots=True)
class Ground:
    """`world`: to be given a call's own router and ledger. `keys`: those that the configuration
    lists, by (type, name, key)."""

    config: Config
    world: World
    candidates: Candidates
    people: Mapping[Who, Principal]
    keys: Mapping[tuple[str, str, str], KeyEntry]
    looks: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Guardrail -> what it looks with: a finding holds only for whoever looks alike."""

    def principal(self, call: Recorded, before: Ground | None = None) -> Principal | Refusal:
        """Who called, as this configuration knows it. `before`: the configuration it was then."""
        said = call.principal
        kind, name, key = said["type"], said["name"], said["key"]
        listed = self.keys.get((kind, name, key))
        if listed is not None:
            return judge(listed, call.at_ms)
        if before is not None and (kind, name, key) in before.keys:
            return UNKNOWN_KEY
        found = self.people.get((kind, name))
        if found is None:
            return NO_ACCOUNT if kind == "virtual-account" else UNKNOWN_KEY
        internal = key == INTERNAL_KEY_NAME and said.get("internal") is True
        return replace(found, key=key, internal=internal)


def ground(config: Config, policy: PolicyEngine, prices: PriceTable) -> Ground:
    """Make them ready. Raises ValueError, OSError for guardrails that cannot be built here."""
    from extproc.app import compared_by

    registry = compile_guardrails(
        config.guardrails, config.guardrail_settings, NOBODY, config.gateway.environment
    )
    router = Router(config, None, compared_by(prices))
    absent = cast(Any, None)
    world = World(
        config=config, keys=absent, router=router, policy=policy,
        policy_engine="opa" if config.gateway.policy.opa else "embedded",
        limits=LimitMatcher(config), caps=CapMatcher(config.request_caps), ledger=absent,
        prices=prices, tokens=absent, guardrails=Engine(registry, config.guardrail_rules),
        asker=None, pseudonym_key=b"", patience_s=0, audit=absent, observer=absent, owner="replay",
        now_ns=_no_time, draw=_no_chance,
    )  # fmt: skip
    directory = Directory.of(config)
    looks = {
        name: (g.type, g.roles, config.guardrail_settings.get(name), dict(g.config))
        for name, g in config.guardrails.items()
    }
    return Ground(config, world, Candidates(router), _people(directory), _keys(directory), looks)


def changed_guardrails(before: Ground, after: Ground) -> frozenset[str]:
    """Those that would look otherwise, and new ones."""
    return frozenset(n for n, look in after.looks.items() if before.looks.get(n) != look)


def _people(directory: Directory) -> dict[Who, Principal]:
    people = {("virtual-account", name): who for name, who in directory.accounts.items()}
    for entry in directory.entries.values():
        if isinstance(entry.answer, Principal):
            people.setdefault((entry.answer.type, entry.answer.name), entry.answer)
    return people


def _keys(directory: Directory) -> dict[tuple[str, str, str], KeyEntry]:
    return {
        (e.answer.type, e.answer.name, e.answer.key): e
        for e in directory.listed.values()
        if isinstance(e.answer, Principal)
    }


class _Deaf:
    """Nobody is asked anything."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        raise GuardrailFault("unreachable")


NOBODY = Ports(_Deaf(), "", lambda _account: "", lambda: 0)


def _no_time() -> int:
    return 0


def _no_chance() -> float:
    return 0.0
