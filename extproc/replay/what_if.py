"""What another policy, budget, rate limit or guardrail strategy would have made of recorded calls.

Promises: two runs over the same calls in the order of time, one with what was in force and one with
what is tried, each with its own simulated ledger: what differs between them is the change and
nothing else. How often the first of them decides as the log has it is told beside the result; where
it does not, the simulation is not to be believed.

Exact: policies, scopes, caps, strategies and selections of guardrails that looked at the call.
Simulated: rate limits, budgets, concurrency; each counter begins with what the first recorded call
that touched it found there. Assumed: another model uses as many tokens; a call that was refused
would have used what calls of its model use.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from extproc.audit.values import Entry
from extproc.errors import Code
from extproc.limits.values import NOTHING, Charge, Measure
from extproc.replay.again import DECIDED, Progress
from extproc.replay.candidates import NotFound
from extproc.replay.changes import Change, Changes, End, kind_of, who
from extproc.replay.costs import FREE, Cost, Typical, cost_after, recorded_cost
from extproc.replay.ground import Ground, changed_guardrails
from extproc.replay.library import Instead, Library, Unavailable
from extproc.replay.recorded import Reason, Recorded, read
from extproc.replay.simulated_ledger import SimulatedLedger
from extproc.replay.walk import Given, Walked, walk
from extproc.routing.values import Target


@dataclass(order=True, slots=True)
class _Ending:
    """A call that runs until then."""

    at_ms: int
    number: int
    ledger: SimulatedLedger = field(compare=False)
    name: str = field(compare=False)
    actual: Mapping[Measure, int] = field(compare=False)


def in_order(entries: Iterable[Entry], changes: Changes) -> list[Recorded]:
    """Calls in the order in which they began; the others are counted by their reason."""
    found: list[Recorded] = []
    for entry in entries:
        call = read(entry)
        if call == "event":
            continue
        changes.calls += 1
        if isinstance(call, str):
            changes.left_out[call] += 1
        else:
            found.append(call)
    found.sort(key=lambda call: call.at_ms)
    return found


async def what_if(
    entries: Iterable[Entry], library: Library, instead: Instead, progress: Progress | None = None
) -> Changes:
    """Decide everything twice. `library`: not strict. `progress`: told how many are done."""
    changes = Changes()
    calls = in_order(entries, changes)
    run = _Run(calls, library, instead, changes)
    for done, call in enumerate(calls, 1):
        try:
            await run.decide(call)
        except Unavailable as error:
            changes.left_out[error.reason] += 1
        except NotFound:
            changes.left_out["routing_not_found"] += 1
        if progress is not None:
            progress(done)
    return changes


class _Run:
    """Two ledgers, one clock."""

    def __init__(
        self, calls: Sequence[Recorded], library: Library, instead: Instead, changes: Changes
    ) -> None:
        self._library, self._instead, self._changes = library, instead, changes
        self._typical = Typical(calls)
        self._seeds: dict[str, int] = {}
        self._call: Recorded | None = None
        self._before = SimulatedLedger(self._seed)
        self._after = SimulatedLedger(lambda _charge, key: self._seeds.get(key, 0))
        self._running: list[_Ending] = []
        self._endings = 0
        self._looks: dict[tuple[int, int], frozenset[str]] = {}

    def _seed(self, charge: Charge, key: str) -> int:
        """What the first recorded call found in a counter."""
        assert self._call is not None
        wanted = (charge.rule_id, charge.measure)
        found = (c for c in self._call.counters if (c["rule_id"], c["measure"]) == wanted)
        spent = self._seeds[key] = next((c["spent"] + c["reserved"] for c in found), 0)
        return spent

    async def decide(self, call: Recorded) -> None:
        """One call in both worlds. Raises Unavailable, NotFound."""
        was, tried = self._grounds(call)
        await self._end_until(call.at_ms)
        self._call = call
        self._before.now_ms = self._after.now_ms = call.at_ms
        old = await walk(call, Given(was, self._before))
        new = await walk(call, Given(tried, self._after, was, self._changed(was, tried)))
        reason = _undecidable(old, new)
        if reason is not None:
            self._changes.left_out[reason] += 1
            for ledger in (self._before, self._after):
                await ledger.settle(call.decision_id, NOTHING)
            return
        self._changes.decided += 1
        self._changes.rerouted += new.rerouted
        before, costs = _recorded_end(call), self._costs(call, old, new, was, tried)
        ends = _end(call, old), _end(call, new)
        self._changes.as_recorded += ends[0].code == before.code
        self._hold(call, self._before, old, costs[0])
        self._hold(call, self._after, new, costs[1])
        self._count(call, ends, before, new, costs)

    def _grounds(self, call: Recorded) -> tuple[Ground, Ground]:
        was = self._library.as_it_was(call)
        tried = self._library.instead(call, self._instead)
        self._library.tell(call)
        return was, tried

    def _changed(self, was: Ground, tried: Ground) -> frozenset[str]:
        key = (id(was), id(tried))
        if key not in self._looks:
            self._looks[key] = changed_guardrails(was, tried)
        return self._looks[key]

    # --- money ----------------------------------------------------------------------------------

    def _costs(
        self, call: Recorded, old: Walked, new: Walked, was: Ground, tried: Ground
    ) -> tuple[Cost | None, Cost | None]:
        """Of the call in each of the two worlds; None: nobody knows."""
        real = recorded_cost(call) if call.through else None
        return self._cost(call, old, was, real), self._cost(call, new, tried, real)

    def _cost(
        self, call: Recorded, walked: Walked, ground: Ground, real: Cost | None
    ) -> Cost | None:
        if not walked.sent:
            return FREE
        if real is not None and (call.usage is None or not call.served):
            return real  # nobody answered: whoever is asked instead, it costs what it cost
        target, prices = _target(call, walked), ground.world.prices
        if target is None:
            return real
        found = cost_after(call, walked, target, prices, self._typical)
        unmoved = target.name == call.served and prices.digest == call.prices_digest
        return real if unmoved and found is not None and found.exact else found

    def _hold(
        self, call: Recorded, ledger: SimulatedLedger, walked: Walked, cost: Cost | None
    ) -> None:
        """Its reservation is settled when the recorded call ended."""
        if walked.record.reservation_id:
            actual = NOTHING if not walked.sent else cost.actual if cost is not None else {}
            if walked.answered:
                actual = {**NOTHING, "requests": 1 if walked.request.counts_itself else 0}
            at_ms = call.at_ms + (call.duration_ms if walked.sent else 0)
            self._endings += 1
            ending = _Ending(at_ms, self._endings, ledger, call.decision_id, actual)
            heapq.heappush(self._running, ending)

    async def _end_until(self, now_ms: int) -> None:
        while self._running and self._running[0].at_ms <= now_ms:
            ending = heapq.heappop(self._running)
            ending.ledger.now_ms = ending.at_ms
            await ending.ledger.settle(ending.name, ending.actual)

    # --- the difference -------------------------------------------------------------------------

    def _count(
        self, call: Recorded, ends: tuple[End, End], recorded: End, new: Walked,
        costs: tuple[Cost | None, Cost | None],
    ) -> None:  # fmt: skip
        was, now = ends
        delta, exact = _delta(*costs)
        if was == now and not delta:
            return
        kind = kind_of(was, now, delta)
        if kind is None or (was.code != recorded.code and now.code == recorded.code):
            return  # the replay was wrong about what was, and this is how it really went
        team, model = who(call)
        self._changes.add(
            Change(kind, call.decision_id, team, model, was, now, delta, exact, new.unjudged)
        )
        self._changes.unjudged.update(new.unjudged)


def _undecidable(old: Walked, new: Walked) -> Reason | None:
    """Why one of the two decisions cannot be made."""
    for walked in (old, new):
        if not walked.carried:
            return "target_could_not_carry"
        if walked.refusal is not None and walked.refusal.code is Code.POLICY_UNAVAILABLE:
            return "policy_elsewhere"
    return None


def _delta(before: Cost | None, after: Cost | None) -> tuple[int | None, bool]:
    if before is None or after is None:
        return None, False
    return after.nano_usd - before.nano_usd, before.exact and after.exact


def _recorded_end(call: Recorded) -> End:
    if call.code in DECIDED:
        return End(call.code, call.rule_id, paid=call.outcome == "blocked")
    return End(target=call.served)


def _end(call: Recorded, walked: Walked) -> End:
    if walked.refusal is not None:
        return End(walked.refusal.code.value, walked.refusal.rule_id or "", paid=walked.sent)
    target = _target(call, walked)
    return End(target=target.name if target is not None else "")


def _target(call: Recorded, walked: Walked) -> Target | None:
    """Who serves it: who did, where he still may and is still where he was; else the first."""
    able = [t for t in walked.request.targets if t.name in walked.plan]
    if not walked.rerouted:
        served = next((t for t in able if t.name == call.served), None)
        if served is not None:
            return served
    return able[0] if able else None
