"""Images, sound, documents and videos of a request as Converse's blocks.

Bytes travel in the body, as base64; the only address Converse fetches from is `s3://`. A document
has a name, in which a model may read an instruction ("we recommend that you specify a neutral
name"): documents are numbered, and the caller's name for one is left out and reported.
"""

from __future__ import annotations

import re

from extproc.llm.call import Json
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Inline,
    Remote,
    Source,
)
from extproc.llm.translate.not_carried import NotCarried

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif",
           "image/webp": "webp"}  # fmt: skip
_SOUNDS = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3",
    "audio/mp3": "mp3", "audio/aac": "aac", "audio/flac": "flac", "audio/ogg": "ogg",
    "audio/opus": "opus", "audio/mp4": "mp4", "audio/m4a": "m4a", "audio/x-m4a": "m4a",
    "audio/webm": "webm", "audio/pcm": "pcm",
}  # fmt: skip
_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS = {
    "application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/html": "html",
    "text/markdown": "md", "application/msword": "doc", "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.wordprocessingml.document": "docx", f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_VIDEOS = {
    "video/mp4": "mp4", "video/quicktime": "mov", "video/mov": "mov", "video/webm": "webm",
    "video/x-matroska": "mkv", "video/x-flv": "flv", "video/mpeg": "mpeg", "video/mpg": "mpg",
    "video/x-ms-wmv": "wmv", "video/wmv": "wmv", "video/3gpp": "three_gp",
}  # fmt: skip
_S3 = re.compile(r"s3://[a-z0-9][.\-a-z0-9]{1,61}[a-z0-9](/.*)?", re.S)
_S3_CHARS_MAX = 1024


class Files:
    """Numbers the documents of one request. `documents`: name -> where the caller has it."""

    def __init__(self, request: ChatRequest) -> None:
        self.request = request
        self.documents: dict[str, str] = {}

    def block(self, part: Image | Audio | Document) -> Json:
        """Raises NotCarried."""
        match part:
            case Image():
                if part.detail not in ("", "auto"):
                    self._leave_out(part, "detail")
                return {"image": _file(part.source, _IMAGES, part.path)}
            case Audio():
                return {"audio": _file(part.source, _SOUNDS, part.path)}
        if _media_type(part.source).startswith("video/"):
            return {"video": _file(part.source, _VIDEOS, part.path)}
        return {"document": self._document(part)}

    def _leave_out(self, part: Image | Document, field: str) -> None:
        self.request.leave_out(f"{part.path}.{self.request.paths.get(field, field)}")

    def _document(self, part: Document) -> Json:
        name = f"Document {len(self.documents) + 1}"
        self.documents[name] = part.path
        if part.name:
            self._leave_out(part, "name")
        made = _file(part.source, _DOCUMENTS, part.path)
        made["name"] = name
        if part.cite:
            made["citations"] = {"enabled": True}
        return made


def _media_type(source: Source) -> str:
    said = source.media_type if isinstance(source, Inline | Remote) else ""
    return said.partition(";")[0].strip().lower()


def _file(source: Source, formats: dict[str, str], path: str) -> Json:
    kind = formats.get(_media_type(source))
    match source:
        case Inline() if not source.data:
            raise NotCarried(path, "is empty")
        case Inline() if kind is not None:
            return {"format": kind, "source": {"bytes": source.data}}
        case Remote() if not _S3.fullmatch(source.url) or len(source.url) > _S3_CHARS_MAX:
            raise NotCarried(path, "must hold its bytes: this provider fetches from s3:// only")
        case Remote() if kind is not None:
            return {"format": kind, "source": {"s3Location": {"uri": source.url}}}
        case Inline() | Remote():
            raise NotCarried(path, "is of a type this provider does not read")
    raise NotCarried(path, "is kept at another vendor")
