"""Which path speaks which dialect. What is not in this table is not governed, hence refused (P1).

Paths are compared exactly (no decoding, no trailing slash, no case folding): a spelling that some
server might understand differently than the gateway is an unknown route. Gemini's paths hold the
model's name and its method; everything around them is compared exactly, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from extproc.llm.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Dialect, Family, Operation
from extproc.llm.gemini_embed import GEMINI_EMBED, GEMINI_EMBED_ONE
from extproc.llm.gemini_generate import GEMINI_GENERATE
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_completions import OPENAI_COMPLETIONS
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.llm.openai_images import OPENAI_IMAGES
from extproc.llm.openai_moderations import OPENAI_MODERATIONS
from extproc.llm.openai_rerank import OPENAI_RERANK
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.openai_speech import OPENAI_SPEECH
from extproc.llm.openai_transcription import OPENAI_TRANSCRIPTION, OPENAI_TRANSLATION


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One governed route. `dialect` is None where no model is called (the list of models).

    `model_id`: the one model that `GET /v1/models/{id}` asks for, decoded; may hold slashes.
    """

    dialect: Dialect | None
    operation: Operation
    family: Family
    model_id: str | None = None


_OPENAI: dict[str, Dialect] = {
    "/v1/chat/completions": OPENAI_CHAT,
    "/v1/completions": OPENAI_COMPLETIONS,
    "/v1/responses": OPENAI_RESPONSES,
    "/v1/embeddings": OPENAI_EMBEDDINGS,
    "/v1/moderations": OPENAI_MODERATIONS,
    "/v1/images/generations": OPENAI_IMAGES,
    "/v1/audio/speech": OPENAI_SPEECH,
    "/v1/audio/transcriptions": OPENAI_TRANSCRIPTION,
    "/v1/audio/translations": OPENAI_TRANSLATION,
    "/v1/rerank": OPENAI_RERANK,
}
_ANTHROPIC: dict[str, Dialect] = {
    "/v1/messages": ANTHROPIC_MESSAGES,
    "/v1/messages/count_tokens": ANTHROPIC_COUNT_TOKENS,
}
_GEMINI: dict[str, Dialect] = {
    "generateContent": GEMINI_GENERATE,
    "streamGenerateContent": GEMINI_GENERATE,
    "embedContent": GEMINI_EMBED_ONE,
    "batchEmbedContents": GEMINI_EMBED,
}
_GEMINI_ROOTS = ("/v1beta/models/", "/v1/models/", "/genai/v1beta/models/", "/genai/v1/models/")


def _of(dialect: Dialect) -> Endpoint:
    return Endpoint(dialect, dialect.operation, dialect.family)


def _rows() -> Iterator[tuple[tuple[str, str], Endpoint]]:
    for prefix, paths in (("/openai", _OPENAI), ("/anthropic", _ANTHROPIC)):
        for path, dialect in paths.items():
            yield ("POST", path), _of(dialect)
            yield ("POST", prefix + path), _of(dialect)
    for path, family in _LISTS.items():
        yield ("GET", path), Endpoint(None, "models", family)


_LISTS: dict[str, Family] = {
    "/v1/models": "openai",
    "/openai/v1/models": "openai",
    "/anthropic/v1/models": "anthropic",
    "/v1beta/models": "gemini",
    "/genai/v1beta/models": "gemini",
    "/genai/v1/models": "gemini",
}
_TABLE: dict[tuple[str, str], Endpoint] = dict(_rows())


def resolve(method: str, path: str) -> Endpoint | None:
    """The endpoint of a request line, query string ignored; None is `unknown_route`."""
    route = path.partition("?")[0]
    found = _TABLE.get((method, route))
    if found is not None:
        return found
    if method == "GET":
        return _one_model(route)
    return _gemini(route) if method == "POST" else None


def _one_model(route: str) -> Endpoint | None:
    for listed, family in _LISTS.items():
        if route.startswith(listed + "/") and len(route) > len(listed) + 1:
            return Endpoint(None, "models", family, unquote(route[len(listed) + 1 :]))
    return None


def _gemini(route: str) -> Endpoint | None:
    root = next((root for root in _GEMINI_ROOTS if route.startswith(root)), None)
    if root is None:
        return None
    model, colon, method = route[len(root) :].rpartition(":")
    dialect = _GEMINI.get(method)
    return _of(dialect) if model and colon and dialect is not None else None


def family_of(path: str) -> Family:
    """Whose error shape a caller of this path expects, known route or not."""
    route = path.partition("?")[0]
    if route == "/anthropic" or route.startswith("/anthropic/") or "/v1/messages" in route:
        return "anthropic"
    if route.startswith(("/genai/", "/v1beta/")) or _gemini(route) is not None:
        return "gemini"
    return "openai"
