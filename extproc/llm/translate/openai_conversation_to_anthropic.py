"""The conversation of a Chat Completions request as Anthropic's system prompt and messages.

Leading system and developer messages become `system`; later ones keep their place as messages of
role `system`. Neighbours of one role are joined, as Anthropic wants all results of parallel tool
calls in one user message ("Tool use").
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.call import Json
from extproc.llm.translate.not_carried import NotCarried, need, only

_SYSTEM = ("system", "developer")
_IMAGE_TYPES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))


def messages_and_system(messages: list[Json]) -> tuple[str | list[Json] | None, list[Json]]:
    """(system, messages); system is a string when it came as one string."""
    leading = 0
    while leading < len(messages) and messages[leading]["role"] in _SYSTEM:
        leading += 1
    if leading == len(messages):
        raise NotCarried("messages", "must hold more than system messages for this provider")
    made: list[Json] = []
    for position in range(leading, len(messages)):
        role, content = _message(messages[position], f"messages[{position}]")
        if made and made[-1]["role"] == role:
            made[-1]["content"] = _blocks(made[-1]["content"]) + _blocks(content)
        else:
            made.append({"role": role, "content": content})
    return _system(messages[:leading]), made


def _system(messages: list[Json]) -> str | list[Json] | None:
    contents = [_system_content(m, f"messages[{i}]") for i, m in enumerate(messages)]
    if len(contents) == 1:
        return contents[0]
    return [block for content in contents for block in _blocks(content)] or None


def _blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if type(content) is str else content  # type: ignore[return-value]


def _message(message: Json, path: str) -> tuple[str, str | list[Json]]:
    match message["role"]:
        case "system" | "developer":
            return "system", _system_content(message, path)
        case "user":
            only(message, path, "role", "content")
            return "user", _content(message["content"], f"{path}.content")
        case "assistant":
            return "assistant", _assistant(message, path)
        case "tool":
            return "user", [_tool_result(message, path)]
    raise NotCarried(f"{path}.role")


def _system_content(message: Json, path: str) -> str | list[Json]:
    only(message, path, "role", "content")
    return _content(message["content"], f"{path}.content")


def _assistant(message: Json, path: str) -> str | list[Json]:
    only(message, path, "role", "content", "refusal", "tool_calls")
    content, calls = message.get("content"), message.get("tool_calls") or []
    if type(content) is str and not calls and not message.get("refusal"):
        return content
    blocks = _blocks(_content(content, f"{path}.content")) if content else []
    if message.get("refusal"):
        blocks = [*blocks, {"type": "text", "text": message["refusal"]}]
    return blocks + [_tool_use(call, f"{path}.tool_calls[{i}]") for i, call in enumerate(calls)]


def _tool_use(call: Json, path: str) -> Json:
    if call.get("type", "function") != "function":
        raise NotCarried(f"{path}.type")
    arguments = call["function"]["arguments"]
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        read = None
    if type(read) is not dict:
        raise NotCarried(f"{path}.function.arguments", "must be a JSON object for this provider")
    name, call_id = call["function"]["name"], need(call, "id", str, path)
    return {"type": "tool_use", "id": call_id, "name": name, "input": read}


def _tool_result(message: Json, path: str) -> Json:
    only(message, path, "role", "content", "tool_call_id")
    return {
        "type": "tool_result",
        "tool_use_id": need(message, "tool_call_id", str, path),
        "content": _content(message["content"], f"{path}.content"),
    }


def _content(content: Any, path: str) -> str | list[Json]:
    if type(content) is str:
        return content
    return [_part(part, f"{path}[{i}]") for i, part in enumerate(content or ())]


def _part(part: Json, path: str) -> Json:
    """One content part; a part's own cache hint (`prompt_cache_breakpoint`) is a price hint."""
    kind = part["type"]
    only(part, path, "type", kind, "prompt_cache_breakpoint")
    match kind:
        case "text" | "refusal":
            return {"type": "text", "text": part[kind]}
        case "image_url":
            return {"type": "image", "source": _image(need(part, kind, dict, path), path)}
        case "file":
            return _document(need(part, kind, dict, path), f"{path}.file")
    raise NotCarried(f"{path}.type")


def _image(image: Json, path: str) -> Json:
    path = f"{path}.image_url"
    if image.get("detail") not in (None, "auto"):
        raise NotCarried(f"{path}.detail")
    only(image, path, "url", "detail")
    url = need(image, "url", str, path)
    if url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    media_type, data = _data_url(url, f"{path}.url")
    if media_type not in _IMAGE_TYPES:
        raise NotCarried(f"{path}.url", "holds an image type this provider does not read")
    return {"type": "base64", "media_type": media_type, "data": data}


def _document(file: Json, path: str) -> Json:
    only(file, path, "file_data", "filename")
    media_type, data = _data_url(need(file, "file_data", str, path), f"{path}.file_data")
    if media_type != "application/pdf":
        raise NotCarried(f"{path}.file_data", "holds a file type this provider does not read")
    source = {"type": "base64", "media_type": media_type, "data": data}
    document: Json = {"type": "document", "source": source}
    if file.get("filename"):
        document["title"] = file["filename"]
    return document


def _data_url(url: str, path: str) -> tuple[str, str]:
    """(media type, base64) of `data:<type>;base64,<data>` (RFC 2397)."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        raise NotCarried(path, "must be an http(s) URL or a base64 data URL")
    return head[5:-7], data
