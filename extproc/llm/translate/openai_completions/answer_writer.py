"""An answer as a legacy completion: text, and nothing else.

What a model thought has no place here and is left out. A refusal is text, as it was when models
had no other way to say no.
"""

from __future__ import annotations

from collections.abc import Sequence

from extproc.llm.call import Json
from extproc.llm.openai_usage import write_openai_usage
from extproc.llm.translate.conversation import ChatAnswer, Choice, Finish, Refused, Text

_FINISHES: dict[Finish, str] = {
    "length": "length", "content_filter": "content_filter", "refusal": "content_filter",
}  # fmt: skip


def write_answer(answer: ChatAnswer, *, model: str, created: int) -> Json:
    choices = [_choice(choice, index, answer) for index, choice in enumerate(answer.choices)]
    made = shell(answer.answer_id, model, created, choices)
    if answer.usage is not None:
        made["usage"] = write_openai_usage(answer.usage)
    return made


def shell(answer_id: str, model: str, created: int, choices: list[Json]) -> Json:
    """A whole completion, or one chunk of it: they have one shape."""
    own = answer_id if answer_id.startswith("cmpl-") else f"cmpl-{answer_id or created}"
    return {
        "id": own, "object": "text_completion", "created": created, "model": model,
        "choices": choices,
    }  # fmt: skip


def choice_of(
    index: int, text: str, finish: Finish | None = None, logprobs: Json | None = None
) -> Json:
    reason = None if finish is None else _FINISHES.get(finish, "stop")
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def logprobs_of(entries: Sequence[Json], offset: int) -> Json:
    """Chat's entries, one list a property. `offset`: characters before the first token."""
    tokens = [str(entry.get("token", "")) for entry in entries]
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token)
    tops = [
        {other["token"]: other["logprob"] for other in entry.get("top_logprobs") or ()}
        for entry in entries
    ]
    return {
        "tokens": tokens, "token_logprobs": [entry.get("logprob") for entry in entries],
        "top_logprobs": tops, "text_offset": offsets,
    }  # fmt: skip


def _choice(choice: Choice, index: int, answer: ChatAnswer) -> Json:
    texts = []
    for position, part in enumerate(choice.parts):
        if isinstance(part, Text | Refused):
            texts.append(part.text)
        else:
            answer.left_out.append(f"choices[{index}].parts[{position}]")
    logprobs = logprobs_of(choice.logprobs, 0) if choice.logprobs else None
    return choice_of(index, "".join(texts), choice.finish, logprobs)
