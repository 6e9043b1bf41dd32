"""Gemini embeddings: `POST .../models/{model}:batchEmbedContents`, and `:embedContent` for one.

Wire: ai.google.dev, "Embeddings" (REST reference). The model stands in the path; a request of a
batch names it again, and one that names another is refused: nobody would have granted it (P1).
Refuses, by field name: missing or ill-typed `requests`, `content`, `parts`; video, whose tokens the
price list has and no answer tells apart. Images, sound and files are named in `unscanned`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote, unquote

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, OPEN_KINDS, Found, add_text, is_name, walk
from extproc.llm.token_counts import MISSHAPEN, count, fault, stated
from extproc.llm.whole_answer import WholeAnswers, stream_fault, whole_call
from extproc.usage.usage import Reported, Usage

REQUESTS_MAX = 1_000
_MODEL = re.compile(r"/models/([^:?]+):(?:batchE|e)mbedContents?(?:\?|$)")
_SETTINGS = MACHINE_KEYS | frozenset(("model", "taskType", "task_type"))
_VECTORS = frozenset(("values", "embedding", "embeddings", "shape"))
_NUMBERS = frozenset((int, float))


class GeminiEmbed(WholeAnswers):
    """The dialect; stateless. `one`: `:embedContent`, whose body is one request of the batch's."""

    family: Family = "gemini"
    operation: Operation = "embeddings"
    body: Literal["json", "multipart"] = "json"

    def __init__(self, name: str, *, one: bool) -> None:
        self.name = self.shape = name
        self._one = one

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        found = _MODEL.search(path)
        model = unquote(found[1]) if found else ""
        fault = fields.model_fault({"model": model}) or stream_fault(body)
        fault = fault or self._fault(body, model)
        return fault or whole_call("embeddings", model, _request(body).unread)

    def _fault(self, body: Json, model: str) -> Refusal | None:
        if self._one:
            return _request_fault(body, model, "")
        fault = fields.objects_fault(body, "requests", required=True)
        if fault or len(body["requests"]) > REQUESTS_MAX:
            return fault or fields.refuse("requests", f"must not be more than {REQUESTS_MAX:,}")
        return fields.first(
            _request_fault(request, model, f"requests[{at}].")
            for at, request in enumerate(body["requests"])
        )

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        requests = [body] if self._one else body["requests"]
        out = Billable(parts=len(requests))
        for request in requests:
            out.texts.append(str(request.get("title") or ""))
            for part in request["content"]["parts"]:
                _bill(part, out)
        return out

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        """Vectors are no text; whatever else an answer holds is read."""
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        return read_prompt_usage(body.get("usageMetadata"))

    def with_call(
        self, body: Json, *, model: str, max_output_tokens: int | None, include_usage: bool
    ) -> Json:
        """The path names the model; where the body does too, it is the same one."""
        named = f"models/{model}"
        if self._one:
            return {**body, "model": named}
        return {**body, "requests": [{**one, "model": named} for one in body["requests"]]}

    def upstream_path(self, model: str, *, stream: bool) -> str:
        verb = "embedContent" if self._one else "batchEmbedContents"
        return f"/models/{quote(model, safe='')}:{verb}"


GEMINI_EMBED = GeminiEmbed("gemini_embed", one=False)
GEMINI_EMBED_ONE = GeminiEmbed("gemini_embed_one", one=True)


def read_prompt_usage(usage: Any) -> Reported:
    """`promptTokenCount`, and of what kind the tokens are where it says so."""
    if usage is None:
        return None
    if not stated(usage, "promptTokenCount"):
        return MISSHAPEN
    total, kinds = count(usage, "promptTokenCount"), {"AUDIO": 0, "IMAGE": 0}
    details = usage.get("promptTokensDetails")
    for detail in details if type(details) is list else ():
        if type(detail) is dict and detail.get("modality") in kinds:
            kinds[detail["modality"]] += count(detail, "tokenCount")
    unsound = fault(total, *kinds.values())
    if unsound is not None:
        return unsound
    audio, image = kinds["AUDIO"], kinds["IMAGE"]
    plain = max(0, total - audio - image)
    return Usage(plain, audio_input_tokens=audio, image_input_tokens=image)


