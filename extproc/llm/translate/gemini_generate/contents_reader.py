"""The contents of a Gemini request as turns.

A function call has an id or none: the answers to those without one are matched by name and order,
and each such call gets an id that depends on its place alone, so that it is the same in the next
request of the conversation. Refuses, by path: what hosted tools did (`executableCode`, `toolCall`,
...), cut-outs of videos, unknown parts.
"""

from __future__ import annotations

import orjson

from extproc.llm.call import Json
from extproc.llm.gemini_fields import listed, named
from extproc.llm.translate.conversation import (
    ChatRequest,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.gemini_generate.known import known_only
from extproc.llm.translate.gemini_generate.media import detail_of, read_file, read_inline
from extproc.llm.translate.gemini_generate.seals import seal_of
from extproc.llm.translate.not_carried import NotCarried, need

_PART = ("text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData",
         "fileData", "mediaResolution", "partMetadata")  # fmt: skip
_KINDS = ("text", "functionCall", "functionResponse", "inlineData", "fileData")
_RESULT = ("id", "name", "response", "parts", "scheduling", "willContinue")


def read_system(content: Json | None, path: str) -> list[Text]:
    if content is None:
        return []
    texts = []
    for position, part in enumerate(listed(content.get("parts"))):
        where = f"{path}.parts[{position}]"
        known_only(named(part), where, "text")
        texts.append(Text(where, None, need(part, "text", str, where)))
    return texts


class ContentsReader:
    """Owns the calls of one conversation that nobody has answered yet."""

    def __init__(self, request: ChatRequest, detail: str) -> None:
        self._request = request
        self._detail = detail
        self._open: list[tuple[str, str]] = []
        self._number = 0

    def read(self, contents: list[Json]) -> list[Turn]:
        """Google's SDK keeps a streamed answer as one content a chunk: they become one turn."""
        turns: list[Turn] = []
        for position, content in enumerate(contents):
            path = f"contents[{position}]"
            known_only(content, path, "role", "parts")
            of_model = content.get("role") == "model"
            parts: list[Part] = []
            for place, part in enumerate(listed(content.get("parts"))):
                parts += self._part(named(part), f"{path}.parts[{place}]", of_model)
            if of_model and turns and turns[-1].role == "assistant":
                turns[-1].parts += parts
            elif parts:
                turns.append(Turn("assistant" if of_model else "user", parts, path))
        for turn in turns:
            if turn.role == "assistant":
                turn.parts = _joined(turn.parts)
        return turns

    def _part(self, part: Json, path: str, of_model: bool) -> list[Part]:
        known_only(part, path, *_PART)
        if part.get("partMetadata"):
            self._request.leave_out(f"{path}.partMetadata")
        kinds = [kind for kind in _KINDS if part.get(kind) is not None]
        if len(kinds) > 1:
            raise NotCarried(path, "must be of one kind")
        if not kinds or kinds[0] == "text":
            return _words(part, path)
        match kinds[0]:
            case "functionCall":
                if not of_model:
                    raise NotCarried(f"{path}.functionCall", "must be of the model")
                call = self._call(named(part["functionCall"]), f"{path}.functionCall")
                call.seal, _ = seal_of(str(part.get("thoughtSignature") or ""))
                return [call]
            case "functionResponse":
                result = part["functionResponse"]
                return [self._result(named(result), f"{path}.functionResponse")]
        return [self._media(part, kinds[0], path)]

    def _media(self, part: Json, kind: str, path: str) -> Part:
        said = part.get("mediaResolution")
        level = named(said).get("level") if type(said) is dict else said
        detail = detail_of(level, f"{path}.mediaResolution") or self._detail
        read = read_inline if kind == "inlineData" else read_file
        return read(part[kind], f"{path}.{kind}", detail)

    def _call(self, call: Json, path: str) -> ToolCall:
        known_only(call, path, "id", "name", "args")
        self._number += 1
        call_id = call.get("id") or f"call_{self._number}"
        if type(call_id) is not str:
            raise NotCarried(f"{path}.id", "must be a string")
        self._open.append((call_id, call["name"]))
        arguments = orjson.dumps(call.get("args") or {}).decode()
        return ToolCall(path, None, call_id, call["name"], arguments)

    def _result(self, result: Json, path: str) -> ToolResult:
        known_only(result, path, *_RESULT)
        if result.get("willContinue"):
            raise NotCarried(f"{path}.willContinue")
        if result.get("scheduling"):
            self._request.leave_out(f"{path}.scheduling")
        call_id = self._answered(result, path)
        content, failed = _output(result.get("response") or {}, path)
        for place, part in enumerate(listed(result.get("parts"))):
            where = f"{path}.parts[{place}]"
            fields = named(part)
            kind = "inlineData" if fields.get("inlineData") else "fileData"
            known_only(fields, where, kind, "mediaResolution")
            need(fields, kind, dict, where)
            content.append(self._media(fields, kind, where))
        return ToolResult(path, None, call_id, result["name"], content, failed)

    def _answered(self, result: Json, path: str) -> str:
        """The id of the call that this is the result of."""
        given, name = result.get("id"), result["name"]
        for place, (call_id, called) in enumerate(self._open):
            if called == name and given in (None, "", call_id):
                del self._open[place]
                return call_id
        raise NotCarried(path, "answers no function call in front of it")


def _words(part: Json, path: str) -> list[Part]:
    """A text, a thought, and what seals either."""
    seal, hidden = seal_of(str(part.get("thoughtSignature") or ""))
    text = part.get("text") or ""
    if part.get("thought") and (text or seal):
        return [Reasoning(path, None, text, seal, hidden)]
    words: list[Part] = [Text(path, None, text)] if text else []
    return [*words, Reasoning(path, None, "", seal, True)] if seal else words


def _joined(parts: list[Part]) -> list[Part]:
    """Pieces of one text, and of one thought up to its seal, as one."""
    made: list[Part] = []
    for part in parts:
        match made[-1] if made else None, part:
            case Text() as last, Text():
                last.text += part.text
            case Reasoning(seal=None) as last, Reasoning(hidden=False):
                last.text += part.text
                last.seal = part.seal
            case _:
                made.append(part)
    return made


def _output(response: Json, path: str) -> tuple[list[Part], bool]:
    """`{"output": x}` and `{"error": x}` are x; anything else is the result as it stands."""
    failed = set(response) == {"error"}
    value = response
    if failed or set(response) == {"output"}:
        (value,) = response.values()
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return [Text(f"{path}.response", None, text)], failed
