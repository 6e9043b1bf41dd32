"""The gRPC service `envoy.service.ext_proc.v3.ExternalProcessor`, on grpc.aio.

One place catches everything: a fixed text goes to the peer (Envoy copies it into its access log),
the exception's type to our own log, never its message, which may quote content (P4).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc

from extproc.exchange.state import State
from extproc.server import ext_proc_pb2 as pb
from extproc.server.runtime import Runtime
from extproc.server.session import Session

log = logging.getLogger("envelope.server")

_EOF = grpc.aio.EOF  # type: ignore[attr-defined]
SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
_OPTIONS = [
    # The body limit is Envoy's to keep; the default of 4 MiB would break it from behind.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.max_pings_without_data", 0),
]


class Processor:
    """Answers `Process` streams until the runtime is gone."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def _next(self, session: Session, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """The next message. Meanwhile a judge that began with the call may end it, unasked."""
        judging = session.judging()
        if judging is None:
            return await context.read()
        reading = asyncio.ensure_future(context.read())
        try:
            await asyncio.wait((reading, judging), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() and (stop := session.stop_early()) is not None:
                await context.write(stop)
                session.end()
                await reading  # the end, or a message that crossed ours and is answered by it
                return _EOF
            return await reading
        finally:
            judging.cancel()
            reading.cancel()

    async def process(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        session = Session(self._runtime, context.write)
        try:
            while (message := await self._next(session, context)) is not _EOF:
                await context.write(await session.answer(message))
                if session.state is State.DONE:
                    session.end()
        except asyncio.CancelledError:
            if not session.given_up:
                raise
        except Exception as error:
            log.error("exchange failed: %s", type(error).__name__, exc_info=_debug(error))
        finally:
            session.end()
        if session.state is not State.DONE:
            await context.abort(grpc.StatusCode.ABORTED, "exchange not completed")


def _debug(error: BaseException) -> BaseException | None:
    """Tracebacks only where a developer asked for them: they may show values."""
    return error if log.isEnabledFor(logging.DEBUG) else None


def build_server(runtime: Runtime, address: str) -> grpc.aio.Server:
    """A server with the one service, bound to `address` (`unix:/path`); not yet started."""
    server = grpc.aio.server(options=_OPTIONS)
    method = grpc.stream_stream_rpc_method_handler(
        Processor(runtime).process,
        request_deserializer=pb.ProcessingRequest.FromString,
        response_serializer=pb.ProcessingResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Process": method}),)
    )
    server.add_insecure_port(address)
    return server
