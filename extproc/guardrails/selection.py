"""Which guardrails apply to a call, in which order, and who has to be waited for.

Promises: all rules that match apply (union, in the order of the configuration); what a header or a
policy adds is added and never takes anything away. Refuses: a name that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from re import compile as compile_regex
from typing import get_args

from extproc.config.guardrail_model import GuardrailRule
from extproc.errors import Code, Refusal
from extproc.guardrails.gate import Gate, Roles, Scanner, by_detector
from extproc.guardrails.values import Detector, Fault, GuardrailFault, Hook, Passage

HOOKS: tuple[Hook, ...] = get_args(Hook)


@dataclass(frozen=True, slots=True)
class Selection:
    """What applies to one hook of one call: gates in order (mutating ones by priority, last).

    `rules`: ids of the rules that applied. `messages`: selector -> custom error message.
    `no_unscanned`: id of a rule that refuses parts nobody can read, '' when none does.
    `scanners`: all detectors; `holding` and `watching` are those that may change what passes, and
    those that only record. `waiting`: judges of whole texts that somebody waits for (`first`:
    before the call, in parallel with each other; `meanwhile`: while the call runs; `in_turn`:
    those that change texts). `afterwards`: services that nobody waits for.
    """

    gates: tuple[Gate, ...] = ()
    rules: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    no_unscanned: str = ""
    scanners: tuple[Scanner, ...] = ()
    holding: tuple[Scanner, ...] = ()
    watching: tuple[Scanner, ...] = ()
    checks: tuple[Gate, ...] = ()
    bound: tuple[Gate, ...] = ()
    first: tuple[Gate, ...] = ()
    meanwhile: tuple[Gate, ...] = ()
    in_turn: tuple[Gate, ...] = ()
    afterwards: tuple[Gate, ...] = ()
    waiting: bool = False
    keyed: bool = False
    """Somebody redacts with placeholders that only the tenant's key makes."""
    groups: tuple[tuple[Roles, tuple[Scanner, ...]], ...] = ()

    @property
    def selectors(self) -> tuple[str, ...]:
        return tuple(gate.selector for gate in self.gates)

    @property
    def withholds_errors(self) -> bool:
        """Somebody who may refuse reads more than a detector is shown of a provider's error."""
        return self.waiting or any(gate.strategy != "audit" for gate in self.bound)

    @property
    def wait_ms(self) -> int:
        """The longest that the hook may wait: together, then in turn."""
        together = max((gate.timeout_ms for gate in self.first), default=0)
        return together + sum(gate.timeout_ms for gate in self.in_turn)

    @property
    def meanwhile_ms(self) -> int:
        """The longest that those may take who judge while the call runs."""
        return max((gate.timeout_ms for gate in self.meanwhile), default=0)

    @property
    def asks(self) -> bool:
        """Somebody outside this process is asked."""
        return bool(self.first or self.meanwhile or self.in_turn or self.afterwards)


def arrange(
    gates: Sequence[Gate],
    rules: tuple[str, ...] = (),
    messages: Mapping[str, str] | None = None,
    no_unscanned: str = "",
    parallel: bool = True,
    added: Collection[str] = (),
) -> Selection:
    """Put gates in order: validating ones first, then mutating ones by priority.

    `added`: selectors that no rule names. They mutate behind those that rules name, whatever their
    priority: what a caller adds must not decide how a rule's finding is replaced (P4). `parallel`:
    there is a call that can run meanwhile (on the way back there is none).
    """
    validating = [gate for gate in gates if gate.operation == "validate"]
    mutating = [gate for gate in gates if gate.operation == "mutate"]
    mutating.sort(key=lambda gate: (gate.selector in added, gate.priority))
    ordered = [*validating, *mutating]
    services = [gate for gate in ordered if gate.service is not None]
    asked = [gate for gate in services if gate.waits]
    return _scanning(
        Selection(
            tuple(ordered),
            rules,
            messages or {},
            no_unscanned,
            checks=tuple(gate for gate in ordered if gate.check is not None),
            bound=tuple(gate for gate in ordered if gate.bound is not None),
            first=tuple(g for g in asked if not g.mutates and not (g.parallel and parallel)),
            meanwhile=tuple(g for g in asked if not g.mutates and g.parallel and parallel),
            in_turn=tuple(g for g in asked if g.mutates),
            afterwards=tuple(gate for gate in services if not gate.waits),
            waiting=any(gate.waits for gate in ordered),
            keyed=any(gate.redaction in ("hash", "pseudonym") for gate in ordered),
        ),
        ordered,
    )


