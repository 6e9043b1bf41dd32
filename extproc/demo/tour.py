"""The guided tour: the demo gateway, driven call by call, every answer checked.

Promises: each step is taken on a real gateway through real Envoy, whatever became of the ones
before it; a step that breaks or hangs is a row that did not go as expected; the gateway has stopped
when the tour is over, also on Ctrl-C. `tour_chapters.py` is what there is to see.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from extproc.demo.tour_chapters import CALLS, EVIDENCE
from extproc.demo.tour_gateway import running_gateway
from extproc.demo.tour_stage import Overdue, Stage, open_stage
from extproc.demo.tour_step import Chapter, Outcome, Row, Step

STEP_S = 90.0
"""The longest step waits for a minute's window to pass."""


class Audience(Protocol):
    """Who is told how the tour goes."""

    def doing(self, what: str) -> None:
        """What happens now."""
        ...

    def opened(self, chapter: Chapter) -> None:
        """A chapter begins."""
        ...

    def took(self, row: Row) -> None:
        """A step was taken."""
        ...


async def run_tour(state: Path, audience: Audience) -> list[Row]:
    """Take every step; the rows in order. Raises GatewayNotStarted, OSError."""
    rows: list[Row] = []
    audience.doing("starting the gateway")
    async with running_gateway(state) as gateway:
        try:
            async with open_stage(gateway) as stage:
                for chapter in CALLS:
                    await _take(chapter, stage, audience, rows)
        finally:
            audience.doing("draining the gateway")
    # What the gateway left on its disk is judged alone, as an auditor would.
    await _take(EVIDENCE, stage, audience, rows)
    return rows


async def _take(chapter: Chapter, stage: Stage, audience: Audience, rows: list[Row]) -> None:
    audience.opened(chapter)
    for step in chapter.steps:
        audience.doing(f"{len(rows) + 1}: {step.call}")
        row = Row(len(rows) + 1, chapter.title, step, await outcome_of(step, stage))
        rows.append(row)
        audience.took(row)


async def outcome_of(step: Step, stage: Stage) -> Outcome:
    """What came of a step, also when it broke: then the kind of error, not its text (P4)."""
    try:
        async with asyncio.timeout(STEP_S):
            return await step.act(stage)
    except Overdue as late:
        return Outcome(str(late))
    except TimeoutError:
        return Outcome(f"nothing within {STEP_S:.0f} s")
    except Exception as error:
        return Outcome(f"failed: {type(error).__name__}")
