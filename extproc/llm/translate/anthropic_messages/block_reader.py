"""The messages of an Anthropic request: `ChatRequest.system` and `ChatRequest.turns`.

Refused, by name: blocks of Anthropic's own tools, searches and containers. Left out and reported:
`citations` of earlier answers, which no other dialect reads back.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    Document,
    Image,
    Inline,
    Part,
    Reasoning,
    Remote,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried, need, only
from extproc.llm.translate.thinking_blocks import seal_of

_LIFETIMES = {None: 0, "5m": 300, "1h": 3600}


def read_messages(body: Json, request: ChatRequest) -> None:
    """Fill in system prompt and turns. Raises NotCarried."""
    reader = _Reader(request)
    if body.get("system"):
        request.system = [_plain(part) for part in reader.parts(body["system"], "system", "user")]
    for position, message in enumerate(body["messages"]):
        path, role = f"messages[{position}]", message["role"]
        content = message["content"]
        if len(message) != 2:
            only(message, path, "role", "content")
        if type(content) is str:
            request.turns.append(Turn(role, [Text(f"{path}.content", None, content)], path))
            continue
        parts = reader.parts(content, f"{path}.content", role)
        if role == "system":
            parts = [_plain(part) for part in parts]
        request.turns.append(Turn(role, parts, path))


def cache_of(holder: Json, path: str) -> int | None:
    """The cache break asked for behind a block or a tool, in seconds; see `Part.cache`."""
    hint = holder.get("cache_control")
    if not hint:
        return None
    if type(hint) is not dict or hint.get("type") != "ephemeral":
        raise NotCarried(f"{path}.cache_control")
    if hint.get("ttl") not in _LIFETIMES:
        raise NotCarried(f"{path}.cache_control.ttl")
    return _LIFETIMES[hint.get("ttl")]


def _plain(part: Part) -> Text:
    if type(part) is not Text:
        raise NotCarried(f"{part.path}.type")
    return part


class _Reader:
    """Knows the tools' names by the calls it has seen."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._names: dict[str, str] = {}

    def parts(self, content: Any, path: str, role: str) -> list[Part]:
        if type(content) is str:
            return [Text(path, None, content)]
        return [self._part(block, f"{path}[{i}]", role) for i, block in enumerate(content)]

    def _part(self, block: Json, path: str, role: str) -> Part:
        match block["type"]:
            case "text":
                return self._text(block, path)
            case "tool_use" if role == "assistant":
                return self._call(block, path)
            case "tool_result" if role == "user":
                return self._result(block, path)
            case "thinking" | "redacted_thinking" if role == "assistant":
                return _thought(block, path)
            case "image":
                only(block, path, "type", "source", "cache_control", "transformations")
                if block.get("transformations"):
                    self._request.leave_out(f"{path}.transformations")
                source = _source(need(block, "source", dict, path), f"{path}.source")
                return Image(path, cache_of(block, path), source)
            case "document":
                return _document(block, path)
        raise NotCarried(f"{path}.type")

    def _text(self, block: Json, path: str) -> Text:
        if len(block) == 2:
            return Text(path, None, block["text"])
        only(block, path, "type", "text", "cache_control", "citations")
        if block.get("citations"):
            self._request.leave_out(f"{path}.citations")
        return Text(path, cache_of(block, path), block["text"])

    def _call(self, block: Json, path: str) -> ToolCall:
        only(block, path, "type", "id", "name", "input", "cache_control", "caller")
        if (block.get("caller") or {"type": "direct"}) != {"type": "direct"}:
            raise NotCarried(f"{path}.caller")
        call_id = need(block, "id", str, path)
        self._names[call_id] = block["name"]
        arguments = orjson.dumps(block["input"]).decode()
        return ToolCall(path, cache_of(block, path), call_id, block["name"], arguments)

    def _result(self, block: Json, path: str) -> ToolResult:
        only(block, path, "type", "tool_use_id", "content", "is_error", "cache_control")
        call_id = need(block, "tool_use_id", str, path)
        content = block.get("content")
        parts = self.parts(content, f"{path}.content", "tool") if content else []
        cache, name = cache_of(block, path), self._names.get(call_id, "")
        return ToolResult(path, cache, call_id, name, parts, block.get("is_error") is True)


def _thought(block: Json, path: str) -> Reasoning:
    if block["type"] == "thinking":
        only(block, path, "type", "thinking", "signature")
        return Reasoning(path, None, block["thinking"], seal_of(block.get("signature"), path))
    only(block, path, "type", "data")
    seal = seal_of(need(block, "data", str, path), path)
    return Reasoning(path, None, "", seal, hidden=True)


def _source(source: Json, path: str) -> Source:
    match source:
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return Inline(media_type, data)
        case {"type": "url", "url": str(url)}:
            return Remote(url)
        case {"type": "file", "file_id": str(file_id)}:
            return Stored("anthropic", file_id)
    raise NotCarried(path)


def _document(block: Json, path: str) -> Document:
    only(block, path, "type", "source", "title", "cache_control", "citations")
    title = block.get("title") or ""
    if type(title) is not str:
        raise NotCarried(f"{path}.title", "must be a string")
    asked = block.get("citations") or {}
    if type(asked) is not dict:
        raise NotCarried(f"{path}.citations", "must be an object")
    only(asked, f"{path}.citations", "enabled")
    match need(block, "source", dict, path):
        case {"type": "text", "data": str(text)}:
            source: Source = Inline("text/plain", base64.b64encode(text.encode()).decode())
        case other:
            source = _source(other, f"{path}.source")
    return Document(path, cache_of(block, path), source, title, asked.get("enabled") is True)
