"""OpenAI Responses as a dialect: calls, texts, unread parts, usage, ends."""

from __future__ import annotations

import pytest

from extproc.errors import Refusal
from extproc.llm.call import Frame, Json, LlmCall
from extproc.llm.openai_responses import OPENAI_RESPONSES
from extproc.usage.usage import Unsound, Usage
from tests.llm.canaries import Canaries
from tests.llm.responses import places, shapes
from tests.llm.test_every_text import check


def call_of(body: Json) -> LlmCall:
    call = OPENAI_RESPONSES.read_call("", {"model": "m", "input": "hi", **body})
    assert not isinstance(call, Refusal), call
    return call


def test_every_place_of_a_request() -> None:
    """P5: instructions, items of every kind, tools, schemas, files, keys, unknown fields."""
    c = Canaries()
    body = places.request(c)
    check(c, OPENAI_RESPONSES.request_texts(body), call_of(body).unscanned)


def test_every_place_of_an_answer() -> None:
    """P5: items of every kind, annotations, log probabilities, errors, unknown fields."""
    c = Canaries()
    body = places.answer(c)
    check(c, OPENAI_RESPONSES.response_texts(body), OPENAI_RESPONSES.response_unscanned(body))


@pytest.mark.parametrize("kind", ["response.completed", "response.failed", "response.incomplete"])
def test_every_place_of_a_last_event(kind: str) -> None:
    """P5: the answer that ends a stream is read as the whole answer is; each text is a repeat."""
    c = Canaries()
    frame = Frame(kind, {"type": kind, "sequence_number": 9, "response": places.answer(c)}, b"")
    slots = list(OPENAI_RESPONSES.frame_texts(frame))
    check(c, slots, OPENAI_RESPONSES.frame_unscanned(frame))
    assert all(slot.repeats for slot in slots) and OPENAI_RESPONSES.is_final(frame)


def test_every_place_of_an_item() -> None:
    """P5: an item of any kind, as it begins and as it is done."""
    for kind in ("response.output_item.added", "response.output_item.done"):
        for index in range(len(places.answer(Canaries())["output"])):
            c = Canaries()
            item = places.answer(c)["output"][index]
            data = {"type": kind, "output_index": index, "sequence_number": 3, "item": item}
            slots = list(OPENAI_RESPONSES.frame_texts(Frame(kind, data, b"")))
            seen = {word for word in c.words for slot in slots if word in slot.text}
            assert seen == {word for word in c.words if word in repr(item)}
            assert len({slot.channel for slot in slots}) == len(slots)


@pytest.mark.parametrize(
    ("kind", "fields", "role", "channel"),
    [
        ("output_text.delta", {"content_index": 1}, "assistant", "output[2].content[1].text"),
        ("refusal.delta", {"content_index": 0}, "refusal", "output[2].content[0].refusal"),
        ("reasoning_text.delta", {"content_index": 0}, "reasoning", "output[2].content[0].text"),
        ("reasoning_summary_text.delta", {"summary_index": 3}, "reasoning",
         "output[2].summary[3].text"),
        ("function_call_arguments.delta", {}, "tool_arguments", "output[2].arguments"),
        ("mcp_call_arguments.delta", {}, "tool_arguments", "output[2].arguments"),
        ("custom_tool_call_input.delta", {}, "tool_arguments", "output[2].input"),
        ("code_interpreter_call_code.delta", {}, "tool_arguments", "output[2].code"),
        ("shell_call_command.delta", {"command_index": 1}, "tool_arguments",
         "output[2].action.commands[1]"),
        ("audio.transcript.delta", {}, "assistant", "output[2].transcript"),
        ("later.delta", {}, "assistant", "output[2]|response.later.delta.delta|5"),
    ],
)  # fmt: skip
def test_deltas(kind: str, fields: Json, role: str, channel: str) -> None:
    """P5: a delta of any kind belongs to the text it is a piece of; an unknown one is read."""
    data = {"type": f"response.{kind}", "sequence_number": 5, "item_id": "i", "output_index": 2,
            "delta": "T-word.", "obfuscation": "x1", **fields}  # fmt: skip
    frame = Frame(data["type"], data, b"")
    slots = list(OPENAI_RESPONSES.frame_texts(frame))
    assert [(s.text, s.role, s.channel) for s in slots] == [("T-word.", role, channel)]
    assert OPENAI_RESPONSES.frame_unscanned(frame) == ()
    slots[0].text = "gone"
    assert data["delta"] == "gone"


