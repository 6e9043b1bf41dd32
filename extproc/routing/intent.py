"""The name `auto`: a kind of model instead of a model.

Promises: only models that the key may call by their own names; the cheapest first, in the preferred
region before elsewhere, those that are ill last. Refuses: where none is of the tier and family that
were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from extproc.llm.call import ProviderDialect
from extproc.llm.dialects import spoken
from extproc.routing.attempts import ATTEMPTS_MAX
from extproc.routing.order import Option
from extproc.routing.values import Ask, Target

TIER, FAMILY, REGION = "quality_tier", "model_family", "region_preference"


class Intent:
    """Every model of a configuration, by what may be asked of it, the cheapest first."""

    def __init__(self, options: Iterable[Option], cost: Callable[[Target], float]) -> None:
        """`cost`: any measure that compares models; infinite where it is not known."""
        ranked = sorted(
            options, key=lambda o: (cost(o.target), o.target.account.kind != "self_hosted")
        )
        self.offered = any(
            o.target.model.quality_tier or o.target.model.model_family for o in ranked
        )
        """Whether any model says what it is."""
        self._by_kind: dict[tuple[str | None, str | None], list[Option]] = {}
        for option in ranked:
            model = option.target.model
            for tier in {None, model.quality_tier}:
                for family in {None, model.model_family}:
                    self._by_kind.setdefault((tier, family), []).append(option)
        self._operations = {o: frozenset(d.operation for d in _dialects(o)) for o in ranked}

    def choose(
        self, ask: Ask, ill: Callable[[Option], bool], near: Callable[[Option], bool]
    ) -> Sequence[Option]:
        """Up to ATTEMPTS_MAX of them, the best first."""
        wanted = (ask.metadata.get(TIER), ask.metadata.get(FAMILY))
        best: list[Option] = []
        others: list[Option] = []
        for option in self._by_kind.get(wanted, ()):
            if self._may(option, ask):
                (others if ill(option) or not near(option) else best).append(option)
                if len(best) == ATTEMPTS_MAX:
                    return best
        others.sort(key=lambda o: (ill(o), not near(o)))
        return [*best, *others][:ATTEMPTS_MAX]

    def _may(self, option: Option, ask: Ask) -> bool:
        served = not ask.operation or ask.operation in self._operations[option]
        return served and ask.in_scope(option.target.name)


def _dialects(option: Option) -> Sequence[ProviderDialect]:
    return spoken(option.target.account, option.target.model)


def near_to(ask: Ask) -> Callable[[Option], bool] | None:
    """Whether an option's account is in the region that is preferred (`eu` covers `eu-west-1`);
    None: the request prefers none."""
    wanted = ask.metadata.get(REGION)
    if not wanted:
        return None
    return lambda option: _within(option.target.account.region, wanted)


def _within(region: str | None, wanted: str) -> bool:
    return region is not None and (region == wanted or region.startswith(wanted + "-"))
