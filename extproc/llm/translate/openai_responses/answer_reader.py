"""A provider's Responses object, read."""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.responses_usage import read_responses_usage
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Finish,
    Image,
    Inline,
    Part,
    Reasoning,
    Refused,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.usage.usage import sound


def read_answer(body: Json) -> ChatAnswer:
    """Raises Unreadable."""
    output = body.get("output")
    if type(output) is not list or body.get("status") not in ("completed", "incomplete"):
        raise Unreadable("status")
    answer = ChatAnswer(str(body.get("id") or ""), [], sound(read_responses_usage(body)))
    choice = Choice([])
    for position, item in enumerate(output):
        _item(item, f"output[{position}]", choice, answer)
    choice.finish = finish_of(body, choice.parts)
    answer.choices.append(choice)
    return answer


def finish_of(response: Json, parts: list[Part]) -> Finish:
    """Why an answer of these parts ended."""
    details = response.get("incomplete_details")
    if type(details) is dict and details.get("reason"):
        return "content_filter" if details["reason"] == "content_filter" else "length"
    kinds = {type(part) for part in parts}
    if ToolCall in kinds:
        return "tool_calls"
    return "refusal" if Refused in kinds and Text not in kinds else "stop"


def read_citation(annotation: Any) -> Citation | None:
    """Of a page; marks of files say nothing outside OpenAI."""
    match annotation:
        case {"type": "url_citation", "url": str(url)}:
            start, end = annotation.get("start_index"), annotation.get("end_index")
            if type(start) is not int or type(end) is not int:
                start = end = None
            return Citation(url, str(annotation.get("title") or ""), start=start, end=end)
    return None


def read_seal(item: Json) -> Seal | None:
    sealed = item.get("encrypted_content")
    return Seal("openai", sealed) if type(sealed) is str and sealed else None


def read_image(item: Json) -> Image | None:
    data, kind = item.get("result"), item.get("output_format")
    if type(data) is not str:
        return None
    media = kind if type(kind) is str and kind.isalpha() else "png"
    return Image(source=Inline(f"image/{media}", data))


def _item(item: Any, path: str, choice: Choice, answer: ChatAnswer) -> None:
    match item:
        case {"type": "message", "content": list(content)}:
            for position, part in enumerate(content):
                _part(part, f"{path}.content[{position}]", choice, answer)
        case {"type": "reasoning"}:
            _thought(item, path, choice)
        case {"type": "function_call", "call_id": str(call_id), "name": str(name),
              "arguments": str(arguments)}:  # fmt: skip
            choice.parts.append(ToolCall(path, None, call_id, name, arguments))
        case {"type": "image_generation_call"} if (image := read_image(item)) is not None:
            choice.parts.append(image)
        case {"type": "message" | "function_call"}:
            raise Unreadable(path)
        case {"type": str()}:
            answer.left_out.append(path)
        case _:
            raise Unreadable(path)


def _part(part: Any, path: str, choice: Choice, answer: ChatAnswer) -> None:
    match part:
        case {"type": "output_text", "text": str(text)}:
            told = [read_citation(one) for one in part.get("annotations") or ()]
            citations = tuple(one for one in told if one is not None)
            if len(citations) < len(told):
                answer.left_out.append(f"{path}.annotations")
            choice.parts.append(Text(path, None, text, citations))
            if part.get("logprobs"):
                choice.logprobs = [*(choice.logprobs or ()), *part["logprobs"]]
        case {"type": "refusal", "refusal": str(text)}:
            choice.parts.append(Refused(path, None, text))
        case _:
            raise Unreadable(path)


def _thought(item: Json, path: str, choice: Choice) -> None:
    text = _said(item, "content", path) or _said(item, "summary", path)
    seal = read_seal(item)
    if text or seal is not None:
        choice.parts.append(Reasoning(path, None, text, seal, not text))


def _said(item: Json, key: str, path: str) -> str:
    texts = []
    for part in item.get(key) or ():
        match part:
            case {"text": str(text)}:
                texts.append(text)
            case _:
                raise Unreadable(f"{path}.{key}")
    return "\n\n".join(texts)
