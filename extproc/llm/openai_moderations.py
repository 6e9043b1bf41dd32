"""OpenAI Moderations (`POST /v1/moderations`): texts and images in, categories out.

Wire: platform.openai.com, "Create moderation". `model` may be left out; then it is OpenAI's
documented default. Refuses, by field name: missing or ill-typed `input` and its parts. Images are
named in `unscanned`. Nobody tells usage here; what is charged is our own count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable, payload
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, is_identifier, is_name, walk
from extproc.llm.openai_usage import read_openai_usage
from extproc.llm.whole_answer import WholeAnswers, read_rest, stream_fault, whole_call
from extproc.usage.usage import Reported

DEFAULT_MODEL = "omni-moderation-latest"
_READ = frozenset(("model", "input"))
_VERDICTS = frozenset(("categories", "category_scores", "category_applied_input_types"))


class OpenAIModerations(WholeAnswers):
    """The dialect; stateless."""

    name = "openai_moderations"
    shape = "openai_moderations"
    family: Family = "openai"
    operation: Operation = "moderations"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        named = body.get("model") is not None
        fault = (fields.model_fault(body) if named else None) or stream_fault(body)
        fault = fault or _input_fault(body.get("input"))
        if fault:
            return fault
        model = body["model"] if named else DEFAULT_MODEL
        return whole_call("moderations", model, _request(body).unread)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        given = body["input"]
        rows = given if type(given) is list else [given]
        out = Billable(parts=len(rows))
        for row in rows:
            if type(row) is str:
                out.texts.append(row)
            elif row["type"] == "text":
                out.texts.append(row["text"])
            else:
                out.add_image(payload(row["image_url"]["url"], "image"))
        return out

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        """Categories are the vendor's words; whatever else an answer holds is read."""
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        return read_openai_usage(body.get("usage"), completion=False)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/moderations"


OPENAI_MODERATIONS = OpenAIModerations()


def _input_fault(given: Any) -> Refusal | None:
    if type(given) is str:
        return None
    if type(given) is not list or not given:
        return fields.refuse("input", "must be a string or a non-empty list")
    if all(type(item) is str for item in given):
        return None
    return fields.first(_part_fault(item, f"input[{at}]") for at, item in enumerate(given))


def _part_fault(part: Any, path: str) -> Refusal | None:
    match part:
        case {"type": "text", "text": str()} | {"type": "image_url", "image_url": {"url": str()}}:
            return None
    return fields.refuse(path, "must be a text or an image_url part")


def _request(body: Json) -> Found:
    found = Found()
    given = body["input"]
    if type(given) is str:
        add_text(body, "input", "input", "input", found)
    else:
        for at, item in enumerate(given):
            _read_part(given, at, item, f"input[{at}]", found)
    read_rest(body, found, _READ, frozenset())
    return found


def _read_part(given: list[Any], at: int, item: Any, path: str, found: Found) -> None:
    if type(item) is str:
        add_text(given, at, path, "input", found)
        return
    if item["type"] == "text" and len(item) == 2:
        add_text(item, "text", f"{path}.text", "input", found)
        return
    found.unread.append(path)
    walk(given, at, path, "input", found.aside())


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "results" and type(value) is list:
            for at, item in enumerate(value):
                _result(value, at, item, found)
        elif type(value) in (str, list, dict):
            walk(body, key, key, "assistant", found, MACHINE_KEYS | {"model"})
    return found


def _result(results: list[Any], at: int, item: Any, found: Found) -> None:
    path = f"results[{at}]"
    if type(item) is not dict:
        walk(results, at, path, "assistant", found)
        return
    for key, value in item.items():
        if key in _VERDICTS and type(value) is dict and all(map(_is_verdict, value.items())):
            continue
        if type(value) in (str, list, dict) or not is_name(key):
            walk(item, key, f"{path}.{key}", "assistant", found)


def _is_verdict(pair: tuple[str, Any]) -> bool:
    """A category's name beside a flag, a score, or kinds of input."""
    name, value = pair
    if not is_identifier(name):
        return False
    kinds = value if type(value) is list else ()
    return type(value) in (bool, int, float, list, type(None)) and all(
        type(kind) is str and is_identifier(kind) for kind in kinds
    )
