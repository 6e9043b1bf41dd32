"""Token counts: exact for o200k, cheap, and a count for every text there is (P2, P8)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.billable import Billable
from extproc.usage.tokens import (
    FLUSH_CHARS,
    LARGE_CHARS,
    SLICE_CHARS,
    OutputCounter,
    TokenCounter,
)

COUNTER = TokenCounter()
PROSE = "The quick brown fox jumps over the lazy dog, twice on Sundays. "


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
        ("<|endoftext|>", 7),
    ],
)
def test_vectors_of_o200k(text: str, tokens: int) -> None:
    """P2: OpenAI cookbook's vectors for o200k_base; special tokens in a text are plain text."""
    assert COUNTER.raw(text) == tokens


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, " " * 50_000, "\ud800", "x\udfff" * 2_000, "\x00" * 3_000, "🙂" * 5_000, "\r\n"],
)
def test_odd_texts_have_a_count(text: str) -> None:
    """P8: nothing a caller can send is refused or blows up; the count is bounded by its bytes."""
    assert 0 < COUNTER.raw(text) <= len(text.encode("utf-8", "replace"))


def test_a_remembered_text_counts_the_same() -> None:
    """P8: the memo changes the cost, not the count, and keeps no text (P4)."""
    counter, text = TokenCounter(), PROSE * 40
    first = counter.bound(Billable([text]), ("openai",))
    assert counter.bound(Billable([text]), ("openai",)) == first
    assert all(isinstance(part, int) for key in counter._memo for part in key)


async def test_large_texts_let_others_run() -> None:
    """P8: between two slices of a long text the event loop turns."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    text = PROSE * (4 * LARGE_CHARS // len(PROSE))
    await TokenCounter().bound_large(Billable([text]), ("openai",))
    task.cancel()
    assert turns >= len(text) // SLICE_CHARS - 1


@pytest.mark.parametrize("unit", [PROSE, "a", "日本語", "ab1 "])
async def test_slicing_hardly_changes_the_count(unit: str) -> None:
    """P2: a sliced count is never much off: at most one token for each cut."""
    text = unit * (2 * LARGE_CHARS // len(unit))
    whole = COUNTER.bound(Billable([text]), ("openai",)).input_tokens
    sliced = (await COUNTER.bound_large(Billable([text]), ("openai",))).input_tokens
    assert abs(sliced - whole) <= 2 * len(text) // SLICE_CHARS


@settings(max_examples=50)
@given(st.data())
def test_any_split_of_an_answer_counts_the_same(data: st.DataObject) -> None:
    """P5: a stream's count does not depend on where its deltas were cut."""
    text = data.draw(st.text(alphabet="abc XYZ,.\n1é日", max_size=400))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    output = OutputCounter(COUNTER, "openai")
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        output.add("c0", text[start:end])
    assert output.tokens() == COUNTER.count_output(text, "openai")


def test_long_answers_are_counted_as_they_come() -> None:
    """P8: what was counted is dropped, so a long stream holds little; the count stays right."""
    output = OutputCounter(COUNTER, "openai")
    text = " ".join(f"word{n * 7_919}" for n in range(10_000))
    for at in range(0, len(text), 7):
        output.add("c0", text[at : at + 7])
        assert sum(map(len, output._held["c0"])) < FLUSH_CHARS + 7
    assert output.tokens() == COUNTER.count_output(text, "openai")


def test_channels_are_counted_apart_and_at_any_time() -> None:
    """P2: choices and tool arguments all count; a cut stream has a count at every moment."""
    output = OutputCounter(COUNTER, "anthropic")
    assert output.tokens() == 0
    output.add("a", "hello")
    output.add("b", "hello world")
    assert output.tokens() == -(-3 * 125 // 100)
    output.add("a", " world")
    assert output.tokens() == 5
