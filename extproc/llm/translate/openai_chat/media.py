"""Images, sound and files of Chat Completions: data URLs (RFC 2397), links, stored files."""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Audio, Document, Image, Inline, Remote, Stored
from extproc.llm.translate.not_carried import NotCarried, need, only

_SOUND = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_FORMATS = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}  # fmt: skip


def data_url(url: str) -> Inline | None:
    """`data:<type>;base64,<data>`; None when it is not of that form."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    return Inline(head[5:-7], data)


def source_of(url: str) -> Inline | Remote | None:
    """What an http(s) or a data URL stands for; None for any other."""
    return Remote(url) if url.startswith(("https://", "http://")) else data_url(url)


def url_of(source: Inline | Remote) -> str:
    if isinstance(source, Remote):
        return source.url
    return f"data:{source.media_type};base64,{source.data}"


def read_image(part: Json, path: str, cache: int | None) -> Image:
    image = need(part, "image_url", dict, path)
    only(image, f"{path}.image_url", "url", "detail")
    source = source_of(need(image, "url", str, f"{path}.image_url"))
    if source is None:
        raise NotCarried(f"{path}.image_url.url", "must be an http(s) URL or a base64 data URL")
    detail = image.get("detail")
    if detail not in (None, "auto", "low", "high", "original"):
        raise NotCarried(f"{path}.image_url.detail")
    return Image(path, cache, source, detail or "")


def read_audio(part: Json, path: str, cache: int | None) -> Audio:
    sound = need(part, "input_audio", dict, path)
    only(sound, f"{path}.input_audio", "data", "format")
    kind = need(sound, "format", str, f"{path}.input_audio")
    if kind not in _SOUND:
        raise NotCarried(f"{path}.input_audio.format")
    data = need(sound, "data", str, f"{path}.input_audio")
    return Audio(path, cache, Inline(_SOUND[kind], data))


def read_file(part: Json, path: str, cache: int | None) -> Document:
    file = need(part, "file", dict, path)
    where = f"{path}.file"
    only(file, where, "file_data", "filename", "file_id")
    name = file.get("filename") or ""
    if type(name) is not str:
        raise NotCarried(f"{where}.filename", "must be a string")
    if file.get("file_id"):
        if file.get("file_data"):
            raise NotCarried(f"{where}.file_id", "and 'file_data' cannot both be carried over")
        stored = Stored("openai", need(file, "file_id", str, where))
        return Document(f"{where}.file_id", cache, stored, name)
    data = source_of(need(file, "file_data", str, where))
    if data is None:
        raise NotCarried(f"{where}.file_data", "must be an http(s) URL or a base64 data URL")
    return Document(path, cache, data, name)


def write_image(image: Image) -> Json:
    if isinstance(image.source, Stored):
        raise NotCarried(image.path, "is a file that this provider does not hold")
    shown: Json = {"url": url_of(image.source)}
    if image.detail:
        shown["detail"] = image.detail
    return {"type": "image_url", "image_url": shown}


def write_audio(audio: Audio) -> Json:
    source = audio.source
    kind = _FORMATS.get(source.media_type) if isinstance(source, Inline) else None
    if kind is None:
        raise NotCarried(audio.path, "holds sound of a kind that this provider does not hear")
    assert isinstance(source, Inline)
    return {"type": "input_audio", "input_audio": {"data": source.data, "format": kind}}
