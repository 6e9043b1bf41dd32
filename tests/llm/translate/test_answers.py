"""Whole answers say the same in either dialect."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from extproc.errors import Code, Refusal
from extproc.llm.call import Json
from extproc.llm.translate import anthropic_messages, openai_chat
from extproc.llm.translate.conversation import (
    Audio,
    ChatAnswer,
    Choice,
    Citation,
    Image,
    Inline,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from extproc.llm.translate.not_carried import Unreadable
from extproc.llm.translate.sides import Carried, Translation
from tests.llm.translate.pairs import TO_ANTHROPIC, TO_OPENAI, answer, carried_to_anthropic
from tests.llm.translate.wires import CLAUDE, GPT, SEARCH_CALL, gpt

THINKS: Json = {"thinking": {"type": "adaptive"}}


def test_a_claude_answer_for_an_openai_caller() -> None:
    """Contract, section 3: golden shape, and the official SDK's model accepts it."""
    made = answer(TO_ANTHROPIC, CLAUDE)
    calls = [("t1", "search", '{"q":"a","n":[1,null]}'), ("t2", "now", "{}")]
    assert made == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 42,
        "model": "prod/a",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "Let me look.",
                    "refusal": None,
                    "reasoning_content": "hm",
                    "thinking_blocks": CLAUDE["content"][:2],
                    "tool_calls": [
                        {
                            "id": call_id,
                            "type": "function",
                            "function": {"name": name, "arguments": given},
                        }
                        for call_id, name, given in calls
                    ],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 18,
            "completion_tokens": 9,
            "total_tokens": 27,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
    ChatCompletion.model_validate(made, strict=True)


def test_a_gpt_answer_for_an_anthropic_caller() -> None:
    """Contract, section 3: golden shape, and the official SDK's model accepts it."""
    made = answer(TO_OPENAI, GPT)
    assert made == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "prod/a",
        "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "a"}},
            {"type": "tool_use", "id": "c2", "name": "now", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 13,
            "output_tokens": 9,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 0,
        },
    }
    Message.model_validate(made, strict=True)


def test_a_message_that_comes_back_keeps_its_thoughts() -> None:
    """Translate: Claude's answer, echoed by an OpenAI client, is Claude's answer again."""
    message = answer(TO_ANTHROPIC, CLAUDE)["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "r"}
        for call in message["tool_calls"]
    ]
    first = {"role": "user", "content": "hi"}
    made, left_out = carried_to_anthropic({"model": "m", "messages": [first, message, *results]})
    assert made["messages"][1] == {"role": "assistant", "content": CLAUDE["content"]}
    assert left_out == ()


@pytest.mark.parametrize(
    ("stop", "finish", "back"),
    [
        ("end_turn", "stop", "end_turn"),
        ("max_tokens", "length", "max_tokens"),
        ("stop_sequence", "stop", "end_turn"),
        ("tool_use", "tool_calls", "tool_use"),
        ("refusal", "content_filter", "refusal"),
        ("pause_turn", "stop", "end_turn"),
        ("model_context_window_exceeded", "length", "max_tokens"),
        ("something new", "stop", "end_turn"),
        (None, "stop", "end_turn"),
    ],
)
def test_stop_reasons(stop: Any, finish: str, back: str) -> None:
    """Contract, section 3: why an answer ended, in either vendor's words."""
    content = [{"type": "text", "text": "x"}]
    made = answer(TO_ANTHROPIC, {**CLAUDE, "content": content, "stop_reason": stop})
    assert made["choices"][0]["finish_reason"] == finish
    assert answer(TO_OPENAI, made)["stop_reason"] == back


def test_an_openai_refusal_is_a_refusal() -> None:
    """Contract, section 3: the refusal's text is not lost."""
    made = answer(TO_OPENAI, gpt(refusal="I will not."))
    assert (made["content"], made["stop_reason"]) == (
        [{"type": "text", "text": "I will not."}],
        "refusal",
    )


def test_a_forced_call_ends_in_a_call() -> None:
    """Translate: OpenAI says `stop` where the caller named the tool; Anthropic `tool_use`."""
    made = answer(TO_OPENAI, gpt("stop", tool_calls=[SEARCH_CALL]))
    assert made["stop_reason"] == "tool_use"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_reach_the_callers_that_asked_for_them(field: str) -> None:
    """Translate: an Anthropic caller that did not ask is sent no thinking block."""
    body = gpt(content="x", **{field: "hm"})
    shown = {"type": "thinking", "thinking": "hm", "signature": ""}
    text = {"type": "text", "text": "x"}
    assert answer(TO_OPENAI, body)["content"] == [text]
    omitted = {"thinking": {"type": "adaptive", "display": "omitted"}}
    assert answer(TO_OPENAI, body, omitted)["content"] == [text]
    assert answer(TO_OPENAI, body, {"thinking": {"type": "disabled"}})["content"] == [text]
    made = answer(TO_OPENAI, body, THINKS)
    assert made["content"] == [shown, text]
    Message.model_validate(made, strict=True)


