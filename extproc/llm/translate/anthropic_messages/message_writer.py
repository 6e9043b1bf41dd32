"""A conversation as Anthropic's system prompt and messages.

Neighbours of one role are joined, as Anthropic wants all results of parallel tool calls in one
user message ("Tool use"). Thoughts go back to Anthropic with Anthropic's own seals; all others are
left out and reported, for Anthropic refuses a thinking block that it did not sign.
"""

from __future__ import annotations

import base64
import binascii

from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.arguments import read_arguments
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Remote,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.thinking_blocks import thinking_block

_IMAGE_TYPES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def write_system(request: ChatRequest) -> str | list[Json] | None:
    return _flat([_text(part) for part in request.system]) or None


def write_messages(request: ChatRequest) -> list[Json]:
    joined: list[tuple[str, list[Json]]] = []
    for turn in request.turns:
        blocks = _turn(turn, request)
        if joined and joined[-1][0] == turn.role:
            joined[-1][1].extend(blocks)
        elif blocks or not any(type(part) is Reasoning for part in turn.parts):
            joined.append((turn.role, blocks))
    return [{"role": role, "content": _flat(blocks)} for role, blocks in joined]


def cache_control(seconds: int) -> Json:
    """Anthropic knows two lifetimes; five minutes is its own choice ("Prompt caching")."""
    return {"type": "ephemeral", "ttl": "1h"} if seconds > 300 else {"type": "ephemeral"}


def _flat(blocks: list[Json]) -> str | list[Json]:
    """A single text as a string; empty texts, which Anthropic refuses, beside others not at all."""
    if len(blocks) > 1:
        blocks = [block for block in blocks if block.get("text") != ""] or blocks[:1]
    if len(blocks) == 1 and len(blocks[0]) == 2 and blocks[0]["type"] == "text":
        return blocks[0]["text"]  # type: ignore[no-any-return]
    return blocks or ""


def _turn(turn: Turn, request: ChatRequest) -> list[Json]:
    blocks = []
    for part in turn.parts:
        if type(part) is Text and part.cache is None:  # most of them
            blocks.append({"type": "text", "text": part.text})
            continue
        block = _block(part, turn, request)
        if block is not None:
            blocks.append(block)
    return blocks


def _block(part: Part, turn: Turn, request: ChatRequest) -> Json | None:
    match part:
        case Text():
            return _text(part)
        case Refused():
            return _text(Text(part.path, part.cache, part.text))
        case ToolCall():
            return _call(part, request)
        case ToolResult():
            return _result(part, request)
        case Reasoning():
            if part.seal is not None and part.seal.family == "anthropic":
                return thinking_block(part)
            request.leave_out(part.path)
            return None
    if turn.role != "user":
        raise NotCarried(part.path)
    return _media(part, request)


def _text(part: Text) -> Json:
    return _cached({"type": "text", "text": part.text}, part)


def _cached(block: Json, part: Part) -> Json:
    if part.cache is not None:
        block["cache_control"] = cache_control(part.cache)
    return block


def _call(call: ToolCall, request: ChatRequest) -> Json:
    given = read_arguments(call.arguments)
    if given is None:
        path = f"{call.path}.{request.paths.get('arguments', 'arguments')}"
        raise NotCarried(path, "must be a JSON object for this provider")
    if call.seal is not None:
        request.leave_out(f"{call.path}.{request.paths.get('seal', 'extra_content')}")
    block = {"type": "tool_use", "id": call.call_id, "name": call.name, "input": given}
    return _cached(block, call)


def _result(result: ToolResult, request: ChatRequest) -> Json:
    content = [
        _text(part) if isinstance(part, Text) else _media(part, request) for part in result.content
    ]
    block: Json = {"type": "tool_result", "tool_use_id": result.call_id, "content": _flat(content)}
    if result.failed:
        block["is_error"] = True
    return _cached(block, result)


def _media(part: Part, request: ChatRequest) -> Json:
    match part:
        case Image():
            if part.detail not in ("", "auto"):
                request.leave_out(f"{part.path}.{request.paths.get('detail', 'detail')}")
            return _cached({"type": "image", "source": _image(part.source, part.path)}, part)
        case Document():
            return _document(part)
        case Audio():
            raise NotCarried(part.path, "holds sound, which this provider does not hear")
    raise NotCarried(part.path)


def _image(source: Source, path: str) -> Json:
    if isinstance(source, Inline) and source.media_type not in _IMAGE_TYPES:
        raise NotCarried(path, "holds an image type this provider does not read")
    return _source(source, path)


def _source(source: Source, path: str) -> Json:
    match source:
        case Inline(media_type, data):
            return {"type": "base64", "media_type": media_type, "data": data}
        case Remote(url):
            return {"type": "url", "url": url}
        case Stored("anthropic", file_id):
            return {"type": "file", "file_id": file_id}
    raise NotCarried(path, "is a file that this provider does not hold")


def _document(part: Document) -> Json:
    source = part.source
    if isinstance(source, Inline) and source.media_type.startswith("text/"):
        written: Json = {"type": "text", "media_type": "text/plain", "data": _words(part, source)}
    elif isinstance(source, Stored) or source.media_type in ("application/pdf", ""):
        written = _source(source, part.path)
    else:
        raise NotCarried(part.path, "holds a file type this provider does not read")
    document: Json = {"type": "document", "source": written}
    if part.name:
        document["title"] = part.name
    if part.cite:
        document["citations"] = {"enabled": True}
    return _cached(document, part)


def _words(part: Document, source: Inline) -> str:
    try:
        return base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NotCarried(part.path, "does not hold text in UTF-8") from None
