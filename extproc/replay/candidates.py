"""Routing that was: a router that gives a call the candidates its entry names, in their order.

Promises: the targets are those of the configuration's own rules, found by the real router; only
what chance and the health of providers decided is taken from the entry. Under another configuration
a call keeps its candidates where the new rules would have chosen from the same ones in the same
way; else it is routed anew, with a draw that follows from its decision id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from extproc.replay.recorded import Recorded
from extproc.routing.plan import Router
from extproc.routing.values import Ask, Routed, Target

_DRAWS = tuple(n / 16 for n in range(16))
"""Where the shares of a rule's targets are looked for."""
_MANY_DRAWS = tuple(n / 512 for n in range(512))
_MEMO_MAX = 4_096
Signature = tuple[tuple[str, ...], ...]


class NotFound(Exception):
    """The recorded candidates do not follow from the configuration."""


class Candidates:
    """The router of one configuration, asked about recorded calls."""

    def __init__(self, router: Router) -> None:
        self.real = router
        self._signatures: dict[object, Signature] = {}

    def signature(self, ask: Ask) -> Signature:
        """Whom it may choose from, and how: the targets for each of some draws."""
        key = (ask.model, ask.subjects, tuple(sorted(ask.metadata.items())), ask.operation,
               ask.caller_id)  # fmt: skip
        found = self._signatures.get(key)
        if found is None:
            found = tuple(_names(self.real.route(replace(ask, draw=draw))) for draw in _DRAWS)
            if len(self._signatures) >= _MEMO_MAX:
                self._signatures.clear()
            self._signatures[key] = found
        return found

    def as_recorded(self, ask: Ask, names: Sequence[str]) -> Routed | None:
        """Routed to these, in this order; None where its rules do not lead to them."""
        routed = self.real.route(replace(ask, draw=0.0))
        if routed is None:
            return None
        if _names(routed) == tuple(names):
            return routed
        for draws in (_DRAWS, _MANY_DRAWS):
            pool = self._pool(ask, draws)
            picked = pick(names, pool)
            if picked is not None:
                return replace(routed, targets=picked)
        return None

    def _pool(self, ask: Ask, draws: Sequence[float]) -> list[Target]:
        """Everybody who may serve this request, each target once."""
        pool: dict[int, Target] = {}
        for draw in draws:
            routed = self.real.route(replace(ask, draw=draw))
            pool |= {id(target): target for target in (routed.targets if routed else ())}
        return list(pool.values())


class RecordedRouter:
    """Of one call. `before`: the routing that the call really had, where this is another one."""

    def __init__(
        self, candidates: Candidates, call: Recorded, before: Candidates | None = None
    ) -> None:
        self._candidates, self._call, self._before = candidates, call, before
        self.figures = candidates.real.figures
        self.rerouted = False

    @property
    def models(self) -> list[str]:
        return self._candidates.real.models

    def route(self, ask: Ask) -> Routed | None:
        """As `Router.route`. Raises NotFound where the entry does not fit its configuration."""
        call = self._call
        if not call.candidates or ask.model != call.final_model:
            return self._anew(ask)
        before = self._before
        if before is not None and before.signature(ask) != self._candidates.signature(ask):
            self.rerouted = True
            return self._anew(ask)
        found = self._candidates.as_recorded(ask, call.candidates)
        if found is None and before is None:
            raise NotFound
        return found or self._anew(ask)

    def _anew(self, ask: Ask) -> Routed | None:
        return self._candidates.real.route(replace(ask, draw=draw_of(self._call.decision_id)))

    def keyed(self, targets: Sequence[Target], draw: float, now_ms: int) -> tuple[Target, ...]:
        """As `Router.keyed`, with each target's keys in the recorded order."""
        found = self._candidates.real.keyed(targets, draw_of(self._call.decision_id), now_ms)
        keys = self._call.keys
        if not keys:
            return found
        order = {pair: n for n, pair in enumerate(keys)}
        place = {id(target.base): n for n, target in enumerate(targets)}

        def recorded(one: Target) -> tuple[int, int]:
            return place[id(one.base)], order.get((one.name, one.key), len(order))

        return tuple(sorted(found, key=recorded))


def draw_of(decision_id: str) -> float:
    """In [0, 1), always the same for the same decision."""
    digest = blake2b(decision_id.encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def pick(names: Sequence[str], pool: Sequence[Target]) -> tuple[Target, ...] | None:
    """One target for each name, none twice; None where one is missing."""
    left, picked = list(pool), list[Target]()
    for name in names:
        found = next((target for target in left if target.name == name), None)
        if found is None:
            return None
        left.remove(found)
        picked.append(found)
    return tuple(picked)


def _names(routed: Routed | None) -> tuple[str, ...]:
    return () if routed is None else tuple(target.name for target in routed.targets)
