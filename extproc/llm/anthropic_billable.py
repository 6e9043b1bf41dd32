"""What Anthropic bills of a Messages request before the model answers.

Sources (platform.claude.com): "Tool use", pricing; "Vision"; "PDF support"; "Prompt caching";
"Extended thinking" (earlier thinking may be billed in full, though only its summary is shown; its
signature holds it); "Web search" (each search is billed, and what it found is input).
A thinking budget is inside `max_tokens`.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.billable import Billable
from extproc.llm.call import Json

SEARCHES_UNSTATED = 5
"""Searches that are reserved for where `max_uses` does not say; more are charged as reported."""
SEARCHES_MAX = 50
_NOT_BILLED = frozenset(
    ("model", "messages", "system", "max_tokens", "stream", "metadata", "stop_sequences",
     "temperature", "top_p", "top_k", "thinking", "service_tier", "inference_geo", "speed",
     "container", "cache_control", "tools")
)  # fmt: skip
_SETTINGS = frozenset(
    ("type", "id", "tool_use_id", "cache_control", "is_error", "citations", "caller",
     "encrypted_index")
)  # fmt: skip


def messages_billable(body: Json) -> Billable:
    """System prompt, messages, tool definitions, schemas, documents, images."""
    out = Billable()
    _cached(body, out)
    if body.get("system"):
        out.parts += 1
        _content(body["system"], out)
    for message in body["messages"]:
        out.parts += 1
        _content(message.get("content"), out)
    if body.get("tools"):
        out.add_json(body["tools"])
        for tool in body["tools"]:
            _tool(tool, out)
    for key, value in body.items():
        if key not in _NOT_BILLED and type(value) in (str, list, dict) and value:
            out.open_ended = out.open_ended or key == "mcp_servers"
            out.add_json(value)
    return out


def _content(content: Any, out: Billable) -> None:
    if type(content) is str:
        out.texts.append(content)
    elif type(content) is list:
        for block in content:
            _block(block, out)
    elif content is not None:
        _block(content, out)


def _block(block: Any, out: Billable) -> None:
    out.parts += 1
    if type(block) is not dict:
        out.add_json(block)
        return
    _cached(block, out)
    match block:
        case {"type": "text", "text": str(text)}:
            out.texts.append(text)
        case {"type": "image", "source": dict(source)}:
            out.add_image(_inline(source))
        case {"type": "document", "source": dict(source)}:
            _document(block, source, out)
        case {"type": "thinking"}:
            out.texts.append(str(block.get("thinking", "")))
            out.add_opaque(block.get("signature"))
        case {"type": "redacted_thinking"}:
            out.add_opaque(block.get("data"))
        case {"type": "container_upload"}:
            out.open_ended = True
        case _:
            _named_fields(block, out)


def _named_fields(block: Json, out: Billable) -> None:
    """Tool uses and results, search results, and blocks nobody here knows by name."""
    for key, value in block.items():
        if key in _SETTINGS or value is None:
            continue
        if key == "content":
            _content(value, out)
        elif key in ("encrypted_content", "data", "signature"):
            out.add_opaque(value)
        elif key == "source" and type(value) is dict:
            out.add_unknown(block)
        elif type(value) is str:
            out.texts.append(value)
        else:
            out.add_json(value)


def _document(block: Json, source: Json, out: Billable) -> None:
    out.texts += [str(block[key]) for key in ("title", "context") if block.get(key)]
    match source:
        case {"type": "text", "data": str(text)}:
            out.texts.append(text)
        case {"type": "content"}:
            _content(source.get("content"), out)
        case _:
            out.add_file(_inline(source))


def _inline(source: Json) -> str | None:
    data = source.get("data")
    return data if source.get("type") == "base64" and type(data) is str else None


def _tool(tool: Json, out: Billable) -> None:
    out.tools += 1
    _cached(tool, out)
    kind = tool.get("type")
    if kind is None or kind == "custom":
        return
    out.hosted_tools += 1
    out.open_ended = True
    if str(kind).startswith("web_search"):
        stated = tool.get("max_uses")
        most = stated if type(stated) is int and stated >= 0 else SEARCHES_UNSTATED
        out.web_searches += min(most, SEARCHES_MAX)


def _cached(holder: Json, out: Billable) -> None:
    """`cache_control: {type: ephemeral, ttl: 1h}`: what is written costs twice the input."""
    control = holder.get("cache_control")
    if type(control) is dict and control.get("ttl") not in (None, "5m"):
        out.cache_write_1h = True
