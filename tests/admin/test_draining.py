"""Taking a gateway out of service by its admin port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from redis.asyncio import Redis

from extproc.admin.app import build_app
from extproc.admin.draining import Drained, Draining, flag_of
from extproc.admin.spec import Spec
from tests.admin.conftest import answering
from tests.admin.test_readiness import readiness_of

ACTIVE = "/stats?filter=%5Ehttp.envelope.downstream_rq_active$"
ORDERS = ["POST /healthcheck/fail", "POST /drain_listeners?graceful&skip_exit"]
Pages = dict[str, tuple[int, str]]


def pages(active: int = 0) -> Pages:
    """What Envoy's admin interface answers."""
    return {
        "/healthcheck/fail": (200, "OK\n"),
        "/drain_listeners?graceful&skip_exit": (200, "OK\n"),
        ACTIVE: (200, f"http.envelope.downstream_rq_active: {active}\n"),
        "/ready": (200, "LIVE\n"),
    }


async def no_sleep(_: float) -> None:
    """Time that costs nothing."""


async def test_readiness_is_gone_at_once(spec: Spec, client: Redis) -> None:
    """Contract 3, `POST /drain`: also without an Envoy of ours, and for whoever asks next."""
    assert await readiness_of(spec, client).missing() == []
    assert await Draining(spec).begin() == Drained(True, None)
    missing = await readiness_of(spec, client).missing()
    assert [one.part for one in missing] == ["draining"]
    assert await Draining(spec).look() == Drained(True, None)


async def test_envoy_is_told_each_time(spec: Spec, short: Path) -> None:
    """Contract 3, `POST /drain`: doing it again changes nothing, and reaches an Envoy that was
    started again meanwhile."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    async with answering(short / "envoy.sock", pages(active=3)) as asked:
        for _ in range(2):
            assert await Draining(spec).begin() == Drained(True, 3)
        assert [one for one in asked if one.startswith("POST")] == ORDERS * 2


@pytest.mark.parametrize("harm", ["away", "refuses"])
async def test_envoy_cannot_be_told(spec: Spec, short: Path, harm: str) -> None:
    """Contract 3, `POST /drain`: readiness is gone all the same; the reason names no path."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    if harm == "away":
        found = await Draining(spec).begin()
    else:
        async with answering(short / "envoy.sock", pages() | {"/healthcheck/fail": (404, "")}):
            found = await Draining(spec).begin()
    assert found.why.startswith("envoy: ") and str(short) not in found.why
    assert flag_of(spec).exists()


async def test_waits_until_no_exchange_is_open(spec: Spec, short: Path) -> None:
    """Contract 3, `POST /drain?wait_s=`: as long as calls run, and no longer."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    served = pages(active=2)
    slept = 0

    async def sleep(_: float) -> None:
        nonlocal slept
        slept += 1
        if slept == 5:
            served[ACTIVE] = pages(active=0)[ACTIVE]

    async with answering(short / "envoy.sock", served):
        draining = Draining(spec, sleep)
        assert (await draining.until_idle(60)).open_exchanges == 0
        assert slept == 5
        served[ACTIVE] = pages(active=1)[ACTIVE]
        assert (await Draining(spec, no_sleep).until_idle(2)).open_exchanges == 1


# --- the routes -------------------------------------------------------------------------------


@asynccontextmanager
async def _serving(spec: Spec) -> AsyncIterator[httpx2.AsyncClient]:
    app = build_app(spec)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client,
    ):
        yield client


Serving = Callable[[Spec], AbstractAsyncContextManager[httpx2.AsyncClient]]


async def test_over_http(spec: Spec, short: Path) -> None:
    """Contract 3, `/drain`: GET looks, POST begins, `/readyz` says so."""
    spec = replace(spec, envoy_socket=str(short / "envoy.sock"))
    async with answering(short / "envoy.sock", pages(active=1)) as asked, _serving(spec) as client:
        before = await client.get("/drain")
        assert before.json() == {"draining": False, "open_exchanges": 1}
        assert not any(one.startswith("POST") for one in asked)
        begun = await client.post("/drain")
        assert (begun.status_code, begun.json()) == (200, {"draining": True, "open_exchanges": 1})
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()[0]["part"]) == (503, "draining")
        waited = await client.post("/drain?wait_s=0")
        assert waited.json() == begun.json()


async def test_no_web_page_drains_a_gateway(spec: Spec) -> None:
    """P1: a page in an operator's browser could send this request; browsers name the page."""
    async with _serving(spec) as client:
        reply = await client.post("/drain", headers={"origin": "https://evil.example"})
        assert reply.status_code == 403
        assert not flag_of(spec).exists()


@pytest.mark.parametrize("wait", ["x", "-1", "1.5", "", "99999", "٣"])
async def test_a_wait_that_is_no_number(spec: Spec, wait: str) -> None:
    """Contract 3, `/drain`: 400, and nothing has begun."""
    async with _serving(spec) as client:
        reply = await client.post("/drain", params={"wait_s": wait})
        assert reply.status_code == 400
        assert not flag_of(spec).exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods(spec: Spec, method: str) -> None:
    """Contract 3, admin port: 405; a drain cannot be taken back."""
    async with _serving(spec) as client:
        assert (await client.request(method, "/drain")).status_code == 405
        assert (await client.post("/readyz")).status_code == 405
