"""Gemini embeddings, both sides (ai.google.dev, "Embeddings", REST reference).

A content of one text part is one text. Several parts are one vector too, of texts that no other
provider joins in the same way: refused. So are images and sound.
"""

from __future__ import annotations

from typing import Any, get_args

from extproc.llm.call import Json
from extproc.llm.gemini_embed import read_prompt_usage
from extproc.llm.translate.embeddings.values import EmbedAnswer, EmbedRequest, Item, Task
from extproc.llm.translate.embeddings.vectors import of_items
from extproc.llm.translate.not_carried import NotCarried, only
from extproc.usage.usage import Usage, sound

_UNSPECIFIED = (None, "", "TASK_TYPE_UNSPECIFIED")


class GeminiCaller:
    """`:batchEmbedContents`: reads requests, writes answers."""

    def read_request(self, body: Json) -> EmbedRequest:
        only(body, "", "model", "requests")
        return _request(body["requests"], "requests[{}].")

    def write_answer(self, answer: EmbedAnswer, *, model: str, created: int, asked: Json) -> Json:
        vectors = answer.of(len(asked["requests"]))
        return {"embeddings": [{"values": one} for one in vectors], **_usage(answer.usage)}


class GeminiOneCaller:
    """`:embedContent`: one request of such a batch, one vector."""

    def read_request(self, body: Json) -> EmbedRequest:
        return _request([body], "")

    def write_answer(self, answer: EmbedAnswer, *, model: str, created: int, asked: Json) -> Json:
        return {"embedding": {"values": answer.of(1)[0]}, **_usage(answer.usage)}


class GeminiProvider:
    """Writes batches, reads their answers. The model's name is put in by `with_call`."""

    def write_request(self, request: EmbedRequest, *, default_max_tokens: int) -> Json:
        requests: list[Json] = []
        for item in request.items:
            one: Json = {"content": {"parts": [{"text": item.text}]}}
            if item.task:
                one["taskType"] = item.task
            if item.title:
                one["title"] = item.title
            if request.dimensions is not None:
                one["outputDimensionality"] = request.dimensions
            requests.append(one)
        return {"requests": requests}

    def read_answer(self, body: Json) -> EmbedAnswer:
        usage = sound(read_prompt_usage(body.get("usageMetadata")))
        return EmbedAnswer(of_items(body, "embeddings", "values"), usage)


def _request(requests: list[Json], path: str) -> EmbedRequest:
    """`path`: of one request, with a place for its number."""
    sizes = {one.get("outputDimensionality") for one in requests}
    where = path.format(0)
    if len(sizes) > 1:
        raise NotCarried(f"{where}outputDimensionality", "must be the same for all requests")
    return EmbedRequest(
        [_item(one, path.format(at)) for at, one in enumerate(requests)],
        sizes.pop(),
        paths={"task": f"{where}taskType", "dimensions": f"{where}outputDimensionality",
               "title": f"{where}title"},
    )  # fmt: skip


def _item(one: Json, path: str) -> Item:
    only(one, path[:-1], "model", "content", "taskType", "title", "outputDimensionality")
    content, where = one["content"], f"{path}content"
    only(content, where, "parts", "role")
    parts = content["parts"]
    if len(parts) != 1:
        raise NotCarried(f"{where}.parts[1]", "is a second part; here a content is one text")
    only(parts[0], f"{where}.parts[0]", "text")
    if type(parts[0].get("text")) is not str:
        raise NotCarried(f"{where}.parts[0]", "must be a text")
    title = one.get("title")
    return Item(parts[0]["text"], f"{where}.parts[0].text", _task(one, path), title or "")


def _task(one: Json, path: str) -> Task | None:
    named: Any = one.get("taskType")
    if named in _UNSPECIFIED:
        return None
    if named not in get_args(Task):
        raise NotCarried(f"{path}taskType", "is not known here")
    task: Task = named
    return task


def _usage(usage: Usage | None) -> Json:
    return (
        {} if usage is None else {"usageMetadata": {"promptTokenCount": usage.total_input_tokens}}
    )
