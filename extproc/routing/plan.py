"""Virtual models -> the ordered targets of one request.

Promises: first matching rule wins; a target with `fallback_candidate: false` serves first or not at
all; what is ill goes last and is never dropped. Refuses: a name that no rule and no account knows
(None; the caller cannot tell which). Chance and time are parameters (`Ask`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from extproc.config.model import Config
from extproc.config.routing_model import AUTO, LoadBalanceTarget, StickyRouting
from extproc.routing.attempts import ATTEMPTS_MAX, Step, steps, without
from extproc.routing.figures import Figures
from extproc.routing.further import Further
from extproc.routing.intent import REGION, Intent, near_to
from extproc.routing.order import Option, Situation, behind, ordered, weighted
from extproc.routing.rules import (
    FALLBACK_CODES,
    Names,
    Rule,
    compile_rules,
    figure_keys,
    plain_target,
)
from extproc.routing.values import Ask, Routed, Target

__all__ = ["ATTEMPTS_MAX", "Ask", "Routed", "Router", "Step", "steps", "without"]


class Router:
    """Routing rules of one configuration, prepared once. `figures`: how targets do; they outlive a
    configuration. `cost`: what models are compared by, see `Intent`."""

    def __init__(
        self,
        config: Config,
        figures: Figures | None = None,
        cost: Callable[[Target], float] | None = None,
    ) -> None:
        self.figures = figures or Figures()
        rules = compile_rules(config)
        models = [(a, model) for a in config.accounts.values() for model in a.models]
        direct = [plain_target(*model, config.retry_settings) for model in models]
        self._direct = {target.name: Routed("", (target,)) for target in direct}
        self._calm = {
            first: _routed(rule, behind(rule.rule.type, rule.options, first))
            for rule in rules
            for first in rule.top
        }
        self._names = Names(rules, self._direct)
        self._intent = Intent(
            (_option(replace(target, fallback_codes=FALLBACK_CODES)) for target in direct),
            cost or _listed_price,
        )
        self._further = Further(config) if config.fallbacks else None
        self._keyed: dict[Target, tuple[Option, ...]] = {}

    @property
    def models(self) -> list[str]:
        """Every name a caller may ask for: concrete models, then virtual ones."""
        own = {*self._names.listed, *([AUTO] if self._intent.offered else [])}
        return [*self._direct, *sorted(own - self._direct.keys())]

    def rules_for(self, model: str) -> Sequence[Rule]:
        """Every rule that this name may meet, in order; the first that concerns the rest of the
        request serves it."""
        return self._names.rules(model)

    def route(self, ask: Ask) -> Routed | None:
        """The targets for this request, or None when there is no such model for it."""
        routed = self._routed(ask)
        if routed is None or self._further is None:
            return routed
        return self._further.added(routed, ask)

    def _routed(self, ask: Ask) -> Routed | None:
        for rule in self._names.rules(ask.model):
            if rule.concerns(ask):
                return self._by_rule(rule, ask)
        return self._by_intent(ask) if ask.model == AUTO else self._direct.get(ask.model)

    def _by_rule(self, rule: Rule, ask: Ask) -> Routed | None:
        serves = rule.rule.operations
        if ask.operation and serves is not None and ask.operation not in serves:
            return Routed(rule.rule.id, ())
        if rule.top and REGION not in ask.metadata and self.figures.calm(ask.now_ms):
            first = rule.top[0] if len(rule.top) == 1 else weighted(rule.top, ask.draw)[0]
            return self._calm[first]
        options = [option for option in rule.options if _considered(option, ask)]
        if not options:
            return None
        session = _session(rule.rule.sticky_routing, rule.rule.id, ask)
        found = ordered(rule.rule.type, options, self._situation(ask, session))
        return _routed(rule, found, sticky=bool(session))

    def _by_intent(self, ask: Ask) -> Routed | None:
        now = self._situation(ask, "")
        targets = tuple(option.target for option in self._intent.choose(ask, now.ill, now.near))
        return Routed(AUTO, targets) if targets else None

    def _situation(self, ask: Ask, session: str) -> Situation:
        figures, now_ms = self.figures, ask.now_ms
        return Situation(
            draw=ask.draw,
            session=session,
            caller_id=ask.caller_id,
            now_ms=now_ms,
            ill=lambda option: ill(option, figures, now_ms),
            near=near_to(ask) or _anywhere,
            pace=lambda option: figures.per_token_ms(option.keys, now_ms),
        )

    # --- several keys of one account --------------------------------------------------------------

    def keyed(self, targets: Sequence[Target], draw: float, now_ms: int) -> tuple[Target, ...]:
        """The same targets, each once per key of its account: one by weight, those that rest last.

        `draw`: another one than the order's, in [0, 1).
        """
        return tuple(one for target in targets for one in self._with_keys(target, draw, now_ms))

    def _with_keys(self, target: Target, draw: float, now_ms: int) -> tuple[Target, ...]:
        options = self._keys_of(target) if target.account.keys else ()
        if not options:
            return (target,)
        awake = [o for o in options if not self.figures.rests(o.keys[0], now_ms)]
        first, _ = weighted(awake or options, draw)
        others = [o for o in options if o is not first]
        others.sort(key=lambda o: (o not in awake, -o.weight))
        return (first.target, *(o.target for o in others))

    def _keys_of(self, target: Target) -> tuple[Option, ...]:
        found = self._keyed.get(target)
        if found is None:
            if len(self._keyed) >= _KEYED_MAX:  # the oldest: a dict keeps its order
                del self._keyed[next(iter(self._keyed))]
            found = self._keyed[target] = tuple(_keys(target))
        return found


_KEYED_MAX = 1_024


def _keys(target: Target) -> Iterator[Option]:
    for key in target.account.keys:
        one = replace(target, key=key.name, unkeyed=target)
        yield Option(one, _spec(key.weight), ((one.connection, one.model.id),), key.name)


def ill(option: Option, figures: Figures, now_ms: int) -> bool:
    """Whether this target had better go last: all its connections failed or rest, or it is slower
    than its rule lets it be."""
    several = len(option.keys) > 1
    if not figures.calm(now_ms) and all(
        figures.ill(key, now_ms) or (several and figures.rests(key, now_ms)) for key in option.keys
    ):
        return True
    if full(option, figures):
        return True
    cutoff = option.spec.sla_cutoff
    if cutoff is None:
        return False
    now = figures.averages(option.keys, now_ms)
    return _above(now.first_token_ms, cutoff.time_to_first_token_ms) or _above(
        now.per_token_ms, cutoff.time_per_output_token_ms
    )


def full(option: Option, figures: Figures) -> bool:
    """Whether its account has as many calls in flight as it is to have before others help."""
    most = option.target.account.limits.overflow_at
    return most is not None and figures.in_flight({key[0] for key in option.keys}) >= most


def _above(average: float | None, most: float | None) -> bool:
    return average is not None and most is not None and average > most


def _routed(rule: Rule, found: Sequence[Option], *, sticky: bool = False) -> Routed:
    spec, targets = rule.rule, tuple(option.target for option in found)
    return Routed(spec.id, targets, "", sticky, spec.timeouts, spec.shadow)


def _considered(option: Option, ask: Ask) -> bool:
    wanted = option.spec.metadata_match
    return not wanted or all(ask.metadata.get(key) == value for key, value in wanted.items())


def _session(sticky: StickyRouting | None, rule_id: str, ask: Ask) -> str:
    """What names this caller's session; '' when nothing does."""
    if sticky is None:
        return ""
    said = []
    for one in sticky.session_identifiers:
        source = ask.headers if one.source == "headers" else ask.metadata
        key = one.key.lower() if one.source == "headers" else one.key
        said.append(source.get(key) or "")
    return "\0".join((rule_id, *said)) if any(said) else ""


def _anywhere(_option: Option) -> bool:
    return True


def _spec(weight: float) -> LoadBalanceTarget:
    return LoadBalanceTarget.model_construct(weight=weight, fallback_candidate=True)


def _option(target: Target) -> Option:
    return Option(target, _PLAIN, figure_keys(target), target.name)


def _listed_price(target: Target) -> float:
    """USD per million tokens of each kind, as configured."""
    price = target.model.price
    if price is None:
        return 0.0 if target.account.unpriced == "allow" else float("inf")
    return price.input_per_mtok + price.output_per_mtok


_PLAIN = LoadBalanceTarget(target="")
