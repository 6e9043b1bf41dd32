"""A whole answer for a caller of Anthropic Messages.

Left out and reported: citations without a URL, seals on tool calls (Gemini's), for which there is
no field. Unreadable: several choices, tool arguments that are no JSON object, images and sound.
"""

from __future__ import annotations

from extproc.llm.anthropic_usage import write_anthropic_usage
from extproc.llm.call import Json
from extproc.llm.translate.anthropic_messages.arguments import read_arguments
from extproc.llm.translate.anthropic_messages.citations import write_citation
from extproc.llm.translate.anthropic_messages.finish import write_finish
from extproc.llm.translate.conversation import (
    ChatAnswer,
    Part,
    Reasoning,
    Refused,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.thinking_blocks import thinking_block
from extproc.usage.usage import Usage


def wants_thoughts(asked: Json) -> bool:
    """Whether the caller's request asks to see what the model thinks ("Extended thinking")."""
    thinking = asked.get("thinking")
    if type(thinking) is not dict or thinking.get("display") == "omitted":
        return False
    return thinking.get("type") not in (None, "disabled")


def write_answer(answer: ChatAnswer, *, model: str, shows_thoughts: bool) -> Json:
    """Raises Unreadable on what this dialect has no word for."""
    if len(answer.choices) != 1:
        raise Unreadable("choices")
    [choice] = answer.choices
    blocks: list[Json] = []
    for part in choice.parts:
        if not isinstance(part, Reasoning):
            blocks.append(_block(part, f"content[{len(blocks)}]", answer))
        elif shows_thoughts:
            blocks.append(thinking_block(part))
    return {
        "id": answer.answer_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": write_finish(choice.finish),
        "stop_sequence": choice.stop_sequence,
        "usage": write_anthropic_usage(answer.usage or Usage()),
    }


def _block(part: Part, where: str, answer: ChatAnswer) -> Json:
    match part:
        case Text():
            block: Json = {"type": "text", "text": part.text}
            cited = [write_citation(citation) for citation in part.citations]
            if any(cited):
                block["citations"] = [citation for citation in cited if citation]
            if None in cited:
                answer.left_out.append(f"{where}.citations")
            return block
        case ToolCall():
            given = read_arguments(part.arguments)
            if given is None:
                raise Unreadable(f"{where}.input")
            if part.seal is not None:
                answer.left_out.append(f"{where}.thought_signature")
            return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": given}
        case Refused():
            return {"type": "text", "text": part.text}
    raise Unreadable(f"{where}.{type(part).__name__.lower()}")
