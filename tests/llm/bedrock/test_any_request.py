"""Requests of any shape: refused by name, or written as Converse bodies that AWS takes."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.translate.bedrock_converse import PROVIDER
from extproc.llm.translate.conversation import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Inline,
    OutputFormat,
    Reasoning,
    Refused,
    Remote,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from extproc.llm.translate.not_carried import NotCarried
from tests.llm.bedrock.converse_model import faults

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
_WORDS = st.text(max_size=8)
_SOURCES = st.one_of(
    st.builds(Inline, st.sampled_from(("image/png", "application/pdf", "video/mp4", "audio/wav",
                                       "text/plain", "x/y")), st.just("AA==")),
    st.builds(Remote, st.sampled_from(("https://x.io/a", "s3://bucket/key", "s3://B")),
              st.sampled_from(("", "image/png", "text/csv"))),
    st.just(Stored("openai", "f")),
)  # fmt: skip
_CACHE = st.sampled_from((None, None, 0, 300, 3600))
_SEALS = st.sampled_from((None, Seal("bedrock", "c2VhbA=="), Seal("anthropic", "c2VhbA==")))
_NAMES = st.sampled_from(("weather", "f", "a b"))
_IDS = st.sampled_from(("c1", "call_x.y:z-0", "a b", "", "x" * 70))
_SHOWN = st.one_of(
    st.builds(Text, path=st.just("t"), cache=_CACHE, text=_WORDS),
    st.builds(Image, path=st.just("i"), source=_SOURCES),
    st.builds(Document, path=st.just("d"), source=_SOURCES, name=_WORDS, cite=st.booleans()),
)
_PARTS = st.one_of(
    _SHOWN,
    st.builds(Audio, path=st.just("a"), source=_SOURCES),
    st.builds(ToolCall, path=st.just("c"), cache=_CACHE, call_id=_IDS, name=_NAMES,
              arguments=st.sampled_from(("", "{}", '{"a":[1]}', "x")), seal=_SEALS),
    st.builds(ToolResult, path=st.just("r"), call_id=_IDS, content=st.lists(_SHOWN, max_size=2),
              failed=st.booleans()),
    st.builds(Reasoning, path=st.just("h"), text=_WORDS, seal=_SEALS, hidden=st.booleans()),
    st.builds(Refused, path=st.just("n"), text=_WORDS),
)  # fmt: skip
_TURNS = st.builds(
    Turn, st.sampled_from(("user", "user", "assistant", "system")), st.lists(_PARTS, max_size=4)
)
_TOOLS = st.builds(
    Tool,
    _NAMES,
    _WORDS,
    path=st.just("tools[0]"),
    strict=st.sampled_from((None, True, False)),
    cache=_CACHE,
)
_REQUESTS = st.builds(
    ChatRequest,
    system=st.lists(st.builds(Text, text=_WORDS, cache=_CACHE), max_size=2),
    turns=st.lists(_TURNS, max_size=4),
    tools=st.lists(_TOOLS, max_size=2),
    tool_choice=st.none() | st.builds(
        ToolChoice, st.sampled_from(("auto", "none", "required", "named")),
        st.sampled_from(((), ("weather",)))),
    max_output_tokens=st.none() | st.integers(1, 9), temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1), stop=st.lists(_WORDS, max_size=2),
    output=st.none() | st.just(OutputFormat("json_schema", SCHEMA)),
    thinking=st.none() | st.builds(Thinking, st.sampled_from((None, "low", "none")),
                                   st.sampled_from((None, -1, 0, 1024)), st.booleans()),
    service_tier=st.sampled_from((None, "auto", "default")), user=st.none() | _WORDS,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(_REQUESTS)
def test_what_is_written_is_valid(request: ChatRequest) -> None:
    """Translate: every request is refused by name, or its body is one that AWS takes."""
    try:
        body = PROVIDER.write_request(request, default_max_tokens=4096)
    except NotCarried as no:
        assert no.param and no.what
        return
    assert faults(body) == [] and body["messages"]
    roles = [message["role"] for message in body["messages"]]
    assert all(a != b for a, b in itertools.pairwise(roles))
    names = [b["document"]["name"] for m in body["messages"] for b in m["content"]
             if "document" in b]  # fmt: skip
    assert len(names) == len(set(names))
