"""The parts of a Responses message or of a tool's output.

Source: platform.openai.com, "Images and vision", "File inputs", "Audio".
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Citation,
    Document,
    Image,
    Inline,
    Part,
    Refused,
    Remote,
    Source,
    Stored,
    Text,
)
from extproc.llm.translate.not_carried import NotCarried, need, only

_SOUND = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_KINDS = {
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv",
    "json": "application/json", "html": "text/html", "xml": "text/xml",
}  # fmt: skip
_DETAILS = ("low", "high", "original")


def read_parts(content: Any, path: str, request: ChatRequest) -> list[Part]:
    """A string, or a list of parts. Raises NotCarried."""
    if type(content) is str:
        return [Text(path, None, content)]
    if type(content) is not list:
        raise NotCarried(path, "must be a string or a list of parts")
    return [_part(part, f"{path}[{i}]", request) for i, part in enumerate(content)]


def _part(part: Any, path: str, request: ChatRequest) -> Part:
    kind = part.get("type") if type(part) is dict else None
    cache = 0 if kind and part.get("prompt_cache_breakpoint") else None
    match kind:
        case "input_text" | "text":
            only(part, path, "type", "text", "prompt_cache_breakpoint")
            return Text(path, cache, need(part, "text", str, path))
        case "output_text":
            return _said(part, path, cache, request)
        case "refusal":
            only(part, path, "type", "refusal")
            return Refused(path, cache, need(part, "refusal", str, path))
        case "input_image":
            return _image(part, path, cache)
        case "input_file":
            return _file(part, path, cache)
        case "input_audio":
            return _audio(part, path, cache)
    raise NotCarried(f"{path}.type")


def _said(part: Json, path: str, cache: int | None, request: ChatRequest) -> Text:
    """An earlier answer's text. Its probabilities and its marks of files say nothing to a model."""
    only(part, path, "type", "text", "annotations", "logprobs", "prompt_cache_breakpoint")
    if part.get("logprobs"):
        request.leave_out(f"{path}.logprobs")
    citations = []
    for position, annotation in enumerate(listed(part, "annotations", path)):
        match annotation:
            case {"type": "url_citation", "url": str(url)}:
                start, end = annotation.get("start_index"), annotation.get("end_index")
                if type(start) is not int or type(end) is not int:
                    start = end = None
                title = str(annotation.get("title") or "")
                citations.append(Citation(url, title, start=start, end=end))
            case _:
                request.leave_out(f"{path}.annotations[{position}]")
    return Text(path, cache, need(part, "text", str, path), tuple(citations))


def _image(part: Json, path: str, cache: int | None) -> Image:
    only(part, path, "type", "detail", "image_url", "file_id", "prompt_cache_breakpoint")
    detail = part.get("detail")
    if detail not in (None, "auto") and detail not in _DETAILS:
        raise NotCarried(f"{path}.detail")
    shown = detail if detail in _DETAILS else ""
    if part.get("file_id"):
        stored = Stored("openai", need(part, "file_id", str, path))
        return Image(f"{path}.file_id", cache, stored, shown)
    return Image(path, cache, source_of(part, "image_url", path), shown)


def _file(part: Json, path: str, cache: int | None) -> Document:
    only(part, path, "type", "detail", "file_data", "file_id", "file_url", "filename",
         "prompt_cache_breakpoint")  # fmt: skip
    if part.get("detail") not in (None, "auto"):
        raise NotCarried(f"{path}.detail")
    name = part.get("filename") or ""
    if type(name) is not str:
        raise NotCarried(f"{path}.filename", "must be a string")
    given = [key for key in ("file_data", "file_url", "file_id") if part.get(key)]
    if len(given) != 1:
        raise NotCarried(path, "must hold one of 'file_data', 'file_url' and 'file_id'")
    match given[0]:
        case "file_id":
            stored = Stored("openai", need(part, "file_id", str, path))
            return Document(f"{path}.file_id", cache, stored, name)
        case "file_url":
            return Document(path, cache, source_of(part, "file_url", path), name)
    return Document(path, cache, _data(need(part, "file_data", str, path), name, path), name)


def _data(data: str, name: str, path: str) -> Inline:
    """A data URL; or base64 alone, which is what its file's name says."""
    if data.startswith("data:"):
        return _inline(data, f"{path}.file_data")
    kind = _KINDS.get(name.rpartition(".")[2].lower())
    if kind is None:
        raise NotCarried(f"{path}.filename", "does not tell what kind of file it is")
    return Inline(kind, data)


def _audio(part: Json, path: str, cache: int | None) -> Audio:
    only(part, path, "type", "input_audio", "prompt_cache_breakpoint")
    sound = need(part, "input_audio", dict, path)
    only(sound, f"{path}.input_audio", "data", "format")
    kind = need(sound, "format", str, f"{path}.input_audio")
    if kind not in _SOUND:
        raise NotCarried(f"{path}.input_audio.format")
    data = need(sound, "data", str, f"{path}.input_audio")
    return Audio(path, cache, Inline(_SOUND[kind], data))


def listed(holder: Json, key: str, path: str) -> list[Any]:
    """`holder[key]`, a list; empty where it is not told."""
    value = holder.get(key)
    if value is not None and type(value) is not list:
        raise NotCarried(f"{path}.{key}" if path else key, "must be a list")
    return value or []


def source_of(holder: Json, key: str, path: str) -> Source:
    url: str = need(holder, key, str, path)
    if url.startswith(("https://", "http://")):
        return Remote(url)
    return _inline(url, f"{path}.{key}")


def _inline(url: str, path: str) -> Inline:
    """`data:<type>;base64,<data>` (RFC 2397)."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        raise NotCarried(path, "must be an http(s) URL or a base64 data URL")
    return Inline(head[5:-7], data)
