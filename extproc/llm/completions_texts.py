"""Every text of a legacy completion, asked or answered, and what in it is none.

Promises: as in `openai_texts.py`. Token arrays are named as unread (P3). Log probabilities are the
answer once more: a redaction takes them too (P5).
Source: platform.openai.com, "Completions (legacy)".
"""

from __future__ import annotations

from typing import Any, Literal

from extproc.llm.call import Json, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, OPEN_KINDS, Found, add_text, is_name, walk
from extproc.llm.openai_texts import ANSWER_KEYS
from extproc.llm.slots import LogprobsSlot

Kind = Literal["text", "texts", "tokens", "unsound"]
_NUMBERS = frozenset(
    ("model", "prompt", "stream", "stream_options", "echo", "n", "best_of", "logprobs", "seed",
     "temperature", "top_p", "max_tokens", "presence_penalty", "frequency_penalty")
)  # fmt: skip
_CHOICE_KEYS = MACHINE_KEYS | frozenset(("native_finish_reason", "stop_reason"))
_NAMED = ANSWER_KEYS - {"choices"}
_ANSWER_NAMES = MACHINE_KEYS | ANSWER_KEYS
_ANSWER_CHARS_MAX = 128


def prompt_kind(prompt: Any) -> Kind:
    """What a prompt is: one text, texts, tokens (of one prompt or of many)."""
    if type(prompt) is str:
        return "text"
    if type(prompt) is not list or not prompt:
        return "unsound"
    kinds = {type(one) for one in prompt}
    if kinds == {str}:
        return "texts"
    if kinds == {int}:
        return "tokens"
    rows = kinds == {list} and all(
        row and {type(token) for token in row} == {int} for row in prompt
    )
    return "tokens" if rows else "unsound"


def prompts_of(body: Json) -> int:
    """How many prompts there are, each of which is answered."""
    prompt = body["prompt"]
    is_one = type(prompt) is str or type(prompt[0]) is int
    return 1 if is_one else len(prompt)


def read_request(body: Json) -> Found:
    found = Found()
    match prompt_kind(body["prompt"]):
        case "text":
            add_text(body, "prompt", "prompt", "user", found)
        case "texts":
            for position in range(len(body["prompt"])):
                add_text(body["prompt"], position, f"prompt[{position}]", "user", found)
        case _:
            found.unread.append("prompt")
    for key, value in body.items():
        if key == "suffix":
            add_text(body, key, key, "user", found)
        elif key not in _NUMBERS or (type(value) in OPEN_KINDS and key not in ("model", "prompt")):
            walk(body, key, key, "input", found, frozenset())
    return found


def read_answer(body: Json) -> Found:
    """A whole answer, or a chunk of a stream: they have one shape."""
    found = Found()
    listed = body.get("choices")
    for position, choice in enumerate(listed if type(listed) is list else ()):
        if type(choice) is dict:
            _choice(choice, f"choices[{choice.get('index', position)}]", found)
        else:
            walk(listed, position, f"choices[{position}]", "assistant", found)
    for key, value in body.items():
        if key == "choices" and type(value) is list:
            continue
        if key in _NAMED and (type(value) is not str or len(value) <= _ANSWER_CHARS_MAX):
            continue
        if type(value) in OPEN_KINDS or not is_name(key):
            walk(body, key, key, "assistant", found, _ANSWER_NAMES)
    return found


def _choice(choice: Json, path: str, found: Found) -> None:
    for key, value in choice.items():
        where = f"{path}.{key}"
        if value is None or key == "index":
            continue
        if key == "text" and type(value) is str:
            if value:
                found.slots.append(TextSlot(choice, key, where, "assistant", where))
        elif key == "logprobs":
            _logprobs(choice, where, found)
        else:
            walk(choice, key, where, "assistant", found, _CHOICE_KEYS)


def _logprobs(choice: Json, path: str, found: Found) -> None:
    told = choice["logprobs"]
    tokens = told.get("tokens") if type(told) is dict else None
    if type(tokens) is not list or not all(type(token) is str for token in tokens):
        found.unread.append(path)
        return
    if any(told.get("top_logprobs") or ()):
        found.unread.append(f"{path}.top_logprobs")
    if shown := "".join(tokens):
        slot = LogprobsSlot(choice, "logprobs", path, "assistant", path, False, False, shown)
        found.slots.append(slot)
