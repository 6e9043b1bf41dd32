"""A whole Cohere answer as a ChatAnswer.

A tool plan, "a chain-of-thought style reflection and plan", is a thought. Left out and reported:
citations of plans and thoughts, and parts of unknown types.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.cohere_chat_usage import read_cohere_usage
from extproc.llm.translate.cohere_chat.content_reader import (
    FAILED,
    citations_of,
    finish_of,
    stands_on_text,
)
from extproc.llm.translate.conversation import ChatAnswer, Choice, Part, Reasoning, Text, ToolCall
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import sound


def read_answer(body: Json) -> ChatAnswer:
    """Raises Unreadable; also where generation broke off."""
    message, reason = body.get("message"), body.get("finish_reason")
    if type(message) is not dict:
        raise Unreadable("message")
    if type(reason) is str and reason in FAILED:
        raise Unreadable("finish_reason")
    answer_id = body.get("id")
    usage = sound(read_cohere_usage(body.get("usage")))
    answer = ChatAnswer(answer_id if type(answer_id) is str else "", [], usage)
    try:
        parts = _content(message, answer)
        _cite(message, parts, answer)
        parts = [part for part in parts if not isinstance(part, Text) or part.text]
        if plan := message.get("tool_plan"):
            parts.append(Reasoning("message.tool_plan", text=_text(plan)))
        for position, call in enumerate(message.get("tool_calls") or ()):
            parts.append(_tool_call(call, f"message.tool_calls[{position}]"))
    except (KeyError, TypeError, AttributeError):
        raise Unreadable("message") from None
    answer.choices.append(Choice(parts, finish_of(reason)))
    return answer


def _content(message: Json, answer: ChatAnswer) -> list[Part]:
    """One part for each of the message's, in its place: citations name it by its position."""
    content = message.get("content") or []
    if type(content) is str:
        return [Text("message.content", text=content)]
    parts: list[Part] = []
    for position, one in enumerate(content):
        path = f"message.content[{position}]"
        match one:
            case {"type": "text", "text": text}:
                parts.append(Text(path, text=_text(text)))
            case {"type": "thinking", "thinking": text}:
                parts.append(Reasoning(path, text=_text(text)))
            case _:
                answer.left_out.append(path)
                parts.append(Text(path))
    return parts


def _cite(message: Json, parts: list[Part], answer: ChatAnswer) -> None:
    for position, said in enumerate(message.get("citations") or ()):
        index = said.get("content_index")
        texts = [part for part in parts if isinstance(part, Text)]
        at = parts[index] if type(index) is int and 0 <= index < len(parts) else None
        part = at if isinstance(at, Text) else next(iter(texts), None)
        if part is None or not stands_on_text(said):
            answer.left_out.append(f"message.citations[{position}]")
        else:
            part.citations += citations_of(said)


def _tool_call(call: Json, path: str) -> Part:
    function = call["function"]
    return ToolCall(path, call_id=_text(call["id"]), name=_text(function["name"]),
                    arguments=_text(function.get("arguments") or "") or "{}")  # fmt: skip


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value
