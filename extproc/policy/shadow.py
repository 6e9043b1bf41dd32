"""Policies that are asked and never heeded (`policy.shadow`): what they would have decided.

Promises: asked with the very inputs of the real policy, when the call is over and its answer has
left; nothing that one of them does, faults included, changes or fails a call. While they are slow
on average (above SLOW_NS) all rest twenty times as long as they took, and a call that they were not
asked about says so. Refuses, at load, what the real policy's loader refuses (P7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from extproc.exchange.basis import Shadowed
from extproc.exchange.record import Record
from extproc.policy.decision import BAD_INPUT, NOT_WHOLE, UNDEFINED
from extproc.policy.decision import FAILED as FAILED_DECISION
from extproc.policy.values import Decision

REST = 20
"""A question that took so long is followed by a rest of so many times that."""
SLOW_NS = 1_000_000
"""What takes no longer than this, on average, needs no rest."""
REMEMBERED = 8
"""The average is over about so many: one pause of the process is no slow policy."""
TOO_SLOW, FAILED = "too_slow", "failed"
_BROKEN = frozenset(f for d in (UNDEFINED, FAILED_DECISION, BAD_INPUT, NOT_WHOLE) for f in d.faults)
"""Faults with which nothing was decided; with any other a policy has denied."""


class Asked(Protocol):
    """An engine that decides at once, in this thread."""

    bundle_digest: str

    def decide_one(self, document: Mapping[str, Any]) -> Decision: ...


class ShadowPolicies:
    """The shadow bundles of one configuration, one engine each. Belongs to one event loop."""

    def __init__(self, engines: Sequence[Asked]) -> None:
        self.engines = engines
        self._average_ns = self._rests_until_ns = 0

    def note(self, record: Record, clock_ns: Callable[[], int]) -> None:
        """Write into the record what each of them would have decided. Never raises.

        `clock_ns`: monotonic.
        """
        if not self.engines or not record.decisions:
            return
        found: list[Shadowed] = []
        now_ns = clock_ns()
        for engine in self.engines:
            if now_ns < self._rests_until_ns:
                found.append(Shadowed(engine.bundle_digest, fault=TOO_SLOW))
                continue
            found.append(_asked(engine, record))
            then_ns = clock_ns()
            took_ns, now_ns = then_ns - now_ns, then_ns
            self._average_ns += (took_ns - self._average_ns) // REMEMBERED
            if self._average_ns > SLOW_NS:
                self._rests_until_ns = then_ns + REST * took_ns
        record.basis.shadows = tuple(found)


def _asked(engine: Asked, record: Record) -> Shadowed:
    try:
        decisions = [engine.decide_one(one) for one in record.basis.policy_inputs]
        return compared(engine.bundle_digest, record.decisions, decisions)
    except Exception:  # also PolicyUnavailable: an engine that panicked makes itself anew
        return Shadowed(engine.bundle_digest, fault=FAILED)


def compared(
    bundle_digest: str, real: Sequence[tuple[str, Decision]], shadow: Sequence[Decision]
) -> Shadowed:
    """What a shadow's answers come to, beside the real ones, target by target in one order."""
    broken = [fault for decision in shadow for fault in decision.faults if fault in _BROKEN]
    if broken:
        return Shadowed(bundle_digest, fault=broken[0])
    differing = {
        name: theirs.allow
        for (name, ours), theirs in zip(real, shadow, strict=True)
        if (ours.allow, ours.obligations) != (theirs.allow, theirs.obligations)
    }
    return Shadowed(
        bundle_digest,
        allow=any(decision.allow for decision in shadow),
        differs=bool(differing),
        reasons=tuple(sorted({reason for decision in shadow for reason in decision.reasons})),
        targets=differing,
    )


def result(one: Shadowed, allowed: bool) -> str:
    """For the metric: same, would_deny, would_allow or fault. `allowed`: by the real policy."""
    if one.fault:
        return "fault"
    if one.allow == allowed:
        return "same"
    return "would_allow" if one.allow else "would_deny"


def load_shadows(paths: Sequence[str | Path]) -> ShadowPolicies:
    """Each path is a bundle of its own. Raises BundleRefused."""
    if not paths:
        return NO_SHADOWS
    from extproc.policy.embedded import load

    return ShadowPolicies([load((path,)) for path in paths])


NO_SHADOWS = ShadowPolicies(())
