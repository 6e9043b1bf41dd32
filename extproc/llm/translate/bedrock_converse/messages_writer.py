"""The conversation of a request as Converse's `messages`.

Neighbours of one role are joined, as Converse wants roles to take turns. Empty texts, which it
refuses, say nothing and are not written. Thoughts are carried with Bedrock's own seal only, others
are left out and reported. Files: `files_writer.py`.
"""

from __future__ import annotations

import hashlib
import re

import orjson

from extproc.llm.call import Json
from extproc.llm.strict_json import within_depth
from extproc.llm.translate.bedrock_converse.files_writer import Files
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Part,
    Reasoning,
    Refused,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried

HOUR_SECONDS = 3600
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def messages(request: ChatRequest) -> list[Json]:
    """Raises NotCarried."""
    files = Files(request)
    made: list[Json] = []
    for turn in request.turns:
        blocks = [block for part in turn.parts for block in _blocks(part, turn, files)]
        if not blocks:
            continue
        if made and made[-1]["role"] == turn.role:
            made[-1]["content"] += blocks
        else:
            made.append({"role": turn.role, "content": blocks})
    if not made:
        request.refuse("turns", "must hold a message that says something")
    for message in made:
        _no_lonely_document(message["content"], files)
    return made


def cache_point(ttl_seconds: int) -> Json:
    """A break of the prompt cache. Five minutes is what every model has unasked."""
    if ttl_seconds >= HOUR_SECONDS:
        return {"cachePoint": {"type": "default", "ttl": "1h"}}
    return {"cachePoint": {"type": "default"}}


def _no_lonely_document(blocks: list[Json], files: Files) -> None:
    """ "If you include a ContentBlock with a document field in the array, you must also include a
    ContentBlock with a text field" (`Message`)."""
    lonely = next((block["document"]["name"] for block in blocks if "document" in block), None)
    if lonely is not None and not any("text" in block for block in blocks):
        raise NotCarried(files.documents[lonely], "needs a text beside it for this provider")


def _blocks(part: Part, turn: Turn, files: Files) -> list[Json]:
    """The block of one part, if it says anything, and the cache's break behind it."""
    block = _block(part, turn, files)
    cache = part.cache
    if isinstance(part, ToolResult) and cache is None:
        cache = max((one.cache for one in part.content if one.cache is not None), default=None)
    if block is None:
        return []
    return [block] if cache is None else [block, cache_point(cache)]


def _block(part: Part, turn: Turn, files: Files) -> Json | None:
    match part:
        case Text():
            if part.citations:
                files.request.leave_out(f"{part.path}.citations")
            return {"text": part.text} if part.text else None
        case ToolCall() if turn.role == "assistant":
            return {"toolUse": _tool_use(part, files.request)}
        case ToolResult() if turn.role == "user":
            return {"toolResult": _tool_result(part, files)}
        case Reasoning() if turn.role == "assistant":
            return _reasoning(part, files.request)
        case Refused() if turn.role == "assistant":
            return {"text": part.text} if part.text else None
        case Image() | Audio() | Document() if turn.role == "user":
            return files.block(part)
    raise NotCarried(part.path)


def _tool_use(call: ToolCall, request: ChatRequest) -> Json:
    if not _NAME.fullmatch(call.name):
        raise NotCarried(call.path, "has a tool name this provider does not take")
    if call.seal is not None:
        request.leave_out(f"{call.path}.{request.paths.get('seal', 'extra_content')}")
    made = _arguments(call, request)
    return {"toolUseId": _call_id(call.call_id), "name": call.name, "input": made}


def _arguments(call: ToolCall, request: ChatRequest) -> Json:
    try:
        read = orjson.loads(call.arguments) if call.arguments.strip() else {}
    except orjson.JSONDecodeError:
        read = None
    if type(read) is not dict or not within_depth(read):
        path = f"{call.path}.{request.paths.get('arguments', 'arguments')}"
        raise NotCarried(path, "must be a JSON object for this provider")
    return read


def _call_id(call_id: str) -> str:
    """The caller's own, or a stable one in its place where Converse would not take it."""
    if _ID.fullmatch(call_id):
        return call_id
    return "call_" + hashlib.sha256(call_id.encode()).hexdigest()[:32]


def _tool_result(result: ToolResult, files: Files) -> Json:
    content = [block for part in result.content if (block := _result_block(part, files))]
    made: Json = {"toolUseId": _call_id(result.call_id), "content": content}
    if result.failed:
        # Converse wants words for a failure.
        made |= {"content": content or [{"text": "error"}], "status": "error"}
    return made


def _result_block(part: Part, files: Files) -> Json | None:
    match part:
        case Text():
            return {"text": part.text} if part.text else None
        case Image() | Document():
            return files.block(part)
    raise NotCarried(part.path)


def _reasoning(part: Reasoning, request: ChatRequest) -> Json | None:
    if part.seal is None or part.seal.family != "bedrock":
        request.leave_out(part.path)
        return None
    if part.hidden:
        return {"reasoningContent": {"redactedContent": part.seal.value}}
    text = {"text": part.text, "signature": part.seal.value}
    return {"reasoningContent": {"reasoningText": text}}
