"""How much a model is to think, and what became of its earlier thoughts, in the other's words."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.llm.call import Json
from extproc.llm.translate.thinking_blocks import without_foreign_thoughts
from tests.llm.translate.pairs import (
    AOK,
    OK,
    carried_to_anthropic,
    carried_to_openai,
    said,
)

CALL: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("asked", "sent", "left_out"),
    [
        ({"reasoning_effort": "xhigh"}, {"output_config": {"effort": "xhigh"}}, ()),
        (
            {"reasoning_effort": "minimal"},
            {"output_config": {"effort": "low"}},
            ("reasoning_effort",),
        ),
        ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}, ()),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            (),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 8000}, "max_tokens": 4000},
            {"thinking": {"type": "enabled", "budget_tokens": 3999}},
            ("thinking.budget_tokens",),
        ),
        (
            {"thinking": {"type": "adaptive"}, "reasoning_effort": "low"},
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "low"},
            },
            (),
        ),
    ],
)
def test_thinking_asked_by_an_openai_caller(asked: Json, sent: Json, left_out: Any) -> None:
    """Translate: effort stays effort, a budget stays a budget."""
    made, told = carried_to_anthropic({**OK, **asked})
    assert {key: made.get(key) for key in sent} == sent
    assert told == left_out


@pytest.mark.parametrize(
    ("asked", "effort", "left_out"),
    [
        ({"thinking": {"type": "disabled"}}, None, ()),
        ({"output_config": {"effort": "max"}}, "max", ()),
        ({"thinking": {"type": "adaptive"}}, None, ("thinking",)),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            "low",
            ("thinking",),
        ),
        *(
            (
                {"thinking": {"type": "enabled", "budget_tokens": budget}},
                effort,
                ("thinking.budget_tokens",),
            )
            for budget, effort in (
                (1024, "low"),
                (4095, "low"),
                (4096, "medium"),
                (16383, "medium"),
                (16384, "high"),
            )
        ),
    ],
)
def test_thinking_asked_by_an_anthropic_caller(asked: Json, effort: Any, left_out: Any) -> None:
    """Translate: OpenAI knows efforts alone; what only comes near is reported."""
    made, told = carried_to_openai({**AOK, **asked})
    assert made.get("reasoning_effort") == effort
    assert told == left_out


def test_a_sealed_thought_survives_a_caller_that_sends_its_message_back() -> None:
    """Translate: Anthropic wants its thinking blocks again when a tool's result comes."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "S", "index": 0},
        {"type": "redacted_thinking", "data": "D"},
    ]
    body = {**OK, **said(reasoning_content="hm", thinking_blocks=blocks, tool_calls=[CALL])}
    made, left_out = carried_to_anthropic(body)
    assert left_out == ()
    assert made["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "text", "text": "x"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {}},
    ]


def test_another_vendors_thoughts_are_left_out_and_reported() -> None:
    """Translate: nobody else can read them, and Anthropic refuses what it did not sign."""
    foreign = {"type": "thinking", "thinking": "hm", "signature": "gemini:S"}
    made, left_out = carried_to_anthropic({**OK, **said(thinking_blocks=[foreign])})
    assert (made["messages"][1]["content"], left_out) == (
        "x",
        ("messages[1].thinking_blocks[0]",),
    )
    made, left_out = carried_to_anthropic({**OK, **said(reasoning="hm", annotations=[{}])})
    assert left_out == ("messages[1].annotations", "messages[1].reasoning")
    signed = {"type": "thinking", "thinking": "hm", "signature": "S"}
    content = [signed, {"type": "redacted_thinking", "data": "D"}, {"type": "text", "text": "x"}]
    made, left_out = carried_to_openai({**AOK, **said(content=content)})
    assert made["messages"][1] == {"role": "assistant", "content": "x"}
    assert left_out == ("messages[1].content[0]", "messages[1].content[1]")


def test_unsealed_thoughts_go_back_with_the_tool_calls_they_led_to() -> None:
    """Translate: servers that show `reasoning_content` want it back there, and only there."""
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    use = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    made, left_out = carried_to_openai({**AOK, **said(content=[thought, use])})
    assert made["messages"][1]["reasoning_content"] == "hm"
    assert left_out == ()
    made, left_out = carried_to_openai({**AOK, **said(content=[thought])})
    assert made["messages"][1] == {"role": "assistant", "content": ""}
    assert left_out == ("messages[1].content[0]",)


def test_geminis_seal_on_a_call_is_not_shown_to_anthropic() -> None:
    """Translate: a seal goes to its own vendor alone."""
    call = {**CALL, "extra_content": {"google": {"thought_signature": "S"}}}
    made, left_out = carried_to_anthropic({**OK, **said(tool_calls=[call])})
    assert left_out == ("messages[1].tool_calls[0].extra_content",)
    assert "S" not in str(made)


def test_anthropic_itself_is_not_sent_anothers_thoughts() -> None:
    """Translate: also where caller and provider speak the same dialect."""
    own = {"type": "thinking", "thinking": "a", "signature": "S+/="}
    foreign = [
        {"type": "thinking", "thinking": "b", "signature": ""},
        {"type": "thinking", "thinking": "c", "signature": "gemini:S"},
        {"type": "redacted_thinking", "data": "openai:E"},
    ]
    sealed = {"type": "redacted_thinking", "data": "D"}
    text = {"type": "text", "text": "x"}
    body = {**AOK, **said(content=[own, *foreign, sealed, text])}
    made, left_out = without_foreign_thoughts(body)
    assert made["messages"][1]["content"] == [own, sealed, text]
    assert left_out == tuple(f"messages[1].content[{i}]" for i in (1, 2, 3))
    assert without_foreign_thoughts(made) == (made, ())
    assert without_foreign_thoughts(made)[0] is made
    only_thoughts = {**AOK, **said(content=foreign)}
    assert len(without_foreign_thoughts(only_thoughts)[0]["messages"]) == 2
