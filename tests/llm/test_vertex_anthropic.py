"""Anthropic Messages at Google Vertex: the same bodies, another place for the model."""

from __future__ import annotations

import pytest

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, ProviderDialect
from extproc.llm.vertex_anthropic import VERTEX_ANTHROPIC

BODY = {"model": "claude", "max_tokens": 9, "messages": [], "stream": True}


def test_it_shares_bodies_with_anthropic_messages() -> None:
    """Contract: an Anthropic caller's body passes without translation."""
    dialect: ProviderDialect = VERTEX_ANTHROPIC
    assert (dialect.name, dialect.shape) == ("vertex_anthropic", ANTHROPIC_MESSAGES.shape)
    assert (dialect.family, dialect.operation) == ("anthropic", "chat")
    assert dialect.is_final(Frame("message_stop", {"type": "message_stop"}, b""))


def test_the_body_names_a_version_and_no_model() -> None:
    """Dialect: whatever version the caller wrote; the caller's own body is not changed."""
    before = dict(BODY)
    call = VERTEX_ANTHROPIC.with_call(
        {**BODY, "anthropic_version": "bedrock-2023-05-31"}, model="claude-sonnet-4-5",
        max_output_tokens=5, include_usage=True,
    )  # fmt: skip
    version = {"anthropic_version": "vertex-2023-10-16"}
    assert call == {"max_tokens": 5, "messages": [], "stream": True, **version}
    assert before == BODY


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("claude-sonnet-4@20250514", "claude-sonnet-4@20250514"),
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("../a:b/c?d", "..%2Fa%3Ab%2Fc%3Fd"),
    ],
)
def test_the_path(model: str, segment: str) -> None:
    """Dialect: the model is one segment, its `@` as it stands; the method says if it streams."""
    path = f"/models/{segment}"
    assert VERTEX_ANTHROPIC.upstream_path(model, stream=False) == f"{path}:rawPredict"
    assert VERTEX_ANTHROPIC.upstream_path(model, stream=True) == f"{path}:streamRawPredict"
