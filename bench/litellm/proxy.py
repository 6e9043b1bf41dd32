"""LiteLLM's proxy as a product under test: one or two processes, with or without Redis.

As its documentation has it for a proxy without a database: `custom_auth` with
`custom_auth_run_common_checks`, Redis as `coordination_redis`, `fail_closed_budget_enforcement`
where it is called strict. Two things that a reader should know: its documentation promises a key's
`max_budget` only for keys in its database, but the reservation it makes before a call holds it here
as well; and its cost callback is registered by hand (`bench_auth.py` says why).
It fetches nothing at run time: every environment flag that keeps it from doing so is set.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bench.litellm.install import version
from bench.spend.product import CannotRun, Product
from bench.spend.provider import Provider
from bench.spend.scenarios import BUDGET_USD, MODEL, OUTPUT_USD_PER_MTOK, SCENARIOS
from bench.spend.store import HOST, store
from extproc.cli.up_command import free_port
from extproc.server.child import Child

START_S = 90
KEYS = {scenario.name: f"sk-bench-{scenario.name}" for scenario in SCENARIOS}
QUIET = {
    "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "CRITICAL", "NO_DOCS": "True",
    "DISABLE_ADMIN_UI": "True", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True", "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
}  # fmt: skip


def settings(
    provider: Provider, general: Mapping[str, Any], redis_port: int | None
) -> dict[str, Any]:
    """`config.yaml`. `general`: more of `general_settings`."""
    params = {
        "model": f"openai/{MODEL}", "api_base": provider.base_url, "api_key": "sk-bench",
        "input_cost_per_token": 0, "output_cost_per_token": OUTPUT_USD_PER_MTOK / 1e6,
    }  # fmt: skip
    redis = {} if redis_port is None else {"coordination_redis": {"host": HOST, "port": redis_port}}
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": params,
                        "model_info": {"max_output_tokens": 16384}}],
        "litellm_settings": {"num_retries": 0, "request_timeout": 60,
                             "callbacks": ["bench_auth.cost_tracking"]},
        "router_settings": {"routing_strategy": "simple-shuffle"},
        "general_settings": {
            "master_key": "os.environ/LITELLM_MASTER_KEY", "custom_auth": "bench_auth.auth",
            "custom_auth_run_common_checks": True, **general, **redis,
        },
    }  # fmt: skip


@asynccontextmanager
async def litellm(
    provider: Provider, name: str, bin_folder: Path, *, processes: int = 1,
    redis: bool = False, **general: Any,
) -> AsyncIterator[Product]:  # fmt: skip
    """Start so many proxies on one configuration. Raises CannotRun."""
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        shutil.copy(Path(__file__).with_name("bench_auth.py"), place)
        redis_port = await stack.enter_async_context(store()) if redis else None
        config = settings(provider, general, redis_port)
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        starting = [stack.enter_async_context(_proxy(bin_folder, place)) for _ in range(processes)]
        urls = [await one for one in starting]

        async def believed_usd(scenario: str) -> float | None:
            return await _believed_usd(urls[0], KEYS[scenario])

        yield Product(f"LiteLLM {version()}, {name}", urls, KEYS, MODEL, believed_usd)


@asynccontextmanager
async def _proxy(bin_folder: Path, place: Path) -> AsyncIterator[str]:
    port = free_port(HOST, 0)
    log = place / f"{port}.log"
    command = [
        str(bin_folder / "python"), str(bin_folder / "litellm"), "--config", "config.yaml",
        "--host", HOST, "--port", str(port), "--num_workers", "1", "--telemetry", "False",
    ]  # fmt: skip
    child = Child(
        "litellm", ["/usr/bin/env", "-C", str(place), *command], env=_environment(place), log=log
    )
    try:
        await _ready(child, port, log)
        yield f"http://{HOST}:{port}"
    finally:
        await child.stop(grace_s=10)


def _environment(place: Path) -> dict[str, str]:
    """Nothing of ours: it shall find no other configuration and no other service."""
    return QUIET | {
        "PATH": os.defpath, "HOME": str(place), "BENCH_BUDGET_USD": str(BUDGET_USD),
        "LITELLM_MASTER_KEY": "sk-" + secrets.token_hex(24),
    }  # fmt: skip


async def _ready(child: Child, port: int, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_S
    async with aiohttp.ClientSession() as session:
        while True:
            if not child.alive or asyncio.get_running_loop().time() > deadline:
                raise CannotRun(f"LiteLLM did not start:\n{log.read_text()[-2000:]}")
            try:
                async with session.get(f"http://{HOST}:{port}/health/liveness") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


async def _believed_usd(url: str, key: str) -> float | None:
    """The counter its budget check reads (`bench_auth.py`)."""
    headers = {"authorization": f"Bearer {key}-spent"}
    body = {"model": MODEL, "messages": []}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/v1/chat/completions", json=body) as answer,
    ):
        found = re.search(r"spent=([0-9.e-]+)", await answer.text())
        return float(found[1]) if found else None
