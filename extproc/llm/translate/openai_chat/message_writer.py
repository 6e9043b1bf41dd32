"""A conversation as Chat Completions messages.

One user's turn may answer several tool calls and go on in text: its results become `tool` messages,
in order and first (OpenAI wants them right behind the calls), the rest a user message. A `tool`
message holds text alone: images and files that a tool returned follow in the user message, under a
line that names the call. A failed result is marked `Error: `, for there is no field for it.

What a model thought has no place in OpenAI's own messages. Sealed thoughts are another vendor's:
left out, reported. Unsealed ones came from a server that shows `reasoning_content`; where the
message calls tools they go back as that, since such servers refuse the tools' results without it
(DeepSeek, "Thinking Mode", tool calls), else they are left out too.
"""

from __future__ import annotations

import base64
import binascii

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.openai_chat.media import url_of, write_audio, write_image

ERROR_MARK = "Error: "


def write_messages(request: ChatRequest) -> list[Json]:
    """All messages, the system prompt first."""
    made: list[Json] = []
    if request.system:
        texts = [_part(text, request) for text in request.system]
        made.append({"role": "system", "content": _flat(texts)})
    for turn in request.turns:
        parts = turn.parts
        if len(parts) == 1 and type(parts[0]) is Text and parts[0].cache is None:
            made.append({"role": turn.role, "content": parts[0].text})  # most messages
        elif turn.role == "assistant":
            made.append(_assistant(turn, request))
        elif turn.role == "system":
            made.append({"role": "system", "content": _flat(_parts(turn.parts, request))})
        else:
            made += _user(turn, request)
    return made


def leave_out_cache(part: Part, request: ChatRequest) -> None:
    if part.cache is not None:
        request.leave_out(f"{part.path}.{request.paths.get('cache', 'cache_control')}")


def _user(turn: Turn, request: ChatRequest) -> list[Json]:
    messages: list[Json] = []
    parts: list[Json] = []
    for part in turn.parts:
        if type(part) is ToolResult:
            message, beside = _result(part, request)
            messages.append(message)
            parts += beside
        else:
            parts.append(_part(part, request))
    if parts or not messages:
        messages.append({"role": "user", "content": _flat(parts)})
    return messages


def _result(result: ToolResult, request: ChatRequest) -> tuple[Json, list[Json]]:
    """(the tool's message, what follows in the user's)."""
    leave_out_cache(result, request)
    texts: list[Json] = []
    beside: list[Json] = []
    for part in result.content:
        made = _part(part, request)
        (texts if made["type"] == "text" else beside).append(made)
    if beside:
        beside.insert(0, _text(f"Returned by tool call {result.call_id}:"))
    if result.failed:
        if len(texts) == 1:
            texts[0] = _text(ERROR_MARK + texts[0]["text"])
        else:
            texts.insert(0, _text(ERROR_MARK))
    return {"role": "tool", "tool_call_id": result.call_id, "content": _flat(texts)}, beside


def _assistant(turn: Turn, request: ChatRequest) -> Json:
    message: Json = {"role": "assistant", "content": None}
    texts: list[Json] = []
    calls: list[Json] = []
    thoughts: list[Reasoning] = []
    for part in turn.parts:
        kind = type(part)
        if kind is Text:
            texts.append(_part(part, request))
        elif isinstance(part, ToolCall):
            calls.append(_call(part, request))
        elif isinstance(part, Refused):
            message["refusal"] = message.get("refusal", "") + part.text
        elif isinstance(part, Reasoning):
            thoughts.append(part)
        else:
            raise NotCarried(part.path)
    if texts:
        message["content"] = _flat(texts)
    elif not calls and "refusal" not in message:
        message["content"] = ""
    if thoughts:
        _think(message, thoughts, request, has_calls=bool(calls))
    if calls:
        message["tool_calls"] = calls
    return message


def _think(
    message: Json, thoughts: list[Reasoning], request: ChatRequest, *, has_calls: bool
) -> None:
    shown = []
    for thought in thoughts:
        if has_calls and thought.seal is None and thought.text:
            shown.append(thought.text)
        else:
            request.leave_out(thought.path)
    if shown:
        message["reasoning_content"] = "".join(shown)


def _call(call: ToolCall, request: ChatRequest) -> Json:
    leave_out_cache(call, request)
    if call.seal is not None:
        request.leave_out(f"{call.path}.{request.paths.get('seal', 'extra_content')}")
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.call_id, "type": "function", "function": function}


def _parts(parts: list[Part], request: ChatRequest) -> list[Json]:
    return [_part(part, request) for part in parts]


def _flat(parts: list[Json]) -> str | list[Json]:
    """A single text is sent as a string, which every compatible server understands."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]  # type: ignore[no-any-return]
    return parts or ""


def _part(part: Part, request: ChatRequest) -> Json:
    if part.cache is not None:
        leave_out_cache(part, request)
    if isinstance(part, Text):
        return _text(part.text)
    if isinstance(part, Image):
        return write_image(part)
    if isinstance(part, Audio):
        return write_audio(part)
    if isinstance(part, Document):
        return _document(part)
    raise NotCarried(part.path)


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _document(part: Document) -> Json:
    if part.cite:
        raise NotCarried(f"{part.path}.citations")
    source = part.source
    if not isinstance(source, Inline):
        raise NotCarried(part.path, "must hold its file in the request for this provider")
    if source.media_type.startswith("text/"):
        return _text(f"{part.name}\n\n{_words(part)}" if part.name else _words(part))
    if source.media_type != "application/pdf":
        raise NotCarried(part.path, "holds a file type this provider does not read")
    name = part.name or "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": url_of(source)}}


def _words(part: Document) -> str:
    assert isinstance(part.source, Inline)
    try:
        return base64.b64decode(part.source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NotCarried(part.path, "does not hold text in UTF-8") from None
