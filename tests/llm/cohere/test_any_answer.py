"""Answers and events of any shape: read, or a fault of the one kind that is caught."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.call import Frame, Json
from extproc.llm.sse import StreamFault
from extproc.llm.translate.cohere_chat import PROVIDER
from extproc.llm.translate.not_carried import Unreadable
from tests.llm.assembled import well_typed

_KEYS = st.sampled_from(
    ("type", "text", "thinking", "content", "tool_plan", "tool_calls", "function", "name", "id",
     "arguments", "citations", "sources", "document", "tool_output", "start", "end", "title", "url",
     "content_index", "snippet", "later")
)  # fmt: skip
_LEAVES = st.sampled_from((None, True, 0, 5, 1.5, "", "x", "text", "thinking", "TEXT_CONTENT"))
_TREES = st.recursive(
    _LEAVES,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(_KEYS, below, max_size=4),
    max_leaves=10,
)
_MESSAGES = st.dictionaries(_KEYS, _TREES | st.lists(_TREES, max_size=2), max_size=4)
_EVENTS = st.builds(
    lambda kind, index, delta, more: {"type": kind, "index": index, "delta": delta, **more},
    st.sampled_from(("message-start", "content-start", "content-delta", "content-end",
                     "tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end",
                     "citation-start", "citation-end", "message-end", "debug", None, 5)),
    st.integers(0, 2) | _TREES,
    st.builds(lambda message: {"message": message}, _MESSAGES)
    | st.dictionaries(st.sampled_from(("finish_reason", "usage", "error")), _TREES) | _TREES,
    st.dictionaries(st.sampled_from(("id", "error")), _TREES, max_size=1),
)  # fmt: skip


@given(_MESSAGES | _TREES, _TREES | st.sampled_from(("ERROR", "COMPLETE")), _TREES)
def test_any_answer_is_read_or_unreadable(message: Any, reason: Any, more: Any) -> None:
    """P8: nothing else comes out, and what is read can be written."""
    body: Json = {"message": message, "finish_reason": reason, "usage": more, "id": more}
    try:
        answer = PROVIDER.read_answer(body)
    except Unreadable:
        return
    orjson.dumps(answer)
    well_typed(answer.choices[0].parts)


@given(st.lists(_EVENTS, max_size=6))
def test_any_events_are_read_or_a_fault(events: list[Json]) -> None:
    """P8: the same of a stream."""
    reader = PROVIDER.stream_reader()
    try:
        for event in events:
            orjson.dumps(list(reader.read(Frame("", event, b""))))
    except StreamFault:
        return
    assert list(reader.finish()) == []
