"""The admin port's routes: is it alive, can it govern, what has it counted.

Promises: read-only; errors are JSON and say nothing of the inside (P4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
        ],
        exception_handlers={HTTPException: _http_error, Exception: _fault},
        lifespan=lifespan,
    )
    # `/readyz/` is not `/readyz`: what is not in the table is 404.
    app.router.redirect_slashes = False
    return app


async def _http_error(_: Request, error: Exception) -> Response:
    """Also an unknown path (404) and a method other than GET (405)."""
    assert isinstance(error, HTTPException)
    body = {"error": {"status": error.status_code, "message": error.detail}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _fault(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"status": 500, "message": "internal error"}}, status_code=500)
