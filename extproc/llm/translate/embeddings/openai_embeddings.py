"""OpenAI embeddings, both sides (platform.openai.com, "Create embeddings").

Token arrays go to nobody else: another tokenizer reads other words in them. `input_type`, which is
not OpenAI's but common with its dialect, is understood (`query`, `passage` and Cohere's words).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.translate.embeddings.values import EmbedAnswer, EmbedRequest, Item, Task
from extproc.llm.translate.embeddings.vectors import in_base64, read_vector
from extproc.llm.translate.not_carried import NotCarried, Unreadable, only
from extproc.usage.usage import Usage, sound

_TASKS: dict[str, Task] = {
    "query": "RETRIEVAL_QUERY", "search_query": "RETRIEVAL_QUERY", "passage": "RETRIEVAL_DOCUMENT",
    "document": "RETRIEVAL_DOCUMENT", "search_document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION", "clustering": "CLUSTERING",
}  # fmt: skip


class OpenAICaller:
    """Reads requests, writes answers."""

    def read_request(self, body: Json) -> EmbedRequest:
        only(body, "", "model", "input", "dimensions", "encoding_format", "user", "input_type")
        given, task = body["input"], _task(body.get("input_type"))
        rows = given if type(given) is list else [given]
        if not all(type(row) is str for row in rows):
            raise NotCarried("input", "holds token ids, which only OpenAI's models read")
        alone = type(given) is str
        items = [
            Item(row, "input" if alone else f"input[{at}]", task) for at, row in enumerate(rows)
        ]
        request = EmbedRequest(items, body.get("dimensions"), paths={"task": "input_type"})
        if body.get("user"):
            request.leave_out("user")
        return request

    def write_answer(self, answer: EmbedAnswer, *, model: str, created: int, asked: Json) -> Json:
        encoded = asked.get("encoding_format") == "base64"
        usage = answer.usage
        if usage is None:
            # Clients read these fields without looking whether they are there.
            usage = Usage()
            answer.left_out.append("usage")
        tokens = usage.total_input_tokens
        vectors = answer.of(len(asked["input"]) if type(asked["input"]) is list else 1)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": at,
                 "embedding": in_base64(vector, f"[{at}]") if encoded else vector}
                for at, vector in enumerate(vectors)
            ],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }  # fmt: skip


class OpenAIProvider:
    """Writes requests, reads answers. Tasks are a hint that OpenAI's models do not know."""

    def write_request(self, request: EmbedRequest, *, default_max_tokens: int) -> Json:
        request.refuse_titles()
        if any(item.task for item in request.items):
            request.leave_out("task")
        body: Json = {"input": [item.text for item in request.items], "encoding_format": "float"}
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        return body

    def read_answer(self, body: Json) -> EmbedAnswer:
        data = body.get("data")
        if type(data) is not list or not data:
            raise Unreadable("data")
        vectors = [
            read_vector(item.get("embedding"), f"data[{at}].embedding")
            for at, item in enumerate(_in_order(data))
        ]
        return EmbedAnswer(vectors, sound(read_openai_usage(body.get("usage"), completion=False)))


def _task(named: Any) -> Task | None:
    if named is None:
        return None
    if type(named) is not str or named not in _TASKS:
        raise NotCarried("input_type", "is not known here")
    return _TASKS[named]


def _in_order(data: list[Any]) -> list[Json]:
    """By `index`, which tells the text a vector belongs to."""
    placed: dict[int, Json] = {}
    for at, item in enumerate(data):
        index = item.get("index", at) if type(item) is dict else None
        if type(index) is not int or not 0 <= index < len(data) or index in placed:
            raise Unreadable(f"data[{at}].index")
        placed[index] = item
    return [placed[index] for index in range(len(data))]
