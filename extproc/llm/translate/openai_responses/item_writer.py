"""Turns as the input items of a Responses request.

A thought goes with OpenAI's own seal or not at all: nobody else's can be read there. Refused:
sound, which the Responses do not hear, and files that another vendor keeps.
"""

from __future__ import annotations

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
    Remote,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried

_ENDINGS = {"application/pdf": "pdf", "text/plain": "txt", "text/markdown": "md",
            "text/csv": "csv", "application/json": "json", "text/html": "html"}  # fmt: skip


def write_items(turn: Turn, request: ChatRequest) -> list[Json]:
    """The items of one turn, in order. Raises NotCarried."""
    writer = _Items(turn, request)
    for part in turn.parts:
        writer.add(part)
    return writer.items


class _Items:
    def __init__(self, turn: Turn, request: ChatRequest) -> None:
        self._role = "developer" if turn.role == "system" else turn.role
        self._request = request
        self._content: list[Json] | None = None
        self.items: list[Json] = []

    def add(self, part: Part) -> None:
        if part.cache is not None:
            self._request.leave_out(f"{part.path}.cache_control")
        match part:
            case ToolCall():
                self._item(self._call(part))
            case ToolResult():
                self._item(self._result(part))
            case Reasoning():
                self._thought(part)
            case Text() if self._role == "assistant":
                if part.citations:
                    self._request.leave_out(f"{part.path}.citations")
                self._say({"type": "output_text", "text": part.text, "annotations": []})
            case Refused():
                self._say({"type": "refusal", "refusal": part.text})
            case _ if self._role == "assistant":
                raise NotCarried(part.path, "cannot stand in an answer for this provider")
            case _:
                self._say(content_of(part))

    def _item(self, item: Json) -> None:
        self._content = None
        self.items.append(item)

    def _say(self, part: Json) -> None:
        if self._content is None:
            self._content = []
            message = {"type": "message", "role": self._role, "content": self._content}
            self.items.append(message)
        self._content.append(part)

    def _call(self, call: ToolCall) -> Json:
        if call.seal is not None:
            self._request.leave_out(f"{call.path}.signature")
        return {"type": "function_call", "call_id": call.call_id, "name": call.name,
                "arguments": call.arguments}  # fmt: skip

    def _result(self, result: ToolResult) -> Json:
        if result.failed:
            self._request.leave_out(f"{result.path}.is_error")
        parts = result.content
        output: str | list[Json] = [content_of(part) for part in parts]
        if len(parts) == 1 and isinstance(parts[0], Text):
            output = parts[0].text
        return {"type": "function_call_output", "call_id": result.call_id, "output": output or ""}

    def _thought(self, thought: Reasoning) -> None:
        if thought.seal is None or thought.seal.family != "openai":
            self._request.leave_out(thought.path)
            return
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        self._item({"type": "reasoning", "summary": summary,
                    "encrypted_content": thought.seal.value})  # fmt: skip


def content_of(part: Part) -> Json:
    """A part of a user's message, or of a tool's result."""
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return _image(part)
        case Document():
            return _document(part)
        case Audio():
            raise NotCarried(part.path, "holds sound, which this provider does not hear")
    raise NotCarried(part.path)


def _image(image: Image) -> Json:
    made: Json = {"type": "input_image", "detail": image.detail or "auto"}
    match image.source:
        case Inline(media_type, data):
            made["image_url"] = f"data:{media_type};base64,{data}"
        case Remote(url):
            made["image_url"] = url
        case stored:
            made["file_id"] = _own(stored.family, stored.file_id, image.path)
    return made


def _document(document: Document) -> Json:
    if document.cite:
        raise NotCarried(f"{document.path}.citations")
    made: Json = {"type": "input_file"}
    match document.source:
        case Inline(media_type, data):
            ending = _ENDINGS.get(media_type)
            if ending is None:
                raise NotCarried(document.path, "holds a kind of file this provider does not read")
            made["filename"] = document.name or f"document.{ending}"
            made["file_data"] = f"data:{media_type};base64,{data}"
        case Remote(url):
            made["file_url"] = url
        case stored:
            made["file_id"] = _own(stored.family, stored.file_id, document.path)
    return made


def _own(family: str, file_id: str, path: str) -> str:
    if family != "openai":
        raise NotCarried(path, "is a file that this provider does not hold")
    return file_id
