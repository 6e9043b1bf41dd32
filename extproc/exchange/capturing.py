"""What is kept of a call's bodies: the request before it is sent, the answer at its end.

Promises: a call whose content cannot be kept goes on, and its entry says so; in strict mode it does
not go on. Of a call that nobody could name the sender of, nothing is kept: no tenant's key is there
to encrypt it under, and strangers do not fill the disk.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field

from extproc.audit.content.values import Body, CaptureDecision, Form, Part
from extproc.exchange import guarding
from extproc.exchange.request import Request


@dataclass(slots=True)
class Copy:
    """The answer as the caller gets it. `held_max`: bytes that are held of one that comes in
    pieces; more are only counted. `binary`: nobody here can read it."""

    held_max: int
    streamed: bool = False
    binary: bool = False
    size: int = 0
    held: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if not self.binary and (not self.streamed or self.held < self.held_max):
            self.pieces.append(piece)
            self.held += len(piece)

    def body(self) -> Body:
        data = b"".join(self.pieces)
        return Body(data, self._form(data), self.size, whole=self.held == self.size)

    def _form(self, data: bytes) -> Form:
        if self.binary:
            return "binary"
        if self.streamed:
            return "events"
        return "json" if data[:1] in (b"{", b"[") else "text"


def decide(request: Request) -> CaptureDecision | None:
    """What is kept of this call; None where nothing but digests ever is, or nobody is known."""
    content, record = request.world.content, request.record
    if content is None or request.principal is None or not record.request_sha256:
        return None
    if request.record.capture is None:
        models = None if request.call is None else request.model_names
        decision = content.decide(
            request.principal, models, request.metadata, guarding.environment(request)
        )
        request.record.capture = decision
        record.content.update(decision.note())
    return request.record.capture


def keep_request(request: Request) -> Awaitable[None] | None:
    """Keep the caller's body as it came, once. Awaitable where it is large."""
    decision = decide(request)
    if decision is None or not decision.keeps or "request" in request.record.content:
        return None
    body, caller = request.incoming.body or b"", request.caller
    form: Form = "json" if caller is not None and caller.body == "json" else "binary"
    return _keep(request, "request", Body(body, form, len(body)), decision)


def copying(request: Request) -> Copy | None:
    """What the answer is copied into; None where nothing of it is kept."""
    decision, content = request.record.capture, request.world.content
    if content is None or decision is None or not decision.keeps:
        return None
    return Copy(content.body_bytes_max)


def keep_rest(request: Request, copy: Copy | None) -> list[Awaitable[None]]:
    """At the end: the request of a call that was not sent, and the answer as the caller got it.

    What is to be awaited, in order. Never raises an Exception: the entry must be written anyhow.
    """
    if request.world.content is None:
        return []
    try:
        both = (keep_request(request), _keep_answer(request, copy))
    except Exception:  # a defect of ours must not cost the entry (P3)
        request.record.content["lost"] = "defect"
        return []
    return [keeping for keeping in both if keeping is not None]


def _keep_answer(request: Request, copy: Copy | None) -> Awaitable[None] | None:
    decision = request.record.capture
    if copy is None or decision is None or not copy.size:
        return None
    return _keep(request, "response", copy.body(), decision)


def must_stop(request: Request) -> bool:
    """In strict mode: what could not be kept must not be sent."""
    content = request.world.content
    if content is None or not content.strict:
        return False
    return "lost" in request.record.content.get("request", {})


def durable(request: Request) -> Awaitable[None] | None:
    """In strict mode: what to await before a provider may see a byte."""
    content = request.world.content
    if content is None or "file" not in request.record.content.get("request", {}):
        return None
    return content.durable()


def _keep(
    request: Request, part: Part, body: Body, decision: CaptureDecision
) -> Awaitable[None] | None:
    content, record = request.world.content, request.record
    assert content is not None
    if content.is_large(body, decision):
        record.content[part] = {"capture": decision.capture, "lost": "stopped"}
        return _keep_large(request, part, body, decision)
    record.content[part] = content.keep(record.decision_id, part, body, decision)
    return None


async def _keep_large(request: Request, part: Part, body: Body, decision: CaptureDecision) -> None:
    content, record = request.world.content, request.record
    assert content is not None
    said = await content.keep_large(record.decision_id, part, body, decision)
    record.content[part] = said