@pytest.mark.parametrize(
    ("data", "words", "unread"),
    [
        ({"type": "response.audio.delta", "delta": "AAAA"}, [], ("output[0]",)),
        ({"type": "response.image_generation_call.partial_image", "output_index": 1,
          "partial_image_b64": "AAAA", "partial_image_index": 0}, [], ("output[1]",)),
        ({"type": "response.output_text.annotation.added", "annotation_index": 0, "annotation": {
            "type": "url_citation", "url": "https://w/", "title": "T-title."}},
         ["https://w/", "T-title."], ()),
        ({"type": "response.shell_call_output_content.delta", "delta": {"stdout": "T-out."}},
         ["T-out."], ()),
        ({"type": "error", "code": "server_error", "message": "T-said.", "param": None},
         ["server_error", "T-said."], ()),
        ({"type": "error", "error": {"type": "server_error", "message": "T-said."}},
         ["T-said."], ()),
        ({"type": "response.output_text.delta", "delta": "T-x.", "later": "T-y."},
         ["T-x.", "T-y."], ()),
        ({"type": ["odd"], "delta": "T-z."}, ["odd", "T-z."], ()),
        ({"type": "keepalive", "sequence_number": 3}, [], ()),
        ({"type": "response.output_text.delta", "delta": "", "logprobs": []}, [], ()),
    ],
)  # fmt: skip
def test_other_events(data: Json, words: list[str], unread: tuple[str, ...]) -> None:
    """P5: whatever an event holds is read, or named."""
    frame = Frame("", data, b"")
    assert [slot.text for slot in OPENAI_RESPONSES.frame_texts(frame)] == words
    assert OPENAI_RESPONSES.frame_unscanned(frame) == unread


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": ""}, "model"), ({"input": None}, "input"), ({"input": 3}, "input"),
        ({"input": ["x"]}, "input[0]"), ({"input": [{"role": "chief", "content": "x"}]},
                                         "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
         "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].arguments"),
        ({"input": [{"type": 3}]}, "input[0].type"),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "function"}]}]},
         "input[0].tools[0].name"),
        ({"instructions": 3}, "instructions"), ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "tools": [{}]}]}, "tools[0].tools[0].type"),
        ({"max_output_tokens": True}, "max_output_tokens"), ({"stream": 1}, "stream"),
        ({"text": "x"}, "text"), ({"background": True}, "background"),
        ({"background": "yes"}, "background"),
    ],
)  # fmt: skip
def test_refusals(body: Json, param: str) -> None:
    """Dialect: what the gateway cannot decide on is refused by its field's name."""
    fault = OPENAI_RESPONSES.read_call("", {"model": "m", "input": "hi", **body})
    assert isinstance(fault, Refusal) and fault.param == param


def test_a_call() -> None:
    """Dialect: model, stream, maximum; every tool that is declared, wherever it is."""
    tool = {"type": "function", "name": "f", "parameters": {}}
    call = call_of({
        "stream": True, "max_output_tokens": 7,
        "tools": [tool, {"type": "web_search"}, {"type": "namespace", "name": "n", "tools": [
            {**tool, "name": "g"}]}, {"type": "custom", "name": "h"}],
        "input": [{"type": "additional_tools", "role": "developer", "tools": [
            {**tool, "name": "late"}]}],
    })  # fmt: skip
    assert (call.model, call.stream, call.max_output_tokens, call.choices) == ("m", True, 7, 1)
    assert call.tools == ("f", "web_search", "g", "h", "late") and call.operation == "chat"
    assert OPENAI_RESPONSES.upstream_path("m", stream=True) == "/responses"


