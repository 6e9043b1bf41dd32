"""A Chat Completions answer as an Anthropic Messages answer, whole.

Left out: reasoning text that compatible servers add. Anthropic shows thinking only to callers who
ask for it, and a request that asks is not carried over (`anthropic_request_to_openai.py`). An
answer that is not of OpenAI's shape, tool arguments that are no JSON object included, is
`upstream_error`.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.errors import Refusal
from extproc.llm.anthropic_usage import write_anthropic_usage
from extproc.llm.call import Json
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.translate.not_carried import unreadable_answer
from extproc.llm.translate.stop_reasons import anthropic_stop_reason
from extproc.usage.usage import Usage, sound


def response(body: Json, *, model: str, created: int) -> Json | Refusal:
    """Translate a whole answer. `model`: what the caller called it. Anthropic tells no time."""
    match body.get("choices"):
        case [{"message": dict(message)} as choice]:
            pass
        case _:
            return unreadable_answer("choices")
    blocks = _texts(message)
    for position, call in enumerate(message.get("tool_calls") or ()):
        block = _tool_use(call)
        if block is None:
            return unreadable_answer(f"choices[0].message.tool_calls[{position}]")
        blocks.append(block)
    usage = sound(read_openai_usage(body.get("usage"))) or Usage()
    return {
        "id": body["id"] if type(body.get("id")) is str else "",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": stop_reason(choice.get("finish_reason"), message),
        "stop_sequence": None,
        "usage": write_anthropic_usage(usage),
    }


def stop_reason(finish_reason: Any, message: Json) -> str:
    """A model that refuses at OpenAI ends with `stop`; the refusal text says it."""
    return "refusal" if message.get("refusal") else anthropic_stop_reason(finish_reason)


def _texts(message: Json) -> list[Json]:
    found = [message.get("content"), message.get("refusal")]
    return [{"type": "text", "text": text} for text in found if type(text) is str and text]


def _tool_use(call: Any) -> Json | None:
    match call:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            read = read_arguments(arguments)
            if read is not None:
                return {"type": "tool_use", "id": call_id, "name": name, "input": read}
    return None


def read_arguments(arguments: str) -> Json | None:
    """Tool arguments as an object; None when they are not one (yet). No arguments are `{}`."""
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        return None
    return read if type(read) is dict else None
