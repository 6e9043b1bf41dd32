"""The conversation of an Anthropic Messages request as Chat Completions messages.

One Anthropic user message may answer several tool calls and go on in text: its tool results become
`tool` messages, in order and first (OpenAI wants them right behind the calls), the rest a user
message. `is_error` has no field at OpenAI: the result's text is marked `Error: `.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.call import Json
from extproc.llm.translate.not_carried import NotCarried, need, only

ERROR_MARK = "Error: "


def conversation(system: str | list[Json] | None, messages: list[Json]) -> list[Json]:
    """All messages, the system prompt first."""
    made: list[Json] = []
    if system:
        made.append({"role": "system", "content": _content(system, "system")})
    for position, message in enumerate(messages):
        path = f"messages[{position}]"
        only(message, path, "role", "content")
        made += _message(message["role"], message["content"], f"{path}.content")
    return made


def _message(role: str, content: str | list[Json], path: str) -> list[Json]:
    if type(content) is str or role == "system":
        return [{"role": role, "content": _content(content, path)}]
    if role == "assistant":
        return [_assistant(content, path)]  # type: ignore[arg-type]
    return _user(content, path)  # type: ignore[arg-type]


def _user(blocks: list[Json], path: str) -> list[Json]:
    results: list[Json] = []
    parts: list[Json] = []
    for position, block in enumerate(blocks):
        where = f"{path}[{position}]"
        if block["type"] == "tool_result":
            results.append(_tool_message(block, where))
        else:
            parts.append(_part(block, where))
    if parts or not results:
        results.append({"role": "user", "content": _flat(parts)})
    return results


def _tool_message(block: Json, path: str) -> Json:
    only(block, path, "type", "tool_use_id", "content", "is_error", "cache_control")
    content = _content(block.get("content") or "", f"{path}.content", text_only=True)
    if block.get("is_error"):
        mark = {"type": "text", "text": ERROR_MARK}
        content = ERROR_MARK + content if type(content) is str else [mark, *content]
    call_id = need(block, "tool_use_id", str, path)
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _assistant(blocks: list[Json], path: str) -> Json:
    parts: list[Json] = []
    calls: list[Json] = []
    for position, block in enumerate(blocks):
        where = f"{path}[{position}]"
        if block["type"] == "tool_use":
            calls.append(_tool_call(block, where))
        else:
            parts.append(_text_part(block, where))
    message: Json = {"role": "assistant", "content": _flat(parts) if parts else None}
    if calls:
        message["tool_calls"] = calls
    elif not parts:
        message["content"] = ""
    return message


def _tool_call(block: Json, path: str) -> Json:
    only(block, path, "type", "id", "name", "input", "cache_control", "caller")
    if (block.get("caller") or {"type": "direct"}) != {"type": "direct"}:
        raise NotCarried(f"{path}.caller")
    arguments = orjson.dumps(block["input"]).decode()
    call_id = need(block, "id", str, path)
    function = {"name": block["name"], "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _content(content: Any, path: str, *, text_only: bool = False) -> str | list[Json]:
    if type(content) is str:
        return content
    part = _text_part if text_only or path == "system" else _part
    return _flat([part(block, f"{path}[{i}]") for i, block in enumerate(content)])


def _flat(parts: list[Json]) -> str | list[Json]:
    """A single text is sent as a string, which every compatible server understands."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]  # type: ignore[no-any-return]
    return parts or ""


def _text_part(block: Json, path: str) -> Json:
    if block["type"] != "text":
        raise NotCarried(f"{path}.type")
    only(block, path, "type", "text", "cache_control", "citations")
    return {"type": "text", "text": block["text"]}


def _part(block: Json, path: str) -> Json:
    match block["type"]:
        case "image":
            only(block, path, "type", "source", "cache_control")
            url = _image_url(need(block, "source", dict, path), f"{path}.source")
            return {"type": "image_url", "image_url": {"url": url}}
        case "document":
            return _document(block, need(block, "source", dict, path), path)
    return _text_part(block, path)


def _image_url(source: Json, path: str) -> str:
    match source:
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return f"data:{media_type};base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
    raise NotCarried(f"{path}.type")


def _document(block: Json, source: Json, path: str) -> Json:
    only(block, path, "type", "source", "title", "cache_control")
    match source:
        case {"type": "base64", "media_type": "application/pdf", "data": str(data)}:
            name = block.get("title") or "document.pdf"
            file = {"filename": name, "file_data": f"data:application/pdf;base64,{data}"}
            return {"type": "file", "file": file}
        case {"type": "text", "data": str(text)} if not block.get("title"):
            return {"type": "text", "text": text}
    raise NotCarried(f"{path}.source")
