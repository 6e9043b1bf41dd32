"""The answer's way: whose answer it is, what it used, whether it may pass, in the caller's dialect.

Streamed or whole, the same guardrails, the same count, the same record (P5). What cannot be read
cannot be judged and does not pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from extproc.errors import TABLE, Code, Refusal
from extproc.exchange import billing, guarding
from extproc.exchange.capturing import Copy, copying
from extproc.exchange.headers import answer_headers
from extproc.exchange.request import Request
from extproc.exchange.selected import refusal_of
from extproc.exchange.streaming import EVENT_STREAM, AnswerStream, is_stream
from extproc.exchange.values import Attempt, BodyReply, HeadReply, Refused, ResponseHead
from extproc.guardrails.hook import HookRun, run
from extproc.llm import openai_transcription, strict_json
from extproc.llm.call import Json, ProviderDialect, TextSlot
from extproc.llm.error_body import provider_error, refusal_body
from extproc.llm.facts import finish_reasons
from extproc.llm.leaves import add_leaves
from extproc.llm.translate import translator

VIA_UPSTREAM = "via_upstream"


@dataclass(slots=True)
class Answer:
    """One answer. Lives from its head to its last byte."""

    request: Request
    head: ResponseHead | None = None
    attempt: Attempt | None = None
    provider: ProviderDialect | None = None
    stream: AnswerStream | None = None
    local: Refusal | None = None
    began_ns: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    copy: Copy | None = None

    def on_head(self, head: ResponseHead) -> HeadReply | Awaitable[HeadReply]:
        """Awaitable where a judge that began with the call has not spoken, and a stream waits."""
        request, record = self.request, self.request.record
        self.head, self.began_ns = head, request.world.now_ns()
        self.copy = copying(request)
        record.first_byte_ns = self.began_ns
        record.waited(self.began_ns)
        record.status, record.upstream_details = head.status, head.details
        self._whose(head)
        self.local = _envoys_own(head) or _not_ours_to_pass(head)
        if self.local is not None:
            record.refusal, record.status = self.local, self.local.status
            record.outcome = "upstream_error"
        elif head.status >= 400:
            record.outcome = "upstream_error"
        if self.local is None and head.status == 200 and is_stream(head.content_type):
            hook = request.input_hook
            if hook is not None and hook.panel.waits:
                return self._late_stream_head(hook)
            return self._stream_head()
        if not head.ends:
            return HeadReply(streamed=False, remove=_NEVER_PASSED)
        if self.local is None:
            return HeadReply(False, answer_headers(request, whole=True), status=record.status)
        whole = self._refuse(self.local)
        return HeadReply(False, whole.headers, _NEVER_PASSED, record.status, whole.body)

    def _whose(self, head: ResponseHead) -> None:
        """The attempt that answered. Slots count from 1; Envoy's own replies may say 0."""
        request, record = self.request, self.request.record
        slot = head.attempts[-1].slot if head.attempts else head.attempt
        self.attempt = request.attempts[min(max(slot, 1), len(request.attempts)) - 1]
        record.attempts = len(head.attempts) or head.attempt
        record.served, record.left_out = self.attempt.target, self.attempt.left_out
        self.provider = self.attempt.dialect

    async def _late_stream_head(self, hook: HookRun) -> HeadReply:
        await guarding.take_time(self.request, self.request.guards.input.meanwhile_ms)
        await hook.panel.meanwhile()
        self.request.record.passed("judges", self.request.world.now_ns())
        return self._stream_head()

    def _stream_head(self) -> HeadReply:
        assert self.head is not None and self.attempt is not None
        refusal = guarding.late_refusal(self.request)
        if refusal is not None:
            return self._cut_off(refusal)
        self.stream = AnswerStream(self.request, self.attempt, self.head.content_type)
        if self.copy is not None:
            self.copy.streamed = True
        headers = answer_headers(self.request, whole=False)
        if not self.head.content_type.startswith(EVENT_STREAM):
            # Another framing, or other letters: the answer's lock knows these words alone (P1).
            headers["content-type"] = EVENT_STREAM
        return HeadReply(streamed=True, headers=headers, remove=("content-length",))

    def _cut_off(self, refusal: Refusal) -> HeadReply:
        """The provider has begun, and will be paid for it; the caller gets nothing of it."""
        request, record = self.request, self.request.record
        request.cut, record.outcome = True, "blocked"
        record.refusal, record.status = refusal, refusal.status
        headers = {**answer_headers(request, whole=True)}
        return HeadReply(False, refusal=Refused(refusal, request.family, headers))

    # --- body ---------------------------------------------------------------------------------

    def on_body(self, body: bytes, *, last: bool) -> BodyReply | Awaitable[BodyReply]:
        """Awaitable where somebody has to be asked first."""
        if self.stream is not None:
            out = self.stream.feed(body, last=last)
            if isinstance(out, Awaitable):
                return self._later(body, _as_reply(out))
            reply: BodyReply | Awaitable[BodyReply] = BodyReply(out)
        else:
            reply = self._whole(body)
        if not isinstance(reply, BodyReply):
            return self._later(body, reply)
        return self._leaving(body, reply)

    async def _later(self, body: bytes, reply: Awaitable[BodyReply]) -> BodyReply:
        return self._leaving(body, await reply)

    def _leaving(self, body: bytes, reply: BodyReply) -> BodyReply:
        out = body if reply.body is None else reply.body
        self.digest.update(out)
        if self.copy is not None:
            self.copy.add(out)
        return reply

    def _whole(self, body: bytes) -> BodyReply | Awaitable[BodyReply]:
        """Judges that began with the call are heard first; then the answer is read."""
        assert self.head is not None
        self.request.record.waited(self.request.world.now_ns())
        if self.local is not None:
            return self._refuse(self.local)
        hook = self.request.input_hook
        if hook is not None and hook.panel.waits:
            return self._read_late(hook, body)
        return self._read(body)

    async def _read_late(self, hook: HookRun, body: bytes) -> BodyReply:
        guards = self.request.guards
        await guarding.take_time(self.request, guards.input.meanwhile_ms + guards.output.wait_ms)
        await hook.panel.meanwhile()
        self.request.record.passed("judges", self.request.world.now_ns())
        reply = self._read(body)
        return reply if isinstance(reply, BodyReply) else await reply

    def _read(self, body: bytes) -> BodyReply | Awaitable[BodyReply]:
        assert self.head is not None
        if self.head.status >= 400:
            return self._provider_error(body)
        assert self.provider is not None
        if self.provider.answers == "bytes":
            return self._file()
        if self.provider.operation == "transcription":
            tree = openai_transcription.read_answer(body, self.head.content_type)
        else:
            tree = strict_json.parse(body)
        return self._unreadable() if isinstance(tree, Refusal) else self._judge(body, tree)

    def _file(self) -> BodyReply:
        """Sound: nobody here can read it, and it says nothing of what it cost."""
        assert self.attempt is not None
        billing.take_usage(self.request, self.attempt.target, None, lambda: 0)
        refusal = guarding.late_refusal(self.request) or self._unscanned({})
        if refusal is not None:
            return self._block(refusal)
        if self.copy is not None:
            self.copy.binary = True
        return BodyReply(None, answer_headers(self.request, whole=True))

    def _judge(self, body: bytes, tree: Json) -> BodyReply | Awaitable[BodyReply]:
        assert self.provider is not None
        request = self.request
        self._count(tree)
        refusal = guarding.late_refusal(request) or self._unscanned(tree)
        if refusal is not None:
            return self._block(refusal)
        if not request.guards.output.gates:
            return self._encode(tree, changed=False)
        request.record.passed("answer", request.world.now_ns())
        hook = guarding.output_hook(request, self.provider.response_texts(tree), tree)
        if hook.is_large or request.guards.output.asks:
            return self._ask(hook, tree)
        hook.look()
        return self._judged(hook, tree)

    async def _ask(self, hook: HookRun, tree: Json) -> BodyReply:
        await guarding.look(hook)
        await guarding.take_time(self.request, self.request.guards.output.wait_ms)
        await hook.judge()
        return self._judged(hook, tree)

    def _judged(self, hook: HookRun, tree: Json) -> BodyReply:
        request, record = self.request, self.request.record
        result = record.output_guard = hook.result()
        record.passed("guardrails_out", request.world.now_ns())
        refusal = refusal_of(result)
        return self._encode(tree, result.changed) if refusal is None else self._block(refusal)

    def _unscanned(self, tree: Json) -> Refusal | None:
        """Parts of the answer that nobody can read: named in the entry, or refused."""
        assert self.provider is not None
        request, paths = self.request, self.provider.response_unscanned(tree)
        request.record.unscanned_answer = paths
        rule = request.guards.output.no_unscanned
        return guarding.unscanned_refusal(rule, paths) if rule and paths else None

    def _block(self, refusal: Refusal) -> BodyReply:
        self.request.record.outcome = "blocked"
        return self._refuse(refusal)

    def _encode(self, tree: Json, changed: bool) -> BodyReply:
        """The caller's own values back in, then the caller's dialect."""
        assert self.provider is not None and self.attempt is not None
        request, record = self.request, self.request.record
        if request.pseudonyms:
            changed |= guarding.reveal(request, self.provider.response_texts(tree))
        assert request.caller is not None
        translation = translator(request.caller, self.provider)
        if translation is not None:
            created = record.started_at_ms // 1000
            answer = translation.response(
                tree,
                model=self.attempt.target.name,
                created=created,
                asked=request.body,
                own_id=record.decision_id.replace("-", ""),
            )
            if isinstance(answer, Refusal):
                return self._refuse(answer)
            tree = answer.body
            record.left_out_of_answer = answer.left_out
        headers = answer_headers(request, whole=True)
        if translation is None and not changed:
            return BodyReply(None, headers)
        if self.provider.operation == "transcription":
            assert self.head is not None
            words = openai_transcription.write_answer(tree, self.head.content_type)
            return BodyReply(words, headers)
        headers["content-type"] = "application/json"
        return BodyReply(strict_json.dump(tree), headers)

    def _count(self, tree: Json) -> None:
        """The provider's usage, or our own count where it cannot be true (then flagged)."""
        assert self.provider is not None and self.attempt is not None
        if self.request.record.spans is not None:
            self.request.record.finish_reasons = tuple(finish_reasons(tree))
        reported = self.provider.response_usage(tree)
        billing.take_usage(self.request, self.attempt.target, reported, lambda: self._output(tree))

    def _output(self, tree: Json) -> int:
        assert self.provider is not None
        slots = self.provider.response_texts(tree)
        text = " ".join(slot.text for slot in slots if not slot.repeats)
        return self.request.world.tokens.count_output(text, self.provider.family)

    def _provider_error(self, body: bytes) -> BodyReply:
        """An error of the provider keeps its status; its body speaks the caller's dialect."""
        assert self.head is not None and self.provider is not None
        request = self.request
        refusal = guarding.late_refusal(request)
        if refusal is not None:
            return self._block(refusal)
        # Errors are not put before judges of whole texts; where one might refuse, the provider's
        # words stay here and its status goes on.
        words = b"" if request.guards.output.withholds_errors else body
        family, status = self.provider.family, self.head.status
        decision_id = request.record.decision_id
        mapped = provider_error(request.family, family, status, words, decision_id)
        headers = {**answer_headers(request, whole=True), "content-type": "application/json"}
        if not request.guards.output.gates:
            return BodyReply(mapped, headers)
        return self._guarded_error(mapped, headers)

    def _guarded_error(self, mapped: bytes, headers: dict[str, str]) -> BodyReply:
        """A provider's words can quote what it was sent: the output guardrails read them too."""
        request, tree = self.request, {"answer": strict_json.parse(mapped)}
        slots: list[TextSlot] = []
        if isinstance(tree["answer"], Refusal):
            return self._unreadable()
        add_leaves(tree, "answer", "error", "assistant", slots)
        result = run(slots, request.guards.output)
        request.record.output_guard = result
        refusal = refusal_of(result)
        if refusal is not None:
            return self._refuse(refusal)
        return BodyReply(strict_json.dump(tree["answer"]) if result.changed else mapped, headers)

    def _unreadable(self) -> BodyReply:
        self.request.record.outcome = "upstream_error"
        return self._refuse(
            Refusal(Code.UPSTREAM_ERROR, "The provider's answer could not be read.",
                    reason="unreadable answer")
        )  # fmt: skip

    def _refuse(self, refusal: Refusal) -> BodyReply:
        request, record = self.request, self.request.record
        record.refusal, record.status = refusal, refusal.status
        body = refusal_body(request.family, refusal, record.decision_id)
        headers = {**answer_headers(request, whole=True), "content-type": "application/json"}
        return BodyReply(body, headers, status=TABLE[refusal.code].status)

    # --- end ----------------------------------------------------------------------------------

    def end(self, *, complete: bool) -> None:
        """No more bytes. Fixes usage where the provider's own never came."""
        record = self.request.record
        if self.stream is not None:
            self.stream.end(complete=complete)
        record.response_sha256 = self.digest.hexdigest()


async def _as_reply(out: Awaitable[bytes | None]) -> BodyReply:
    return BodyReply(await out)


_NEVER_PASSED = ("content-encoding", "location")
"""Headers that would make a caller decode or follow what nobody has judged."""


def _not_ours_to_pass(head: ResponseHead) -> Refusal | None:
    """Compressed (nobody asked for it, nobody can read it), or a redirect, which an SDK would
    follow past the gateway (P1)."""
    if head.encoding not in ("", "identity"):
        return Refusal(Code.UPSTREAM_ERROR, reason="compressed answer")
    if head.status < 200 or 300 <= head.status < 400:
        return Refusal(Code.UPSTREAM_ERROR, reason=f"provider answered {head.status}")
    return None


def _envoys_own(head: ResponseHead) -> Refusal | None:
    """A reply that Envoy made because no provider answered; None for a provider's own."""
    if head.details in ("", VIA_UPSTREAM):
        return None
    timed_out = head.status in (408, 504) or "timeout" in head.details
    code = Code.UPSTREAM_TIMEOUT if timed_out else Code.UPSTREAM_ERROR
    return Refusal(code, reason=head.details[:200])
