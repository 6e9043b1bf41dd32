"""A whole answer for a Gemini caller.

Thoughts are shown to callers who asked for them (`includeThoughts`), as Google does. One that its
vendor has sealed always is, for the vendor wants it back as it was; as a thought, which Google's
SDK keeps apart from the text.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.llm.call import Json
from extproc.llm.gemini_fields import get
from extproc.llm.gemini_usage import write_gemini_usage
from extproc.llm.translate.conversation import (
    Audio,
    ChatAnswer,
    Choice,
    Document,
    Image,
    Part,
    Reasoning,
    Refused,
    Text,
    ToolCall,
)
from extproc.llm.translate.gemini_generate.finish import write_finish
from extproc.llm.translate.gemini_generate.grounding import Grounding
from extproc.llm.translate.gemini_generate.logprobs import write_logprobs
from extproc.llm.translate.gemini_generate.media import write_source
from extproc.llm.translate.gemini_generate.seals import signature_of
from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.usage.usage import Usage


def write_answer(answer: ChatAnswer, *, model: str, asked: Json) -> Json:
    """Raises Unreadable when a call's arguments are no JSON object."""
    thoughts = wants_thoughts(asked)
    return {
        "candidates": [
            _candidate(choice, index, thoughts, answer)
            for index, choice in enumerate(answer.choices)
        ],
        **tail(answer.answer_id, model, answer.usage),
    }


def tail(answer_id: str, model: str, usage: Usage | None) -> Json:
    """What stands beside the candidates."""
    made: Json = {} if usage is None else {"usageMetadata": write_gemini_usage(usage)}
    made["modelVersion"] = model
    if answer_id:
        made["responseId"] = answer_id
    return made


def wants_thoughts(asked: Json) -> bool:
    config = get(asked, "generationConfig")
    thinking = get(config, "thinkingConfig") if type(config) is dict else None
    return type(thinking) is dict and get(thinking, "includeThoughts") is True


def written(part: Part, *, thoughts: bool) -> list[Json]:
    """The parts of one part: none, or one. Raises Unreadable."""
    match part:
        case Text(text=text) | Refused(text=text):
            return [{"text": text}]
        case ToolCall():
            return [_call(part)]
        case Reasoning():
            return [thought] if (thought := _thought(part, thoughts)) else []
        case Image(source=source) | Audio(source=source) | Document(source=source):
            try:
                return [write_source(source, "")]
            except NotCarried:
                raise Unreadable("a file that only its vendor keeps") from None
    raise Unreadable(type(part).__name__.lower())


def read_arguments(arguments: str) -> Any:
    """Tool arguments as an object; None when they are not one (yet). No arguments are `{}`."""
    try:
        read = orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        return None
    return read if type(read) is dict else None


def _call(part: ToolCall) -> Json:
    args = read_arguments(part.arguments)
    if args is None:
        raise Unreadable("the arguments of a tool call")
    made: Json = {"functionCall": {"id": part.call_id, "name": part.name, "args": args}}
    if part.seal is not None:
        made["thoughtSignature"] = signature_of(part.seal)
    return made


def _thought(part: Reasoning, shown: bool) -> Json | None:
    if part.seal is None:
        return {"text": part.text, "thought": True} if shown and part.text else None
    signature = signature_of(part.seal, hidden=part.hidden)
    return {"text": part.text, "thought": True, "thoughtSignature": signature}


def _candidate(choice: Choice, index: int, thoughts: bool, answer: ChatAnswer) -> Json:
    parts: list[Json] = []
    grounding = Grounding()
    for part in choice.parts:
        made = written(part, thoughts=thoughts)
        if isinstance(part, Reasoning) and part.text and not made:
            _leave_out(answer, f"candidates[{index}].content.parts")
        if isinstance(part, Text):
            for citation in part.citations:
                grounding.add(citation, part.text, len(parts))
        parts += made
    candidate: Json = {
        "content": {"role": "model", "parts": parts or [{"text": ""}]},
        "finishReason": write_finish(choice.finish),
        "index": index,
    }
    if (told := grounding.made()) is not None:
        candidate["groundingMetadata"] = told
    if choice.logprobs is not None:
        candidate["logprobsResult"] = write_logprobs(choice.logprobs)
    return candidate


def _leave_out(answer: ChatAnswer, path: str) -> None:
    if path not in answer.left_out:
        answer.left_out.append(path)
