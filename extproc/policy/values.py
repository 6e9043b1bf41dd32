"""What a policy engine is asked and what it answers; the same for every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Decision:
    """The bundle's answer for one candidate target.

    `allow` is True only for the boolean true. `reasons` and `obligations` are as the author wrote
    them; ill-typed ones count as absent and are named in `faults` (for the audit entry).
    """

    allow: bool
    reasons: tuple[str, ...] = ()
    obligations: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class PolicyUnavailable(Exception):
    """The engine gave no decision in time: `policy_unavailable`, never allow."""


class PolicyEngine(Protocol):
    """Decides. `bundle_digest` (SHA-256 hex over the bundle's files) goes into every decision."""

    bundle_digest: str

    async def decide(self, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """One decision per input, in order. Raises PolicyUnavailable."""
        ...

    async def start(self) -> None:
        """Begin whatever runs beside the decisions; on the loop that decides."""
        ...

    async def close(self) -> None: ...
