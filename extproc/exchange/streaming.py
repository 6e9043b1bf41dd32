"""A streamed answer, frame by frame: count, guard, translate, encode.

Frames are guarded in the provider's own dialect, before translation, so that one guard serves every
pair of dialects. Unchanged frames leave as the very bytes they came as.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING

from extproc.errors import Code, Refusal
from extproc.exchange import billing, guarding
from extproc.exchange.selected import refusal_of
from extproc.exchange.stream_hook import StreamHook
from extproc.exchange.values import Attempt
from extproc.guardrails.stream import StreamGuard
from extproc.llm import openai_chat
from extproc.llm.aws_event_stream import EventStreamReader
from extproc.llm.call import Frame, Json
from extproc.llm.error_body import refusal_tree, stream_error_frame
from extproc.llm.facts import REASONS_MAX, finish_reasons
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.sse import SseReader, StreamFault, wire
from extproc.llm.translate import translator
from extproc.llm.translate.openai_responses.stream_writer import refused_frame
from extproc.usage.tokens import OutputCounter
from extproc.usage.usage import Reported

if TYPE_CHECKING:
    from extproc.exchange.request import Request


class AnswerStream:
    """Bytes of the provider's stream in, bytes of the caller's stream out."""

    def __init__(self, request: Request, attempt: Attempt, content_type: str) -> None:
        assert request.caller is not None
        provider = attempt.dialect
        self._request, self._provider, self._target = request, provider, attempt.target
        self._reader = SseReader() if is_sse(content_type) else EventStreamReader()
        self._usage: Reported = None
        self._final = self._error_seen = False
        self._stopped = False
        self._output = OutputCounter(request.world.tokens, provider.family)
        self._refused: Refusal | None = None
        self._guard = self._reveal = None
        if request.guards.output.gates:
            self._guard = StreamHook(request, provider.frame_texts)
        revealing = guarding.revealing(request)
        if revealing is not None:
            self._reveal = StreamGuard(revealing, provider.frame_texts)
        translation = translator(request.caller, provider)
        self._translator = (
            translation.stream(
                model=attempt.target.name,
                created=request.record.started_at_ms // 1000,
                asked=request.body,
                own_id=request.record.decision_id.replace("-", ""),
            )
            if translation is not None
            else None
        )

    def feed(self, piece: bytes, *, last: bool) -> bytes | Awaitable[bytes | None] | None:
        """What goes on instead of `piece`; None = the piece itself, untouched.

        Awaitable at the end of a stream whose judges have to be waited for.
        """
        if self._stopped:
            return b""
        try:
            frames = self._reader.feed(piece)
            if last:
                frames = frames + self._reader.finish()
            self._observe(frames)
            if self._refused is not None:
                self._request.record.outcome = "blocked"
                return self._stop(self._refused)
            out = self._forward(frames, last)
        except StreamFault as fault:
            self._request.record.outcome = "upstream_error"
            return self._stop(Refusal(Code.UPSTREAM_ERROR, reason=type(fault).__name__))
        return None if out == piece else out

    def _observe(self, frames: list[Frame]) -> None:
        """Usage and our own count, before anybody changes a text."""
        record, now = self._request.record, self._request.world.now_ns()
        for frame in frames:
            self._usage = self._provider.frame_usage(frame, self._usage)
            self._final = self._final or self._provider.is_final(frame)
            if _is_error(frame):
                self._error_seen, record.outcome = True, "upstream_error"
            if unscanned := self._provider.frame_unscanned(frame):
                self._note_unscanned(unscanned)
            for slot in self._provider.frame_texts(frame):
                if not slot.repeats:
                    self._output.add(slot.channel, slot.text)
                record.first_token_ns = record.first_token_ns or now
                record.last_token_ns = now
            if record.spans is not None and frame.data:
                self._note_reasons(frame.data)

    def _note_reasons(self, data: Json) -> None:
        record = self._request.record
        found = (*record.finish_reasons, *finish_reasons(data))
        record.finish_reasons = found[:REASONS_MAX]

    def _note_unscanned(self, paths: tuple[str, ...]) -> None:
        """Parts of the answer that nobody can read: named in the entry, or the stream's end."""
        request, record = self._request, self._request.record
        record.unscanned_answer = tuple(dict.fromkeys((*record.unscanned_answer, *paths)))
        if rule := request.guards.output.no_unscanned:
            self._refused = guarding.unscanned_refusal(rule, paths)

    def _forward(self, frames: list[Frame], last: bool) -> bytes | Awaitable[bytes]:
        if self._guard is None:
            return self._pass(frames, last)
        began = self._request.world.now_ns()
        out, judging = self._guard.feed(frames, last)
        if judging is not None:
            return self._judged(judging, began)
        self._took(began)
        return self._pass(out, last)

    async def _judged(self, judging: Awaitable[list[Frame]], began: int) -> bytes:
        frames = await judging
        self._took(began)
        return self._pass(frames, True)

    def _took(self, began: int) -> None:
        self._request.record.worked("guardrails_out", began, self._request.world.now_ns())

    def _pass(self, frames: list[Frame], last: bool) -> bytes:
        """What the guardrails let go; behind it the refusal, where they refused."""
        out = self._encode(self._revealed(frames, last), last)
        if self._guard is not None and (result := self._guard.blocked) is not None:
            self._request.record.outcome = "blocked"
            return out + self._stop(refusal_of(result) or Refusal(Code.GUARDRAIL_BLOCKED))
        if last and not (self._final or self._error_seen):
            self._request.record.outcome = "truncated"
            return out + self._stop(Refusal(Code.UPSTREAM_ERROR, reason="stream ended early"))
        return out

    def _revealed(self, frames: list[Frame], last: bool) -> list[Frame]:
        if self._reveal is None:
            return frames
        frames = self._reveal.feed(frames)
        return frames + self._reveal.finish() if last else frames

    def _encode(self, frames: list[Frame], last: bool) -> bytes:
        if self._translator is not None:
            translated = [f for frame in frames for f in self._translator.feed(frame)]
            if last and self._final:
                translated += self._translator.finish()
            if self._translator.closed and not self._translator.complete:
                # The provider's own error, whatever its dialect calls it.
                self._error_seen, self._request.record.outcome = True, "upstream_error"
            return b"".join(map(wire, translated))
        return b"".join(wire(f) for f in frames if not self._unasked(f))

    def _unasked(self, frame: Frame) -> bool:
        """OpenAI's usage chunk that we asked for and the caller did not."""
        return (
            self._provider.family == "openai"
            and not self._request.asked_for_usage
            and openai_chat.is_usage_only(frame)
        )

    def _stop(self, refusal: Refusal) -> bytes:
        """A valid error event of the caller's dialect; nothing of the provider follows it."""
        self._stopped = True
        self._request.record.refusal = refusal
        request, record = self._request, self._request.record
        assert request.caller is not None
        if request.caller.shape != OPENAI_RESPONSES.shape:
            return stream_error_frame(request.family, refusal, record.decision_id)
        # Clients of the Responses look for an event that ends the response.
        tree = refusal_tree(request.family, refusal, record.decision_id)
        created = record.started_at_ms // 1000
        return wire(
            refused_frame(
                tree, refusal.status, model=self._target.name, created=created, asked=request.body
            )
        )

    def end(self, *, complete: bool) -> None:
        """Settle on the provider's usage; on our own count where the stream was cut."""
        record, counted = self._request.record, self._output.tokens()
        billing.take_usage(self._request, self._target, self._usage, lambda: counted)
        usage = record.usage
        if not (complete and self._final) and usage and usage.total_output_tokens < counted:
            # Anthropic states a token or so before the end: a floor, not a count.
            record.usage_flags.append("output_counted")
            record.usage = replace(usage, output_tokens=counted, source="counted")
        if self._guard is not None:
            record.output_guard = self._guard.end()


EVENT_STREAM = "text/event-stream"


def is_sse(content_type: str) -> bool:
    return _bare(content_type) == EVENT_STREAM


def is_stream(content_type: str) -> bool:
    """Server-sent events, or Amazon's own framing."""
    return _bare(content_type) in (EVENT_STREAM, "application/vnd.amazon.eventstream")


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_error(frame: Frame) -> bool:
    """The provider's own error in the middle of its stream."""
    data = frame.data or {}
    return "error" in data or data.get("type") in ("error", "response.failed")