def test_thoughts_in_content_chunks() -> None:
    """Translate: Mistral's reasoning models send their thoughts as a part of the content."""
    chunks = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "x"},
    ]
    made = answer(TO_OPENAI, gpt(content=chunks), THINKS)
    assert [block["type"] for block in made["content"]] == ["thinking", "text"]


def test_anothers_seal_comes_back_to_its_own_vendor() -> None:
    """Translate: what Gemini sealed is marked as Gemini's in a thinking block."""
    thought = Reasoning(text="hm", seal=Seal("gemini", "S"))
    hidden = Reasoning(seal=Seal("openai", "E"), hidden=True)
    whole = ChatAnswer("a", [Choice([thought, hidden])])
    made = anthropic_messages.CALLER.write_answer(whole, model="m", created=1, asked=THINKS)
    body = {"max_tokens": 5, "messages": [
        {"role": "user", "content": "x"}, {"role": "assistant", "content": made["content"]},
    ]}  # fmt: skip
    turn = anthropic_messages.CALLER.read_request(body).turns[1]
    parts = [part for part in turn.parts if isinstance(part, Reasoning)]
    assert [(p.text, p.seal, p.hidden) for p in parts] == [
        ("hm", Seal("gemini", "S"), False),
        ("", Seal("openai", "E"), True),
    ]


def test_geminis_seal_on_a_call_reaches_an_openai_caller() -> None:
    """Translate: as Google's own OpenAI-compatible API shows it, and as it reads it."""
    call = ToolCall("", None, "c", "f", "{}", Seal("gemini", "S"))
    whole = ChatAnswer("a", [Choice([call], "tool_calls")])
    made = openai_chat.CALLER.write_answer(whole, model="m", created=1, asked={})
    [shown] = made["choices"][0]["message"]["tool_calls"]
    assert shown["extra_content"] == {"google": {"thought_signature": "S"}}
    again = openai_chat.PROVIDER.read_answer(made)
    assert again.choices[0].parts == [call]
    lost = anthropic_messages.CALLER.write_answer(whole, model="m", created=1, asked={})
    assert lost["content"][0]["id"] == "c"
    assert whole.left_out == ["content[0].thought_signature"]


def test_citations_of_the_web_are_annotations() -> None:
    """Translate: the cited text's place in the whole message; what has no URL is reported."""
    web = {
        "type": "web_search_result_location", "url": "https://x", "title": "X",
        "cited_text": "b", "encrypted_index": "e",
    }  # fmt: skip
    page = {
        "type": "page_location", "cited_text": "c", "document_index": 0, "document_title": "D",
        "start_page_number": 1, "end_page_number": 2,
    }  # fmt: skip
    content = [
        {"type": "text", "text": "one "},
        {"type": "text", "text": "two", "citations": [web]},
        {"type": "text", "text": " three", "citations": [page]},
    ]
    whole = {**CLAUDE, "content": content}
    made = TO_ANTHROPIC.response(whole, model="m", created=1, asked={})
    assert isinstance(made, Carried)
    note = {"url": "https://x", "title": "X", "start_index": 4, "end_index": 7}
    message = made.body["choices"][0]["message"]
    assert message["annotations"] == [{"type": "url_citation", "url_citation": note}]
    assert made.left_out == ("choices[0].message.annotations",)
    back = answer(TO_OPENAI, made.body)
    assert back["content"][0]["citations"] == [
        {**web, "cited_text": "", "encrypted_index": ""},
    ]
    Message.model_validate(back, strict=True)
    bare = Text(text="x", citations=(Citation(title="T"),))
    lost = ChatAnswer("a", [Choice([bare])])
    anthropic_messages.CALLER.write_answer(lost, model="m", created=1, asked={})
    assert lost.left_out == ["content[0].citations"]


def test_what_nobody_knows_of_an_answer_is_reported() -> None:
    """Translate: a field that a compatible server invents is not lost in silence."""
    notes = [{"type": "file_citation", "file_citation": {}}]
    body = gpt(content="x", annotations=notes, hologram="h", empty=None)
    made = TO_OPENAI.response(body, model="m", created=1, asked={})
    assert isinstance(made, Carried)
    assert made.left_out == (
        "choices[0].message.hologram",
        "choices[0].message.annotations",
    )


