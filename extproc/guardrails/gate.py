"""One guardrail, compiled: what it looks with, and what it may do about a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from extproc.guardrails.values import Bound, Check, Detector, Hook, Outcome, Service, Strategy
from extproc.llm.call import Role

Roles = frozenset[Role] | None
"""Whose texts are looked at; None = everybody's."""
Scan = tuple[Detector, Roles]

REVEAL = "reveal"
_WITHOUT_TEXT = frozenset(("metadata", "opa", "cedar", "webhook", "length", "json-schema"))
"""Types that have something to say of a call without a text."""


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """`selector`: `group/name`. It looks with `scans`, or judges by `check`, `service` or `bound`.

    `strategy` is `audit` where nobody waits for it (`execution: after`), for then it can change
    nothing. `timeout_ms` binds services. `own_roles`: the
    only hooks where it can say anything, and whose texts it reads there unless `roles` says so.
    """

    selector: str
    operation: str
    strategy: Strategy
    priority: int = 0
    timeout_ms: int = 5_000
    type: str = ""
    parallel: bool = False
    own_roles: Mapping[Hook, Roles] | None = None
    redaction: str = "replace"
    roles: Roles = None
    scans: tuple[Scan, ...] = ()
    check: Check | None = None
    service: Service | None = None
    bound: Bound | None = None

    @property
    def blocks(self) -> bool:
        return self.operation == "validate" and self.strategy != "audit"

    @property
    def mutates(self) -> bool:
        return self.operation == "mutate" and self.strategy != "audit"

    @property
    def waits(self) -> bool:
        """Judges whole texts and may refuse or change them: a stream is held until it has."""
        return (self.check or self.service) is not None and self.strategy != "audit"

    @property
    def lenient(self) -> bool:
        """What cannot be put back in its place stays as it is; nobody is refused for it."""
        return self.type == REVEAL

    @property
    def needs_text(self) -> bool:
        return self.type not in _WITHOUT_TEXT

    @property
    def outcome(self) -> Outcome:
        """What a finding of this guardrail means."""
        if self.strategy == "audit":
            return "audit"
        return "block" if self.operation == "validate" else "mutate"

    def at(self, hook: Hook) -> Gate | None:
        """The gate as it works at a hook; None where it has nothing to look at."""
        if self.own_roles is None:
            return self
        if hook not in self.own_roles:
            return None
        return self if self.roles is not None else replace(self, roles=self.own_roles[hook])


@dataclass(frozen=True, slots=True, eq=False)
class Scanner:
    """A detector, the gates that share it, and whose texts it reads."""

    detector: Detector
    gates: tuple[Gate, ...]
    roles: Roles = None


def by_detector(gates: Sequence[Gate]) -> tuple[Scanner, ...]:
    """Equal detectors scan once."""
    groups: dict[tuple[int, Roles], list[tuple[Detector, Gate]]] = {}
    for gate in gates:
        for detector, roles in gate.scans:
            groups.setdefault((id(detector), roles), []).append((detector, gate))
    return tuple(
        Scanner(found[0][0], tuple(gate for _, gate in found), roles)
        for (_, roles), found in groups.items()
    )


def for_role(scanners: Sequence[Scanner], role: Role) -> tuple[Scanner, ...]:
    return tuple(s for s in scanners if s.roles is None or role in s.roles)
