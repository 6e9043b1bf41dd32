"""Carries a plan out on the wire: delays, frames, pieces, broken connections.

Promises: an exchange is billed for a frame when the frame is handed to the connection, and closed
before the last byte is, so whoever has read an answer finds it in the totals. A client that leaves
ends the handler (aiohttp's `handler_cancellation`), and the exchange is closed as aborted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web

from extproc.demo.provider_ledger import Exchange, Ledger
from extproc.demo.provider_plan import Plan
from extproc.demo.provider_reply import Frame


async def send(
    request: web.BaseRequest, plan: Plan, exchange: Exchange, ledger: Ledger
) -> web.StreamResponse:
    """Answer one request as planned."""
    script = plan.script
    if script.delay:
        await asyncio.sleep(script.delay)
    if script.hang:
        await asyncio.Event().wait()
    if script.cut == 0:
        ledger.close(exchange, "cut")
        return _abort(request, web.Response())
    if plan.reply is not None:
        exchange.input_tokens = plan.reply.billed_input
    if plan.frames is not None:
        return await _send_stream(request, plan, exchange, ledger)
    if plan.reply is not None:
        exchange.output_tokens = plan.reply.billed_output
    if script.cut is not None or script.split:
        return await _send_broken(request, plan, exchange, ledger)
    ledger.close(exchange, "completed" if plan.status == 200 else "refused")
    return web.Response(body=plan.body, status=plan.status, headers=plan.headers)


async def _send_broken(
    request: web.BaseRequest, plan: Plan, exchange: Exchange, ledger: Ledger
) -> web.StreamResponse:
    """A whole answer in pieces, or only its first half."""
    headers = {**plan.headers, "content-length": str(len(plan.body))}
    response = web.StreamResponse(status=plan.status, headers=headers)
    await response.prepare(request)
    if plan.script.cut is not None:
        ledger.close(exchange, "cut")
        await response.write(plan.body[: len(plan.body) // 2])
        return _abort(request, response)
    ledger.close(exchange, "completed" if plan.status == 200 else "refused")
    await _write(response, plan.body, plan.script.split)
    return response


async def _send_stream(
    request: web.BaseRequest, plan: Plan, exchange: Exchange, ledger: Ledger
) -> web.StreamResponse:
    script, reply = plan.script, plan.reply
    assert plan.frames is not None and reply is not None
    response = web.StreamResponse(headers=plan.headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    if script.ttft:
        request.writer.send_headers()
        await asyncio.sleep(script.ttft)
    for frame, last in _with_last(plan.frames):
        if exchange.frames == script.cut:
            ledger.close(exchange, "cut")
            return _abort(request, response)
        if exchange.frames == script.stream_error:
            ledger.close(exchange, "cut")
            await response.write_eof(plan.error_frame)
            return response
        exchange.frames += 1
        exchange.output_tokens = reply.billed_after(frame.generated)
        if last:
            ledger.close(exchange, "completed")
            await _write_last(response, frame.data, script.split)
            return response
        await _write(response, frame.data, script.split)
        await asyncio.sleep(script.pause)
    return response


async def _write(response: web.StreamResponse, data: bytes, split: int) -> None:
    """Write in pieces of `split` bytes (0: at once). uvloop gathers the writes of one turn of the
    loop, so each piece waits for the next turn."""
    if not split:
        await response.write(data)
        return
    for at in range(0, len(data), split):
        await response.write(data[at : at + split])
        await asyncio.sleep(0)


async def _write_last(response: web.StreamResponse, data: bytes, split: int) -> None:
    """The last frame leaves together with the end of the body: SDKs stop reading at the dialect's
    own end marker and would otherwise seem to leave early."""
    if split:
        await _write(response, data, split)
        await response.write_eof()
    else:
        await response.write_eof(data)


def _abort(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection without ending the body. `close`, not `abort`: frames already written
    still leave, so a test knows how many the other side got."""
    if request.transport is not None:
        request.transport.close()
    return response


def _with_last(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Each frame, and whether it is the last."""
    held: Frame | None = None
    for frame in frames:
        if held is not None:
            yield held, False
        held = frame
    if held is not None:
        yield held, True