def _request_fault(request: Json, model: str, path: str) -> Refusal | None:
    named = request.get("model")
    if named is not None and named not in (model, f"models/{model}"):
        return fields.refuse(f"{path}model", "must be the model that the path names")
    content = request.get("content")
    parts = content.get("parts") if type(content) is dict else None
    if type(parts) is not list or not parts:
        return fields.refuse(f"{path}content.parts", "must be a non-empty list")
    return fields.count_fault(request, "outputDimensionality") or fields.first(
        _part_fault(part, f"{path}content.parts[{at}]") for at, part in enumerate(parts)
    )


def _part_fault(part: Any, path: str) -> Refusal | None:
    if type(part) is not dict or type(part.get("text", "")) is not str:
        return fields.refuse(path, "must be an object, its 'text' a string")
    for key in ("inlineData", "inline_data", "fileData", "file_data"):
        media = _media(part.get(key))
        if key in part and (media is None or media.startswith("video/")):
            return fields.refuse(f"{path}.{key}", "must be of a stated type, and no video")
    return None


def _media(blob: Any) -> str | None:
    if type(blob) is not dict:
        return None
    media = blob.get("mimeType", blob.get("mime_type"))
    return media if type(media) is str and media else None


def _bill(part: Json, out: Billable) -> None:
    out.parts += 1
    if type(part.get("text")) is str and len(part) == 1:
        out.texts.append(part["text"])
        return
    for value in part.values():
        media = _media(value)
        if media is None:
            out.add_json(value)
            continue
        data = value.get("data")
        inline = data if type(data) is str else None
        if media.startswith("image/"):
            out.add_image(inline)
        elif media.startswith("audio/"):
            out.add_audio(inline)
        else:
            out.add_file(inline)


def _request(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "requests":
            for at, request in enumerate(value):
                _fields(request, f"requests[{at}].", found)
        elif key != "content":
            _field(body, key, key, found)
    if "content" in body:
        _content(body["content"], "content", found)
    return found


def _fields(request: Json, path: str, found: Found) -> None:
    for key, value in request.items():
        if key == "content":
            _content(value, f"{path}content", found)
        else:
            _field(request, key, path + key, found)


def _content(content: Json, path: str, found: Found) -> None:
    """What looks like base64 is embedded as it stands, so it is read as it stands."""
    for key in content:
        if key != "parts":
            _field(content, key, f"{path}.{key}", found)
    for at, part in enumerate(content["parts"]):
        for key in part:
            if key == "text":
                add_text(part, key, f"{path}.parts[{at}].text", "input", found)
            else:
                _field(part, key, f"{path}.parts[{at}].{key}", found)


def _field(holder: Json, key: str, path: str, found: Found) -> None:
    if type(holder[key]) in OPEN_KINDS or not is_name(key):
        walk(holder, key, path, "input", found, _SETTINGS)


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key in ("embeddings", "embedding"):
            _vectors(body, key, found)
        elif type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "assistant", found)
    return found


def _vectors(body: Json, key: str, found: Found) -> None:
    value = body[key]
    for at, item in enumerate(value if type(value) is list else [value]):
        path = f"{key}[{at}]" if type(value) is list else key
        if type(item) is not dict:
            walk({key: item}, key, path, "assistant", found)
            continue
        for name, inner in item.items():
            if not (name in _VECTORS and is_numbers(inner)):
                walk(item, name, f"{path}.{name}", "assistant", found)


def is_numbers(value: Any) -> bool:
    """A vector: numbers only, so that no word hides among them."""
    return type(value) is list and _NUMBERS.issuperset(map(type, value))
