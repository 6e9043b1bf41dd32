"""A whole Converse answer as a ChatAnswer.

The answer's id is in a header of the response (`x-amzn-requestid`), not in its body: it has none
here. Left out and reported: blocks no other dialect has (what Bedrock's own tools did, search
results), and where in its source a citation's words stand.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.bedrock_usage import read_bedrock_usage
from extproc.llm.call import Json
from extproc.llm.translate.bedrock_converse.content_reader import (
    MALFORMED,
    SERVER_TOOL,
    citation_of,
    finish_of,
    stop_sequence_of,
)
from extproc.llm.translate.conversation import (
    Audio,
    ChatAnswer,
    Choice,
    Image,
    Inline,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import sound

_PATH = "output.message.content"


def read_answer(body: Json) -> ChatAnswer:
    """Raises Unreadable; also where the model's output was malformed."""
    if body.get("stopReason") in MALFORMED:
        raise Unreadable("stopReason")
    try:
        blocks = body["output"]["message"]["content"]
        if type(blocks) is not list:
            raise Unreadable(_PATH)
    except (KeyError, TypeError):
        raise Unreadable(_PATH) from None
    answer = ChatAnswer("", [], sound(read_bedrock_usage(body.get("usage"))))
    parts: list[Part] = []
    for position, block in enumerate(blocks):
        path = f"{_PATH}[{position}]"
        try:
            parts += _parts(block, path, answer)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise Unreadable(path) from None
    finish, met = finish_of(body.get("stopReason")), stop_sequence_of(body)
    answer.choices.append(Choice(parts, finish, met if finish == "stop_sequence" else None))
    return answer


def _parts(block: Json, path: str, answer: ChatAnswer) -> list[Part]:
    """None or one; a block is a union."""
    match block:
        case {"text": str(text)}:
            return [Text(path, text=text)]
        case {"toolUse": {"type": kind}} if kind == SERVER_TOOL:
            answer.left_out.append(f"{path}.toolUse")
            return []
        case {"toolUse": dict(use)}:
            return [_tool_call(use, path)]
        case {"reasoningContent": dict(content)}:
            return [_reasoning(content, path)]
        case {"citationsContent": dict(content)}:
            return [_cited(content, path, answer)]
        case {"image": dict(file)}:
            return [Image(path, source=_inline("image", file))]
        case {"audio": dict(file)}:
            return [Audio(path, source=_inline("audio", file))]
    answer.left_out += [f"{path}.{kind}" for kind in block]
    return []


def _tool_call(use: Json, path: str) -> Part:
    made = use.get("input")
    arguments = made if type(made) is str else orjson.dumps({} if made is None else made).decode()
    return ToolCall(path, call_id=_text(use, "toolUseId"), name=_text(use, "name"),
                    arguments=arguments or "{}")  # fmt: skip


def _reasoning(content: Json, path: str) -> Part:
    if content.get("redactedContent"):
        seal = Seal("bedrock", _text(content, "redactedContent"))
        return Reasoning(path, seal=seal, hidden=True)
    said = content["reasoningText"]
    signature = said.get("signature")
    if signature is not None and type(signature) is not str:
        raise TypeError
    text = _text(said, "text")
    return Reasoning(path, text=text, seal=Seal("bedrock", signature) if signature else None)


def _cited(content: Json, path: str, answer: ChatAnswer) -> Part:
    text = "".join(_text(one, "text") for one in content.get("content") or ())
    listed = content.get("citations") or []
    for position, one in enumerate(listed):
        if (one.get("location") or {}).keys() - {"web"}:
            answer.left_out.append(f"{path}.citationsContent.citations[{position}].location")
    return Text(path, text=text, citations=tuple(citation_of(one) for one in listed))


def _inline(kind: str, file: Json) -> Inline:
    return Inline(f"{kind}/{_text(file, 'format')}", _text(file["source"], "bytes"))


def _text(holder: Any, key: str) -> str:
    value = holder[key]
    if type(value) is not str:
        raise TypeError
    return value
