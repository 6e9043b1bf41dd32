"""Which guardrails apply to a call, and what each of them may do about a finding.

Promises: all rules that match apply (union, in the order of the configuration); what a header or a
policy adds is added and never takes anything away. Refuses: a name that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from re import compile as compile_regex
from typing import get_args

from extproc.config.model import Guardrail, GuardrailRule
from extproc.errors import Code, Refusal
from extproc.guardrails.detectors import pii, secrets
from extproc.guardrails.values import Detector, Hook, Outcome, Strategy

_TYPES = {"pii": pii, "secrets": secrets}
HOOKS: tuple[Hook, ...] = get_args(Hook)


@dataclass(frozen=True, slots=True)
class Gate:
    """One guardrail, compiled. `timeout_ms` binds guardrails that wait for somebody, none here."""

    selector: str
    detector: Detector
    operation: str
    strategy: Strategy
    priority: int
    timeout_ms: int

    @property
    def blocks(self) -> bool:
        return self.operation == "validate" and self.strategy != "audit"

    @property
    def mutates(self) -> bool:
        return self.operation == "mutate" and self.strategy != "audit"

    @property
    def outcome(self) -> Outcome:
        """What a finding of this guardrail means."""
        if self.strategy == "audit":
            return "audit"
        return "block" if self.operation == "validate" else "mutate"


Registry = Mapping[str, Gate]
Scanner = tuple[Detector, tuple[Gate, ...]]


@dataclass(frozen=True, slots=True)
class Selection:
    """What applies to one hook of one call: gates in order (mutating ones by priority, last).

    `rules`: ids of the rules that applied. `messages`: selector -> custom error message.
    """

    gates: tuple[Gate, ...] = ()
    rules: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    scanners: tuple[Scanner, ...] = ()
    holding: tuple[Scanner, ...] = ()
    watching: tuple[Scanner, ...] = ()

    @property
    def selectors(self) -> tuple[str, ...]:
        return tuple(gate.selector for gate in self.gates)


def mistakes(guardrail: Guardrail) -> list[str]:
    """What is wrong with one guardrail's `config:`, for the loader (P7); empty when nothing is."""
    found: list[str] = _TYPES[guardrail.type].mistakes(guardrail.config)
    return found


def compile_guardrails(guardrails: Mapping[str, Guardrail]) -> Registry:
    """Compile `group/name` -> gate. Equal detectors are built once and scan once.

    Raises ValueError with every mistake; the loader has shown them to the operator before.
    """
    wrong = [f"{name}: {text}" for name, g in guardrails.items() for text in mistakes(g)]
    if wrong:
        raise ValueError("; ".join(wrong))
    built: dict[str, Detector] = {}
    return {name: _gate(name, guardrail, built) for name, guardrail in guardrails.items()}


def _gate(selector: str, guardrail: Guardrail, built: dict[str, Detector]) -> Gate:
    key = guardrail.type + json.dumps(dict(guardrail.config), sort_keys=True, default=list)
    if key not in built:
        built[key] = _TYPES[guardrail.type].build(guardrail.config)
    strategy = guardrail.enforcing_strategy
    return Gate(
        selector,
        built[key],
        guardrail.operation,
        "enforce" if strategy == "enforce_but_ignore_on_error" else strategy,
        guardrail.priority,
        guardrail.timeout_ms,
    )


def select(
    registry: Registry,
    names: Iterable[str],
    rules: tuple[str, ...] = (),
    messages: Mapping[str, str] | None = None,
) -> Selection:
    """Put gates in order and group them by detector. Every name must be in the registry."""
    gates = [registry[name] for name in dict.fromkeys(names)]
    gates.sort(key=lambda gate: (0, 0) if gate.operation == "validate" else (1, gate.priority))
    return Selection(
        tuple(gates),
        rules,
        messages or {},
        _by_detector(gates),
        _by_detector([gate for gate in gates if gate.strategy != "audit"]),
        _by_detector([gate for gate in gates if gate.strategy == "audit"]),
    )


def _by_detector(gates: Sequence[Gate]) -> tuple[Scanner, ...]:
    groups: dict[int, list[Gate]] = {}
    for gate in gates:
        groups.setdefault(id(gate.detector), []).append(gate)
    return tuple((group[0].detector, tuple(group)) for group in groups.values())


class RuleMatcher:
    """One rule of `gateway-guardrails-config`, compiled."""

    def __init__(self, rule: GuardrailRule) -> None:
        self.id = rule.id
        self.message = rule.custom_error_message
        self.names = {hook: _listed(rule, hook) for hook in HOOKS}
        when = rule.when
        self._subjects = None if when.subjects is None else frozenset(when.subjects)
        self._models = None if when.models is None else _globs(when.models)
        self._metadata = tuple((when.metadata or {}).items())

    def matches(
        self, subjects: Collection[str], models: Iterable[str], metadata: Mapping[str, str]
    ) -> bool:
        """Parts are ANDed; a missing part matches everything; an empty list matches nothing."""
        if self._subjects is not None and self._subjects.isdisjoint(subjects):
            return False
        if self._models is not None and not any(map(self._models, models)):
            return False
        return all(metadata.get(key) == value for key, value in self._metadata)


def _listed(rule: GuardrailRule, hook: Hook) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(rule, f"{hook}_guardrails")
    return names


def _globs(patterns: Sequence[str]) -> Callable[[str], object]:
    return compile_regex("|".join(translate(p) for p in patterns) or r"(?!)").match


def read_header(value: str) -> dict[Hook, tuple[str, ...]] | Refusal:
    """Read `x-tfy-guardrails`: a JSON object of the four lists, selectors `group/name`."""
    try:
        lists = json.loads(value)
    except (ValueError, RecursionError):
        lists = None
    hooks = {f"{hook}_guardrails": hook for hook in HOOKS}
    if not isinstance(lists, dict) or not all(map(hooks.__contains__, lists)):
        return _refuse(f"must be a JSON object with keys of: {', '.join(hooks)}")
    for names in lists.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return _refuse("must hold lists of 'group/name'")
    return {hooks[key]: tuple(names) for key, names in lists.items()}


def _refuse(why: str) -> Refusal:
    return Refusal(Code.INVALID_REQUEST, f"Header 'x-tfy-guardrails' {why}.")
