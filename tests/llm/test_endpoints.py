"""Which requests are governed, and whose error shape the others get."""

from __future__ import annotations

import pytest

from extproc.llm.endpoints import family_of, resolve


@pytest.mark.parametrize(
    ("method", "path", "dialect"),
    [
        ("POST", "/v1/chat/completions", "openai_chat"),
        ("POST", "/openai/v1/chat/completions?api-version=1", "openai_chat"),
        ("POST", "/v1/embeddings", "openai_embeddings"),
        ("POST", "/openai/v1/embeddings", "openai_embeddings"),
        ("POST", "/v1/messages", "anthropic_messages"),
        ("POST", "/v1/messages?beta=true", "anthropic_messages"),
        ("POST", "/anthropic/v1/messages", "anthropic_messages"),
    ],
)
def test_the_contracts_paths(method: str, path: str, dialect: str) -> None:
    """Contract, section 3: each path has its dialect."""
    endpoint = resolve(method, path)
    assert endpoint is not None
    assert endpoint.dialect is not None
    assert endpoint.dialect.name == dialect
    assert (endpoint.operation, endpoint.family) == (
        endpoint.dialect.operation,
        endpoint.dialect.family,
    )


@pytest.mark.parametrize(
    ("path", "model_id"),
    [
        ("/v1/models", None),
        ("/openai/v1/models?limit=2", None),
        ("/v1/models/gpt-4o", "gpt-4o"),
        ("/v1/models/openai-main/gpt-4o-mini", "openai-main/gpt-4o-mini"),
        ("/openai/v1/models/openai-main%2Fgpt-4o-mini", "openai-main/gpt-4o-mini"),
    ],
)
def test_models(path: str, model_id: str | None) -> None:
    """Contract, section 3: the list of models and one model, by GET only."""
    endpoint = resolve("GET", path)
    assert endpoint is not None
    assert (endpoint.dialect, endpoint.operation, endpoint.model_id) == (None, "models", model_id)
    assert resolve("POST", path) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/v1//chat/completions"),
        ("POST", "/V1/chat/completions"),
        ("POST", "/v1/chat%2fcompletions"),
        ("POST", "/v1/x/../chat/completions"),
        ("POST", "/anthropic/v1/chat/completions"),
        ("POST", "/openai/v1/messages"),
        ("POST", "/openai/chat/completions"),
        ("GET", "/v1/models/"),
        ("POST", "/v1/files"),
        ("GET", "/"),
        ("", ""),
    ],
)
def test_anything_else_is_unknown(method: str, path: str) -> None:
    """P1: a path that is not in the table is not governed, hence refused."""
    assert resolve(method, path) is None


def test_the_family_of_unknown_paths() -> None:
    """Contract, section 4: a refusal follows the caller's dialect."""
    assert family_of("/v1/messages/batches") == "anthropic"
    assert family_of("/anthropic/v1/complete?x=1") == "anthropic"
    assert family_of("/anthropical") == "openai"
    assert family_of("/v1/files?next=/v1/messages") == "openai"
