"""A whole answer of Gemini's, read. Raises Unreadable where it is not of that shape.

A prompt that Google blocked has no candidates: it is an answer without words, ended by a filter.
Not read: safety ratings, token counts and the like, which no other dialect has a place for.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

from extproc.llm.call import Json
from extproc.llm.gemini_usage import read_gemini_usage
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Part,
    Reasoning,
    Text,
    ToolCall,
)
from extproc.llm.translate.gemini_generate.finish import read_finish
from extproc.llm.translate.gemini_generate.grounding import read_citations
from extproc.llm.translate.gemini_generate.logprobs import read_logprobs
from extproc.llm.translate.gemini_generate.media import read_inline
from extproc.llm.translate.gemini_generate.seals import seal_of
from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.usage.usage import sound

_PART = frozenset(
    ("text", "thought", "thoughtSignature", "functionCall", "inlineData", "partMetadata")
)


def read_answer(body: Json) -> ChatAnswer:
    told = body.get("responseId")
    answer_id = told if type(told) is str else ""
    answer = ChatAnswer(answer_id, [], sound(read_gemini_usage(body)))
    listed = body.get("candidates")
    if not listed and is_blocked(body):
        answer.choices.append(Choice([], "content_filter"))
        return answer
    if type(listed) is not list or not listed:
        raise Unreadable("candidates")
    answer.choices = [_choice(one, i, answer) for i, one in enumerate(listed)]
    return answer


def is_blocked(body: Json) -> bool:
    feedback = body.get("promptFeedback")
    return type(feedback) is dict and bool(feedback.get("blockReason"))


def parts_of(candidate: Any, where: str) -> list[Json]:
    """The parts of a candidate; one that was cut short may have none, nor a content."""
    if type(candidate) is not dict:
        raise Unreadable(where)
    content = candidate.get("content") or {}
    parts = content.get("parts") or [] if type(content) is dict else None
    if type(parts) is not list or not all(type(part) is dict for part in parts):
        raise Unreadable(f"{where}.content")
    return parts


def read_part(part: Json, where: str, answer_id: str, number: int) -> list[Part]:
    """`number` of the call within its candidate, from 0, for calls without an id."""
    if not _PART.issuperset(part):
        raise Unreadable(where)
    seal, _ = seal_of(str(part.get("thoughtSignature") or ""))
    text = part.get("text")
    match part:
        case {"functionCall": {"name": str(name), **rest}} if _is_args(rest.get("args")):
            call_id = rest.get("id") or _made_id(part, answer_id, number)
            if type(call_id) is not str or rest.get("partialArgs") or rest.get("willContinue"):
                raise Unreadable(f"{where}.functionCall")
            arguments = orjson.dumps(rest.get("args") or {}).decode()
            return [ToolCall("", None, call_id, name, arguments, seal)]
        case {"inlineData": dict(blob)}:
            try:
                media = [read_inline(blob, where, "")]
            except NotCarried:
                raise Unreadable(f"{where}.inlineData") from None
            return [*media, Reasoning(seal=seal, hidden=True)] if seal else media
        case {"functionCall": _} | {"inlineData": _}:
            raise Unreadable(where)
    if text is not None and type(text) is not str:
        raise Unreadable(f"{where}.text")
    if part.get("thought") and text:
        return [Reasoning(text=text, seal=seal)]
    read: list[Part] = [Text(text=text)] if text else []
    return [*read, Reasoning(seal=seal, hidden=True)] if seal else read


def _is_args(value: Any) -> bool:
    return value is None or type(value) is dict


def _made_id(part: Json, answer_id: str, number: int) -> str:
    """The older models' calls have none; it must be another one in each answer."""
    mark = "".join(c for c in answer_id if c.isalnum())[:24] or f"{crc32(orjson.dumps(part)):08x}"
    return f"call_{mark}_{number}"


def _choice(candidate: Any, index: int, answer: ChatAnswer) -> Choice:
    where = f"candidates[{index}]"
    parts: list[Part] = []
    texts: list[tuple[int, Text]] = []
    calls = 0
    for place, part in enumerate(parts_of(candidate, where)):
        read = read_part(part, f"{where}.content.parts[{place}]", answer.answer_id, calls)
        calls += any(isinstance(one, ToolCall) for one in read)
        texts += [(place, one) for one in read if isinstance(one, Text)]
        parts += read
    cited = read_citations(candidate, [(place, text.text) for place, text in texts])
    for position, citation in cited:
        texts[position][1].citations += (citation,)
    finish, unknown = read_finish(candidate.get("finishReason"), has_calls=calls > 0)
    if unknown:
        answer.left_out.append(f"{where}.finishReason")
    return Choice(parts, finish, None, read_logprobs(candidate.get("logprobsResult")))
