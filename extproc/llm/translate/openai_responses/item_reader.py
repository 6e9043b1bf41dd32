"""The input items of a Responses request: `ChatRequest.system` and `ChatRequest.turns`.

Leading system and developer messages are the system prompt, behind `instructions`. What a model
said and called in a row is one turn, and so are the results in a row. Refused by their type's name
are the items of OpenAI's own tools and of state it keeps.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    ChatRequest,
    Part,
    Reasoning,
    Role,
    Seal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried, need, only
from extproc.llm.translate.openai_responses.custom_tools import arguments_of
from extproc.llm.translate.openai_responses.part_reader import listed, read_parts
from extproc.llm.translate.openai_responses.seals import unpack

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
_DIRECT = ({"type": "direct"}, None)


def read_input(body: Json, request: ChatRequest) -> None:
    """Fill in system prompt and turns. Raises NotCarried."""
    reader = _Items(request)
    instructions, given = body.get("instructions"), body.get("input")
    if type(instructions) is list:
        reader.items(instructions, "instructions")
    elif instructions:
        request.system.append(Text("instructions", None, instructions))
    if type(given) is list:
        reader.items(given, "input")
    elif given:
        request.turns.append(Turn("user", [Text("input", None, given)], "input"))
    if not request.turns:
        raise NotCarried("input", "must hold more than system messages for this provider")


class _Items:
    """`_joins`: whether the turn in the making takes more parts of its kind."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._names: dict[str, str] = {}
        self._seals: dict[str, Seal] = {}
        self._joins = ""

    def items(self, items: list[Any], where: str) -> None:
        for position, item in enumerate(items):
            self._item(item, f"{where}[{position}]")

    def _item(self, item: Json, path: str) -> None:
        match item.get("type", "message" if "role" in item else "item_reference"):
            case "message":
                self._message(item, path)
            case "reasoning":
                self._reasoning(item, path)
            case "function_call":
                self._call(item, path, need(item, "arguments", str, path), "arguments")
            case "custom_tool_call":
                self._call(item, path, arguments_of(need(item, "input", str, path)), "input")
            case "function_call_output" | "custom_tool_call_output":
                self._output(item, path)
            case _:
                raise NotCarried(f"{path}.type")

    def _message(self, item: Json, path: str) -> None:
        only(item, path, "type", "role", "content", "id", "status", "phase")
        role = _ROLES[item["role"]]
        parts = read_parts(item["content"], f"{path}.content", self._request)
        if role == "system" and not self._request.turns:
            self._request.system += [_plain(part) for part in parts]
        elif role == "assistant":
            self._add("assistant", parts, path, "assistant")
        else:
            self._add(role, parts, path, "")

    def _reasoning(self, item: Json, path: str) -> None:
        """What is shown of it; the seal, which only its own vendor reads."""
        only(item, path, "type", "id", "summary", "content", "encrypted_content", "status")
        text = _thought(item, "content", path) or _thought(item, "summary", path)
        sealed = item.get("encrypted_content")
        if sealed is not None and type(sealed) is not str:
            raise NotCarried(f"{path}.encrypted_content", "must be a string")
        packed = unpack(sealed) if sealed else None
        if packed is not None and packed.call_id:
            self._seals[packed.call_id] = packed.seal
        elif packed is not None or text:
            seal = packed.seal if packed else None
            self._add("assistant", [Reasoning(path, None, text, seal, not text)], path, "assistant")

    def _call(self, item: Json, path: str, arguments: str, key: str) -> None:
        stated = {name: value for name, value in item.items() if value is not False}
        only(stated, path, "type", "id", "call_id", "name", key, "status", "caller")
        if item.get("caller") not in _DIRECT:
            raise NotCarried(f"{path}.caller")
        call_id, name = need(item, "call_id", str, path), item["name"]
        self._names[call_id] = name
        call = ToolCall(path, None, call_id, name, arguments, self._seals.pop(call_id, None))
        self._add("assistant", [call], path, "assistant")

    def _output(self, item: Json, path: str) -> None:
        only(item, path, "type", "id", "call_id", "output", "status", "caller", "name")
        call_id = need(item, "call_id", str, path)
        content = read_parts(item.get("output"), f"{path}.output", self._request)
        name = self._names.get(call_id) or str(item.get("name") or "")
        self._add("user", [ToolResult(path, None, call_id, name, content)], path, "result")

    def _add(self, role: Role, parts: list[Part], path: str, joins: str) -> None:
        turns = self._request.turns
        if joins and joins == self._joins:
            turns[-1].parts += parts
        else:
            turns.append(Turn(role, parts, path))
        self._joins = joins


def _plain(part: Part) -> Text:
    if type(part) is not Text:
        raise NotCarried(f"{part.path}.type")
    return part


def _thought(item: Json, key: str, path: str) -> str:
    texts = []
    for position, part in enumerate(listed(item, key, path)):
        texts.append(need(part, "text", str, f"{path}.{key}[{position}]"))
    return "\n\n".join(texts)
