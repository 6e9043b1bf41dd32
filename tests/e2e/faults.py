"""What the bad days share: a configuration, what Envoy holds, broken streams, money and entries."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from extproc.dataplane.bootstrap import Place
from extproc.dataplane.envoy_process import EnvoyProcess
from tests.e2e.documents import PRODUCTION, Documents, Json, priced
from tests.e2e.harness import DECISION_ID, Entry, GatewayUnderTest
from tests.e2e.processes import WITHIN_S, until
from tests.e2e.provider_child import ProviderUnderTest

BOT, ACCOUNT = "support-bot", "openai-main"
SPEND = f"{ACCOUNT}/gpt-spend"
SPEND_IN, SPEND_OUT = 3000, 7000
"""Nano-USD per token of `SPEND`."""
CALLS, MONEY = "calls", "money"
"""Rule ids: one rate limit and one budget, both with room for everything."""
CUT = (httpx2.RemoteProtocolError, httpx2.ReadError)
"""What a client sees of a stream that broke instead of ending."""


def documents(provider_url: str, *, gateway: Json | None = None) -> Documents:
    """One caller, two providers at one address, one rate limit, one budget. `gateway`: the rest
    of the gateway's own document."""
    made = Documents().add("gateway-config", "gateway", environment="production", **(gateway or {}))
    made.provider(ACCOUNT, f"{provider_url}/v1", [
        priced("gpt-4o-mini", 1, 1), priced("gpt-spend", 3, 7),
    ])  # fmt: skip
    made.provider("claude", provider_url, [priced("claude-sonnet", 3, 15)], vendor="anthropic")
    made.bot(BOT, team="bad-days", models=[f"{ACCOUNT}/*", "claude/*", "gone/*", "prod/*"],
             tags=PRODUCTION)  # fmt: skip
    made.add("gateway-rate-limiting-config", "rates", rules=[
        {"id": CALLS, "when": {}, "limit_to": 100_000, "unit": "requests_per_hour"},
    ])  # fmt: skip
    return made.add("gateway-budget-config", "budgets", rules=[
        {"id": MONEY, "when": {}, "limit_to": 1000, "unit": "cost_per_day"},
    ])  # fmt: skip


# --- waiting -----------------------------------------------------------------------------------


async def active_requests(gateway: GatewayUnderTest) -> int:
    """How many requests Envoy holds."""
    socket = str(Path(gateway.facts()["run"]) / "envoy-admin.sock")
    envoy = EnvoyProcess(gateway.state / "envoy", Place("", 0, (), socket), 1)
    _, text = await envoy.ask("GET", "/stats?filter=^http.envelope.downstream_rq_active$")
    return int(text.rpartition(":")[2] or 0)


async def envoy_holds(gateway: GatewayUnderTest, count: int) -> None:
    async def so_many() -> bool:
        return await active_requests(gateway) == count

    await until(so_many, f"{count} requests at Envoy")


async def serves(gateway: GatewayUnderTest, *, meanwhile: str = "overloaded") -> httpx2.Response:
    """Call until it is answered again; until then only the refusal `meanwhile` is right."""
    last: list[httpx2.Response] = []

    async def answered() -> bool:
        last[:] = [await gateway.chat(BOT, "back again?", model=SPEND)]
        if last[0].status_code != 200:
            assert refusal(last[0]) == (503, meanwhile)
        return last[0].status_code == 200

    await until(answered, "the gateway serves again")
    return last[0]


@contextmanager
def gateway_of(
    made: Documents, provider: ProviderUnderTest, place: Path, **options: Any
) -> Iterator[GatewayUnderTest]:
    """A gateway in a folder of its own. For fixtures: it may not end while an event loop runs."""
    folder = Path(tempfile.mkdtemp(prefix="own-", dir=place))
    with GatewayUnderTest(made, provider, folder, **options) as gateway:
        yield gateway


# --- answers -----------------------------------------------------------------------------------


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal in OpenAI's or Anthropic's shape."""
    return answer.status_code, answer.json()["error"]["code"]


@dataclass(slots=True)
class Streamed:
    """A stream as far as it came. `clean`: it ended as HTTP says, not by a broken connection."""

    status: int = 0
    decision_id: str = ""
    lines: list[str] = field(default_factory=list)
    clean: bool = True

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def finished(self) -> bool:
        return "data: [DONE]" in self.lines


Act = Callable[[], Awaitable[None]]


async def stream(
    gateway: GatewayUnderTest, prompt: str, *, after: int = -1, act: Act | None = None,
    model: str = SPEND, **fields: Any,
) -> Streamed:  # fmt: skip
    """Read a chat stream to its end; after `after` data lines do `act`, then read on.

    Without `act` the client leaves after `after` lines.
    """
    seen = Streamed()
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    headers = {"authorization": f"Bearer {gateway.key(BOT)}"}
    try:
        async with (
            gateway.http() as http,
            http.stream("POST", "/v1/chat/completions", json=body | fields, headers=headers) as got,
        ):
            seen.status, seen.decision_id = got.status_code, got.headers[DECISION_ID]
            await _read(got, seen, after, act)
    except CUT:
        seen.clean = False
    return seen


async def _read(got: httpx2.Response, seen: Streamed, after: int, act: Act | None) -> None:
    count = 0
    async for line in got.aiter_lines():
        seen.lines.append(line)
        count += line.startswith("data:")
        if count == after and line.startswith("data:"):
            if act is None:
                return
            await act()


# --- accounts ----------------------------------------------------------------------------------


async def money(gateway: GatewayUnderTest, within_s: float = WITHIN_S) -> int:
    """Nano-USD spent so far, once nothing is reserved any more (P2)."""
    await gateway.reserved_is_zero(within_s=within_s)
    return sum(c.spent for c in await gateway.limits() if c.rule_id == MONEY)


async def reserved(gateway: GatewayUnderTest) -> int:
    """Nano-USD reserved now."""
    return sum(c.reserved for c in await gateway.limits() if c.rule_id == MONEY)


async def outcome(gateway: GatewayUnderTest, decision_id: str) -> str:
    """The outcome in the one audit entry of a decision."""
    return str((await gateway.entry(decision_id))["decision"]["outcome"])


async def latest(gateway: GatewayUnderTest, count: int) -> list[Entry]:
    """The entries of the log once there are more than `count` of them, from there on."""
    await until(lambda: len(gateway.entries()) > count, f"audit entry {count}")
    return gateway.entries()[count:]
