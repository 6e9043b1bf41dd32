"""OpenAI's legacy Completions (`POST /v1/completions`), whole and streamed.

Promises: a request it reads has the types OpenAI documents wherever the gateway decides on them;
texts are found by `completions_texts.py`. Refuses, by field name: missing or ill-typed `model`,
`prompt`, `stream`, `n`, `best_of`, maxima. Token arrays carry text nobody here can read: they are
named in `unscanned` (P3). Every prompt is answered `best_of` times, all of them billed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from extproc.errors import Refusal
from extproc.llm import completions_texts, fields
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Frame, Json, LlmCall, Operation, TextSlot
from extproc.llm.openai_usage import larger, read_openai_usage
from extproc.usage.usage import Reported

CHOICES_MAX = 128


class OpenAICompletions:
    """The dialect; stateless."""

    name = "openai_completions"
    shape = "openai_completions"
    family: Family = "openai"
    operation: Operation = "chat"
    answers: Literal["json", "bytes"] = "json"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = (
            fields.model_fault(body)
            or fields.flag_fault(body, "stream")
            or fields.flag_fault(body, "echo")
            or fields.object_fault(body, "stream_options")
            or fields.count_fault(body, "max_tokens")
            or fields.count_fault(body, "n", most=CHOICES_MAX)
            or fields.count_fault(body, "best_of", most=CHOICES_MAX)
            or _prompt_fault(body)
        )
        if fault:
            return fault
        each = max(body.get("n") or 1, body.get("best_of") or 1)
        return LlmCall(
            operation="chat",
            model=body["model"],
            stream=body.get("stream") is True,
            max_output_tokens=body.get("max_tokens"),
            choices=each * completions_texts.prompts_of(body),
            tools=(),
            unscanned=tuple(completions_texts.read_request(body).unread),
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(completions_texts.read_request(body).slots)

    def billable(self, body: Json) -> Billable:
        """Texts, or token arrays: as many tokens as there are numbers."""
        prompt = body["prompt"]
        rows = [prompt] if type(prompt) is str or type(prompt[0]) is int else prompt
        out = Billable(parts=len(rows))
        for row in rows:
            if type(row) is str:
                out.texts.append(row)
            else:
                out.tokens += len(row)
        if type(body.get("suffix")) is str:
            out.texts += [body["suffix"]] * len(rows)
        return out

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(completions_texts.read_answer(body).slots)

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        return iter(completions_texts.read_answer(frame.data).slots if frame.data else ())

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(completions_texts.read_answer(body).unread)

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        return tuple(completions_texts.read_answer(frame.data).unread) if frame.data else ()

    def response_usage(self, body: Json) -> Reported:
        return read_openai_usage(body.get("usage"))

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """As in chat: the largest counts."""
        usage = frame.data.get("usage") if frame.data else None
        return so_far if usage is None else larger(read_openai_usage(usage), so_far)

    def is_final(self, frame: Frame) -> bool:
        return frame.data is None

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        call = {**body, "model": model}
        if max_output_tokens is not None:
            call["max_tokens"] = fields.least(body.get("max_tokens"), max_output_tokens)
        if include_usage and body.get("stream"):
            options = body.get("stream_options") or {}
            call["stream_options"] = {**options, "include_usage": True}
        return call

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/completions"


OPENAI_COMPLETIONS = OpenAICompletions()


def _prompt_fault(body: Json) -> Refusal | None:
    if completions_texts.prompt_kind(body.get("prompt")) == "unsound":
        return fields.refuse(
            "prompt", "must be a string, a non-empty list of strings, or token arrays"
        )
    if body.get("suffix") is not None and type(body["suffix"]) is not str:
        return fields.refuse("suffix", "must be a string")
    return None
