"""Several questions of one guardrail at once, and one opinion out of their answers.

Promises: an objection that was heard is never lost because another question failed; but where a
question failed (the rest was not looked at), or one answer leaves nothing to mend with, what the
others found is not mended either: all of it stands as an objection. Without an objection one failed
question is a failed guardrail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from extproc.guardrails.values import GuardrailFault, Opinion, Remark, Span

AT_ONCE = 8
MESSAGE_CHARS_MAX = 500
REMARKS_MAX = 200
Ask = Callable[[], Awaitable[Opinion]]


async def ask_all(asks: Sequence[Ask], at_once: int = AT_ONCE) -> Opinion:
    """At most `at_once` at a time; after a fault no further question is begun."""
    if len(asks) == 1:
        return await asks[0]()
    heard: list[Opinion | None] = [None] * len(asks)
    faults: list[GuardrailFault] = []
    waiting = iter(range(len(asks)))

    async def lane() -> None:
        for index in waiting:
            if faults:
                return
            try:
                heard[index] = await asks[index]()
            except GuardrailFault as fault:
                faults.append(fault)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(asks))):
            group.create_task(lane())
    return joined([one for one in heard if one is not None], faults[0] if faults else None)


def joined(opinions: Iterable[Opinion], fault: GuardrailFault | None = None) -> Opinion:
    """Raises `fault` when nobody objects."""
    heard = [one for one in opinions if one.objects or one.texts]
    if fault is not None and not any(one.objects for one in heard):
        raise fault
    whole = Opinion(
        strongest(remark for one in heard for remark in one.remarks),
        merged([place for one in heard for place in one.spans]),
        {index: text for one in heard for index, text in one.texts.items()},
        next((one.message for one in heard if one.message), ""),
    )
    mendable = fault is None and all(map(_mendable, heard))
    return whole if mendable else as_objection(whole)


def _mendable(opinion: Opinion) -> bool:
    return not opinion.remarks or bool(opinion.spans or opinion.texts)


def as_objection(opinion: Opinion) -> Opinion:
    """The same without a way to mend it."""
    found = {(span.label) for _, span in opinion.spans}
    remarks = (*opinion.remarks, *(Remark(label) for label in sorted(found)))
    return replace(opinion, remarks=strongest(remarks), spans=(), texts={})


def strongest(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """One remark per label and path, the one of the highest score; at most REMARKS_MAX."""
    kept: dict[tuple[str, str], Remark] = {}
    for remark in remarks:
        other = kept.get((remark.label, remark.path))
        if other is None or (remark.score or 0) > (other.score or 0):
            kept[remark.label, remark.path] = remark
    return tuple(kept.values())[:REMARKS_MAX]


def merged(spans: Iterable[tuple[int, Span]]) -> tuple[tuple[int, Span], ...]:
    """In order, none overlapping: every character of two that overlap goes under the longer's
    label."""
    out: list[tuple[int, Span]] = []
    for index, span in sorted(spans, key=lambda s: (s[0], s[1].start, -s[1].end, s[1].label)):
        if out and out[-1][0] == index and span.start < out[-1][1].end:
            last = out[-1][1]
            longer = span if span.end - span.start > last.end - last.start else last
            out[-1] = index, Span(last.start, max(last.end, span.end), longer.label)
        else:
            out.append((index, span))
    return tuple(out)
