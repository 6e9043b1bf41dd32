"""When not to ask a service that does not answer. A pure state machine: the clock is a parameter.

Promises: after `failures_max` failures in a row nobody asks for `open_s` seconds; then exactly one
probe may, once per `open_s`, until one call succeeds. A probe that never reports back (its caller
went away) is forgotten after `open_s`; it locks nothing. One success closes it.
"""

from __future__ import annotations

from extproc.guardrails.values import Fault

FAILURES_MAX = 5
OPEN_S = 10.0
# What says that the service is down. A refused, oversized or misunderstood text says nothing of the
# kind: counting it would let one caller's texts switch a guardrail off for everybody.
FAILURES: frozenset[Fault] = frozenset(("timeout", "unreachable", "rate_limited"))


class Breaker:
    """Of one endpoint. `now`: seconds of any clock that never goes back."""

    __slots__ = ("_failures", "_failures_max", "_open_s", "_probe_at")

    def __init__(self, failures_max: int = FAILURES_MAX, open_s: float = OPEN_S) -> None:
        self._failures_max = failures_max
        self._open_s = open_s
        self._failures = 0
        self._probe_at: float | None = None
        """None: closed. Otherwise open, and the next probe may go at this time."""

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def allows(self, now: float) -> bool:
        """Whether to ask; whoever is told yes while it is open is the probe, and asks now."""
        if self._probe_at is None:
            return True
        if now < self._probe_at:
            return False
        self._probe_at = now + self._open_s
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._probe_at = None

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._probe_at is not None or self._failures >= self._failures_max:
            self._probe_at = now + self._open_s


class Breakers:
    """One breaker per endpoint. Outlives a reload, so that a dead service stays known as dead."""

    def __init__(self, failures_max: int = FAILURES_MAX, open_s: float = OPEN_S) -> None:
        self._failures_max = failures_max
        self._open_s = open_s
        self._of: dict[str, Breaker] = {}

    def of(self, endpoint: str) -> Breaker:
        """The endpoint's own, closed at first."""
        breaker = self._of.get(endpoint)
        if breaker is None:
            breaker = self._of[endpoint] = Breaker(self._failures_max, self._open_s)
        return breaker
