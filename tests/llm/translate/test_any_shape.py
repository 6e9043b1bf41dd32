"""Whatever stands in a place of a body: it is carried, refused by name, or unreadable."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import pytest

from extproc.errors import Code
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Frame, Json, LlmCall
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.sse import SseReader, StreamFault
from extproc.llm.translate.sides import Carried, Translation
from tests.llm.translate.pairs import TO_ANTHROPIC, TO_OPENAI, said
from tests.llm.translate.test_requests import ANTHROPIC_FULL, CALL, OPENAI_FULL
from tests.llm.translate.wires import CLAUDE, GPT, claude_stream, gpt, gpt_stream

THOUGHTS = [{"type": "thinking", "thinking": "hm", "signature": "S"}]
RICH_OPENAI: Json = {
    **OPENAI_FULL,
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "max_tokens": 4000,
    "max_completion_tokens": 5000,
    "messages": OPENAI_FULL["messages"]
    + said(
        thinking_blocks=THOUGHTS,
        reasoning_content="hm",
        tool_calls=[{**CALL, "extra_content": {"google": {"thought_signature": "S"}}}],
    )["messages"][1:],
}
RICH_ANTHROPIC: Json = {
    **{key: value for key, value in ANTHROPIC_FULL.items() if key != "top_k"},
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "cache_control": {"type": "ephemeral"},
    "messages": ANTHROPIC_FULL["messages"]
    + said(content=[*THOUGHTS, {"type": "text", "text": "x", "citations": []}])["messages"][1:],
}
CITED = {
    "type": "text",
    "text": "x",
    "citations": [{"type": "web_search_result_location", "url": "https://x", "title": "X"}],
}
NOTE = {"url": "https://x", "title": "X", "start_index": 0, "end_index": 1}
RICH_GPT: Json = gpt(
    content="x",
    reasoning_content="hm",
    thinking_blocks=THOUGHTS,
    tool_calls=GPT["choices"][0]["message"]["tool_calls"],
    annotations=[{"type": "url_citation", "url_citation": NOTE}],
)
RICH_CLAUDE: Json = {**CLAUDE, "content": [*CLAUDE["content"], CITED]}
THINKS: Json = {"thinking": {"type": "adaptive"}}
JUNK: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], [1], ["x"], [[]], [{}], {}, {"x": 1},
                   {"type": "x"}, {"type": []}]  # fmt: skip


def places(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    branches: Any = ()
    if type(tree) in (dict, list):
        branches = list(tree.items()) if type(tree) is dict else enumerate(tree)
    for key, value in branches:
        found += places(value, (*at, key))
    return found


def changed(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    tree = holder = copy.deepcopy(tree)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return tree


def mutants(tree: Any) -> Iterator[Any]:
    """The tree with each place in turn holding each kind of junk."""
    for place in places(tree):
        for value in JUNK:
            yield changed(tree, place, value)


def test_any_openai_request_is_carried_or_refused_by_name() -> None:
    """P1: no shape of a request that the gateway accepts makes a translation fail."""
    for body in mutants(RICH_OPENAI):
        if isinstance(OPENAI_CHAT.read_call("", body), LlmCall):
            made = TO_ANTHROPIC.request(body, stream=False, default_max_tokens=9)
            assert isinstance(made, Carried) or made.param


def test_any_anthropic_request_is_carried_or_refused_by_name() -> None:
    """P1: no shape of a request that the gateway accepts makes a translation fail."""
    for body in mutants(RICH_ANTHROPIC):
        if isinstance(ANTHROPIC_MESSAGES.read_call("", body), LlmCall):
            made = TO_OPENAI.request(body, stream=False, default_max_tokens=9)
            assert isinstance(made, Carried) or made.param


@pytest.mark.parametrize(("to", "answer"), [(TO_OPENAI, RICH_GPT), (TO_ANTHROPIC, RICH_CLAUDE)])
def test_any_answer_is_carried_or_unreadable(to: Translation, answer: Json) -> None:
    """P1: a provider's bad answer is `upstream_error`, never the gateway's own failure."""
    for body in mutants(answer):
        made = to.response(body, model="m", created=1, asked=THINKS)
        assert isinstance(made, Carried) or made.code is Code.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("to", "data"),
    [(TO_OPENAI, gpt_stream(RICH_GPT, [1])), (TO_ANTHROPIC, claude_stream(RICH_CLAUDE, [1]))],
)
def test_any_frame_is_carried_or_a_fault(to: Translation, data: bytes) -> None:
    """P1: a provider's bad frame ends the stream in an error, and does nothing else."""
    for frames in mutants([frame.data for frame in SseReader().feed(data)]):
        translated = to.stream(model="m", created=1, asked=THINKS)
        with contextlib.suppress(StreamFault):
            for tree in frames:
                if tree is None or type(tree) is dict:
                    translated.feed(Frame("", tree, b""))
            translated.finish()
