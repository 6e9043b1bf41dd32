"""The control API of the provider stand-in, below `/_control/`: for tests and the demo only.

    GET    /_control/requests            every request received; ?settled=1 waits for open ones to
                                         end, ?busy=1 until there is an open one
    DELETE /_control/requests            forget them
    GET    /_control/totals              sums by model; ?settled=1 likewise
    DELETE /_control/totals              forget them
    POST   /_control/faults              {"model": "gpt-*", "count": 2, "status": 503}: the next two
                                         requests for a matching model go wrong; any directive but
                                         `tool` may stand in for `status`; no count = for good
    GET, DELETE /_control/faults         those still to come; forget them

Refuses anything else with 404, and a fault it cannot read with 400.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from extproc.demo.provider_ledger import Ledger
from extproc.demo.provider_script import BadDirective

PREFIX = "/_control/"
WAIT_TIMEOUT_S = 10.0


async def answer(ledger: Ledger, request: web.BaseRequest) -> web.Response:
    """Answer one control request."""
    try:
        await asyncio.wait_for(_awaited(ledger, request), WAIT_TIMEOUT_S)
    except TimeoutError:
        return _json({"error": "waited in vain", "open": ledger.open_count}, 504)
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "requests":
            kept = [exchange.as_json() for exchange in ledger.exchanges]
            return _json({"count": ledger.count, "open": ledger.open_count, "requests": kept})
        case "DELETE", "requests":
            ledger.forget_requests()
        case "GET", "totals":
            return _json(ledger.totals_json())
        case "DELETE", "totals":
            ledger.totals.clear()
        case "POST", "faults":
            return _set_fault(ledger, await request.read())
        case "GET", "faults":
            return _json({"faults": _pending(ledger)})
        case "DELETE", "faults":
            ledger.faults.clear()
        case _:
            return _json({"error": "no such control"}, 404)
    return _json({"ok": True})


async def _awaited(ledger: Ledger, request: web.BaseRequest) -> None:
    if request.query.get("busy"):
        await ledger.busy()
    if request.query.get("settled"):
        await ledger.settled()


def _set_fault(ledger: Ledger, raw: bytes) -> web.Response:
    try:
        settings: Any = orjson.loads(raw)
        model, count = settings.pop("model", "*"), settings.pop("count", None)
        if not isinstance(model, str) or not (count is None or (type(count) is int and count > 0)):
            return _json({"error": "model is a glob, count a whole number above 0"}, 400)
        if not settings:
            return _json({"error": "name what should go wrong"}, 400)
        ledger.add_fault(model, count, **settings)
    except BadDirective as fault:
        return _json({"error": str(fault)}, 400)
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        return _json({"error": "send one JSON object"}, 400)
    return _json({"ok": True, "faults": _pending(ledger)})


def _pending(ledger: Ledger) -> list[dict[str, Any]]:
    return [
        {"model": fault.model, "left": fault.left, "directives": sorted(fault.changes)}
        for fault in ledger.faults
    ]


def _json(value: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(value)
    return web.Response(body=body, status=status, headers={"content-type": "application/json"})
