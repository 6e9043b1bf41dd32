"""Seals in Anthropic's thinking blocks, whoever's seals they are.

A thinking block has one field for a seal (`signature`; `data` where it is redacted), and callers
send it back as they got it. Anthropic's own seals stand there as they are. A seal of another
vendor is written with the vendor's name and a colon before it, which Anthropic's base64 never
holds, so that it goes back to that vendor and to no other. '' is no seal: the thought of a server
that seals nothing.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Family, Json
from extproc.llm.translate.conversation import Reasoning, Seal
from extproc.llm.translate.not_carried import NotCarried

_FOREIGN: dict[str, Family] = {
    "openai": "openai", "gemini": "gemini", "bedrock": "bedrock", "cohere": "cohere",
}  # fmt: skip


def seal_of(signature: Any, path: str) -> Seal | None:
    """The seal that a `signature` or `data` stands for. Raises NotCarried when it is no string."""
    if not signature:
        return None
    if type(signature) is not str:
        raise NotCarried(path, "has a signature that is not a string")
    vendor, colon, value = signature.partition(":")
    if colon and vendor in _FOREIGN:
        return Seal(_FOREIGN[vendor], value)
    return Seal("anthropic", signature)


def signature_of(seal: Seal | None) -> str:
    if seal is None:
        return ""
    return seal.value if seal.family == "anthropic" else f"{seal.family}:{seal.value}"


def thinking_block(thought: Reasoning) -> Json:
    """A thought as Anthropic shows it."""
    signature = signature_of(thought.seal)
    if thought.hidden:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": thought.text, "signature": signature}


def without_foreign_thoughts(body: Json) -> tuple[Json, tuple[str, ...]]:
    """A request of Anthropic's as Anthropic itself takes it: (body, paths of what was left out).

    For requests that need no translation: a conversation that another vendor's model has answered
    in between holds that model's thoughts, and Anthropic refuses a block that it did not sign. The
    body itself where there are none.
    """
    messages: list[Json] = []
    left_out: list[str] = []
    for position, message in enumerate(body["messages"]):
        content = message.get("content")
        if message.get("role") != "assistant" or type(content) is not list:
            messages.append(message)
            continue
        foreign = [i for i, block in enumerate(content) if _is_foreign(block)]
        left_out += [f"messages[{position}].content[{i}]" for i in foreign]
        kept = [block for i, block in enumerate(content) if i not in foreign]
        if kept or not foreign:
            messages.append({**message, "content": kept} if foreign else message)
    return ({**body, "messages": messages}, tuple(left_out)) if left_out else (body, ())


def _is_foreign(block: Any) -> bool:
    kind = block.get("type") if type(block) is dict else None
    if kind == "thinking":
        signature = block.get("signature")
        return signature == "" or _names_another(signature)
    return kind == "redacted_thinking" and _names_another(block.get("data"))


def _names_another(signature: Any) -> bool:
    return type(signature) is str and signature.partition(":")[0] in _FOREIGN and ":" in signature
