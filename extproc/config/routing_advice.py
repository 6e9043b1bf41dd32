"""Warnings about routing: valid, and probably not what its author meant.

Promises: what is said here never to happen never does. Nothing is said of what this version cannot
judge (a provider whose dialects it does not know).
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.files import told_at
from extproc.config.kinds import FALLBACK, ROUTING
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.config.reach import Earlier
from extproc.config.routing_model import (
    LATENCY,
    PRIORITY,
    WEIGHT,
    LoadBalanceTarget,
    RoutingRule,
)
from extproc.llm.dialects import spoken
from extproc.routing.attempts import ATTEMPTS_MAX


def routing_advice(config: Config) -> Iterator[Mistake]:
    """All of them. Rules that never run are told with the limits' (`limit_advice.py`)."""
    for rule in config.routing:
        for text in (*_alone(rule), *_weights(rule), *_never(rule), *_tries(config, rule),
                     *_speechless(config, rule)):  # fmt: skip
            yield told_at(config, f"{ROUTING}#{rule.id}", f"rule '{rule.id}': {text}")
    yield from _unreachable_fallbacks(config)


def _alone(rule: RoutingRule) -> Iterator[str]:
    """What needs two targets and has one."""
    if len(rule.load_balance_targets) > 1:
        return
    if rule.sticky_routing is not None:
        yield "`sticky_routing` has one target to choose from"
    if rule.type == LATENCY:
        yield f"`{LATENCY}` has one target to choose from"


def _weights(rule: RoutingRule) -> Iterator[str]:
    stated = [t.weight for t in rule.load_balance_targets if "weight" in t.model_fields_set]
    if rule.type != WEIGHT:
        if rule.type == LATENCY and stated:
            yield f"`weight` means nothing to `{LATENCY}`"
        return
    if 0 < len(stated) < len(rule.load_balance_targets):
        yield "some targets have a weight; those without one count as 1"
    elif stated and max(stated) > 1 and sum(stated) != 100:
        yield f"weights sum to {sum(stated):g}: they are shares of the sum, not percent"


def _never(rule: RoutingRule) -> Iterator[str]:
    """Targets that are neither first nor a fallback."""
    if rule.type == PRIORITY:
        top = min(target.priority for target in rule.load_balance_targets)
        for target in rule.load_balance_targets:
            if target.priority > top and not target.fallback_candidate:
                yield f"'{target.target}' never serves: not the first, and no fallback candidate"
    seen: list[LoadBalanceTarget] = []
    for target in rule.load_balance_targets:
        if any(_same(target, other) for other in seen):
            yield f"'{target.target}' stands twice with the same settings"
        seen.append(target)


def _same(one: LoadBalanceTarget, other: LoadBalanceTarget) -> bool:
    order = {"weight": 1, "priority": 0}
    return one.model_copy(update=order) == other.model_copy(update=order)


def _tries(config: Config, rule: RoutingRule) -> Iterator[str]:
    """More attempts than a request may make."""
    wanted = 0
    for target in rule.load_balance_targets:
        found = config.model(target.target)
        keys = len(found[0].keys) if found else 0
        wanted += max(1, keys) + target.retry_config.attempts
    if wanted > ATTEMPTS_MAX:
        yield f"asks for {wanted} attempts, and a request makes {ATTEMPTS_MAX} at most"


def _speechless(config: Config, rule: RoutingRule) -> Iterator[str]:
    """Targets that serve nothing of what the rule, or its other targets, serve."""
    offers = {t.target: _operations(config, t.target) for t in rule.load_balance_targets}
    if any(not offered for offered in offers.values()):
        return
    if rule.operations is not None:
        for target, offered in offers.items():
            if not offered & rule.operations:
                yield f"'{target}' offers none of its model types"
    elif len(offers) > 1 and not frozenset.intersection(*offers.values()):
        yield f"no kind of call is offered by all of {', '.join(sorted(offers))}"


def _operations(config: Config, target: str) -> frozenset[str]:
    """The kinds of call that a target's provider is asked; empty where nobody knows."""
    found = config.model(target)
    return frozenset(d.operation for d in spoken(*found)) if found else frozenset()


def _unreachable_fallbacks(config: Config) -> Iterator[Mistake]:
    """Here too the first rule that matches counts, whatever its statuses."""
    earlier = Earlier()
    for rule in config.fallbacks:
        if before := earlier.covering(rule.when):
            text = f"rule '{rule.id}' never runs: '{before}' before it matches all that it matches"
            yield told_at(config, f"{FALLBACK}#{rule.id}", text)
        else:
            earlier.add(rule.id, rule.when)