def test_a_stored_prompt_needs_no_input() -> None:
    """P3: what is kept at the provider stands in for an input, and is named as unread."""
    call = OPENAI_RESPONSES.read_call("", {"model": "m", "prompt": {"id": "pmpt_1"}})
    assert isinstance(call, LlmCall) and call.unscanned == ("prompt",)
    body = {"model": "m", "prompt": {"id": "p", "variables": {"x": "T-a."}}}
    assert [slot.text for slot in OPENAI_RESPONSES.request_texts(body)] == ["T-a."]
    assert OPENAI_RESPONSES.billable(body).open_ended


def test_with_call() -> None:
    """Dialect: the provider's model id and the lower maximum; the caller's body stays as it is."""
    body = {"model": "m", "input": "hi", "stream": True, "max_output_tokens": 9}
    sent = OPENAI_RESPONSES.with_call(body, model="x", max_output_tokens=7, include_usage=True)
    assert sent == {"model": "x", "input": "hi", "stream": True, "max_output_tokens": 7}
    assert body["model"] == "m"
    bare = OPENAI_RESPONSES.with_call(body, model="x", max_output_tokens=None, include_usage=True)
    assert bare["max_output_tokens"] == 9


def test_usage() -> None:
    """P2: disjoint buckets; searches apart; what cannot be true is unsound."""
    body = shapes.response([])
    assert OPENAI_RESPONSES.response_usage(body) == Usage(10, 12, 30, reasoning_tokens=5)
    searched = shapes.response(
        [
            {"type": "web_search_call", "action": {"type": "search"}},
            {"type": "web_search_call", "action": {"type": "open_page"}},
        ]
    )
    usage = OPENAI_RESPONSES.response_usage(searched)
    assert isinstance(usage, Usage) and usage.web_searches == 1
    assert OPENAI_RESPONSES.response_usage({"usage": None}) is None
    for odd in ({"input_tokens": -1, "output_tokens": 1}, {"input_tokens": 1}, 3):
        assert isinstance(OPENAI_RESPONSES.response_usage({"usage": odd}), Unsound)


def test_usage_of_a_stream() -> None:
    """P2: it stands in the last event; null in earlier ones is not zero."""
    told = None
    for frame in shapes.Stream([shapes.message(shapes.said("hi"))]).frames:
        told = OPENAI_RESPONSES.frame_usage(frame, told)
        assert (told is None) is not OPENAI_RESPONSES.is_final(frame)
    assert told == Usage(10, 12, 30, reasoning_tokens=5)


def test_ends() -> None:
    """Dialect: its own last events, an error, and the mark that compatible servers send."""
    for kind in ("response.completed", "response.incomplete", "response.failed", "error"):
        assert OPENAI_RESPONSES.is_final(Frame(kind, {"type": kind}, b""))
    assert OPENAI_RESPONSES.is_final(Frame("", None, b""))
    assert not OPENAI_RESPONSES.is_final(Frame("", {"type": "response.output_text.done"}, b""))


def test_billable() -> None:
    """P2: texts, schemas and images count; what the provider keeps is a bound."""
    c = Canaries()
    body = places.request(c)
    out = OPENAI_RESPONSES.billable(body)
    assert (out.tools, out.hosted_tools, out.open_ended) == (5, 3, True)
    assert len(out.images) >= 3 and out.audio_input and out.tokens > 200_000
    billed = "\n".join(out.texts)
    logprobs = body["input"][3]["content"][0]["logprobs"]
    for word, role in c.words.items():
        if role in ("system", "assistant", "tool_definition") and word not in repr(logprobs):
            assert word in billed, word
    plain = OPENAI_RESPONSES.billable({"model": "m", "input": "hi", "instructions": "Be."})
    assert (plain.texts, plain.parts, plain.tokens, plain.open_ended) == (
        ["Be.", "hi"],
        2,
        0,
        False,
    )


def test_a_search_tool_reserves_searches() -> None:
    """P2: as many as the caller allows, or a few."""
    body = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}]}
    assert OPENAI_RESPONSES.billable(body).web_searches == 5
    assert OPENAI_RESPONSES.billable({**body, "max_tool_calls": 2}).web_searches == 2