def bind(selection: Selection, asked: Sequence[Passage]) -> tuple[Selection, dict[Gate, Fault]]:
    """The selection with the detectors that this call's own texts make, and who could make none."""
    if not selection.bound:
        return selection, {}
    made: dict[str, Detector | None] = {}
    faults: dict[Gate, Fault] = {}
    for gate in selection.bound:
        assert gate.bound is not None
        try:
            made[gate.selector] = gate.bound.detector(asked)
        except GuardrailFault as fault:
            faults[gate] = fault.fault
        except Exception:  # a defect of ours is the guardrail's failure, not the exchange's
            faults[gate] = "defect"
    gates = [_with(gate, made.get(gate.selector)) for gate in selection.gates]
    return _scanning(replace(selection, gates=tuple(gates)), gates), faults


def _with(gate: Gate, detector: Detector | None) -> Gate:
    return gate if detector is None else replace(gate, scans=((detector, gate.roles),))


def _scanning(selection: Selection, gates: Sequence[Gate]) -> Selection:
    scanners = by_detector(gates)
    groups: dict[Roles, list[Scanner]] = {}
    for scanner in scanners:
        groups.setdefault(scanner.roles, []).append(scanner)
    return replace(
        selection,
        scanners=scanners,
        holding=by_detector([gate for gate in gates if gate.strategy != "audit"]),
        watching=by_detector([gate for gate in gates if gate.strategy == "audit"]),
        groups=tuple((roles, tuple(found)) for roles, found in groups.items()),
    )


class RuleMatcher:
    """One rule of `gateway-guardrails-config`, compiled."""

    def __init__(self, rule: GuardrailRule) -> None:
        self.id = rule.id
        self.message = rule.custom_error_message
        self.names = {hook: _listed(rule, hook) for hook in HOOKS}
        self.no_unscanned = rule.unscanned == "refuse"
        when = rule.when
        self._subjects = None if when.subjects is None else frozenset(when.subjects)
        self._models = None if when.models is None else _globs(when.models)
        self._metadata = tuple((when.metadata or {}).items())
        self._environments = None if when.environments is None else frozenset(when.environments)
        self._tools = None if when.mcp_servers is None else _tools(when.mcp_servers)

    def speaks_of(self, hook: Hook) -> bool:
        """It has something to say at this hook."""
        return bool(self.names[hook]) or self.no_unscanned

    def matches(
        self,
        subjects: Collection[str],
        models: Iterable[str],
        metadata: Mapping[str, str],
        environment: str = "",
        tool: tuple[str, str] | None = None,
    ) -> bool:
        """Parts are ANDed; a missing part matches everything; an empty list matches nothing.

        `tool`: (server, tool) of a tool call; a rule for servers matches nothing else.
        """
        if self._subjects is not None and self._subjects.isdisjoint(subjects):
            return False
        if self._models is not None and not any(map(self._models, models)):
            return False
        if self._environments is not None and environment not in self._environments:
            return False
        if self._tools is not None and not (tool and self._tools("/".join(tool))):
            return False
        return all(metadata.get(key) == value for key, value in self._metadata)


def _listed(rule: GuardrailRule, hook: Hook) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(rule, f"{hook}_guardrails")
    return names


def _globs(patterns: Sequence[str]) -> Callable[[str], object]:
    return compile_regex("|".join(translate(p) for p in patterns) or r"(?!)").match


def _tools(names: Sequence[str]) -> Callable[[str], object]:
    """`server` means all of its tools."""
    return _globs([name if "/" in name else f"{name}/*" for name in names])


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
