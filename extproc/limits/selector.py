"""Whom and what a limit rule concerns: its `when`, compiled once and asked on every request.

Promises: parts are ANDed, a missing part matches everything, names compare exactly; only models
know patterns. Where a part cannot be told apart in favour of the caller, the limit holds: a plan
of several targets is concerned as soon as one of them is.

`subjects`, `teams`, `users` ... name the caller in several ways, so their `in` lists are one list:
whoever stands in any of them is meant, less those in a `not_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from extproc.config.limit_model import InOrNot, LimitWhen, TenantSubjects, TenantWhen
from extproc.config.match import compile_models

Models = tuple[str, ...]
"""The name as it was asked for, then `account/model` of every target of the plan."""


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata key: its value is one of `among` (None: anything), and none of `without`."""

    key: str
    among: frozenset[str] | None
    without: frozenset[str] = frozenset()

    def holds(self, metadata: Mapping[str, str]) -> bool:
        value = metadata.get(self.key)
        if self.among is not None and value not in self.among:
            return False
        return value not in self.without


@dataclass(frozen=True, slots=True)
class Selector:
    """A compiled `when`. None: the part matches everything.

    `member_of`: a subject the caller must have besides (`team:ml`). `patterns`: the models as
    written, for an index; `model` and `without_model` test one name.
    """

    subjects: frozenset[str] | None = None
    without_subjects: frozenset[str] = frozenset()
    member_of: str | None = None
    patterns: tuple[str, ...] | None = None
    model: Callable[[str], bool] | None = None
    without_model: Callable[[str], bool] | None = None
    operations: frozenset[str] | None = None
    metadata: tuple[Value, ...] = ()

    def concerns(self, subjects: frozenset[str], models: Models, operation: str) -> bool:
        """Whether caller, model and operation match; metadata is looked at by `agrees`."""
        if self.subjects is not None and self.subjects.isdisjoint(subjects):
            return False
        if self.member_of is not None and self.member_of not in subjects:
            return False
        if not self.without_subjects.isdisjoint(subjects):
            return False
        if self.operations is not None and operation not in self.operations:
            return False
        if self.model is not None and not any(map(self.model, models)):
            return False
        return self.without_model is None or not _all_without(self.without_model, models)

    def agrees(self, metadata: Mapping[str, str]) -> bool:
        """Every metadata condition holds; further keys do no harm."""
        return all(value.holds(metadata) for value in self.metadata)


def _all_without(without: Callable[[str], bool], models: Models) -> bool:
    """The name asked for is excluded, or all that it may end at."""
    return without(models[0]) or all(map(without, models[1:] or models))


def select(when: LimitWhen) -> Selector:
    """`when` of the first version."""
    return Selector(
        subjects=_set(when.subjects),
        patterns=when.models,
        model=None if when.models is None else compile_models(when.models),
        operations=_kinds(when.operations),
        metadata=tuple(Value(k, frozenset((v,))) for k, v in (when.metadata or {}).items()),
    )


def select_tenant(when: TenantWhen, member_of: str | None) -> Selector:
    """`when` of the second version: lists with `in` and `not_in`."""
    among, without = _subjects(when.subjects)
    models = when.models or InOrNot()
    return Selector(
        subjects=frozenset(among) if among else None,
        without_subjects=frozenset(without),
        member_of=member_of,
        patterns=models.in_,
        model=None if models.in_ is None else compile_models(models.in_),
        without_model=compile_models(models.not_in) if models.not_in else None,
        operations=_kinds(when.operations),
        metadata=tuple(
            Value(key, _set(part.in_), frozenset(part.not_in))
            for key, part in when.metadata.items()
        ),
    )


def _subjects(named: TenantSubjects) -> tuple[list[str], list[str]]:
    """As a principal names itself: `user:`, `team:`, `virtualaccount:`."""
    parts = (
        ("user", named.users),
        ("team", named.teams),
        ("virtualaccount", named.virtual_accounts),
    )
    among = [f"{kind}:{name}" for kind, part in parts if part for name in part.in_ or ()]
    without = [f"{kind}:{name}" for kind, part in parts if part for name in part.not_in]
    return among, without


def _set(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


# What a rule calls a kind of call -> what calls are known by here. A limit on chats holds for
# whatever makes a model write, or another endpoint would be a way around it.
_KINDS: Mapping[str, frozenset[str]] = {
    "chat": frozenset({"chat", "completions", "responses"}),
    "audio": frozenset({"speech", "transcription"}),
}


def _kinds(operations: Collection[str] | None) -> frozenset[str] | None:
    if operations is None:
        return None
    return frozenset(kind for name in operations for kind in _KINDS.get(name, {name}))
