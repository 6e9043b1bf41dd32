"""A whole Anthropic Messages answer, read. Raises Unreadable where it is not of that shape: blocks
of Anthropic's own tools too, which no translated request asks for."""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.anthropic_usage import read_anthropic_usage
from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.citations import read_citation
from extproc.llm.translate.anthropic_messages.finish import read_finish
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import sound


def read_answer(body: Json) -> ChatAnswer:
    blocks = body.get("content")
    if type(blocks) is not list:
        raise Unreadable("content")
    parts = [_part(block, f"content[{i}]") for i, block in enumerate(blocks)]
    stop = body.get("stop_sequence")
    finish = read_finish(body.get("stop_reason"))
    choice = Choice(parts, finish, stop if type(stop) is str else None)
    answer_id = body["id"] if type(body.get("id")) is str else ""
    return ChatAnswer(answer_id, [choice], sound(read_anthropic_usage(body.get("usage"))))


def _part(block: Any, where: str) -> Part:
    match block:
        case {"type": "text", "text": str(text)}:
            return Text("", None, text, _citations(block.get("citations"), where))
        case {"type": "tool_use", "id": str(call_id), "name": str(name), "input": dict(given)}:
            return ToolCall("", None, call_id, name, orjson.dumps(given).decode())
        case {"type": "thinking", "thinking": str(text)}:
            signature = block.get("signature")
            seal = Seal("anthropic", signature) if signature and type(signature) is str else None
            return Reasoning("", None, text, seal)
        case {"type": "redacted_thinking", "data": str(data)}:
            return Reasoning("", None, "", Seal("anthropic", data), hidden=True)
    raise Unreadable(where)


def _citations(citations: Any, where: str) -> tuple[Citation, ...]:
    try:
        return tuple(read_citation(citation) for citation in citations or ())
    except TypeError:
        raise Unreadable(f"{where}.citations") from None
