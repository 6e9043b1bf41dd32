"""A key's life during the tour: made in the store as `envelope key` does it, used, revoked."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from extproc.demo.tour_ask import Ask
from extproc.demo.tour_stage import VISITOR
from extproc.demo.tour_step import Outcome
from extproc.identity.key_store import KeyStore

if TYPE_CHECKING:
    from extproc.demo.tour_stage import Stage

ACCOUNT = "support-bot"
TOUR = ("operator", "tour")
REVOKED_WITHIN_S = 5
"""The contract's promise (section 5), on every worker."""
IN_A_ROW = 4
"""Envoy deals the calls out to the workers: so many refusals in a row come from all of them."""


async def created(stage: Stage) -> Outcome:
    """Make a key for an account and call with it."""
    async with stage.store() as client:
        key, _ = await KeyStore(client, actor=TOUR).create(ACCOUNT, "tour", _now_ms())
    stage.keys[VISITOR] = key.text
    return await Ask(VISITOR)(stage)


async def revoked(stage: Stage) -> Outcome:
    """Revoke it and call until it is refused."""
    public_id = stage.keys[VISITOR].split("_")[1]
    async with stage.store() as client:
        await KeyStore(client, actor=TOUR).revoke(public_id, _now_ms())
    began, refusals = time.monotonic(), 0
    while True:
        outcome = await Ask(VISITOR)(stage)
        refusals = refusals + 1 if outcome.got.startswith("401") else 0
        took_s = time.monotonic() - began
        if took_s > REVOKED_WITHIN_S:
            return outcome
        if refusals == IN_A_ROW:
            got = f"{outcome.got}, within {REVOKED_WITHIN_S} s"
            return replace(outcome, got=got, note=f"after {took_s:.1f} s")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
