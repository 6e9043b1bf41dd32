"""The conversation of a request as Cohere's `messages`.

Results of tools are messages of their own. A failed one has no field: its text is marked `Error: `.
Words beside tool calls are the message's `tool_plan` ("text content is not allowed when tool_calls
are provided"). Thoughts have no seal at Cohere that would tell whose they are: they are left out
and reported, as are cache hints. Refused: sound, documents, images that no user sent.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Remote,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried

_IMAGES = frozenset(("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"))
_DETAILS = frozenset(("auto", "low", "high"))


def messages(request: ChatRequest) -> list[Json]:
    """Raises NotCarried."""
    made: list[Json] = []
    if system := [_text(part, request) for part in request.system if part.text]:
        made.append({"role": "system", "content": _flat(system)})
    for turn in request.turns:
        if turn.role == "assistant":
            made += _assistant(turn, request)
        else:
            made += _others(turn, request)
    if not made:
        request.refuse("turns", "must hold a message that says something")
    return made


def _others(turn: Turn, request: ChatRequest) -> list[Json]:
    """A user's turn, or a system's in the middle: results of tools apart, in their order."""
    made: list[Json] = []
    content: list[Json] = []
    for part in turn.parts:
        if isinstance(part, ToolResult) and turn.role == "user":
            if content:
                made.append({"role": turn.role, "content": _flat(content)})
                content = []
            made.append(_tool_result(part, request))
        elif block := _block(part, turn, request):
            content.append(block)
    return [*made, {"role": turn.role, "content": _flat(content)}] if content else made


def _assistant(turn: Turn, request: ChatRequest) -> list[Json]:
    texts: list[Json] = []
    calls: list[Json] = []
    for part in turn.parts:
        match part:
            case ToolCall():
                calls.append(_tool_call(part, request))
            case Reasoning():
                request.leave_out(part.path)
            case Refused():
                texts += [{"type": "text", "text": part.text}] if part.text else []
            case _:
                block = _block(part, turn, request)
                texts += [block] if block else []
    if calls:
        plan = "\n".join(text["text"] for text in texts)
        said = {"tool_plan": plan} if plan else {}
        return [{"role": "assistant", **said, "tool_calls": calls}]
    return [{"role": "assistant", "content": _flat(texts)}] if texts else []


def _block(part: Part, turn: Turn, request: ChatRequest) -> Json | None:
    match part:
        case Text():
            return _text(part, request) if part.text else None
        case Image() if turn.role == "user":
            return {"type": "image_url", "image_url": _image(part, request)}
    raise NotCarried(part.path)


def _text(part: Text, request: ChatRequest) -> Json:
    _no_cache(part, request)
    if part.citations:
        request.leave_out(f"{part.path}.citations")
    return {"type": "text", "text": part.text}


def _image(part: Image, request: ChatRequest) -> Json:
    _no_cache(part, request)
    image: Json = {"url": _url(part)}
    if part.detail in _DETAILS:
        image["detail"] = part.detail
    elif part.detail:
        request.leave_out(f"{part.path}.{request.paths.get('detail', 'detail')}")
    return image


def _url(part: Image) -> str:
    match part.source:
        case Inline(media_type, data) if media_type in _IMAGES:
            return f"data:{media_type};base64,{data}"
        case Remote(url) if url.startswith(("https://", "http://")):
            return url
        case Inline():
            raise NotCarried(part.path, "holds an image type this provider does not read")
    raise NotCarried(part.path)


def _tool_call(call: ToolCall, request: ChatRequest) -> Json:
    _no_cache(call, request)
    if call.seal is not None:
        request.leave_out(f"{call.path}.{request.paths.get('seal', 'extra_content')}")
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.call_id, "type": "function", "function": function}


def _tool_result(result: ToolResult, request: ChatRequest) -> Json:
    _no_cache(result, request)
    content: list[Json] = []
    for part in result.content:
        if not isinstance(part, Text):
            raise NotCarried(part.path)
        if part.text:
            content.append(_text(part, request))
    if result.failed:
        words = content[0]["text"] if content else ""
        content[:1] = [{"type": "text", "text": f"Error: {words}"}]
    return {"role": "tool", "tool_call_id": result.call_id, "content": _flat(content)}


def _no_cache(part: Part, request: ChatRequest) -> None:
    if part.cache is not None:
        request.leave_out(f"{part.path}.{request.paths.get('cache', 'cache_control')}")


def _flat(blocks: list[Json]) -> str | list[Json]:
    """One text goes as a string."""
    if not blocks:
        return ""
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        return blocks[0]["text"]  # type: ignore[no-any-return]
    return blocks
