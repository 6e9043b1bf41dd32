"""Turns as the contents of a Gemini request.

Promises: the results of one turn's calls stand together, in the order of the calls, in the content
behind them ("Function calling", parallel calls), whatever the caller's dialect did. A call of
another vendor's model has no thought signature, and Gemini 3 refuses a turn whose first call has
none: such a call says so, in the word that "Thought signatures" (FAQ) documents for this.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from extproc.llm.call import Json
from extproc.llm.gemini_seals import NOT_SIGNED
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
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
from extproc.llm.translate.gemini_generate.media import write_source
from extproc.llm.translate.not_carried import NotCarried


def write_contents(request: ChatRequest) -> list[Json]:
    contents: list[Json] = []
    calls: dict[str, tuple[int, str]] = {}
    for turn in request.turns:
        if turn.role == "system":
            raise NotCarried(turn.path or "messages", "is a system message behind others, which "
                             "cannot be carried over to this provider")  # fmt: skip
        role = "model" if turn.role == "assistant" else "user"
        for parts in _grouped(turn, calls):
            made = _parts(parts, request, calls)
            if made and contents and contents[-1]["role"] == role and _joins(contents[-1], made):
                contents[-1]["parts"] += made
            elif made:
                contents.append({"role": role, "parts": made})
    for content in contents:
        _sign(content["parts"])
    if not contents:
        raise NotCarried(request.paths.get("turns", "messages"), "must hold a message")
    _order_results(contents, calls)
    return contents


def _grouped(turn: Turn, calls: dict[str, tuple[int, str]]) -> Iterator[list[Part]]:
    """Results first, in a content of their own; then what else the user said."""
    for part in turn.parts:
        if isinstance(part, ToolCall):
            calls[part.call_id] = (len(calls), part.name)
    results: list[Part] = [part for part in turn.parts if isinstance(part, ToolResult)]
    if results:
        yield results
    yield [part for part in turn.parts if not isinstance(part, ToolResult)]


def _joins(content: Json, made: list[Json]) -> bool:
    """Whether both hold results, or neither does."""
    return ("functionResponse" in content["parts"][-1]) == ("functionResponse" in made[0])


def _parts(
    parts: list[Part], request: ChatRequest, calls: dict[str, tuple[int, str]]
) -> list[Json]:
    made: list[Json] = []
    for part in parts:
        if part.cache is not None:
            request.leave_out(f"{part.path}.cache_control")
        match part:
            case Text(text=text) | Refused(text=text):
                if isinstance(part, Text) and part.citations:
                    request.leave_out(f"{part.path}.citations")
                if text:
                    made.append({"text": text})
            case ToolCall():
                made.append(_call(part))
            case ToolResult():
                made.append(_result(part, request, calls))
            case Reasoning():
                _thought(part, made, request)
            case Image() | Audio() | Document():
                made.append(_media(part, request))
            case _:
                raise NotCarried(part.path)
    return made


def _call(part: ToolCall) -> Json:
    try:
        args = orjson.loads(part.arguments) if part.arguments.strip() else {}
    except orjson.JSONDecodeError:
        args = None
    if type(args) is not dict:
        raise NotCarried(f"{part.path}.arguments", "must be a JSON object for this provider")
    call: Json = {"name": part.name, "args": args}
    if part.call_id:
        call["id"] = part.call_id
    return _sealed({"functionCall": call}, part.seal)


def _sealed(made: Json, seal: Seal | None) -> Json:
    if seal is not None and seal.family == "gemini":
        made["thoughtSignature"] = seal.value
    return made


def _thought(part: Reasoning, made: list[Json], request: ChatRequest) -> None:
    """Google takes back its own thoughts and what seals them, and nobody else's."""
    if part.seal is None or part.seal.family != "gemini":
        request.leave_out(part.path)
    elif not part.hidden:
        made.append(_sealed({"text": part.text, "thought": True}, part.seal))
    elif made and "text" in made[-1] and "thoughtSignature" not in made[-1]:
        _sealed(made[-1], part.seal)
    else:
        made.append(_sealed({"text": ""}, part.seal))


def _sign(parts: list[Json]) -> None:
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and "thoughtSignature" not in first:
        first["thoughtSignature"] = NOT_SIGNED


def _result(part: ToolResult, request: ChatRequest, calls: dict[str, tuple[int, str]]) -> Json:
    _, called = calls.get(part.call_id, (0, ""))
    name = called or part.name
    if not name:
        raise NotCarried(part.path, "answers no tool call in front of it")
    texts = [item.text for item in part.content if isinstance(item, Text)]
    result: Json = {"name": name, "response": {"error" if part.failed else "output": _one(texts)}}
    if part.call_id:
        result["id"] = part.call_id
    media = [item for item in part.content if not isinstance(item, Text)]
    if media:
        result["parts"] = _parts(media, request, calls)
    return {"functionResponse": result}


def _one(texts: list[str]) -> str | list[str]:
    """JSON in a result stays a string: as a protobuf Struct its long numbers would be rounded."""
    return texts[0] if len(texts) == 1 else texts or ""


def _media(part: Image | Audio | Document, request: ChatRequest) -> Json:
    if isinstance(part, Document):
        if part.cite:
            raise NotCarried(f"{part.path}.citations")
        if part.name:
            request.leave_out(f"{part.path}.name")
    return write_source(part.source, part.path)


def _order_results(contents: list[Json], calls: dict[str, tuple[int, str]]) -> None:
    for content in contents:
        if "functionResponse" in content["parts"][0]:
            content["parts"].sort(key=lambda part: _place(part, calls))


def _place(part: Json, calls: dict[str, tuple[int, str]]) -> int:
    return calls.get(part["functionResponse"].get("id", ""), (len(calls), ""))[0]
