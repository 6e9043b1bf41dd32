"""In which order the targets of one rule are tried.

Promises: what is ill goes last and is never dropped; a target with `fallback_candidate: false`
serves where the rule itself puts it first, or not at all. Pure: chance, time and health are
parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from extproc.config.routing_model import LATENCY, PRIORITY, LoadBalanceTarget
from extproc.routing.figures import Key
from extproc.routing.track import LONG_MS
from extproc.routing.values import Target

EXPLORED = 0.05
"""Share of the calls that try a target nobody knows the speed of, beside ones that are known."""
AS_FAST = 1.1
"""Targets up to so much slower than the fastest share its calls."""
_BITS = 52


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One target of a rule. `keys`: what the figures know its connections by. `label`: tells it
    from every other one of its rule."""

    target: Target
    spec: LoadBalanceTarget
    keys: tuple[Key, ...]
    label: str

    @property
    def weight(self) -> float:
        return self.spec.weight


@dataclass(frozen=True, slots=True)
class Situation:
    """What one request and this moment bring to the order.

    `session`: '' when it is not sticky. `caller_id`, `now_ms`: see `Ask`. `near`: in the region
    that is preferred. `pace`: milliseconds per output token, None where nobody knows.
    """

    draw: float
    session: str
    caller_id: str
    now_ms: int
    ill: Callable[[Option], bool]
    near: Callable[[Option], bool]
    pace: Callable[[Option], float | None]


Choice = Callable[[Sequence[Option], float], tuple[Option, float]]


def ordered(strategy: str, options: Sequence[Option], situation: Situation) -> tuple[Option, ...]:
    """Which goes first, and the others behind it. `options`: at least one."""
    near, ill = situation.near, {option for option in options if situation.ill(option)}
    choose, rank = _strategy(strategy, situation)
    first, draw = choose(_if_any(near, options), situation.draw)
    if first in ill:
        well = [o for o in options if o.spec.fallback_candidate and o not in ill]
        if well:
            first, _ = choose(_if_any(near, well), draw)
    rest = [o for o in options if o is not first and o.spec.fallback_candidate]
    rest.sort(key=lambda o: (o in ill, not near(o), *rank(o)))
    return (first, *rest)


def behind(strategy: str, options: Sequence[Option], first: Option) -> tuple[Option, ...]:
    """The order while everybody is well: `first`, and the others as priority or weight has them."""
    rest = [o for o in options if o is not first and o.spec.fallback_candidate]
    rank = _by_priority if strategy == PRIORITY else _by_weight
    return (first, *sorted(rest, key=rank))


def _by_priority(option: Option) -> tuple[float, ...]:
    return (option.spec.priority, -option.weight)


def _by_weight(option: Option) -> tuple[float, ...]:
    return (-option.weight,)


def _if_any(fits: Callable[[Option], bool], options: Sequence[Option]) -> Sequence[Option]:
    return [o for o in options if fits(o)] or options


def _strategy(
    strategy: str, situation: Situation
) -> tuple[Choice, Callable[[Option], tuple[float, ...]]]:
    """(who goes first of some, by what the others are sorted)."""
    match strategy:
        case _ if strategy == PRIORITY:
            return _foremost, _by_priority
        case _ if strategy == LATENCY:
            pace = situation.pace

            def speed(option: Option) -> tuple[float, ...]:
                known = pace(option)
                return (math.inf if known is None else known,)

            return lambda options, draw: _fastest(options, draw, situation), speed
        case _ if situation.session:
            session = situation.session
            return lambda options, draw: (kept(options, session), draw), _by_weight
        case _:
            return weighted, _by_weight


def _foremost(options: Sequence[Option], draw: float) -> tuple[Option, float]:
    top = min(o.spec.priority for o in options)
    return weighted([o for o in options if o.spec.priority == top], draw)


def weighted(options: Sequence[Option], draw: float) -> tuple[Option, float]:
    """The option in whose share of the weights `draw` falls, and where in that share: another
    draw, for another choice."""
    total = sum(o.weight for o in options)
    if total <= 0:
        return options[0], draw
    point = draw * total
    for option in options:
        if point < option.weight:
            return option, point / option.weight
        point -= option.weight
    return next(o for o in reversed(options) if o.weight > 0), 0.0


def kept(options: Sequence[Option], session: str) -> Option:
    """The same option for the same session, by weight, without anything being stored: the highest
    of the options' scores (weighted rendezvous hashing; Schindelhauer and Schomaker 2005). An
    option that goes moves only the sessions it had."""
    return max(options, key=lambda o: _score(session, o))


def _score(session: str, option: Option) -> float:
    if option.weight <= 0:
        return 0.0
    digest = blake2b(f"{session}\0{option.label}".encode(), digest_size=8).digest()
    point = (int.from_bytes(digest) >> (64 - _BITS)) + 0.5  # never 0 and never all of it
    return -option.weight / math.log(point / 2**_BITS)


def _fastest(options: Sequence[Option], draw: float, situation: Situation) -> tuple[Option, float]:
    """One of the fastest, the same one for a caller within an epoch; now and then an unknown."""
    epoch = f"{situation.caller_id}\0{situation.now_ms // LONG_MS}"
    paces = {o: situation.pace(o) for o in options}
    unknown = [o for o, pace in paces.items() if pace is None]
    known = [pace for pace in paces.values() if pace is not None]
    if not known:
        return _any_of(options, epoch), draw
    if unknown and draw < EXPLORED:
        return unknown[int(draw / EXPLORED * len(unknown))], draw
    most = min(known) * AS_FAST
    return _any_of([o for o, p in paces.items() if p is not None and p <= most], epoch), draw


def _any_of(options: Sequence[Option], epoch: str) -> Option:
    """Evenly, whatever their weights."""
    return max(
        options, key=lambda o: blake2b(f"{epoch}\0{o.label}".encode(), digest_size=8).digest()
    )
