"""Where an answer's words come from: `groundingMetadata`, `citationMetadata` <-> Citation.

Sources: ai.google.dev, "Grounding with Google Search"; API reference, `CitationMetadata`. Google
counts bytes of UTF-8 within a part; a Citation counts characters of its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import Citation


def read_citations(candidate: Json, texts: list[tuple[int, str]]) -> list[tuple[int, Citation]]:
    """(position in `texts`, citation). `texts`: (index of its part, text) of each text part."""
    if not texts:
        return []
    return _grounded(candidate.get("groundingMetadata"), texts) + _cited(
        candidate.get("citationMetadata"), texts
    )


def _grounded(metadata: Any, texts: list[tuple[int, str]]) -> list[tuple[int, Citation]]:
    if type(metadata) is not dict:
        return []
    chunks = [_source(chunk) for chunk in _dicts(metadata.get("groundingChunks"))]
    supports = _dicts(metadata.get("groundingSupports"))
    if not supports:
        return [(0, Citation(url, title, words)) for url, title, words in chunks]
    found = []
    for support in supports:
        segment = support.get("segment")
        place = _place(segment if type(segment) is dict else {}, texts)
        indices = support.get("groundingChunkIndices")
        for index in indices if type(indices) is list else ():
            if type(index) is int and 0 <= index < len(chunks):
                url, title, words = chunks[index]
                position, start, end = place
                found.append((position, Citation(url, title, words, start, end)))
    return found


def _source(chunk: Json) -> tuple[str, str, str]:
    """(url, title, words) of the one source that a chunk names."""
    kind = next((value for value in chunk.values() if type(value) is dict), {})
    url, title, words = kind.get("uri"), kind.get("title"), kind.get("text")
    return (
        url if type(url) is str else "",
        title if type(title) is str else "",
        words if type(words) is str else "",
    )


def _place(segment: Json, texts: list[tuple[int, str]]) -> tuple[int, int | None, int | None]:
    part = segment.get("partIndex")
    position = next((i for i, (index, _) in enumerate(texts) if index == (part or 0)), 0)
    end = segment.get("endIndex")
    if type(end) is not int:
        return position, None, None
    start, text = segment.get("startIndex"), texts[position][1]
    return position, _chars(text, start if type(start) is int else 0), _chars(text, end)


def _cited(metadata: Any, texts: list[tuple[int, str]]) -> list[tuple[int, Citation]]:
    """Offsets run over all of the candidate's text; a citation stands on the part it begins in."""
    if type(metadata) is not dict:
        return []
    listed = metadata.get("citationSources") or metadata.get("citations")
    found = []
    for one in _dicts(listed):
        start, end = one.get("startIndex") or 0, one.get("endIndex")
        url, title, _ = _source({"": one})
        if type(start) is not int or type(end) is not int:
            found.append((0, Citation(url, title)))
            continue
        position = 0
        while position + 1 < len(texts) and start >= (size := len(texts[position][1].encode())):
            start, end, position = start - size, end - size, position + 1
        text = texts[position][1]
        found.append((position, Citation(url, title, "", _chars(text, start), _chars(text, end))))
    return found


def _dicts(value: Any) -> list[Json]:
    return [item for item in value if type(item) is dict] if type(value) is list else []


def _chars(text: str, offset: int) -> int:
    return len(text.encode()[: max(0, offset)].decode(errors="ignore"))


@dataclass(slots=True)
class Grounding:
    """`groundingMetadata` in the making."""

    chunks: list[Json] = field(default_factory=list)
    supports: list[Json] = field(default_factory=list)

    def add(self, citation: Citation, text: str, part: int, before: int = 0) -> None:
        """`text`: the one it stands on. `part`: index of its part; `before`: bytes in front of it
        there."""
        start = citation.start or 0
        end = len(text) if citation.end is None else citation.end
        begin = before + len(text[:start].encode())
        segment: Json = {
            "startIndex": begin,
            "endIndex": begin + len(text[start:end].encode()),
            "text": text[start:end],
        }
        if part:
            segment["partIndex"] = part
        support = {"segment": segment, "groundingChunkIndices": [len(self.chunks)]}
        self.supports.append(support)
        self.chunks.append(_chunk(citation))

    def made(self) -> Json | None:
        if not self.chunks:
            return None
        return {"groundingChunks": self.chunks, "groundingSupports": self.supports}


def _chunk(citation: Citation) -> Json:
    if citation.url and not citation.cited:
        return {"web": {"uri": citation.url, "title": citation.title}}
    told = {"uri": citation.url, "title": citation.title, "text": citation.cited}
    return {"retrievedContext": {key: value for key, value in told.items() if value}}
