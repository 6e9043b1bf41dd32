"""A whole Chat Completions answer, read. Raises Unreadable where it is not of that shape.

Left out and reported: fields of a message that nobody here knows, annotations that do not point to
the web. Not read: `logprobs.refusal`, and what stands beside `choices` and `usage` (fingerprints,
tiers).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Image,
    Part,
    Reasoning,
    Refused,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.llm.translate.openai_chat.finish import read_finish
from extproc.llm.translate.openai_chat.media import source_of
from extproc.llm.translate.thinking_blocks import seal_of
from extproc.usage.usage import sound

_KNOWN = frozenset(
    ("role", "content", "refusal", "tool_calls", "reasoning_content", "reasoning",
     "thinking_blocks", "annotations", "images", "audio", "function_call")
)  # fmt: skip


def read_answer(body: Json) -> ChatAnswer:
    listed = body.get("choices")
    if type(listed) is not list or not listed:
        raise Unreadable("choices")
    left_out: list[str] = []
    choices = [_choice(choice, f"choices[{i}]", left_out) for i, choice in enumerate(listed)]
    answer_id = body["id"] if type(body.get("id")) is str else ""
    _cite(body.get("citations"), choices[0])
    usage = sound(read_openai_usage(body.get("usage")))
    return ChatAnswer(answer_id, choices, usage, left_out)


def read_images(images: Any, where: str) -> list[Image]:
    """`images` of a message or of a delta."""
    made = []
    for image in _listed(images, f"{where}.images"):
        match image:
            case {"image_url": {"url": str(url)}} if source := source_of(url):
                made.append(Image(source=source))
            case _:
                raise Unreadable(f"{where}.images")
    return made


def read_citations(annotations: Any) -> tuple[Citation, ...]:
    """`annotations` that point to the web; others (files of the vendor) say nothing here."""
    found = []
    for note in _listed(annotations, "annotations"):
        match note:
            case {"type": "url_citation", "url_citation": {"url": str(url), **rest}}:
                title, start, end = (
                    rest.get("title"),
                    rest.get("start_index"),
                    rest.get("end_index"),
                )
                if not type(start) is type(end) is int:
                    start = end = None
                found.append(Citation(url, title if type(title) is str else "", "", start, end))
    return tuple(found)


def read_seal(call: Json) -> Seal | None:
    """Gemini's seal on a tool call of its OpenAI-compatible API."""
    match call.get("extra_content"):
        case {"google": {"thought_signature": str(value)}}:
            return Seal("gemini", value)
    return None


def _choice(choice: Any, where: str, left_out: list[str]) -> Choice:
    message = choice.get("message") if type(choice) is dict else None
    if type(message) is not dict:
        raise Unreadable(where)
    where += ".message"
    if message.get("audio") or message.get("function_call"):
        raise Unreadable(f"{where}.{'audio' if message.get('audio') else 'function_call'}")
    left_out += [f"{where}.{key}" for key in message if message[key] and key not in _KNOWN]
    parts = _thoughts(message, where)
    parts += _content(message.get("content"), where)
    text = next((part for part in parts if type(part) is Text), None)
    if message.get("annotations"):
        cited = read_citations(message["annotations"])
        if text is not None:
            text.citations = cited
        if text is None or len(cited) < len(message["annotations"]):
            left_out.append(f"{where}.annotations")
    refusal = message.get("refusal")
    if refusal:
        parts.append(Refused(text=_string(refusal, f"{where}.refusal")))
    parts += read_images(message.get("images"), where)
    calls = _listed(message.get("tool_calls"), f"{where}.tool_calls")
    parts += [_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(calls)]
    reason = choice.get("finish_reason")
    finish = read_finish(reason, refused=bool(refusal), has_calls=bool(calls))
    return Choice(parts, finish, None, _logprobs(choice.get("logprobs")))


def _logprobs(told: Any) -> list[Json] | None:
    entries = told.get("content") if type(told) is dict else None
    return entries if type(entries) is list else None


def _listed(value: Any, where: str) -> list[Any]:
    if type(value) is list:
        return value
    if value:
        raise Unreadable(where)
    return []


def _string(value: Any, where: str) -> str:
    if type(value) is not str:
        raise Unreadable(where)
    return value


def _content(content: Any, where: str) -> list[Part]:
    """A string; at Mistral also a list of chunks, thinking among them ("Reasoning")."""
    if content is None or type(content) is str:
        return [Text(text=content)] if content else []
    parts: list[Part] = []
    for chunk in content if type(content) is list else (content,):
        match chunk:
            case {"type": "text", "text": str(text)}:
                parts.append(Text(text=text))
            case {"type": "thinking", "thinking": list(inner)}:
                parts.append(Reasoning(text=_joined(inner, where)))
            case _:
                raise Unreadable(f"{where}.content")
    return parts


def _joined(chunks: list[Any], where: str) -> str:
    return "".join(part.text for part in _content(chunks, where) if isinstance(part, Text))


def _thoughts(message: Json, where: str) -> list[Part]:
    blocks = _listed(message.get("thinking_blocks"), f"{where}.thinking_blocks")
    if blocks:
        return [_thought(block, f"{where}.thinking_blocks") for block in blocks]
    for key in ("reasoning_content", "reasoning"):
        if message.get(key):
            return [Reasoning(text=_string(message[key], f"{where}.{key}"))]
    return []


def _thought(block: Any, where: str) -> Reasoning:
    try:
        match block:
            case {"type": "thinking", "thinking": str(text)}:
                return Reasoning(text=text, seal=seal_of(block.get("signature"), where))
            case {"type": "redacted_thinking", "data": str(data)}:
                return Reasoning(seal=seal_of(data, where), hidden=True)
    except NotCarried:
        pass
    raise Unreadable(where)


def _call(call: Any, where: str) -> ToolCall:
    match call:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            return ToolCall("", None, call_id, name, arguments, read_seal(call))
    raise Unreadable(where)


def _cite(urls: Any, choice: Choice) -> None:
    """Perplexity's `citations`: sources of the whole answer, beside the choices."""
    text = next((part for part in choice.parts if isinstance(part, Text)), None)
    if text is None or text.citations or type(urls) is not list:
        return
    text.citations = tuple(Citation(url) for url in urls if type(url) is str)
