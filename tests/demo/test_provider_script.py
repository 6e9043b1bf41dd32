"""The directives of the provider stand-in: read out of any text, refused when unreadable."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.demo.provider_reply import Ask, compose, split_text
from extproc.demo.provider_script import BadDirective, Script, ToolCall, read_changes, read_script


@given(st.text())
def test_text_without_a_directive_is_left_alone(text: str) -> None:
    """P4: what a prompt shows is what was sent; nothing but known directives is taken out."""
    brackets = f"[[ {text.replace('[', '(')} ]]"
    assert read_script(brackets) == Script(text=brackets)


def test_directives_leave_the_rest_of_the_text() -> None:
    """Contract (demo): the text around directives is what gets echoed."""
    script = read_script("say [[status: 503]] [[note: x]] [[delay: 0.5]]this")
    assert (script.text, script.status, script.delay) == ("say  [[note: x]] this", 503, 0.5)


values = st.recursive(st.integers() | st.text(max_size=5), lambda v: st.lists(v, max_size=2))
arguments = st.dictionaries(st.text(max_size=5), values, max_size=2)


@given(arguments, arguments)
def test_tool_arguments_may_hold_anything(first: dict, second: dict) -> None:
    """P5: tool calls are scripted with any JSON object, brackets and braces included."""
    text = f"a [[tool: one {json.dumps(first)}]] b [[tool: two {json.dumps(second)} ]] c"
    script = read_script(text)
    assert script.tools == (ToolCall("one", first), ToolCall("two", second))
    assert script.text == "a  b  c"


@pytest.mark.parametrize(
    "text",
    [
        "[[tokens: many]]",
        "[[tokens: -1]]",
        "[[status: 42]]",
        "[[usage: in=a]]",
        "[[usage: hidden=1]]",
        "[[usage: {]]",
        "[[tool: ]]",
        '[[tool: f {"a": ]]',
        "[[tool: f] ]]",
        "[[delay: -1]]",
        "[[delay: nan]]",
        "[[reply: never closed",
    ],
)
def test_an_unreadable_directive_is_refused(text: str) -> None:
    """P7 (in spirit): a misspelt script fails instead of testing nothing."""
    with pytest.raises(BadDirective):
        read_script(text)


def test_faults_are_the_same_directives_as_json() -> None:
    """Contract (demo): a fault set by control means what the directive means."""
    assert read_changes({"status": 503, "retry_after": 7, "cut": 1, "delay": 0.5}) == {
        "status": 503,
        "retry_after": "7",
        "cut": 1,
        "delay": 0.5,
    }
    with pytest.raises(BadDirective):
        read_changes({"statsu": 503})


@given(st.text(), st.integers(0, 5))
def test_pieces_join_to_the_text(text: str, chars: int) -> None:
    """P5: a streamed reply is the same text as a whole one."""
    assert "".join(split_text(text, chars)) == text


@given(st.integers(0, 40), st.integers(1, 40))
def test_a_maximum_cuts_to_exactly_that_many_words(tokens: int, maximum: int) -> None:
    """P2: usage counts what was generated, never more than the maximum asked for."""
    ask = Ask("m", "", 0, max_tokens=maximum)
    reply = compose(ask, Script(tokens=tokens), cached_inside=True)
    assert reply.generated == reply.billed_output == min(tokens, maximum)
    assert reply.finish == ("length" if tokens > maximum else "end")


@given(st.integers(1, 30), st.integers(0, 1000))
def test_billing_grows_to_the_pinned_output(generated: int, pinned: int) -> None:
    """P2: an aborted stream costs its share of the whole, a finished one exactly the whole."""
    script = read_script(f"[[tokens: {generated}]][[usage: out={pinned}]]")
    reply = compose(Ask("m", "", 0), script, cached_inside=True)
    billed = [reply.billed_after(tokens) for tokens in range(generated + 1)]
    assert billed == sorted(billed)
    assert (billed[0], billed[-1]) == (0, pinned)
