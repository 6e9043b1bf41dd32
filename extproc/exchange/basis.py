"""What a decision was made of, beside what its entry holds anyway: enough to make it again (P6).

Promises: references to what the exchange holds already, so that keeping it costs next to nothing
on a caller's way; it becomes part of the entry once, when the exchange is closed. No content (P4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from extproc.exchange.selected import Selected
from extproc.limits.values import Amounts, Charge
from extproc.routing.values import Target
from extproc.usage.input_bound import InputBound


@dataclass(frozen=True, slots=True)
class DueStep:
    """A budget wanted the request smaller. `spent`: of its counter; `full`: it had no room."""

    rule_id: str
    spent: int
    full: bool


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What one shadow bundle would have decided. `fault`: why it did not, '' where it did.

    `allow`: of at least one target. `differs`: some target's answer is not the real one. `targets`:
    those where it is not, with the shadow's own answer.
    """

    bundle_digest: str
    allow: bool = False
    differs: bool = False
    reasons: tuple[str, ...] = ()
    targets: Mapping[str, bool] = field(default_factory=dict)
    fault: str = ""


@dataclass(slots=True)
class Basis:
    """Of one exchange, from its last round. `keyed`: the targets in order, once per key of their
    account. `retry`: attempts and statuses that the caller asked for. `stated`: the most output
    tokens of one choice when room was asked for, None: nobody said. `header`: the guardrails that
    the caller added, as it said them. `policy_inputs`: what the policy was asked."""

    rule_id: str = ""
    fallback_id: str = ""
    keyed: Sequence[Target] = ()
    bound: InputBound | None = None
    lane: str | None = None
    retry: tuple[int, tuple[int, ...]] | None = None
    charges: Sequence[Charge] = ()
    amounts: Amounts | None = None
    stated: int | None = None
    dues: list[DueStep] = field(default_factory=list)
    selected: Selected | None = None
    header: str = ""
    policy_inputs: Sequence[Mapping[str, Any]] = ()
    shadows: Sequence[Shadowed] = ()
