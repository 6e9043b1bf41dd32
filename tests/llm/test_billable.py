"""What is counted as input: everything a provider bills, of every dialect (P2)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.errors import Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.billable import (
    AUDIO_SLACK_TOKENS,
    FILE_TOKENS,
    PAGE_TOKENS,
    SPOKEN_TOKENS,
    Billable,
    Image,
)
from extproc.llm.call import Dialect, Json
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from tests.llm.test_image_size import png

SCHEMA = {"type": "object", "properties": {"K-city": {"type": "string", "enum": ["E-rome"]}}}
DATA = b64encode(b"x" * 3_000).decode()
OPENAI: Json = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "T-system", "name": "T-name"},
        {"role": "user", "content": [{"type": "text", "text": "T-part"},
                                     {"type": "image_url", "image_url": {"url": "https://i"}}]},
        {"role": "assistant", "content": None, "reasoning_content": "T-thought", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "T-call",
                                                          "arguments": '{"K-arg": "T-arg"}'}},
            {"id": "c2", "type": "custom", "custom": {"name": "T-own", "input": "T-input"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "T-result"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "T-refusal"}],
         "function_call": {"name": "T-old", "arguments": "{}"}},
    ],
    "tools": [{"type": "function", "function": {"name": "T-tool", "description": "T-about",
                                                "parameters": SCHEMA}}],
    "functions": [{"name": "T-function", "parameters": SCHEMA}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "T-form", "schema": SCHEMA}},
    "guided_grammar": "T-unknown",
}  # fmt: skip
ANTHROPIC: Json = {
    "model": "m", "max_tokens": 9,
    "system": [{"type": "text", "text": "T-system"}],
    "messages": [
        {"role": "user", "content": "T-plain"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "T-thought", "signature": "s" * 100},
            {"type": "tool_use", "id": "t1", "name": "T-call", "input": {"K-arg": ["T-arg", 7]}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [
                {"type": "text", "text": "T-result"},
                {"type": "image", "source": {"type": "url", "url": "https://i"}}]},
            {"type": "document", "title": "T-title", "context": "T-context",
             "source": {"type": "text", "media_type": "text/plain", "data": "T-document"}},
            {"type": "document", "source": {"type": "content", "content": [
                {"type": "text", "text": "T-nested"}]}},
            {"type": "search_result", "source": "T-source", "title": "T-hit",
             "content": [{"type": "text", "text": "T-found"}]},
            {"type": "a-new-block", "words": {"K-new": "T-new"}}]},
    ],
    "tools": [{"name": "T-tool", "description": "T-about", "input_schema": SCHEMA}],
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}  # fmt: skip


def marks(value: Any) -> set[str]:
    """Every string and key of a body that a model may read: those that were marked."""
    found: set[str] = set()
    if isinstance(value, str):
        found |= {word for word in value.replace('"', " ").split() if word[:2] in ("T-", "K-")}
    elif isinstance(value, dict):
        for key, below in value.items():
            found |= marks(key) | marks(below)
    elif isinstance(value, list):
        for below in value:
            found |= marks(below)
    return {mark.rstrip(":") for mark in found}


def user(*parts: Json) -> Json:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(("dialect", "body"), [(OPENAI_CHAT, OPENAI),
                                               (ANTHROPIC_MESSAGES, ANTHROPIC)])  # fmt: skip
def test_every_text_and_every_key_is_counted(dialect: Dialect, body: Json) -> None:
    """P2: schemas are billed with their keys, history with its calls, and so is the unknown."""
    assert not isinstance(dialect.read_call("", body), Refusal)
    counted = "\n".join(dialect.billable(body).texts)
    missing = {mark for mark in marks(body) if mark not in counted}
    assert not missing
    assert "E-rome" in counted and '"enum"' in counted


@pytest.mark.parametrize(("dialect", "body"), [(OPENAI_CHAT, OPENAI),
                                               (ANTHROPIC_MESSAGES, ANTHROPIC)])  # fmt: skip
def test_whatever_the_guardrails_read_is_counted(dialect: Dialect, body: Json) -> None:
    """P2: no text that a model sees is free. The URL of an image is none: it sees the image."""
    counted = "\n".join(dialect.billable(body).texts)
    texts = [s.text for s in dialect.request_texts(body) if not s.path.endswith(".url")]
    escaped = [json.dumps(text)[1:-1] for text in texts]
    assert all(t in counted or e in counted for t, e in zip(texts, escaped, strict=True))


@pytest.mark.parametrize(("dialect", "body"), [(OPENAI_CHAT, OPENAI),
                                               (ANTHROPIC_MESSAGES, ANTHROPIC)])  # fmt: skip
def test_messages_parts_and_tools_are_counted(dialect: Dialect, body: Json) -> None:
    """P2: what the format wraps around each of them costs too."""
    found = dialect.billable(body)
    assert found.parts >= len(body["messages"])
    assert found.tools == len(body["tools"]) + len(body.get("functions", ()))
    assert found.images == [Image()]
    assert not found.open_ended and not found.hosted_tools


def test_images_are_known_by_detail_and_size() -> None:
    """P2: an inline image tells its size, another one nothing."""
    inline = f"data:image/png;base64,{png(640, 480)}"
    found = OPENAI_CHAT.billable(user(
        {"type": "image_url", "image_url": {"url": inline}},
        {"type": "image_url", "image_url": {"url": "https://i", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png,plain"}},
        {"type": "image_url", "image_url": {}},
    ))  # fmt: skip
    assert found.images == [Image((640, 480)), Image(None, low=True), Image(), Image()]
    source = {"type": "base64", "media_type": "image/png", "data": png(640, 480)}
    found = ANTHROPIC_MESSAGES.billable(user({"type": "image", "source": source}))
    assert found.images == [Image((640, 480))]


@pytest.mark.parametrize(
    ("dialect", "part", "tokens"),
    [
        (OPENAI_CHAT, {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
         3_000 // 25 + AUDIO_SLACK_TOKENS),
        (OPENAI_CHAT, {"type": "file", "file": {"file_data": f"data:text/plain;base64,{DATA}"}},
         PAGE_TOKENS + 1_500),
        (OPENAI_CHAT, {"type": "file", "file": {"file_id": "file-1"}}, FILE_TOKENS),
        (ANTHROPIC_MESSAGES, {"type": "document", "source": {"type": "base64", "data": DATA}},
         PAGE_TOKENS + 1_500),
        (ANTHROPIC_MESSAGES, {"type": "document", "source": {"type": "url", "url": "https://d"}},
         FILE_TOKENS),
        (ANTHROPIC_MESSAGES, {"type": "document", "source": {"type": "file", "file_id": "f"}},
         FILE_TOKENS),
        (ANTHROPIC_MESSAGES, {"type": "redacted_thinking", "data": "x" * 500}, 250),
    ],
)  # fmt: skip
def test_what_is_no_text_has_a_size_of_its_own(dialect: Dialect, part: Json, tokens: int) -> None:
    """P2: audio and files by their bytes; what is only named, by the most that a model reads."""
    body = user(part)
    assert not isinstance(dialect.read_call("", body), Refusal)
    assert dialect.billable(body).tokens == tokens


def test_unknown_parts_are_files_and_images() -> None:
    """P2: a part of a kind nobody here knows is not free."""
    found = OPENAI_CHAT.billable(user({"type": "video_url", "video_url": {"url": "https://v"}}))
    assert found.open_ended and found.images and found.tokens > PAGE_TOKENS


def test_predictions_speech_and_earlier_speech() -> None:
    """P2: a prediction may be billed as output; audio has rates of its own."""
    body = {**OPENAI, "prediction": {"type": "content", "content": [{"type": "text", "text": "P"}]}}
    assert OPENAI_CHAT.billable(body).predicted == ["P"]
    assert not OPENAI_CHAT.billable(OPENAI).audio_output
    spoken = {**OPENAI, "modalities": ["text", "audio"], "audio": {"voice": "alloy"}}
    assert OPENAI_CHAT.billable(spoken).audio_output
    earlier = {"model": "m", "messages": [{"role": "assistant", "audio": {"id": "a"}}]}
    assert OPENAI_CHAT.billable(earlier).tokens == SPOKEN_TOKENS
    assert OPENAI_CHAT.billable(earlier).audio_input


@pytest.mark.parametrize(
    ("tool", "searches"),
    [
        ({"type": "web_search_20250305", "name": "web_search", "max_uses": 2}, 2),
        ({"type": "web_search_20260209", "name": "web_search"}, 5),
        ({"type": "web_search_20260209", "name": "web_search", "max_uses": 10**9}, 50),
        ({"type": "bash_20250124", "name": "bash"}, 0),
    ],
)
def test_tools_of_the_provider_are_open_ended(tool: Json, searches: int) -> None:
    """P2: searches are billed each; what they find is input that nobody sees here."""
    found = ANTHROPIC_MESSAGES.billable({**ANTHROPIC, "tools": [*ANTHROPIC["tools"], tool]})
    assert (found.tools, found.hosted_tools, found.web_searches) == (2, 1, searches)
    assert found.open_ended
    asked = OPENAI_CHAT.billable({**OPENAI, "web_search_options": {}})
    assert asked.web_searches == 1 and asked.open_ended


@pytest.mark.parametrize("where", ["body", "system", "message", "tool"])
def test_an_hour_of_cache_is_seen_wherever_it_is_asked_for(where: str) -> None:
    """P2: it costs twice the input; five minutes do not."""

    def asking(ttl: str | None) -> Json:
        control = {"cache_control": {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}}
        text = {"type": "text", "text": "a"}
        return {
            **user({**text, **(control if where == "message" else {})}),
            "system": [{**text, **(control if where == "system" else {})}],
            "tools": [{"name": "t", "input_schema": {}, **(control if where == "tool" else {})}],
            **(control if where == "body" else {}),
        }  # fmt: skip

    assert ANTHROPIC_MESSAGES.billable(asking("1h")).cache_write_1h
    assert not ANTHROPIC_MESSAGES.billable(asking("5m")).cache_write_1h
    assert not ANTHROPIC_MESSAGES.billable(asking(None)).cache_write_1h


def test_embeddings_are_texts_or_numbers() -> None:
    """P2: a token array is as many tokens as it has numbers."""
    assert OPENAI_EMBEDDINGS.billable({"input": "a"}) == Billable(texts=["a"], parts=1)
    assert OPENAI_EMBEDDINGS.billable({"input": ["a", "b"]}) == Billable(texts=["a", "b"], parts=2)
    assert OPENAI_EMBEDDINGS.billable({"input": [5, 6, 7]}).tokens == 3
    assert OPENAI_EMBEDDINGS.billable({"input": [[5, 6], [7]]}).tokens == 3


_KEYS = st.sampled_from(
    ("type", "text", "content", "source", "data", "url", "image_url", "input_audio", "file",
     "file_data", "cache_control", "ttl", "thinking", "signature", "audio", "name", "function",
     "max_uses", "input", "tool_calls")
)  # fmt: skip
_KINDS = st.sampled_from(
    ("text", "image", "image_url", "document", "thinking", "tool_result", "input_audio", "file",
     "base64", "web_search_tool_result", "url")
)  # fmt: skip
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | _KINDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=5),
    max_leaves=14,
)


@given(st.dictionaries(st.sampled_from(("messages", "tools", "functions", "system", "prediction",
                                        "modalities", "audio", "web_search_options", "x")), _ANY),
       st.lists(_ANY, max_size=3), _ANY)  # fmt: skip
def test_every_body_that_is_read_is_counted(extra: Json, parts: list[Any], own: Any) -> None:
    """P8: no accepted body breaks the count."""
    message = {"role": "user", "content": parts, "x": own}
    body = {"model": "m", "max_tokens": 1, **extra, "messages": [message]}
    for dialect in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        if not isinstance(dialect.read_call("", body), Refusal):
            found = dialect.billable(body)
            assert found.parts >= 1 and found.tokens >= 0
            assert all(type(text) is str for text in found.texts)
