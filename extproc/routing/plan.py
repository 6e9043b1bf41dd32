"""Virtual models -> the ordered targets of one request.

Promises: first matching rule wins; a target with `fallback_candidate: false` serves first or not at
all. Refuses: a name that no rule and no account knows (None; the caller cannot tell which).
Randomness is a parameter: `draw` in [0, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extproc.config.match import Matcher, compile_when
from extproc.config.model import Config, LoadBalanceTarget, RoutingRule
from extproc.routing.attempts import ATTEMPTS_MAX, Step, steps, without
from extproc.routing.values import Target

__all__ = ["ATTEMPTS_MAX", "Routed", "Router", "Step", "steps", "without"]


@dataclass(frozen=True, slots=True)
class Routed:
    """Targets in the order in which they are tried; `rule_id` is '' for a concrete model."""

    rule_id: str
    targets: tuple[Target, ...]


class Router:
    """Routing rules of one configuration, prepared once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rules: list[tuple[Matcher, RoutingRule, tuple[Target, ...]]] = [
            (
                compile_when(rule.when),
                rule,
                tuple(self._target(t) for t in rule.load_balance_targets),
            )
            for rule in config.routing
        ]
        self._direct: dict[str, Routed] = {}
        for account in config.accounts.values():
            for model in account.models:
                target = Target(account=account, model=model)
                self._direct[target.name] = Routed("", (target,))

    def _target(self, spec: LoadBalanceTarget) -> Target:
        found = self._config.model(spec.target)
        assert found is not None, "the loader checks every target"
        return Target(
            account=found[0],
            model=found[1],
            retries=spec.retry_config.attempts,
            retry_codes=tuple(int(c) for c in spec.retry_config.on_status_codes),
            fallback_codes=tuple(int(c) for c in spec.fallback_status_codes),
            override_params=spec.override_params,
        )

    @property
    def models(self) -> list[str]:
        """Every name a caller may ask for: concrete models, then virtual ones."""
        virtual = {
            name
            for rule in self._config.routing
            for name in rule.when.models or ()
            if "*" not in name and name not in self._direct
        }
        return [*self._direct, *sorted(virtual)]

    def route(
        self, model: str, subjects: frozenset[str], metadata: Mapping[str, str], draw: float
    ) -> Routed | None:
        """The targets for this request, or None when there is no such model for it."""
        for matcher, rule, targets in self._rules:
            if matcher.matches(subjects, (model,), metadata):
                return Routed(rule.id, _ordered(rule, targets, draw))
        return self._direct.get(model)


def _ordered(rule: RoutingRule, targets: Sequence[Target], draw: float) -> tuple[Target, ...]:
    pairs = list(zip(rule.load_balance_targets, targets, strict=True))
    if rule.type == "weight-based-routing":
        first = _weighted(pairs, draw)
        rest = sorted((p for p in pairs if p is not first), key=lambda p: -p[0].weight)
    else:
        top = min(spec.priority for spec, _ in pairs)
        first = _weighted([p for p in pairs if p[0].priority == top], draw)
        rest = sorted(
            (p for p in pairs if p is not first), key=lambda p: (p[0].priority, -p[0].weight)
        )
    return (first[1], *(target for spec, target in rest if spec.fallback_candidate))


def _weighted(
    pairs: Sequence[tuple[LoadBalanceTarget, Target]], draw: float
) -> tuple[LoadBalanceTarget, Target]:
    """The pair in whose share of the total weight `draw` falls."""
    point = draw * sum(spec.weight for spec, _ in pairs)
    for pair in pairs:
        point -= pair[0].weight
        if point < 0:
            return pair
    return pairs[-1]
