"""One ext_proc stream: message in, event, state table, core, reply out.

Promises: every message is answered once, in order; the stream ends with OK only from DONE (P1);
whatever happens, the exchange is closed exactly once (P2, P3).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from extproc.errors import Code, Refusal
from extproc.exchange.exchange import Exchange
from extproc.exchange.state import Event, State, advance
from extproc.exchange.values import Allowed, Answered, BodyReply, HeadReply, Refused, Verdict
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire
from extproc.server.runtime import Runtime
from extproc.server.silence import Heard

Write = Callable[[pb.ProcessingResponse], Awaitable[None]]
log = logging.getLogger("envelope.session")


class Session:
    """The life of one stream. Owned by one handler task; `write` sends a message on it."""

    def __init__(self, runtime: Runtime, write: Write) -> None:
        self._runtime = runtime
        self._write = write
        self._asked_for_time = False
        self._attributes: Mapping[str, Any] = {}
        self._exchange: Exchange | None = None
        self._headers_sent = False
        self._seq = 0
        self._heard: Heard | None = None
        self.state = State.START
        self.given_up = False

    async def answer(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        """The reply to one message. Raises OutOfOrder for a message the table does not know."""
        self._asked_for_time = False
        kind = message.WhichOneof("request")
        match kind:
            case "request_headers":
                return await self._on_request_headers(message)
            case "request_body":
                return await self._on_request_body(message)
            case "response_headers":
                return await self._on_response_headers(message)
            case "response_body":
                return await self._on_response_body(message)
            case _:
                self._step(Event.LOST)
                raise UnknownMessage(f"no answer to {kind}")

    def _step(self, event: Event) -> None:
        self.state = advance(self.state, event)

    # --- request ------------------------------------------------------------------------------

    async def _on_request_headers(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        self._attributes = wire.attributes(message)
        self._headers_sent = True
        if message.request_headers.end_of_stream:
            return await self._govern(None)
        self._step(Event.REQUEST_HEADERS)
        self._open(None)
        early = self._opened.refuse_early()
        if early is not None:
            return self._stop(early)
        return wire.go_on_with_headers()

    async def _on_request_body(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        if self.state is State.START:
            self._attributes = wire.attributes(message)
        return await self._govern(message.request_body.body)

    def _open(self, body: bytes | None) -> None:
        if self._exchange is None:
            self._exchange = self._runtime.open(wire.incoming(self._attributes, body))
            self._exchange.patience(self._ask_for_time)
        else:
            self._exchange.body_arrived(body)

    async def _ask_for_time(self, ms: int) -> None:
        """Envoy waits longer for the current message; it may be told once a message."""
        if not self._asked_for_time:
            self._asked_for_time = True
            await self._write(wire.wait_for_me(ms))

    @property
    def _opened(self) -> Exchange:
        assert self._exchange is not None, "the state table opens the exchange first"
        return self._exchange

    async def _govern(self, body: bytes | None) -> pb.ProcessingResponse:
        self._step(Event.REQUEST_COMPLETE)
        self._open(body)
        verdict: Verdict
        if self._runtime.overloaded:
            verdict = self._opened.refuse(Refusal(Code.OVERLOADED, retry_after_ms=1000))
        else:
            verdict = await self._opened.govern()
        if not isinstance(verdict, Allowed):
            return self._stop(verdict)
        self._step(Event.ALLOW)
        return wire.allowed(
            verdict, self._opened.upstream_headers(), headers_sent=self._headers_sent
        )

    def _stop(self, verdict: Refused | Answered) -> pb.ProcessingResponse:
        self._step(Event.STOP)
        decision_id = self._opened.decision_id
        if isinstance(verdict, Refused):
            return wire.refused(verdict, decision_id)
        return wire.answered(verdict, decision_id)

    def judging(self) -> asyncio.Future[None] | None:
        """Ends when the judges that began with the call have spoken; None where there are none."""
        if self.state is not State.SENT:
            return None
        return self._opened.judging()

    def stop_early(self) -> pb.ProcessingResponse | None:
        """What ends a call that a judge has refused before any answer came."""
        refused = self._opened.refuse_late() if self.state is State.SENT else None
        return None if refused is None else self._stop(refused)

    # --- answer -------------------------------------------------------------------------------

    async def _on_response_headers(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        if self.state in (State.START, State.AWAITING_BODY):
            return self._on_envoys_own_reply(message)
        reply = self._opened.on_head(wire.response_head(message))
        if not isinstance(reply, HeadReply):
            reply = await reply
        if reply.refusal is not None:
            return self._stop(reply.refusal)
        ends = message.response_headers.end_of_stream
        if ends:
            self._step(Event.HEAD_ONLY)
        else:
            self._step(Event.HEAD_OF_STREAM if reply.streamed else Event.HEAD)
        if self.state is State.STREAMING:
            self._watch()
        self._seq = 1
        return wire.head_reply(reply)

    def _watch(self) -> None:
        """From here on only we notice that the provider says nothing more."""
        task = asyncio.current_task()
        assert task is not None

        def give_up() -> None:
            self.given_up = True
            self._opened.fell_silent()
            task.cancel()

        self._heard = self._runtime.silence.begin(id(self), self._opened.idle_s, give_up)

    def _on_envoys_own_reply(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        """Envoy refused before the body was whole (e.g. 413); record it and let it go."""
        head = wire.response_head(message)
        self._open(None)
        self._opened.refused_by_envoy(head)
        self._step(Event.HEAD_ONLY if head.ends else Event.HEAD)
        reply = pb.ProcessingResponse(dynamic_metadata=wire.stamp(1))
        reply.response_headers.SetInParent()
        return reply

    async def _on_response_body(self, message: pb.ProcessingRequest) -> pb.ProcessingResponse:
        part = message.response_body
        if self._heard is not None:
            self._heard.at_s = self._runtime.silence.now_s()
        if self.state is State.ANSWERING:
            self._step(Event.BODY)
        else:
            self._step(Event.LAST_PIECE if part.end_of_stream else Event.PIECE)
        reply = self._opened.on_body(part.body, last=part.end_of_stream)
        if not isinstance(reply, BodyReply):
            reply = await reply
        self._seq += 1
        return wire.body_reply(reply, self._seq)

    # --- end ----------------------------------------------------------------------------------

    def end(self) -> None:
        """The stream is over, however it ended. Closes the exchange; idempotent."""
        complete = self.state is State.DONE
        if self._heard is not None:
            self._runtime.silence.end(id(self))
        self._step(Event.LOST) if self.state is not State.ABORTED else None
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            try:
                exchange.close(complete=complete)
            except Exception as error:  # recorded and charged all the same; no values in the log
                log.error("exchange could not be counted: %s", type(error).__name__)
            finally:
                self._runtime.closed(exchange)


class UnknownMessage(Exception):
    """A message kind that our configuration never asks Envoy for."""
