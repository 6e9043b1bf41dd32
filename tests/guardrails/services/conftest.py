"""Stand-ins on loopback, and the real transport to reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from extproc.guardrails.services.ports import Ports
from extproc.guardrails.services.transport import Transport


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = Transport()
    yield opened
    await opened.close()


@pytest.fixture
def ports(transport: Transport) -> Ports:
    return Ports(transport, "http://127.0.0.1:1", lambda name: "", lambda: 1_700_000_000)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where settings point to."""
    for name, value in {
        "OPENAI_KEY": "sk-stand-in", "AZURE_KEY": "azure-stand-in",
        "PATRONUS_KEY": "patronus-stand-in", "HOOK_TOKEN": "hook-token",
        "HOOK_PASSWORD": "open:sesame", "AWS_ID": "AKIDSTANDIN", "AWS_SECRET": "stand/in+secret",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ENVELOPE_TEST_{name}", value)
