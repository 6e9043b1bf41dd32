"""Pictures, sound and files of Gemini: `inlineData` and `fileData`.

A link is fetched by Google ("File input methods"); what its Files API or Cloud Storage keeps is
known to Google alone.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.gemini_fields import named, standard
from extproc.llm.translate.conversation import (
    Audio,
    Document,
    Image,
    Inline,
    Part,
    Remote,
    Source,
    Stored,
)
from extproc.llm.translate.gemini_generate.known import known_only
from extproc.llm.translate.not_carried import NotCarried, need

_EXTENSIONS = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
    "gif": "image/gif", "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf",
    "wav": "audio/wav", "mp3": "audio/mp3", "mp4": "video/mp4", "txt": "text/plain",
}  # fmt: skip
_DETAILS = {
    "MEDIA_RESOLUTION_LOW": "low", "MEDIA_RESOLUTION_MEDIUM": "auto",
    "MEDIA_RESOLUTION_HIGH": "high", "MEDIA_RESOLUTION_ULTRA_HIGH": "original",
    "MEDIA_RESOLUTION_UNSPECIFIED": "",
}  # fmt: skip
_RESOLUTIONS = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH",
                "original": "MEDIA_RESOLUTION_HIGH"}  # fmt: skip


def detail_of(resolution: Any, path: str) -> str:
    """A media resolution in OpenAI's words."""
    if resolution is None:
        return ""
    if type(resolution) is not str or resolution not in _DETAILS:
        raise NotCarried(path)
    return _DETAILS[resolution]


def resolution_of(detail: str) -> str | None:
    """None: Google's default."""
    return _RESOLUTIONS.get(detail)


def read_inline(blob: Json, path: str, detail: str) -> Part:
    fields = named(blob)
    known_only(fields, path, "data", "mimeType", "displayName")
    media = need(fields, "mimeType", str, path)
    source = Inline(media, standard(need(fields, "data", str, path)))
    return _part(source, media, path, str(fields.get("displayName") or ""), detail)


def read_file(file: Json, path: str, detail: str) -> Part:
    fields = named(file)
    known_only(fields, path, "fileUri", "mimeType", "displayName")
    uri, media = need(fields, "fileUri", str, path), fields.get("mimeType") or ""
    if type(media) is not str:
        raise NotCarried(f"{path}.mimeType", "must be a string")
    source: Source = Remote(uri, media)
    if not uri.startswith(("https://", "http://")) or "/v1beta/files/" in uri:
        source = Stored("gemini", uri)
    return _part(source, media or _guessed(uri), path, str(fields.get("displayName") or ""), detail)


def _part(source: Source, media: str, path: str, name: str, detail: str) -> Part:
    if media.startswith("image/"):
        return Image(path, None, source, detail)
    if media.startswith("audio/"):
        return Audio(path, None, source)
    return Document(path, None, source, name)


def write_source(source: Source, path: str) -> Json:
    """One part without its words. Raises NotCarried for what another vendor keeps."""
    match source:
        case Inline(media, data):
            return {"inlineData": {"mimeType": media, "data": data}}
        case Remote(url, media):
            if not url.startswith(("https://", "http://", "gs://")):
                raise NotCarried(path, "must be an http(s) URL or hold its bytes")
            media = media or _guessed(url)
            return {"fileData": {"fileUri": url, **({"mimeType": media} if media else {})}}
        case Stored("gemini", uri):
            return {"fileData": {"fileUri": uri}}
    raise NotCarried(path, "is a file that only another vendor keeps")


def _guessed(url: str) -> str:
    name = url.partition("?")[0].rpartition("/")[2]
    return _EXTENSIONS.get(name.rpartition(".")[2].lower(), "")
