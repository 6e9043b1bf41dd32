"""A whole answer for a caller of Chat Completions.

Left out and reported: citations without a URL, which `annotations` cannot name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extproc.llm.call import Json
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Choice,
    Citation,
    Image,
    Reasoning,
    Refused,
    Seal,
    Stored,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.openai_chat.finish import write_finish
from extproc.llm.translate.openai_chat.media import url_of
from extproc.llm.translate.thinking_blocks import thinking_block


def write_answer(answer: ChatAnswer, *, model: str, created: int) -> Json:
    """Raises Unreadable on a part that this dialect has no word for (sound)."""
    made = {
        "id": answer.answer_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [_choice(choice, i, answer) for i, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        made["usage"] = write_openai_usage(answer.usage)
    return made


def annotation(citation: Citation, start: int, end: int) -> Json:
    """`start`, `end`: characters of the whole message."""
    cited = {"url": citation.url, "title": citation.title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": cited}


def shown_image(image: Image) -> Json:
    if isinstance(image.source, Stored):
        raise Unreadable("images")
    return {"type": "image_url", "image_url": {"url": url_of(image.source)}}


def sealed(call: Json, seal: Seal | None) -> Json:
    """Put Gemini's seal on a tool call. Only Gemini seals calls."""
    if seal is not None and seal.family == "gemini":
        call["extra_content"] = {"google": {"thought_signature": seal.value}}
    return call


@dataclass(slots=True)
class _Message:
    """What a message is put together from."""

    texts: list[str] = field(default_factory=list)
    chars: int = 0
    refusals: list[str] = field(default_factory=list)
    notes: list[Json] = field(default_factory=list)
    thoughts: list[Reasoning] = field(default_factory=list)
    images: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)

    def made(self) -> Json:
        message: Json = {
            "role": "assistant",
            "content": "".join(self.texts) if self.texts else None,
            "refusal": "".join(self.refusals) if self.refusals else None,
        }
        if self.thoughts:
            shown = "".join(thought.text for thought in self.thoughts)
            if shown:
                message["reasoning_content"] = shown
            if any(thought.seal for thought in self.thoughts):
                message["thinking_blocks"] = [thinking_block(one) for one in self.thoughts]
        if self.notes:
            message["annotations"] = self.notes
        if self.images:
            message["images"] = self.images
        if self.calls:
            message["tool_calls"] = self.calls
        return message


def _choice(choice: Choice, index: int, answer: ChatAnswer) -> Json:
    message = _Message()
    for part in choice.parts:
        if isinstance(part, Text):
            _text(part, message, index, answer)
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": part.arguments}
            call = {"id": part.call_id, "type": "function", "function": function}
            message.calls.append(sealed(call, part.seal))
        elif isinstance(part, Reasoning):
            message.thoughts.append(part)
        elif isinstance(part, Refused):
            message.refusals.append(part.text)
        elif isinstance(part, Image):
            message.images.append(shown_image(part))
        else:
            raise Unreadable(f"choices[{index}].{type(part).__name__.lower()}")
    logprobs = None if choice.logprobs is None else {"content": choice.logprobs, "refusal": None}
    return {
        "index": index,
        "message": message.made(),
        "logprobs": logprobs,
        "finish_reason": write_finish(choice.finish, refused=bool(message.refusals)),
    }


def _text(part: Text, message: _Message, index: int, answer: ChatAnswer) -> None:
    begin = message.chars
    message.texts.append(part.text)
    message.chars += len(part.text)
    for citation in part.citations:
        if citation.url:
            start = begin if citation.start is None else begin + citation.start
            end = message.chars if citation.end is None else begin + citation.end
            message.notes.append(annotation(citation, start, end))
        elif f"choices[{index}].message.annotations" not in answer.left_out:
            answer.left_out.append(f"choices[{index}].message.annotations")
