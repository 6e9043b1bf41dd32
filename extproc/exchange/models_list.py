"""`GET /v1/models`: the names this key may call, in the caller's own list format."""

from __future__ import annotations

from collections.abc import Sequence

from extproc.llm import strict_json
from extproc.llm.call import Family, Json

_SINCE = "2026-01-01T00:00:00Z"
_SINCE_S = 1_767_225_600
"""Models have no birthday here; the field is required by the SDKs' types."""


def models_body(names: Sequence[str], family: Family, one: str | None) -> bytes:
    """The list as OpenAI, Anthropic or Gemini sends it, or the one model asked for."""
    item = _ITEMS.get(family, _openai_model)
    if one is not None:
        return strict_json.dump(item(one))
    items = [item(name) for name in names]
    if family == "gemini":
        return strict_json.dump({"models": items})
    if family != "anthropic":
        return strict_json.dump({"object": "list", "data": items})
    first, last = (names[0], names[-1]) if names else (None, None)
    page = {"data": items, "has_more": False, "first_id": first, "last_id": last}
    return strict_json.dump(page)


def _openai_model(name: str) -> Json:
    return {"id": name, "object": "model", "created": _SINCE_S, "owned_by": name.partition("/")[0]}


def _anthropic_model(name: str) -> Json:
    return {"type": "model", "id": name, "display_name": name, "created_at": _SINCE}


def _gemini_model(name: str) -> Json:
    methods = ["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents"]
    return {"name": f"models/{name}", "version": "1", "displayName": name,
            "supportedGenerationMethods": methods}  # fmt: skip


_ITEMS = {"anthropic": _anthropic_model, "gemini": _gemini_model}
