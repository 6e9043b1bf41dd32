"""The messages of a Chat Completions request: `ChatRequest.system` and `ChatRequest.turns`.

Leading system and developer messages are the system prompt; later ones keep their place as turns.
What an assistant's message says of its own making (`annotations`, `reasoning_details`) is left out
and reported: no other dialect reads it back.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    Image,
    Part,
    Reasoning,
    Refused,
    Seal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried, need, only
from extproc.llm.translate.openai_chat.media import read_audio, read_file, read_image
from extproc.llm.translate.thinking_blocks import seal_of

_SYSTEM = ("system", "developer")
_PLAIN = ("user", "assistant")
_NO_ANSWER_TEXT = ("annotations", "reasoning_details")


def read_messages(messages: list[Json], request: ChatRequest) -> None:
    """Fill in system prompt and turns. Raises NotCarried."""
    names: dict[str, str] = {}
    leads = True
    for position, message in enumerate(messages):
        path, role = f"messages[{position}]", message["role"]
        leads = leads and role in _SYSTEM
        content = message.get("content")
        if content and type(content) is str and len(message) == 2 and role in _PLAIN:
            text = Text(f"{path}.content", None, content)  # role and content: most messages
            request.turns.append(Turn(role, [text], path))
        elif leads:
            request.system += _system(message, path)
        else:
            request.turns.append(_turn(message, role, path, names, request))
    if not request.turns:
        raise NotCarried("messages", "must hold more than system messages for this provider")


def cache_of(holder: Json, path: str) -> int | None:
    """The cache break asked for behind a part or a tool, in seconds; see `Part.cache`.

    `prompt_cache_breakpoint` is OpenAI's; the shorter of the two lifetimes that others know and
    that is not shorter than what was asked for is an hour.
    """
    hint = holder.get("cache_control") or holder.get("prompt_cache_breakpoint")
    if not hint:
        return None
    if type(hint) is not dict:
        raise NotCarried(f"{path}.cache_control", "must be an object")
    match hint.get("ttl"):
        case None:
            return 0
        case "5m":
            return 300
    return 3600


def _turn(message: Json, role: str, path: str, names: dict[str, str], request: ChatRequest) -> Turn:
    match role:
        case "user":
            only(message, path, "role", "content")
            return Turn("user", _parts(message["content"], f"{path}.content"), path)
        case "assistant":
            return Turn("assistant", _assistant(message, path, names, request), path)
        case "tool":
            return Turn("user", [_result(message, path, names)], path)
        case "system" | "developer":
            parts: list[Part] = list(_system(message, path))
            return Turn("system", parts, path)
    raise NotCarried(f"{path}.role")


def _system(message: Json, path: str) -> list[Text]:
    only(message, path, "role", "content")
    return [_plain(part) for part in _parts(message["content"], f"{path}.content")]


def _plain(part: Part) -> Text:
    if type(part) is not Text:
        raise NotCarried(f"{part.path}.type")
    return part


def _parts(content: Any, path: str) -> list[Part]:
    if type(content) is str:
        return [Text(path, None, content)]
    return [_part(part, f"{path}[{i}]") for i, part in enumerate(content or ())]


def _part(part: Json, path: str) -> Part:
    kind = part["type"]
    only(part, path, "type", kind, "prompt_cache_breakpoint", "cache_control")
    cache = cache_of(part, path) if len(part) > 2 else None
    match kind:
        case "text":
            return Text(path, cache, part["text"])
        case "image_url":
            return read_image(part, path, cache)
        case "input_audio":
            return read_audio(part, path, cache)
        case "file":
            return read_file(part, path, cache)
        case "refusal":
            return Refused(path, cache, part["refusal"])
    raise NotCarried(f"{path}.type")


def _result(message: Json, path: str, names: dict[str, str]) -> ToolResult:
    only(message, path, "role", "content", "tool_call_id", "name", "cache_control")
    call_id = need(message, "tool_call_id", str, path)
    name = message.get("name") or names.get(call_id, "")
    if type(name) is not str:
        raise NotCarried(f"{path}.name", "must be a string")
    content = _parts(message["content"], f"{path}.content")
    return ToolResult(path, cache_of(message, path), call_id, name, content)


def _assistant(message: Json, path: str, names: dict[str, str], request: ChatRequest) -> list[Part]:
    only(
        message, path, "role", "content", "refusal", "tool_calls", "reasoning", "thinking_blocks",
        "reasoning_content", "images", *_NO_ANSWER_TEXT,
    )  # fmt: skip
    for key in _NO_ANSWER_TEXT:
        if message.get(key):
            request.leave_out(f"{path}.{key}")
    parts = _thoughts(message, path, request)
    content = message.get("content")
    parts += _parts(content, f"{path}.content") if content else []
    if message.get("refusal"):
        parts.append(Refused(f"{path}.refusal", None, need(message, "refusal", str, path)))
    for position, image in enumerate(message.get("images") or ()):
        parts.append(_shown(image, f"{path}.images[{position}]"))
    for position, call in enumerate(message.get("tool_calls") or ()):
        made = _call(call, f"{path}.tool_calls[{position}]")
        names[made.call_id] = made.name
        parts.append(made)
    return parts


def _shown(image: Any, path: str) -> Image:
    if type(image) is not dict:
        raise NotCarried(path, "must be an object")
    only(image, path, "type", "image_url", "index")
    return read_image(image, path, None)


def _thoughts(message: Json, path: str, request: ChatRequest) -> list[Part]:
    """`thinking_blocks` say all that `reasoning_content` says, and hold the seals."""
    key = "reasoning_content" if message.get("reasoning_content") else "reasoning"
    said = message.get(key)
    blocks = message.get("thinking_blocks") or []
    if type(blocks) is not list:
        raise NotCarried(f"{path}.thinking_blocks", "must be a list")
    thoughts = [_thought(b, f"{path}.thinking_blocks[{i}]") for i, b in enumerate(blocks)]
    if said and type(said) is not str:
        raise NotCarried(f"{path}.{key}", "must be a string")
    if said and not thoughts:
        thoughts.append(Reasoning(f"{path}.{key}", None, said))
    elif said and said != "".join(thought.text for thought in thoughts):
        request.leave_out(f"{path}.{key}")
    parts: list[Part] = list(thoughts)
    return parts


def _thought(block: Any, path: str) -> Reasoning:
    match block:
        case {"type": "thinking", "thinking": str(text)}:
            only(block, path, "type", "thinking", "signature", "index")
            return Reasoning(path, None, text, seal_of(block.get("signature"), path))
        case {"type": "redacted_thinking", "data": str(data)}:
            only(block, path, "type", "data", "index")
            return Reasoning(path, None, "", seal_of(data, path), hidden=True)
    raise NotCarried(path, "must be a thinking block")


def _call(call: Json, path: str) -> ToolCall:
    if call.get("type", "function") != "function":
        raise NotCarried(f"{path}.type")
    only(call, path, "type", "id", "function", "index", "extra_content", "cache_control")
    function = call["function"]
    only(function, f"{path}.function", "name", "arguments")
    call_id, cache = need(call, "id", str, path), cache_of(call, path)
    seal = _google_seal(call, path) if call.get("extra_content") else None
    return ToolCall(path, cache, call_id, function["name"], function["arguments"], seal)


def _google_seal(call: Json, path: str) -> Seal:
    match call["extra_content"]:
        case {"google": {"thought_signature": str(value), **rest}, **others} if not (
            rest or others
        ):
            return Seal("gemini", value)
    raise NotCarried(f"{path}.extra_content")
