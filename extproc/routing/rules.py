"""A configuration's rules made ready to be asked: targets built once, names filed.

Promises: the first rule that matches wins. A name that is written out in full costs the same
however many others there are. A rule without `models` serves names that are known without it, and
no other (defaults deny): a model, a virtual model, or what a pattern of another rule covers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from extproc.config.match import Matcher, compile_models, compile_when, is_pattern
from extproc.config.model import Config, ModelSpec, ProviderAccount
from extproc.config.routing_model import (
    AUTO,
    LATENCY,
    PRIORITY,
    LoadBalanceTarget,
    RetryConfig,
    RoutingRule,
)
from extproc.routing.order import Option
from extproc.routing.values import Ask, Target

FALLBACK_CODES = tuple(int(code) for code in LoadBalanceTarget(target="").fallback_status_codes)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule. `named`: its `models`, None for all of them; `others`: the rest of its `when`.
    `top`: who is drawn from to go first while everybody is well; empty where more than chance
    decides that."""

    rule: RoutingRule
    named: Callable[[str], bool] | None
    others: Matcher
    options: tuple[Option, ...]
    top: tuple[Option, ...]

    def concerns(self, ask: Ask) -> bool:
        """Whether it matches, the model's name aside."""
        return self.others.matches(ask.subjects, (), ask.metadata)


class Names:
    """Which rules a name may meet, in order. Pure but for its memo of configured names."""

    def __init__(self, rules: Sequence[Rule], direct: Mapping[str, object]) -> None:
        self._rules, self._direct = rules, direct
        exact = [n for rule in rules for n in rule.rule.when.models or () if not is_pattern(n)]
        self.listed = frozenset(exact)
        self._known = self.listed | direct.keys() | {AUTO}
        self._memo: dict[str, tuple[Rule, ...]] = {}
        # What a name can meet that no rule writes out.
        self._loose = tuple(
            r for r in rules if r.named is None or any(map(is_pattern, r.rule.when.models or ()))
        )

    def rules(self, model: str) -> tuple[Rule, ...]:
        """Every rule that this name does not speak against."""
        found = self._memo.get(model)
        if found is None:
            if model not in self._known:
                return self._unlisted(model)
            found = self._memo[model] = tuple(_met(self._rules, model))
        return found

    def _unlisted(self, model: str) -> tuple[Rule, ...]:
        """A caller may send any number of these: they are not remembered."""
        met = tuple(_met(self._loose, model))
        return met if any(rule.named is not None for rule in met) else ()


def _met(rules: Sequence[Rule], model: str) -> Iterator[Rule]:
    return (rule for rule in rules if rule.named is None or rule.named(model))


def compile_rules(config: Config) -> tuple[Rule, ...]:
    """Every rule, in order; virtual models come after the rules."""
    return tuple(_compiled(config, rule) for rule in config.routing)


def _compiled(config: Config, rule: RoutingRule) -> Rule:
    options = tuple(
        Option(target, spec, figure_keys(target), f"{n}:{target.name}")
        for n, spec in enumerate(rule.load_balance_targets)
        for target in (_target(config, spec),)
    )
    named = None if rule.when.models is None else compile_models(rule.when.models)
    others = compile_when(rule.when.model_copy(update={"models": None}))
    return Rule(rule, named, others, options, _top(rule, options))


def _top(rule: RoutingRule, options: tuple[Option, ...]) -> tuple[Option, ...]:
    if len(options) == 1 and not options[0].spec.metadata_match:
        return options
    asking = any(
        o.spec.metadata_match or o.spec.sla_cutoff or o.target.account.limits.overflow_at
        for o in options
    )
    if asking or rule.type == LATENCY or rule.sticky_routing is not None:
        return ()
    least = min(o.spec.priority for o in options)
    return tuple(o for o in options if rule.type != PRIORITY or o.spec.priority == least)


def _target(config: Config, spec: LoadBalanceTarget) -> Target:
    found = config.model(spec.target)
    assert found is not None, "the loader checks every target"
    stated = "retry_config" in spec.model_fields_set
    retry = spec.retry_config if stated else config.retry_settings or spec.retry_config
    return plain_target(
        *found, retry,
        fallback_codes=tuple(int(code) for code in spec.fallback_status_codes),
        override_params=spec.override_params,
        headers_set=spec.headers_override.set,
        headers_remove=spec.headers_override.remove,
    )  # fmt: skip


def plain_target(
    account: ProviderAccount, model: ModelSpec, retry: RetryConfig | None, **more: object
) -> Target:
    """One model with its retries; `more`: further fields of the Target."""
    if retry is None:
        return Target(account, model, **more)  # type: ignore[arg-type]
    return Target(
        account, model, retries=retry.attempts, retry_delay_ms=retry.delay,
        retry_codes=tuple(int(code) for code in retry.on_status_codes), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def figure_keys(target: Target) -> tuple[tuple[str, str], ...]:
    """What the figures know this target by: each key of its account has its own connection."""
    names = [key.name for key in target.account.keys] or [""]
    model = target.model.id
    return tuple(
        (Target(target.account, target.model, key=name).connection, model) for name in names
    )


def session_headers(config: Config) -> frozenset[str]:
    """Headers of callers that sticky rules read, lower case: the data plane must pass them on."""
    return frozenset(
        one.key.lower()
        for rule in config.routing
        if rule.sticky_routing is not None
        for one in rule.sticky_routing.session_identifiers
        if one.source == "headers"
    )
