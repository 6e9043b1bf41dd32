"""What one single request may ask for: the configuration's caps, and the caller's own.

Promises: every cap that matches holds; of each number the smallest counts, and of two equal ones
the one that refuses. The cost of a request does not grow with the number of rules that cannot
concern it. Refuses: a cap of the caller's own metadata that is no positive number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from extproc.config.fields import exact_nano_usd
from extproc.config.limit_model import RequestCap
from extproc.errors import Code, Refusal
from extproc.identity.principal import Principal
from extproc.limits.selector import Models, Selector, select
from extproc.limits.values import NANO_USD

MEMO_MAX = 4_096
LATENCY_MS_MAX = 3_600_000
COST_KEY, LATENCY_KEY = "max_cost_usd", "max_latency_ms"
_USD = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,9})?", re.ASCII)
_MS = re.compile(r"[0-9]{1,7}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cap:
    """One number and the rule it comes from. `clamp`: lower the request to it, do not refuse."""

    limit: int
    rule_id: str
    clamp: bool = False


@dataclass(frozen=True, slots=True)
class Caps:
    """What holds for one request; None: no such cap. Tokens, nano-USD, milliseconds.

    `rule_ids`: all the rules that matched, in their order.
    """

    max_tokens: Cap | None = None
    max_input_tokens: Cap | None = None
    max_cost_nano_usd: Cap | None = None
    max_latency_ms: Cap | None = None
    default_max_tokens: Cap | None = None
    rule_ids: tuple[str, ...] = ()

    @property
    def bounds_output(self) -> bool:
        """Whether a cap relies on the most output there can be."""
        return self.max_tokens is not None or self.max_cost_nano_usd is not None


NONE = Caps()
FIELDS = tuple(name for name in Caps.__dataclass_fields__ if name != "rule_ids")
_Rule = tuple[Selector, Caps]


class CapMatcher:
    """All caps of one configuration, compiled once. Pure but for its memo of matches."""

    def __init__(self, rules: Sequence[RequestCap]) -> None:
        self._by_subject: dict[str | None, list[tuple[int, _Rule]]] = {}
        for order, rule in enumerate(rules):
            compiled = (order, (select(rule.when), compile_cap(rule)))
            for subject in (None,) if rule.when.subjects is None else rule.when.subjects:
                self._by_subject.setdefault(subject, []).append(compiled)
        self._memo: dict[tuple[frozenset[str], Models, str], tuple[Caps, tuple[_Rule, ...]]] = {}

    def caps(
        self, principal: Principal, models: Models, operation: str, metadata: Mapping[str, str]
    ) -> Caps | Refusal:
        """What holds for this request. `models`: the name asked for, then every target."""
        own = own_caps(metadata)
        if isinstance(own, Refusal):
            return own
        found, asking = self._concerned(principal.subjects, models, operation)
        for selector, caps in asking:
            if selector.agrees(metadata):
                found = least(found, caps)
        return found if own is NONE else least(found, own)

    def _concerned(
        self, subjects: frozenset[str], models: Models, operation: str
    ) -> tuple[Caps, tuple[_Rule, ...]]:
        """The caps that hold whatever the metadata, and the rules that ask for some."""
        key = (subjects, models, operation)
        known = self._memo.get(key)
        if known is None:
            near = {n: rule for s in (None, *subjects) for n, rule in self._by_subject.get(s, ())}
            rules = [near[n] for n in sorted(near)
                     if near[n][0].concerns(subjects, models, operation)]  # fmt: skip
            plain = reduce(least, (caps for when, caps in rules if not when.metadata), NONE)
            if len(self._memo) >= MEMO_MAX:
                self._memo.clear()
            known = self._memo[key] = (plain, tuple(rule for rule in rules if rule[0].metadata))
        return known


def compile_cap(rule: RequestCap) -> Caps:
    """One rule's numbers. The document has made sure that money is whole nano-USD."""
    clamp, cost = rule.on_excess == "clamp", rule.max_cost_usd

    def cap(limit: int | None) -> Cap | None:
        return None if limit is None else Cap(limit, rule.id, clamp)

    return Caps(
        max_tokens=cap(rule.max_tokens),
        max_input_tokens=cap(rule.max_input_tokens),
        max_cost_nano_usd=cap(None if cost is None else exact_nano_usd(cost)),
        max_latency_ms=cap(rule.max_latency_ms),
        default_max_tokens=cap(rule.default_max_tokens),
        rule_ids=(rule.id,),
    )


def own_caps(metadata: Mapping[str, str]) -> Caps | Refusal:
    """What the caller, or its account's tags, say in `max_cost_usd` and `max_latency_ms`."""
    cost, latency = metadata.get(COST_KEY), metadata.get(LATENCY_KEY)
    if cost is None and latency is None:
        return NONE
    most_nano_usd = _positive(cost, _USD, NANO_USD)
    if cost is not None and not most_nano_usd:
        return _violation(COST_KEY, "an amount in USD above 0, e.g. '0.05'")
    most_ms = _positive(latency, _MS, 1)
    if latency is not None and not 0 < most_ms <= LATENCY_MS_MAX:
        return _violation(LATENCY_KEY, f"a whole number from 1 to {LATENCY_MS_MAX}")
    return Caps(
        max_cost_nano_usd=Cap(most_nano_usd, f"metadata.{COST_KEY}") if cost else None,
        max_latency_ms=Cap(most_ms, f"metadata.{LATENCY_KEY}") if latency else None,
    )


def least(one: Caps, other: Caps) -> Caps:
    """Both hold."""
    smallest = {name: _smaller(getattr(one, name), getattr(other, name)) for name in FIELDS}
    return Caps(**smallest, rule_ids=one.rule_ids + other.rule_ids)


def _smaller(one: Cap | None, other: Cap | None) -> Cap | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda cap: (cap.limit, cap.clamp))


def _positive(text: str | None, form: re.Pattern[str], scale: int) -> int:
    """0 for what is no number of this form."""
    return int(Decimal(text) * scale) if text and form.fullmatch(text) else 0


def _violation(key: str, what: str) -> Refusal:
    return Refusal(Code.METADATA_CONTRACT_VIOLATION, f"'{key}' must be {what}.", param=key)


def present(caps: Caps) -> Iterable[tuple[str, Cap]]:
    """The caps that there are, by field."""
    pairs = ((name, getattr(caps, name)) for name in FIELDS)
    return ((name, cap) for name, cap in pairs if cap is not None)
