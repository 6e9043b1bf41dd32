"""Calls about money that are more than one request, or less than a whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extproc.demo.tour_ask import DECISION_ID, MINI, Ask
from extproc.demo.tour_step import Outcome

if TYPE_CHECKING:
    from extproc.demo.tour_stage import Stage

RULE, ALLOWED = "batch-rpm", 3
"""busy-bot's rule in gateway.yaml: requests a minute."""
LONG = "[[tokens: 400]] [[pause: 0.02]] Tell me everything."
"""Eight seconds of stream, of which the caller waits for a few frames."""
FRAMES = 5


async def until_limited(stage: Stage) -> Outcome:
    """One call more than the rule allows; its cost is that of all of them."""
    await stage.window_is_empty(RULE)
    outcomes = [await Ask("busy-bot")(stage) for _ in range(ALLOWED + 1)]
    statuses = ", ".join(outcome.got.split()[0] for outcome in outcomes[:-1])
    last = outcomes[-1]
    cost = sum(outcome.cost_nano_usd or 0 for outcome in outcomes)
    return Outcome(f"{statuses}, then {last.got}", last.decision_id, cost, last.note)


async def aborted(stage: Stage) -> Outcome:
    """Close a stream after a few frames; ask the log and the ledger what became of it (P2)."""
    await stage.provider.forget()
    raw = await stage.client("support-bot").chat.completions.with_raw_response.create(
        model=MINI, messages=[{"role": "user", "content": LONG}], stream=True
    )
    frames = 0
    async with raw.parse() as stream:
        async for _ in stream:
            frames += 1
            if frames == FRAMES:
                break
    decision_id = raw.headers.get(DECISION_ID, "")
    stage.decisions.append(decision_id)
    entry = await stage.entry(decision_id)
    await stage.nothing_reserved()
    cost = entry.get("cost_nano_usd")
    charged = "charged" if cost else "not charged"
    got = f"{entry['decision']['outcome']}, {charged}, nothing left reserved"
    return Outcome(got, decision_id, cost, f"left after {frames} frames")
