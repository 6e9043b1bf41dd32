"""Bodies and events that are not as documented: read all the same, and never a crash."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.errors import Refusal
from extproc.llm.call import Frame, Json
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.llm.translate.not_carried import NotCarried
from extproc.llm.translate.openai_responses import CALLER
from tests.llm.canaries import Canaries
from tests.llm.responses import places, shapes

STREAM = shapes.Stream(
    [shapes.reasoning("a"), shapes.message(shapes.said("b")), shapes.call("{}"),
     shapes.custom("c")]
).events  # fmt: skip
ODD = st.sampled_from([None, 0, -1, 7.5, True, "", "T-odd.", [], {}, ["T-odd."], {"k": "T-odd."},
                       [[]], [None], {"type": ["x"]}])  # fmt: skip


def spots(tree: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of every value in a tree."""
    found: list[tuple[Any, Any]] = []
    for key in tree if type(tree) is dict else range(len(tree)):
        found.append((tree, key))
        if type(tree[key]) in (dict, list):
            found += spots(tree[key])
    return found


def spoiled(tree: Json, where: int, value: Any) -> Json:
    tree = copy.deepcopy(tree)
    holders = spots(tree)
    holder, key = holders[where % len(holders)]
    holder[key] = value
    return tree


@settings(max_examples=400, deadline=None)
@given(event=st.sampled_from(STREAM), where=st.integers(0, 10_000), value=ODD)
def test_an_odd_event_is_read(event: Json, where: int, value: Any) -> None:
    """P5: whatever stands where, its words are in a slot; nothing raises."""
    frame = Frame("", spoiled(event, where, value), b"")
    texts = [slot.text for slot in OPENAI_RESPONSES.frame_texts(frame)]
    unread = OPENAI_RESPONSES.frame_unscanned(frame)
    OPENAI_RESPONSES.is_final(frame)
    OPENAI_RESPONSES.frame_usage(frame, None)
    if "T-odd." in repr(frame.data) and not unread and not is_setting(frame.data or {}):
        assert any("T-odd." in text for text in texts) or is_name_place(frame.data or {})


def is_setting(data: Json) -> bool:
    """Whether the odd word stands among what an answer repeats of its request, or its counts."""
    answer = data.get("response")
    rest = {"output", "id", "error", "status", "object", "created_at", "model"}
    return type(answer) is dict and any(
        "T-odd." in repr(answer.get(k)) for k in answer.keys() - rest
    )


def is_name_place(data: Json) -> bool:
    """`T-odd.` looks like an identifier, and passes for one where one belongs."""
    return any(
        holder[key] == "T-odd." and key in ("type", "id", "item_id", "call_id", "status", "role",
                                            "object", "obfuscation", "model", "created_at",
                                            "sequence_number", "output_index", "content_index",
                                            "summary_index")
        for holder, key in spots(data)
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(where=st.integers(0, 100_000), value=ODD)
def test_an_odd_answer_is_read(where: int, value: Any) -> None:
    """P5: a whole answer of any shape is read; nothing raises."""
    body = spoiled(places.answer(Canaries()), where, value)
    list(OPENAI_RESPONSES.response_texts(body))
    OPENAI_RESPONSES.response_unscanned(body), OPENAI_RESPONSES.response_usage(body)


@settings(max_examples=400, deadline=None)
@given(where=st.integers(0, 100_000), value=ODD)
def test_an_odd_request_is_refused_or_read(where: int, value: Any) -> None:
    """Dialect: a request of any shape is refused by name, or read to its end; nothing raises."""
    body = spoiled(places.request(Canaries()), where, value)
    call = OPENAI_RESPONSES.read_call("", body)
    if isinstance(call, Refusal):
        assert call.param
        return
    list(OPENAI_RESPONSES.request_texts(body))
    OPENAI_RESPONSES.billable(body)


PLAIN: Json = {
    "model": "m", "instructions": "x", "user": "u", "temperature": 1, "top_logprobs": 2,
    "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}}},
    "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True},
              {"type": "custom", "name": "g"}],
    "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": True,
    "input": [
        {"role": "user", "content": [
            {"type": "input_text", "text": "x"},
            {"type": "input_image", "detail": "auto", "image_url": "https://x"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "eA=="},
            {"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}]},
        {"type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": "x", "annotations": [
                {"type": "url_citation", "url": "https://x", "title": "t"}]}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_text", "text": "x"}]},
    ],
}  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(where=st.integers(0, 100_000), value=ODD)
def test_an_odd_request_is_carried_or_named(where: int, value: Any) -> None:
    """Translate: any field of any type is carried, left out, or refused by its name."""
    body = spoiled(PLAIN, where, value)
    if isinstance(OPENAI_RESPONSES.read_call("", body), Refusal):
        return
    try:
        CALLER.read_request(body)
    except NotCarried as no:
        assert no.param
