"""The policy server is down, silent or talks nonsense: no decision is never an allow (P1)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.faults import BOT, SPEND, documents, gateway_of, money, refusal, serves
from tests.e2e.harness import GatewayUnderTest
from tests.e2e.processes import kill_worker, until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

AWAY = (503, "policy_unavailable")
DENIED = (403, "permission_denied")


class PolicyServer:
    """Answers OPA's REST paths with whatever `answer` says: a status and a body, or None = never.

    It may be stopped and started again on its port. `asked`: how many decisions it was asked for.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] | None = allowing()
        self.asked = 0
        self.released = threading.Event()
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply((200, b'{"result": []}'))

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                server.asked += 1
                if server.answer is None:
                    server.released.wait()
                self._reply(server.answer or (500, b""))

            def _reply(self, answer: tuple[int, bytes]) -> None:
                self.send_response(answer[0])
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def saying(result: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"result": result}).encode()


def allowing() -> tuple[int, bytes]:
    return saying({"allow": True})


@pytest.fixture(scope="module")
def both(
    place: Path, provider_process: ProviderUnderTest
) -> Iterator[tuple[PolicyServer, GatewayUnderTest]]:
    """A gateway that asks our server; at its start there is nobody to ask."""
    opa = PolicyServer()
    opa.start()
    opa.stop()  # from here on the port is known, and refuses
    asks = {"policy": {"opa": {"url": opa.url}, "timeout_ms": 1000}}
    made = documents(provider_process.url, gateway=asks)
    with gateway_of(made, provider_process, place, workers=1) as running:
        yield opa, running
    opa.stop()


@pytest.fixture
async def asking(
    both: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest
) -> tuple[PolicyServer, GatewayUnderTest]:
    """With a server that is up and allows."""
    opa, gateway = both
    opa.stop()
    opa.answer = allowing()
    opa.released.clear()
    opa.start()
    await serves(gateway, meanwhile="policy_unavailable")
    return both


async def refused(
    gateway: GatewayUnderTest, provider: ProviderUnderTest, expected: tuple[int, str]
) -> httpx2.Response:
    """Contract 4, P1, P2, P3: this refusal, nothing sent, nothing reserved, and one entry."""
    before = await money(gateway)
    async with provider.untouched():
        answer = await gateway.chat(BOT, "x", model=SPEND)
    assert refusal(answer) == expected
    assert await money(gateway) == before
    decision = (await gateway.entry_of(answer))["decision"]
    assert (decision["outcome"], decision["code"]) == ("refused", expected[1])
    return answer


async def test_away_at_the_start(
    both: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1: the gateway comes up without it, refuses, and serves as soon as it is there."""
    opa, gateway = both
    await refused(gateway, provider, AWAY)
    opa.start()
    await serves(gateway, meanwhile="policy_unavailable")
    assert opa.asked > 0


async def test_down(
    asking: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1: gone between two calls: refused, and served when it is back."""
    opa, gateway = asking
    opa.stop()
    await refused(gateway, provider, AWAY)
    opa.start()
    await serves(gateway, meanwhile="policy_unavailable")


async def test_silent(
    asking: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1: it accepts and never answers: refused after `timeout_ms`."""
    opa, gateway = asking
    opa.answer = None
    await refused(gateway, provider, AWAY)


BROKEN: dict[str, Callable[[], tuple[int, bytes]]] = {
    "not-json": lambda: (200, b"certainly"),
    "empty": lambda: (200, b""),
    "a-list": lambda: (200, b"[true]"),
    "error": lambda: (500, b'{"code": "internal_error", "message": "oops"}'),
    "not-found": lambda: (404, b"{}"),
    "redirect": lambda: (302, b""),
    "too-large": lambda: saying({"allow": True, "reasons": ["x" * 2_000_000]}),
    "bare-true": lambda: (200, b"true"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_nonsense(
    asking: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest, name: str
) -> None:
    """P1: what is no answer of an OPA is no decision."""
    opa, gateway = asking
    opa.answer = BROKEN[name]()
    await refused(gateway, provider, AWAY)


NOT_TRUE: dict[str, tuple[int, bytes]] = {
    "false": saying({"allow": False}),
    "text": saying({"allow": "true"}),
    "one": saying({"allow": 1}),
    "null": saying({"allow": None}),
    "list": saying({"allow": [True]}),
    "absent": saying({"reasons": ["why not"]}),
    "bare": saying(True),
    "undefined": (200, b"{}"),
}


@pytest.mark.parametrize("name", NOT_TRUE)
async def test_only_true_allows(
    asking: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest, name: str
) -> None:
    """Contract 3, P1: `allow` is the boolean true or the call is refused."""
    opa, gateway = asking
    opa.answer = NOT_TRUE[name]
    await refused(gateway, provider, DENIED)


async def test_the_worker_dies_while_it_waits(
    asking: tuple[PolicyServer, GatewayUnderTest], provider: ProviderUnderTest
) -> None:
    """P1, P2: killed in the middle of the decision: 503, nothing sent, nothing reserved."""
    opa, gateway = asking
    before, asked = await money(gateway), opa.asked
    opa.answer = None
    async with provider.untouched():
        call = asyncio.create_task(gateway.chat(BOT, "x", model=SPEND))
        await until(lambda: opa.asked > asked, "the policy is asked")
        await kill_worker(gateway)
        assert refusal(await call) == (503, "overloaded")
    assert await money(gateway) == before
