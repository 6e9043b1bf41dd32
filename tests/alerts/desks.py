"""Desks with a real store and real targets, as a configuration would set them up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import yaml
from redis.asyncio import Redis

from extproc.alerts.desk import AlertDesk
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from tests.alerts.fake_time import FakeTime
from tests.alerts.http_target import HttpTarget
from tests.alerts.readings import reading

HMAC_SECRET = b"hmac-secret-of-the-test"
BASE: list[dict[str, Any]] = [
    {"type": "gateway-config", "name": "gateway", "environment": "production"},
    {
        "type": "provider-account", "name": "openai-main", "provider": "openai",
        "base_url": "http://127.0.0.1:9/v1", "auth": {"api_key": {"env": "NOT_READ_HERE"}},
        "region": "us", "kind": "external",
        "models": [{"id": "m", "max_output_tokens": 9,
                    "price": {"input_per_mtok": 1, "output_per_mtok": 1}}],
    },
]  # fmt: skip


class Stage:
    """Makes what a test needs, and ends it. `secrets`: the folder of secret files."""

    def __init__(self, client: Redis, secrets: Path, ends: AsyncExitStack) -> None:
        self.client, self.secrets, self._ends = client, secrets, ends
        self.time = FakeTime()

    async def target(self, **options: Any) -> HttpTarget:
        return await self._ends.enter_async_context(HttpTarget(**options))

    def secret(self, name: str, value: str) -> dict[str, str]:
        (self.secrets / name).write_text(value)
        return {"file": name}

    def channel(self, name: str, url: str, kind: str = "webhook", **more: Any) -> dict[str, Any]:
        """A `notification-channel` document; its secrets become files."""
        document = {"type": "notification-channel", "name": name, "kind": kind, **more}
        if kind == "pagerduty":
            key = self.secret(f"{name}.key", f"key-of-{name}")
            return {**document, "integration_key": key, "integration_url": url}
        if kind == "webhook":
            document["hmac_secret"] = self.secret(f"{name}.hmac", HMAC_SECRET.decode())
        return {**document, "url": self.secret(f"{name}.url", url)}

    def config(self, *channels: dict[str, Any], **alerts: Any) -> Config:
        """One budget, `team-month`, that tells all these channels."""
        kinds = {c["name"]: c["kind"] for c in channels}
        targets = [
            {"type": kind, "notification_channel": name, **self.mail_to(kind)}
            for name, kind in kinds.items()
        ]
        rule = {"id": "team-month", "when": {}, "limit_to": 100, "unit": "cost_per_month",
                "alerts": {"notification_target": targets, **alerts}}  # fmt: skip
        budgets = {"type": "gateway-budget-config", "name": "budgets", "rules": [rule]}
        return self.load([*BASE, *channels, budgets])

    @staticmethod
    def mail_to(kind: str) -> dict[str, Any]:
        return {"to_emails": ["ops@example.com", "cfo@example.com"]} if kind == "email" else {}

    def load(self, documents: list[dict[str, Any]]) -> Config:
        text = yaml.safe_dump_all(documents)
        found = load([Source("alerts.yaml", text, str(self.secrets))])
        assert isinstance(found, Config), found
        return found

    async def desk(self, config: Config, **options: Any) -> AlertDesk:
        """Running. One that is not stopped by the test is stopped after it."""
        options = {"clock_ms": self.time, "sleep": self.time.sleep, "chance": Random(1), **options}
        desk = AlertDesk(options.pop("client", self.client), **options)
        desk.use(config)
        task = asyncio.create_task(desk.run())
        self._ends.push_async_callback(stop, desk, task)
        return desk

    def observe(self, desk: AlertDesk, spent_usd: float, **more: Any) -> None:
        now_ms = self.time()
        desk.observe([reading(spent_usd, now_ms, **more)], now_ms)


async def stop(desk: AlertDesk, task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.close()
