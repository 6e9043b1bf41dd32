"""OpenAI Embeddings (`POST /v1/embeddings`): a string, strings, or token arrays in; vectors out.

Refuses, by field name: missing or ill-typed `model` and `input`. Token arrays carry text nobody
here can read: they are named in `unscanned`, never called passed (P3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, walk
from extproc.llm.openai_billable import embeddings_billable
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.whole_answer import WholeAnswers, stream_fault, whole_call
from extproc.usage.usage import Reported

_NO_TEXT = frozenset(("model", "encoding_format"))
_ANSWER_NAMES = MACHINE_KEYS | frozenset(("model",))


class OpenAIEmbeddings(WholeAnswers):
    """The dialect; stateless. There are no streams here."""

    name = "openai_embeddings"
    shape = "openai_embeddings"
    family: Family = "openai"
    operation: Operation = "embeddings"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = fields.model_fault(body) or fields.count_fault(body, "dimensions")
        fault = fault or stream_fault(body)
        if fault:
            return fault
        kind = _input_kind(body.get("input"))
        if kind == "unsound":
            return fields.refuse(
                "input", "must be a string, a non-empty list of strings, or token arrays"
            )
        return whole_call("embeddings", body["model"], _request(body).unread)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        return embeddings_billable(body)

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        """Vectors are no text; whatever else an answer holds is read."""
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        return read_openai_usage(body.get("usage"), completion=False)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/embeddings"


OPENAI_EMBEDDINGS = OpenAIEmbeddings()


def _request(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if type(value) not in (str, list, dict) or key in _NO_TEXT:
            continue
        if key == "input" and _input_kind(value) == "tokens":
            found.unread.append(key)
        elif key == "input":
            _inputs(body, found)
        else:
            walk(body, key, key, "input", found, frozenset())
    return found


def _inputs(body: Json, found: Found) -> None:
    """Strings: what looks like base64 is embedded as it stands, so it is read as it stands."""
    given = body["input"]
    if type(given) is str:
        add_text(body, "input", "input", "input", found)
        return
    for position in range(len(given)):
        add_text(given, position, f"input[{position}]", "input", found)


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "data" and type(value) is list:
            for position, item in enumerate(value):
                _vector(value, position, item, found)
        elif type(value) in (str, list, dict):
            walk(body, key, key, "assistant", found, _ANSWER_NAMES)
    return found


def _vector(items: list[Any], position: int, item: Any, found: Found) -> None:
    path = f"data[{position}]"
    if type(item) is not dict:
        walk(items, position, path, "assistant", found)
        return
    for key, value in item.items():
        if key != "embedding" or type(value) not in (list, str):
            walk(item, key, f"{path}.{key}", "assistant", found)


def _input_kind(value: Any) -> str:
    """`text`, `tokens` or `unsound`."""
    if type(value) is str:
        return "text"
    if type(value) is not list or not value:
        return "unsound"
    kinds = {type(item) for item in value}
    if kinds == {str}:
        return "text"
    if kinds == {int}:
        return "tokens"
    if kinds == {list} and all(row and {type(token) for token in row} == {int} for row in value):
        return "tokens"
    return "unsound"
