"""Finds the rules that may concern a request without looking at the others (P8).

A rule is filed under (a subject, a model, a metadata value) that it names, or under "any" where it
names none; a request looks into the drawers of its own subjects, models and metadata. What is
found may concern it, nothing else can: whoever asks still checks the whole `when`.

Models are filed by name, patterns by the text before their first or after their last `*`. Only
patterns with neither (`*mini*`) share a drawer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from extproc.config.match import is_pattern
from extproc.limits.rules import CompiledRule
from extproc.limits.selector import Selector, Value

DRAWERS_PER_RULE_MAX = 1_024
ModelKey = tuple[str, str] | None
Pair = tuple[str, str]


@dataclass(slots=True)
class Drawer:
    """`plain`: rules that name no metadata value. `by_pair`: the others, by one they name."""

    plain: list[CompiledRule] = field(default_factory=list)
    by_pair: dict[Pair, list[CompiledRule]] = field(default_factory=dict)


class RuleIndex:
    """All rules of one configuration. Never changes once it is made."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._drawers: dict[str | None, dict[ModelKey, Drawer]] = {}
        self._heads: set[int] = set()
        self._tails: set[int] = set()
        spread = Counter(pair for rule in rules for pair in _all_pairs(rule.selector))
        for rule in rules:
            self._file(rule, _rarest(rule.selector, spread))

    def drawers(self, subjects: Iterable[str], models: Iterable[str]) -> list[Drawer]:
        """Where everything is that may concern this caller and one of these models."""
        keys = self._model_keys(models)
        shelves = (self._drawers.get(subject) for subject in (None, *subjects))
        return [shelf[key] for shelf in shelves if shelf for key in keys if key in shelf]

    def _model_keys(self, models: Iterable[str]) -> list[ModelKey]:
        keys: list[ModelKey] = [None]
        for name in dict.fromkeys(models):
            keys.append(("=", name))
            keys += [("<", name[:n]) for n in self._heads if n <= len(name)]
            keys += [(">", name[-n:]) for n in self._tails if n <= len(name)]
        return list(dict.fromkeys(keys))

    def _file(self, rule: CompiledRule, pairs: Sequence[Pair]) -> None:
        subjects, models = _subject_keys(rule.selector), _model_keys(rule.selector)
        if len(subjects) * len(models) > DRAWERS_PER_RULE_MAX:
            models = [None]
        for key in models:
            if key is not None and key[0] != "=":
                (self._heads if key[0] == "<" else self._tails).add(len(key[1]))
        for subject in subjects:
            shelf = self._drawers.setdefault(subject, {})
            for key in models:
                _put(shelf.setdefault(key, Drawer()), rule, pairs)


def _put(drawer: Drawer, rule: CompiledRule, pairs: Sequence[Pair]) -> None:
    if not pairs:
        drawer.plain.append(rule)
    for pair in pairs:
        drawer.by_pair.setdefault(pair, []).append(rule)


def _subject_keys(selector: Selector) -> list[str | None]:
    if selector.member_of is not None:
        return [selector.member_of]
    return [None] if selector.subjects is None else list(selector.subjects)


def _model_keys(selector: Selector) -> list[ModelKey]:
    if selector.patterns is None:
        return [None]
    keys = dict.fromkeys(map(_model_key, selector.patterns))
    return [None] if None in keys else list(keys)


def _model_key(pattern: str) -> ModelKey:
    if not is_pattern(pattern):
        return ("=", pattern)
    if "?" in pattern or "[" in pattern:
        return None
    head, tail = pattern.split("*", 1)[0], pattern.rsplit("*", 1)[1]
    if not head and not tail:
        return None
    return ("<", head) if len(head) >= len(tail) else (">", tail)


def _pairs(value: Value) -> list[Pair]:
    return [(value.key, one) for one in value.among or ()]


def _all_pairs(selector: Selector) -> Iterator[Pair]:
    for value in selector.metadata:
        yield from _pairs(value)


def _rarest(selector: Selector, spread: Counter[Pair]) -> list[Pair]:
    """Of the metadata keys a rule names, the one whose values the fewest rules name."""
    named = [pairs for value in selector.metadata if (pairs := _pairs(value))]
    return min(named, key=lambda pairs: max(spread[pair] for pair in pairs), default=[])
