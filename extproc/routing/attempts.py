"""Targets -> the attempts Envoy may make, and where each of their endings leads.

Promises: an attempt is followed by another only for an ending that its target lists, or by one with
another key of the same account where its own was refused; it leads to a later slot, never back; the
last slot leads nowhere; no further try of one target takes the place of another target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise

from extproc.routing.values import Target

ATTEMPTS_MAX = 8
"""Most attempts of one request over all its targets (the data plane reserves as many slots)."""
KEY_REFUSED = (401, 429)
"""What is about the key: another key of the account is asked next, whatever the target lists."""
LATE, BROKEN = "late", "broken"
SILENT = {LATE: (408, 504), BROKEN: (502, 503)}
"""Endings without an answer, and the statuses that stand for them in `on_status_codes` and
`fallback_status_codes`."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Where an ending leads: a slot, counted from 1, and the account that is asked there."""

    slot: int
    account: str


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt: its target, and where each of its endings leads.

    `leads`: "429", "late" (not answered in time: 408 or 504 is listed), "broken" (the connection
    broke or could not be opened: 502 or 503 is listed) -> the next attempt. What is not in it leads
    nowhere: the answer is the caller's. `retry_on` is the same for the data plane
    (`dataplane/lua/attempt.lua`): "429>2:a,late>3:b".

    `billable`: a reservation counts this attempt's worst case besides that of the attempt which
    answers. It may end without an answer and another one follow, and the provider may bill it
    though nobody will ever see its usage (P2). Of several tries at one target, with whatever key,
    that would all go on to the next target only the last counts: no more than one of them can end
    so. A connection that could not be opened is never billed.
    """

    target: Target
    leads: Mapping[str, Lead] = field(default_factory=dict)
    retry_on: str = ""
    billable: bool = False

    @property
    def may_time_out(self) -> bool:
        """Whether another attempt follows when this one is not answered in time."""
        return LATE in self.leads

    @property
    def may_break(self) -> bool:
        """Whether another attempt follows when this one's connection breaks."""
        return BROKEN in self.leads

    @property
    def silent(self) -> Lead | None:
        """What follows when nobody answers. It is chosen before the attempt starts (nothing runs in
        the data plane when no answer comes), so both ways of not answering lead to one place."""
        return self.leads.get(LATE) or self.leads.get(BROKEN)


def steps(targets: Sequence[Target]) -> tuple[Step, ...]:
    """Attempts in order. A target's own retries come before the next target, and with its first key
    alone; other keys follow one by one.

    An ending among a target's retry statuses leads to its next try while it has one; else, among
    its fallback statuses, to the next target. Slots that nothing leads to are left out at the end.
    """
    return _steps(tuple(targets))


@lru_cache(maxsize=1024)
def _steps(targets: tuple[Target, ...]) -> tuple[Step, ...]:
    """The same few targets serve most requests; they are known by identity."""
    tries = _tries(targets)
    listed = [(target, tries[n]) for n, target in enumerate(targets) if tries[n]]
    slots = [target for target, number in listed for _ in range(number)]
    planned: list[Step] = []
    start = 1
    for n, (target, number) in enumerate(listed):
        following = start + number
        beyond = following + sum(c for t, c in listed[n + 1 :] if t.base is target.base)
        other_key = following if beyond > following else None
        for slot in range(start, following):
            again = slot + 1 if slot + 1 < following else None
            planned.append(Step(target, _leads(target, (other_key, again, beyond), slots)))
        start = following
    return _finished(planned)


def without(planned: Sequence[Step], falls_out: Callable[[Target], bool]) -> tuple[Step, ...]:
    """The same attempts but those of some targets. What led to one of these leads past them."""
    kept = [step for step in planned if not falls_out(step.target)]
    now = list(accumulate((not falls_out(step.target) for step in planned), initial=1))
    moved: list[Step] = []
    for step in kept:
        leads = {
            ending: Lead(now[lead.slot - 1], kept[now[lead.slot - 1] - 1].target.connection)
            for ending, lead in step.leads.items()
            if now[lead.slot - 1] <= len(kept)
        }
        moved.append(Step(step.target, leads))
    return _finished(moved)


def _tries(targets: Sequence[Target]) -> list[int]:
    """How many slots each target gets: one for every model first, then one for every further key,
    then the retries, as long as there are any."""
    bases = [id(target.base) for target in targets]
    firsts = [n for n, base in enumerate(bases) if bases.index(base) == n]
    others = [n for n, base in enumerate(bases) if bases.index(base) != n]
    wanted = [*firsts, *others]
    for n in firsts:
        wanted += [n] * (targets[n].retries if targets[n].retry_codes else 0)
    given = wanted[:ATTEMPTS_MAX]
    return [given.count(n) for n in range(len(targets))]


def _leads(
    target: Target, ways: tuple[int | None, int | None, int], slots: Sequence[Target]
) -> dict[str, Lead]:
    """Ending -> where it leads: another key, the same target again, the next target, in this
    order."""
    leads: dict[str, Lead] = {}
    codes_of = (KEY_REFUSED, target.retry_codes, target.fallback_codes)
    for slot, codes in zip(ways, codes_of, strict=True):
        if slot is not None and slot <= len(slots):
            for code in codes:
                leads.setdefault(str(code), Lead(slot, slots[slot - 1].connection))
    for ending, codes in SILENT.items():
        found = [leads[str(code)] for code in codes if str(code) in leads]
        if found:
            leads[ending] = min(found, key=lambda lead: lead.slot)
    return leads


def _finished(planned: Sequence[Step]) -> tuple[Step, ...]:
    """Cut behind the last slot that anything leads to; marked where a reservation must count."""
    end = 1
    for slot, step in enumerate(planned, 1):
        if slot <= end:
            end = max((end, *(lead.slot for lead in step.leads.values())))
    reached = planned[:end]
    return tuple(
        Step(step.target, step.leads, _text(step.leads), _billable(step, after, reached))
        for step, after in pairwise((*reached, None))
        if step is not None
    )


def _text(leads: Mapping[str, Lead]) -> str:
    return ",".join(f"{ending}>{lead.slot}:{lead.account}" for ending, lead in leads.items())


def _billable(step: Step, after: Step | None, planned: Sequence[Step]) -> bool:
    silent = step.silent
    if silent is None:
        return False
    base = step.target.base
    again = planned[silent.slot - 1].target.base is base
    return again or after is None or after.target.base is not base
