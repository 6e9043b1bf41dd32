"""The log probabilities of an OpenAI answer: its text once more, token by token.

Promises: they are read as the text they are, so that a redaction takes them too (P5); a shape
nobody knows is named (P3).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.leaves import Found
from extproc.llm.slots import LogprobsSlot


def read_logprobs(choice: Json, path: str, found: Found) -> None:
    """The tokens are the text again; likelier and less likely ones beside them are no text."""
    tokens, alternatives = _tokens(choice["logprobs"])
    if alternatives:
        found.unread.append(f"{path}.top_logprobs")
    if tokens is None:
        found.unread.append(path)
    elif tokens:
        slot = LogprobsSlot(
            choice, "logprobs", path, "assistant", path, False, False, "".join(tokens)
        )
        found.slots.append(slot)


def _tokens(logprobs: Any) -> tuple[list[str] | None, bool]:
    """(tokens, whether there are alternatives); None for tokens where the shape is another."""
    if type(logprobs) is not dict:
        return None, False
    tokens: list[str] = []
    alternatives = False
    for entries in logprobs.values():
        for entry in entries if type(entries) is list else () if entries is None else (entries,):
            if type(entry) is not dict or type(entry.get("token")) is not str:
                return None, False
            tokens.append(entry["token"])
            alternatives = alternatives or bool(entry.get("top_logprobs"))
    return tokens, alternatives
