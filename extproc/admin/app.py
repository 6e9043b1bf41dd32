"""The admin port's routes: is it alive, can it govern, what has it counted, and: take it out.

Promises: read-only but for `POST /drain`, which no web page can send; errors are JSON and say
nothing of the inside (P4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extproc.admin.draining import Draining
from extproc.admin.metrics_page import STORE_TIMEOUT_MS, MetricsPage
from extproc.admin.readiness import Readiness
from extproc.admin.spec import Spec
from extproc.ledger.redis_ledger import RedisLedger
from extproc.store_client import open_client


def build_app(spec: Spec) -> Starlette:
    """The application. Nothing is connected before the first question. Raises StoreRefused."""
    store = open_client(spec.store_url, STORE_TIMEOUT_MS)
    ledger = RedisLedger(store, timeout_ms=STORE_TIMEOUT_MS)
    readiness, metrics = Readiness(spec, store, ledger), MetricsPage(spec, store, ledger)
    draining = Draining(spec)

    async def livez(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_: Request) -> Response:
        missing = await readiness.missing()
        if missing:
            return JSONResponse([part.to_json() for part in missing], status_code=503)
        return JSONResponse({"ready": True})

    async def metrics_text(_: Request) -> Response:
        content = await metrics.text()
        return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})

    async def drain(request: Request) -> Response:
        if request.method != "POST":
            return JSONResponse((await draining.look()).to_json())
        # A browser names the page that asks; whoever may drain a gateway is not a page.
        if "origin" in request.headers:
            raise HTTPException(403, "not for web pages")
        within_s = _seconds(request.query_params.get("wait_s", "0"))
        begun = await draining.begin()
        found = await draining.until_idle(within_s) if within_s else begun
        return JSONResponse(replace(found, why=begun.why).to_json())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await metrics.close()
        await ledger.aclose()
        await store.aclose()

    app = Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", metrics_text),
            Route("/drain", drain, methods=["GET", "POST"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _fault},
        lifespan=lifespan,
    )
    # `/readyz/` is not `/readyz`: what is not in the table is 404.
    app.router.redirect_slashes = False
    return app


def _seconds(text: str) -> float:
    """A whole number of seconds; raises HTTPException (400)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise HTTPException(400, "wait_s is a number of seconds")
    return float(text)


async def _http_error(_: Request, error: Exception) -> Response:
    """Also an unknown path (404) and a method that the path does not have (405)."""
    assert isinstance(error, HTTPException)
    body = {"error": {"status": error.status_code, "message": error.detail}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _fault(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"status": 500, "message": "internal error"}}, status_code=500)
