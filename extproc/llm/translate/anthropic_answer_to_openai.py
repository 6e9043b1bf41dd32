"""An Anthropic Messages answer as a Chat Completions answer, whole.

Left out: thinking blocks. Chat Completions has no field for them, and a caller of that API cannot
have asked for any (its request would not have asked the provider to show them); they are counted
in `reasoning_tokens`. An answer that is not of Anthropic's shape is `upstream_error`.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.errors import Refusal
from extproc.llm.anthropic_usage import read_anthropic_usage
from extproc.llm.call import Json
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.translate.not_carried import unreadable_answer
from extproc.llm.translate.stop_reasons import openai_finish_reason
from extproc.usage.usage import sound

HIDDEN = frozenset(("thinking", "redacted_thinking"))


def response(body: Json, *, model: str, created: int) -> Json | Refusal:
    """Translate a whole answer. `model`: what the caller called it; `created`: Unix seconds."""
    blocks = body.get("content")
    if type(blocks) is not list:
        return unreadable_answer("content")
    texts, calls = [], []
    for position, block in enumerate(blocks):
        match block:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "tool_use", "id": str(), "name": str(), "input": dict()}:
                calls.append(_tool_call(block))
            case {"type": str(kind)} if kind in HIDDEN:
                continue
            case _:
                return unreadable_answer(f"content[{position}]")
    message: Json = {"role": "assistant", "content": "".join(texts) if texts else None}
    message["refusal"] = None
    if calls:
        message["tool_calls"] = calls
    return _completion(body, message, model, created)


def _completion(body: Json, message: Json, model: str, created: int) -> Json:
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": openai_finish_reason(body.get("stop_reason")),
    }
    made = {
        "id": _id(body.get("id")),
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
    }
    usage = sound(read_anthropic_usage(body.get("usage")))
    if usage is not None:
        made["usage"] = write_openai_usage(usage)
    return made


def _id(value: Any) -> str:
    return value if type(value) is str else ""


def _tool_call(block: Json) -> Json:
    arguments = orjson.dumps(block["input"]).decode()
    function = {"name": block["name"], "arguments": arguments}
    return {"id": block["id"], "type": "function", "function": function}
