"""Which limit rules apply to one request, and what each of them reserves.

Promises: of the rate-limit rules only the first that matches counts, one among those with a window
and one among those without; of all other limits every one. The cost of a request does not grow
with the number of rules that cannot concern it, nor when callers and models vary (P8). Refuses
nothing itself.

A rule's `when.models` matches the requested name or any target the request may end at, so a limit
on a provider's model also holds for traffic that comes through a virtual model. A rate limit in
audit mode takes no room from the one below it: trying a rule out never switches another off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from extproc.config.limit_model import DegradeStep
from extproc.config.model import Config
from extproc.identity.principal import Principal
from extproc.limits.index import Pair, RuleIndex
from extproc.limits.rules import CompiledRule, compile_budget, compile_rate_limit
from extproc.limits.selector import Models
from extproc.limits.tenant import tenant_budget_rules, tenant_rate_rules
from extproc.limits.values import Amounts, Charge

CALLERS_MAX = 4_096
CALLS_PER_CALLER_MAX = 16
KIND_ORDER = ("rate", "concurrency", "budget")
NO_STEPS: Mapping[str, int] = MappingProxyType({})
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Found:
    """What can concern one (caller, models, operation).

    `plain`: applies whatever the metadata. `asking`: depends on it. `by_pair`: more of those, by
    a value they need.
    """

    plain: tuple[CompiledRule, ...]
    asking: tuple[CompiledRule, ...]
    by_pair: tuple[Mapping[Pair, list[CompiledRule]], ...]


class LimitMatcher:
    """All limit rules of one configuration, compiled once. Pure but for its memo of matches.

    The memo keeps a few kinds of call for each of many callers, and forgets the oldest first: a
    caller that varies its calls displaces nothing but its own.
    """

    def __init__(self, config: Config) -> None:
        rules = compile_limits(config)
        self._index = RuleIndex(rules)
        self._steps = {rule.rule_id: rule.steps for rule in rules if rule.steps is not None}
        self._memo: dict[frozenset[str], dict[tuple[Models, str], Found]] = {}

    def charges(
        self, principal: Principal, models: Models, operation: str, metadata: Mapping[str, str],
        amounts: Amounts, steps: Mapping[str, int] = NO_STEPS,
    ) -> list[Charge]:  # fmt: skip
        """The counters one request touches: rate limits, concurrency, budgets.

        `models`: the name as requested, then `account/model` of every candidate target.
        `steps`: how many degrade steps of a rule the request has gone down already.
        """
        subjects, asked = principal.subjects, models[0]
        found = self._found(subjects, models, operation)
        charges = []
        for rule in _applying(found, subjects, models, operation, metadata):
            taken = steps.get(rule.rule_id, 0) if steps else 0
            charge = rule.charge(principal, asked, metadata, amounts, taken)
            if charge is not None:
                charges.append(charge)
        return charges

    def next_step(
        self, rule_id: str, taken: int, spent: int, limit: int, full: bool
    ) -> tuple[int, DegradeStep] | None:
        """What a budget wants instead of the request as it is; None: nothing is left.

        `taken`: steps taken so far. `limit`: of the charge. `full`: the request has no room.
        Returns how many steps are taken then, and the last of them.
        """
        steps = self._steps.get(rule_id)
        return None if steps is None else steps.next(taken, spent, limit, full)

    def _found(self, subjects: frozenset[str], models: Models, operation: str) -> Found:
        caller = self._memo.get(subjects)
        if caller is None:
            caller = _remember(self._memo, CALLERS_MAX, subjects, {})
        found = caller.get((models, operation))
        if found is None:
            made = self._look(subjects, models, operation)
            found = _remember(caller, CALLS_PER_CALLER_MAX, (models, operation), made)
        return found

    def _look(self, subjects: frozenset[str], models: Models, operation: str) -> Found:
        drawers = self._index.drawers(subjects, models)
        near = {rule.order: rule for drawer in drawers for rule in drawer.plain}
        rules = [
            near[n] for n in sorted(near) if near[n].selector.concerns(subjects, models, operation)
        ]
        return Found(
            plain=tuple(_first_matches(r for r in rules if not r.selector.metadata)),
            asking=tuple(r for r in rules if r.selector.metadata),
            by_pair=tuple(drawer.by_pair for drawer in drawers if drawer.by_pair),
        )


def compile_limits(config: Config) -> list[CompiledRule]:
    """Every limit rule, in the order in which they count and are charged."""
    output = config.gateway.limits.default_output_tokens
    rules = [compile_rate_limit(rule, output) for rule in config.rate_limits]
    rules += [r for document in config.tenant_rate_limits
              for r in tenant_rate_rules(document, output)]  # fmt: skip
    rules += map(compile_budget, config.budgets)
    rules += [r for document in config.tenant_budgets for r in tenant_budget_rules(document)]
    rules.sort(key=lambda rule: KIND_ORDER.index(rule.kind))
    return [replace(rule, order=order) for order, rule in enumerate(rules)]


def _applying(
    found: Found, subjects: frozenset[str], models: Models, operation: str,
    metadata: Mapping[str, str],
) -> Iterable[CompiledRule]:  # fmt: skip
    """In the order of `compile_limits`."""
    if not found.asking and not found.by_pair:
        return found.plain
    near = {
        rule.order: rule
        for by_pair in found.by_pair
        for pair in metadata.items()
        for rule in by_pair.get(pair, ())
        if rule.selector.concerns(subjects, models, operation)
    }
    near.update((rule.order, rule) for rule in found.asking)
    agreeing = [rule for rule in near.values() if rule.selector.agrees(metadata)]
    if not agreeing:
        return found.plain
    return _first_matches(sorted((*found.plain, *agreeing), key=_order))


def _first_matches(rules: Iterable[CompiledRule]) -> Iterator[CompiledRule]:
    """Drop what a first match before it has replaced."""
    settled: set[tuple[str, bool]] = set()
    for rule in rules:
        if rule.first_match:
            audit = rule.mode == "audit"
            if (rule.kind, False) in settled or (rule.kind, audit) in settled:
                continue
            settled.add((rule.kind, audit))
        yield rule


def _order(rule: CompiledRule) -> int:
    return rule.order


def _remember(memo: dict[K, V], most: int, key: K, value: V) -> V:
    """A dict keeps its order: the first key is the oldest."""
    if len(memo) >= most:
        del memo[next(iter(memo))]
    memo[key] = value
    return value
