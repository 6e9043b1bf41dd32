"""An answer that the gateway gives itself: a fixed text in the caller's dialect, whole or streamed.

Promises: the official SDKs read it like any other answer; it says that nothing was used. Refuses
(None): an operation whose answer is no text, such as embeddings.

Shapes: OpenAI "The chat completion object" and "chunk object", Anthropic "Messages" and "Streaming
messages". Ids come from the decision id, so that an answer leads to its entry.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from extproc.llm.call import Dialect, Json, LlmCall
from extproc.llm.sse import encode


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """`created`: Unix seconds. `usage`: the caller asked for a stream's usage chunk (OpenAI)."""

    text: str
    call: LlmCall
    decision_id: str
    created: int
    usage: bool = False


def fixed_answer(caller: Dialect, answer: FixedAnswer) -> tuple[bytes, str] | None:
    """(body, content type); None where this operation has no text to give."""
    if answer.call.operation != "chat":
        return None
    anthropic = caller.family == "anthropic"
    if answer.call.stream:
        return (_anthropic_stream if anthropic else _openai_stream)(answer), "text/event-stream"
    return orjson.dumps((_anthropic if anthropic else _openai)(answer)), "application/json"


# --- OpenAI ----------------------------------------------------------------------------------

_OPENAI_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _openai(answer: FixedAnswer) -> Json:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choices = [
        {"index": n, "message": message, "logprobs": None, "finish_reason": "stop"}
        for n in range(answer.call.choices)
    ]
    return {**_openai_head(answer, "chat.completion"), "choices": choices, "usage": _OPENAI_USAGE}


def _openai_stream(answer: FixedAnswer) -> bytes:
    head = _openai_head(answer, "chat.completion.chunk")
    if answer.usage:
        head["usage"] = None
    chunks = [
        {**head, "choices": [{"index": n, "delta": delta, "logprobs": None,
                              "finish_reason": finish}]}
        for n in range(answer.call.choices)
        for delta, finish in (
            ({"role": "assistant", "content": "", "refusal": None}, None),
            ({"content": answer.text}, None),
            ({}, "stop"),
        )
    ]  # fmt: skip
    if answer.usage:
        chunks.append({**head, "choices": [], "usage": _OPENAI_USAGE})
    return b"".join(encode("", chunk) for chunk in (*chunks, None))


def _openai_head(answer: FixedAnswer, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{_plain(answer.decision_id)}",
        "object": kind,
        "created": answer.created,
        "model": answer.call.model,
        "system_fingerprint": None,
    }


# --- Anthropic -------------------------------------------------------------------------------

_ANTHROPIC_USAGE = {
    "input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    "output_tokens": 0,
}  # fmt: skip


def _anthropic(answer: FixedAnswer) -> Json:
    return {
        "id": f"msg_{_plain(answer.decision_id)}",
        "type": "message",
        "role": "assistant",
        "model": answer.call.model,
        "content": [{"type": "text", "text": answer.text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": _ANTHROPIC_USAGE,
    }


def _anthropic_stream(answer: FixedAnswer) -> bytes:
    begun = {**_anthropic(answer), "content": [], "stop_reason": None}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[Json] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "text_delta", "text": answer.text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 0}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return b"".join(encode(event["type"], event) for event in events)


def _plain(decision_id: str) -> str:
    return decision_id.replace("-", "")
