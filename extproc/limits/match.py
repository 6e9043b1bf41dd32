"""Which limit rules apply to one request, and what each of them reserves.

Promises: of the rate-limit rules only the first that matches counts, of the budgets all; the cost
of a request does not grow with the number of rules that cannot concern it. Refuses nothing itself.

A rule's `when.models` matches the requested name or any target the request may end at, so a limit
on a provider's model also holds for traffic that comes through a virtual model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from extproc.config.model import BudgetRule, RateLimitRule
from extproc.identity.principal import Principal
from extproc.limits.rules import CompiledRule, compile_budget, compile_rate_limit
from extproc.limits.values import Amounts, Charge

MEMO_MAX = 4_096

SubjectIndex = dict[str | None, list[CompiledRule]]
MemoKey = tuple[frozenset[str], tuple[str, ...]]


class LimitMatcher:
    """All limit rules of one configuration, compiled once. Pure but for its memo of matches.

    `default_output_tokens`: what token rate limits assume when a caller states no maximum.
    """

    def __init__(
        self,
        rate_limits: Sequence[RateLimitRule],
        budgets: Sequence[BudgetRule],
        default_output_tokens: int = 1_024,
    ) -> None:
        rates = [compile_rate_limit(n, r, default_output_tokens) for n, r in enumerate(rate_limits)]
        self._rates = _by_subject(rates)
        self._budgets = _by_subject([compile_budget(n, rule) for n, rule in enumerate(budgets)])
        self._memo: dict[MemoKey, tuple[_Candidates, _Candidates]] = {}

    def charges(
        self,
        principal: Principal,
        models: tuple[str, ...],
        metadata: Mapping[str, str],
        amounts: Amounts,
    ) -> list[Charge]:
        """The counters one request touches: the first rate limit, then every budget.

        `models`: the name as requested, then `account/model` of every candidate target.
        """
        rates, budgets = self._candidates(principal.subjects, models)
        rules = rates.matching(metadata)[:1] + budgets.matching(metadata)
        return [rule.charge(principal, models[0], metadata, amounts) for rule in rules]

    def _candidates(
        self, subjects: frozenset[str], models: tuple[str, ...]
    ) -> tuple[_Candidates, _Candidates]:
        key = (subjects, models)
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= MEMO_MAX:
                self._memo.clear()
            found = (
                _Candidates(_concerned(self._rates, subjects, models)),
                _Candidates(_concerned(self._budgets, subjects, models)),
            )
            self._memo[key] = found
        return found


class _Candidates:
    """The rules of one kind that one (caller, model) can meet, found by metadata pair."""

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        self.plain: list[CompiledRule] = []
        self.by_key: dict[str, dict[str, list[CompiledRule]]] = {}
        for rule in rules:
            if rule.when.metadata:
                key, value = rule.when.metadata[0]
                self.by_key.setdefault(key, {}).setdefault(value, []).append(rule)
            else:
                self.plain.append(rule)

    def matching(self, metadata: Mapping[str, str]) -> list[CompiledRule]:
        """In the order of the configuration."""
        if not self.by_key:
            return self.plain
        found = list(self.plain)
        for key, by_value in self.by_key.items():
            for rule in by_value.get(metadata.get(key, ""), ()):
                if all(metadata.get(k) == v for k, v in rule.when.metadata):
                    found.append(rule)
        return sorted(found, key=_order)


def _by_subject(rules: Iterable[CompiledRule]) -> SubjectIndex:
    """Index rules by each subject they name; None holds those that name nobody."""
    index: SubjectIndex = {}
    for rule in rules:
        for subject in (None,) if rule.when.subjects is None else rule.when.subjects:
            index.setdefault(subject, []).append(rule)
    return index


def _concerned(
    index: SubjectIndex, subjects: frozenset[str], models: Sequence[str]
) -> list[CompiledRule]:
    named = {r.order: r for s in (None, *subjects) for r in index.get(s, ())}
    return sorted((r for r in named.values() if r.concerns(subjects, models)), key=_order)


def _order(rule: CompiledRule) -> int:
    return rule.order