def test_perplexitys_sources_are_citations() -> None:
    """Translate: `citations` beside the choices."""
    body = {**gpt(content="x"), "citations": ["https://a", "https://b"]}
    cited = answer(TO_OPENAI, body)["content"][0]["citations"]
    assert [one["url"] for one in cited] == ["https://a", "https://b"]


def test_images_of_an_answer() -> None:
    """Translate: OpenRouter's form for OpenAI's callers; Anthropic's have no word for them."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    read = openai_chat.PROVIDER.read_answer(gpt(content="x", images=[image]))
    assert read.choices[0].parts[1] == Image(source=Inline("image/png", "AA"))
    made = openai_chat.CALLER.write_answer(read, model="m", created=1, asked={})
    assert made["choices"][0]["message"]["images"] == [image]
    with pytest.raises(Unreadable):
        anthropic_messages.CALLER.write_answer(read, model="m", created=1, asked={})
    sound = ChatAnswer("a", [Choice([Audio(source=Inline("audio/wav", "AA"))])])
    for caller in (openai_chat.CALLER, anthropic_messages.CALLER):
        with pytest.raises(Unreadable):
            caller.write_answer(sound, model="m", created=1, asked={})


def test_several_choices_and_log_probabilities() -> None:
    """Translate: carried from one OpenAI-like dialect to another; Anthropic has one choice."""
    entry = {"token": "x", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    choices = [
        {
            "index": i, "finish_reason": "stop", "logprobs": {"content": [entry], "refusal": None},
            "message": {"role": "assistant", "content": f"{i}"},
        }
        for i in range(2)
    ]  # fmt: skip
    read = openai_chat.PROVIDER.read_answer({**GPT, "choices": choices})
    made = openai_chat.CALLER.write_answer(read, model="m", created=1, asked={})
    assert [c["message"]["content"] for c in made["choices"]] == ["0", "1"]
    assert [c["logprobs"]["content"] for c in made["choices"]] == [[entry], [entry]]
    ChatCompletion.model_validate(made, strict=True)
    with pytest.raises(Unreadable):
        anthropic_messages.CALLER.write_answer(read, model="m", created=1, asked={})


def test_arguments_that_are_no_object_are_unreadable_for_anthropics_callers() -> None:
    """P1: Anthropic's clients read an object; a guess would call a tool with something else."""
    broken = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{oops"}}
    read = openai_chat.PROVIDER.read_answer(gpt("tool_calls", tool_calls=[broken]))
    with pytest.raises(Unreadable) as no:
        anthropic_messages.CALLER.write_answer(read, model="m", created=1, asked={})
    assert no.value.where == "content[0].input"
    made = openai_chat.CALLER.write_answer(read, model="m", created=1, asked={})
    assert made["choices"][0]["message"]["tool_calls"] == [broken]


CLAUDE_SHAPES: list[Json] = [
    {},
    {"content": "x"},
    {"content": ["x"]},
    {"content": [{"type": "server_tool_use", "id": "1"}]},
    {"content": [{"type": "text", "text": 1}]},
    {"content": [{"type": "text", "text": "x", "citations": ["x"]}]},
    {"content": [{"type": "tool_use", "id": "1", "name": "f", "input": "x"}]},
]
GPT_SHAPES: list[Json] = [
    {},
    {"choices": []},
    {"choices": ["x"]},
    {"choices": [{"message": "x"}]},
    gpt(content={"a": 1}),
    gpt(content=[{"type": "hologram"}]),
    gpt(reasoning_content=7),
    gpt(refusal=7),
    gpt(audio={"id": "a"}),
    gpt(function_call={"name": "f", "arguments": ""}),
    gpt(images=["x"]),
    gpt(thinking_blocks=["x"]),
    gpt(tool_calls=[{"id": 1}]),
]


@pytest.mark.parametrize(
    ("to", "body"),
    [(TO_ANTHROPIC, body) for body in CLAUDE_SHAPES] + [(TO_OPENAI, body) for body in GPT_SHAPES],
)
def test_an_answer_of_another_shape_is_an_upstream_error(to: Translation, body: Json) -> None:
    """P1: what cannot be read is refused, with the place for the audit and none for the caller."""
    refusal = to.response(body, model="m", created=1, asked={})
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.detail) == (Code.UPSTREAM_ERROR, "")
    assert refusal.reason
