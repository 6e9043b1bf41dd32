"""Dollars overspent under concurrency: Envelope beside LiteLLM's proxy, one stand-in, one run.

    python -m bench.overspend [--calls 500] [--envelope-only] [--json FILE]

Every product gets the same calls at the same times (`bench/spend/scenarios.py`) and a budget of its
own for each scenario. The bill is the provider's: the words it has sent, times the price. A product
that cannot be installed or started here is named loudly and left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from bench.litellm.install import install
from bench.litellm.proxy import litellm
from bench.spend.callers import play
from bench.spend.envelope import envelope
from bench.spend.product import CannotRun, Product
from bench.spend.provider import Provider, provider
from bench.spend.report import Row, markdown
from bench.spend.scenarios import BUDGET_USD, SCENARIOS, Scenario

NOTES = """
Every caller states its maximum, and input costs nothing: no product suffers from how it counts.
LiteLLM: no database; its budgets through custom_auth, its own cost callback registered by hand
(without one a reservation is never replaced by the cost); "strict" is
fail_closed_budget_enforcement; Redis is coordination_redis. What it believes is the counter it
checks the budget against. What Envelope believes is `envelope limits --json`.
"""
Start = Callable[[], AbstractAsyncContextManager[Product]]
FOLDER = Path(__file__).parents[1] / ".bench"


def ours(stand_in: Provider) -> list[Start]:
    return [
        partial(envelope, stand_in, "Envelope, one gateway"),
        partial(envelope, stand_in, "Envelope, two gateways", gateways=2, shared_store=True),
    ]


def theirs(stand_in: Provider, place: Path) -> list[Start]:
    one = partial(litellm, stand_in, bin_folder=place)
    redis = partial(one, redis=True)
    strict = {"fail_closed_budget_enforcement": True}
    return [
        partial(one, name="one process"),
        partial(redis, name="one process, Redis, strict", **strict),
        partial(redis, name="two processes, Redis", processes=2),
        partial(redis, name="two processes, Redis, strict", processes=2, **strict),
    ]  # fmt: skip


async def measure(product: Product, scenario: Scenario, stand_in: Provider) -> Row:
    print(f"{product.name}: {scenario.name} ...", file=sys.stderr)
    await stand_in.forget()
    outcome = await play(scenario, product.urls, product.keys[scenario.name], product.model)
    believed = await product.final_belief_usd(scenario.name)
    return Row(
        product.name, scenario.name, outcome, await stand_in.billed_usd(), BUDGET_USD, believed
    )


async def rows_of(start: Start, scenarios: list[Scenario], stand_in: Provider) -> list[Row]:
    """Start one product, play everything, stop it. One that does not start has no rows."""
    try:
        async with start() as product:
            return [await measure(product, scenario, stand_in) for scenario in scenarios]
    except CannotRun as error:
        loudly(str(error))
        return []


async def run(scenarios: list[Scenario], envelope_only: bool) -> list[Row]:
    rows: list[Row] = []
    async with provider() as stand_in:
        starts = ours(stand_in)
        if not envelope_only:
            try:
                starts += theirs(stand_in, await install(FOLDER))
            except CannotRun as error:
                loudly(str(error))
        for start in starts:
            rows += await rows_of(start, scenarios, stand_in)
    return rows


def loudly(why: str) -> None:
    print(f"\n*** NOT COMPARED: {why}\n", file=sys.stderr)


def show(rows: list[Row], scenarios: list[Scenario]) -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    for scenario in scenarios:
        print(f"### {scenario.name}: {scenario.about}\n")
        print(markdown([row for row in rows if row.scenario == scenario.name]) + "\n")
    print(NOTES.strip())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.overspend", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--scenario", action="append", choices=[s.name for s in SCENARIOS])
    parser.add_argument("--calls", type=int, help="instead of 500 in each scenario")
    parser.add_argument("--envelope-only", action="store_true", help="do not compare")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    scenarios = [
        s for s in SCENARIOS if arguments.scenario in (None, []) or s.name in arguments.scenario
    ]
    if arguments.calls:
        scenarios = [replace(s, calls=arguments.calls) for s in scenarios]
    rows = uvloop.run(run(scenarios, arguments.envelope_only))
    show(rows, scenarios)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
