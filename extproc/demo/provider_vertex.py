"""Google Vertex in the provider stand-in: Gemini's words, Google Cloud's credentials
(cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.demo import provider_anthropic
from extproc.demo.provider_gemini import (
    CACHED_INSIDE,
    SAYS_RETRY_AFTER,
    SERVER,
    error,
    error_frame,
    missing_header,
    models,
    no_route,
    not_json,
    refusal_headers,
    scripted,
    unknown_model,
)
from extproc.demo.provider_place import Options, Place, Received
from extproc.demo.provider_reply import Ask, Wrong

__all__ = [
    "CACHED_INSIDE", "SAYS_RETRY_AFTER", "SERVER", "error", "error_frame", "missing_header",
    "models", "no_route", "not_json", "refusal_headers", "scripted", "unknown_model",
]  # fmt: skip

HEADERS = {"vary": "X-Origin", "x-content-type-options": "nosniff"}
REQUEST_ID_HEADER = "x-vertex-ai-internal-request-id"
CLAUDE_VERSION = "vertex-2023-10-16"
"""What the page says; the SDK since 2.0 sends a version of Anthropic's own API instead."""


def unauthorized(received: Received, options: Options) -> Wrong | None:
    """A token of Google Cloud where the path names a project, an API key where it does not
    ("express mode"); neither takes the other's place."""
    express = "/projects/" not in received.path
    key = received.headers.get("x-goog-api-key") if express else key_of(received.headers)
    right = key == options.vertex_key if options.vertex_key else bool(key)
    return None if right else wrong_key(key)


def key_of(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def wrong_key(key: str | None) -> Wrong:
    return Wrong(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login"
        " cookie or other valid authentication credential.",
        code="ACCESS_TOKEN_TYPE_UNSUPPORTED",
    )


def lists(path: str) -> bool:
    return False


def read_claude(body: Any, place: Place) -> Ask | Wrong:
    """Anthropic's messages: the model stands in the path, the version in the body
    (platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai)."""
    if not isinstance(body, dict):
        return not_json()
    version = body.get("anthropic_version")
    if version != CLAUDE_VERSION and version not in provider_anthropic.VERSIONS:
        return Wrong(400, "anthropic_version: Field required")
    if "model" in body:
        return Wrong(400, "model: Extra inputs are not permitted")
    rest = {name: one for name, one in body.items() if name != "anthropic_version"}
    if (rest.get("stream") is True) is not place.stream:
        return Wrong(400, "stream: does not fit the method that was called")
    dated = "2023-06-01" if version == CLAUDE_VERSION else version
    return provider_anthropic.read_messages({**rest, "model": place.model}, dated)
