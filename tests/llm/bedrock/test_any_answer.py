"""Answers and events of any shape: read, or a fault of the one kind that is caught."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.bedrock_converse import PROVIDER
from extproc.llm.translate.not_carried import Unreadable
from tests.llm.assembled import well_typed

_KEYS = st.sampled_from(
    ("text", "toolUse", "toolUseId", "name", "input", "type", "reasoningContent", "reasoningText",
     "signature", "redactedContent", "citationsContent", "content", "citations", "citation",
     "location", "web", "url", "documentChar", "documentIndex", "sourceContent", "source", "title",
     "image", "audio", "format", "bytes", "toolResult", "later")
)  # fmt: skip
_LEAVES = st.sampled_from(
    (None, True, 0, 5, 1.5, "", "x", "eA==", "https://x.io", "server_tool_use")
)
_TREES = st.recursive(
    _LEAVES,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(_KEYS, below, max_size=3),
    max_leaves=10,
)
_BLOCKS = st.dictionaries(_KEYS, _TREES, max_size=3)
_EVENTS = st.tuples(
    st.sampled_from(("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop",
                     "messageStop", "metadata", "later")),
    st.dictionaries(
        st.sampled_from(("contentBlockIndex", "start", "delta", "stopReason", "usage", "error",
                         "additionalModelResponseFields")),
        _BLOCKS | _TREES, max_size=4),
)  # fmt: skip


@given(_TREES | st.lists(_BLOCKS | _TREES, max_size=3), _TREES, _TREES)
def test_any_answer_is_read_or_unreadable(content: Any, reason: Any, more: Any) -> None:
    """P8: nothing else comes out, and what is read can be written."""
    body: Json = {"output": {"message": {"content": content}}, "stopReason": reason, "usage": more,
                  "additionalModelResponseFields": more}  # fmt: skip
    try:
        answer = PROVIDER.read_answer(body)
    except Unreadable:
        return
    orjson.dumps(answer)
    well_typed(answer.choices[0].parts)


@given(st.lists(_EVENTS, max_size=6))
def test_any_events_are_read_or_a_fault(events: list[tuple[str, Json]]) -> None:
    """P8: the same of a stream."""
    reader = PROVIDER.stream_reader()
    try:
        for event, data in events:
            orjson.dumps(list(reader.read(Frame(event, data, b"", True))))
    except StreamFault:
        return
    assert len(reader.finish()) <= 1
