"""Runs inside LiteLLM's proxy: its `custom_auth`, and what it lacks without a database.

`auth` gives every key of the benchmark its own `max_budget`. `cost_tracking` is LiteLLM's own cost
callback, which it registers by itself only where a database is connected: without it a reservation
is never replaced by what the call cost. A caller whose key ends in `-spent` is told, in a refusal,
the counter that LiteLLM checks that key's budget against.
"""

from __future__ import annotations

import os
from typing import Any

from fastapi import HTTPException, Request  # type: ignore[import-not-found]
from litellm.proxy._types import UserAPIKeyAuth  # type: ignore[import-not-found]
from litellm.proxy.hooks.proxy_track_cost_callback import (  # type: ignore[import-not-found]
    _ProxyDBLogger,
)

BUDGET_USD = float(os.environ["BENCH_BUDGET_USD"])
PREFIX, ASKING = "sk-bench-", "-spent"
cost_tracking = _ProxyDBLogger()


async def auth(request: Request, api_key: str) -> Any:
    if not api_key.startswith(PREFIX):
        raise HTTPException(401, "unknown key")
    if api_key.endswith(ASKING):
        raise HTTPException(403, f"spent={await _spent_usd(api_key.removesuffix(ASKING))}")
    return UserAPIKeyAuth(api_key=api_key, max_budget=BUDGET_USD, user_id="bench")


async def _spent_usd(api_key: str) -> float:
    from litellm.proxy import proxy_server  # type: ignore[import-not-found]

    counter = f"spend:key:{UserAPIKeyAuth(api_key=api_key).token}"
    value, _ = await proxy_server.read_spend_counter_cache_value(counter)
    return value or 0.0
