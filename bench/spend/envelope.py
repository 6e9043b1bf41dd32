"""Envelope as a product under test: `envelope up`, one or two gateways on one store.

What it believes is what its own command says: `envelope limits --json`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.spend.product import CannotRun, Product
from bench.spend.provider import Provider
from bench.spend.scenarios import BUDGET_USD, MODEL, OUTPUT_USD_PER_MTOK, SCENARIOS
from bench.spend.store import HOST, store
from extproc.server.child import Child, python

START_S = 60
KEYS = {scenario.name: f"bench-key-{scenario.name}" for scenario in SCENARIOS}


def documents(provider: Provider, store_url: str | None) -> list[dict[str, Any]]:
    """One account and one budget for each scenario, and nothing else that could refuse."""
    gateway: dict[str, Any] = {
        "type": "gateway-config", "name": "gateway", "environment": "production",
    }  # fmt: skip
    if store_url is not None:
        gateway["store"] = {"url": store_url}
    price = {"input_per_mtok": 0, "output_per_mtok": OUTPUT_USD_PER_MTOK}
    account = {
        "type": "provider-account", "name": "stand-in", "provider": "openai", "region": "us",
        "base_url": provider.base_url, "auth": {"api_key": {"file": "provider-key"}},
        "models": [{"id": MODEL, "max_output_tokens": 16384, "price": price}],
    }  # fmt: skip
    rules = [
        {"id": name, "when": {"subjects": [f"virtualaccount:{name}"]}, "limit_to": BUDGET_USD,
         "unit": "cost_per_day"}
        for name in KEYS
    ]  # fmt: skip
    budgets = {"type": "gateway-budget-config", "name": "budgets", "rules": rules}
    return [gateway, account, *map(_caller, KEYS), budgets]


def _caller(name: str) -> dict[str, Any]:
    sha256 = hashlib.sha256(KEYS[name].encode()).hexdigest()
    return {
        "type": "virtual-account", "name": name, "team": "bench", "models": ["stand-in/*"],
        "tags": {"environment": "production"}, "keys": [{"name": "first", "sha256": sha256}],
    }  # fmt: skip


@asynccontextmanager
async def envelope(
    provider: Provider, name: str, *, gateways: int = 1, shared_store: bool = False
) -> AsyncIterator[Product]:
    """Start so many gateways on one configuration. Raises CannotRun.

    Without `shared_store` a gateway brings its own.
    """
    async with AsyncExitStack() as stack:
        store_url = None
        if shared_store:
            store_url = f"redis://{HOST}:{await stack.enter_async_context(store())}"
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        (place / "config").mkdir()
        (place / "config" / "provider-key").write_text("sk-bench")
        text = yaml.safe_dump_all(documents(provider, store_url))
        (place / "config" / "gateway.yaml").write_text(text)
        states = [place / f"state{n}" for n in range(gateways)]
        urls = [await stack.enter_async_context(_up(place / "config", s)) for s in states]

        async def believed_usd(scenario: str) -> float | None:
            return await _believed_usd(states[0], scenario)

        yield Product(name, urls, KEYS, f"stand-in/{MODEL}", believed_usd)


@asynccontextmanager
async def _up(config: Path, state: Path) -> AsyncIterator[str]:
    """One `envelope up`; where it takes traffic."""
    ready, log = state.with_suffix(".ready"), state.with_suffix(".log")
    command = python(
        "extproc", "up", "--config", str(config), "--state", str(state), "--port", "0",
        "--admin-port", "0", "--workers", "1", "--ready-file", str(ready),
    )  # fmt: skip
    child = Child("gateway", command, log=log)
    try:
        deadline = asyncio.get_running_loop().time() + START_S
        while not ready.exists():
            if not child.alive or asyncio.get_running_loop().time() > deadline:
                raise CannotRun(f"envelope up did not start:\n{log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)
        yield str(json.loads(ready.read_text())["gateway"])
    finally:
        await child.stop(grace_s=30)


async def _believed_usd(state: Path, rule_id: str) -> float | None:
    """Spent, by `envelope limits`; None while something is still reserved."""
    command = python("extproc", "limits", "--json", "--state", str(state))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    (counter,) = [c for c in json.loads(out) if c["rule_id"] == rule_id]
    return None if counter["reserved"] else float(counter["used"])
