"""Further targets for whatever was routed (`gateway-fallback-config`).

Promises: the first rule that matches adds its models behind the others; where it names statuses,
these lead on from every target before, besides what led on already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from extproc.config.match import Matcher, compile_when
from extproc.config.model import Config
from extproc.config.routing_model import FallbackRule
from extproc.routing.rules import FALLBACK_CODES, plain_target
from extproc.routing.values import Ask, Routed, Target

MEMO_MAX = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    rule_id: str
    matcher: Matcher
    codes: tuple[int, ...]
    targets: tuple[Target, ...]


class Further:
    """The fallback rules of one configuration. Pure but for a memo of targets that lead on."""

    def __init__(self, config: Config) -> None:
        self._rules = [_compiled(config, rule) for rule in config.fallbacks]
        self._memo: dict[tuple[Target, str], Target] = {}

    def added(self, routed: Routed, ask: Ask) -> Routed:
        """The same with the further targets; itself where no rule matches."""
        for rule in self._rules if routed.targets else ():
            names = (ask.model, *(target.name for target in routed.targets))
            if rule.matcher.matches(ask.subjects, names, ask.metadata):
                return self._with(routed, rule)
        return routed

    def _with(self, routed: Routed, rule: _Rule) -> Routed:
        said = [(t.name, t.override_params) for t in routed.targets]
        more = [t for t in rule.targets if (t.name, t.override_params) not in said]
        if not more:
            return routed
        leading = tuple(self._leading(target, rule) for target in routed.targets)
        return replace(routed, targets=(*leading, *more), fallback_id=rule.rule_id)

    def _leading(self, target: Target, rule: _Rule) -> Target:
        """A target known by identity stays one over all requests: plans are remembered by it."""
        key = (target, rule.rule_id)
        found = self._memo.get(key)
        if found is None:
            own = target.fallback_codes
            codes = tuple(dict.fromkeys((*own, *rule.codes))) or FALLBACK_CODES
            found = replace(target, fallback_codes=codes)
            if len(self._memo) < MEMO_MAX:
                self._memo[key] = found
        return found


def _compiled(config: Config, rule: FallbackRule) -> _Rule:
    codes = tuple(int(code) for code in rule.when.response_status_codes or ())
    targets = []
    for spec in rule.fallback_models:
        found = config.model(spec.target)
        assert found is not None, "the loader checks every target"
        targets.append(
            plain_target(
                *found, config.retry_settings,
                fallback_codes=codes or FALLBACK_CODES, override_params=spec.override_params,
            )
        )  # fmt: skip
    return _Rule(rule.id, compile_when(rule.when), codes, tuple(targets))
