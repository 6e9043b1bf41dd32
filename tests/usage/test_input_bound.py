"""The input bound of a request: never below what its provider's rules bill (P2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.billable import Billable, Image
from extproc.llm.call import Family
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.usage.input_bound import (
    HOSTED_TOOL_TOKENS,
    IMAGE_TOKENS,
    PART_TOKENS,
    REPLY_TOKENS,
    SEARCH_TOKENS,
    TOOL_PROMPT_TOKENS,
    TOOL_TOKENS,
    image_tokens,
    input_bound,
)
from extproc.usage.price import Reach
from extproc.usage.tokens import LARGE_CHARS, TokenCounter

COUNTER = TokenCounter()
BOTH: tuple[Family, ...] = ("openai", "anthropic")
SIDES = st.integers(1, 12_000)


def bound(billable: Billable, *families: Family, raw: int = 0) -> int:
    return input_bound(raw, 0, billable, families or ("openai",)).input_tokens


def test_the_format_around_texts_is_charged() -> None:
    """P2: messages, reply priming, tools and hosted tools cost tokens that no text shows."""
    assert bound(Billable()) == REPLY_TOKENS
    assert bound(Billable(parts=2), raw=10) == 10 + 2 * PART_TOKENS + REPLY_TOKENS
    tools = Billable(tools=3, hosted_tools=1)
    expected = 3 * TOOL_TOKENS + HOSTED_TOOL_TOKENS + REPLY_TOKENS
    assert bound(tools) == expected
    assert bound(tools, "anthropic") == expected + TOOL_PROMPT_TOKENS["anthropic"]
    assert bound(Billable(tokens=77)) == 77 + REPLY_TOKENS


def test_the_dearest_candidate_counts() -> None:
    """P2: a request that may go to either provider is bounded for both."""
    body = Billable(parts=1, tools=1, images=[Image()])
    apart = [bound(body, family, raw=1_000) for family in BOTH]
    assert bound(body, *BOTH, raw=1_000) == max(apart)


def test_no_candidate_is_no_bound() -> None:
    """P2: zero families must not mean zero tokens."""
    with pytest.raises(ValueError, match="no family"):
        input_bound(1, 0, Billable(), ())


def test_claude_counts_more_tokens_than_o200k() -> None:
    """P2: the newer tokenizer makes up to 1.47 times what the older one makes."""
    assert bound(Billable(), "anthropic", raw=1_000) == 1_750 + REPLY_TOKENS


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1_024, 1_024), 765), ((2_048, 4_096), 1_105), ((512, 512), 255), ((4_096, 8_192), 1_105)],
)
def test_openais_own_examples_of_tiles(size: tuple[int, int], tokens: int) -> None:
    """P2: "Images and vision": 85 + 170 a tile; gpt-4o-mini counts 2,833 + 5,667 a tile."""
    tiles = (tokens - 85) // 170
    assert image_tokens("openai", Image(size), dear=False) >= tokens
    assert image_tokens("openai", Image(size), dear=True) >= 2_833 + 5_667 * tiles
    assert image_tokens("openai", Image(size), dear=True) <= image_tokens(
        "openai", Image(), dear=True
    )


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1_024, 1_024), 1_024), ((1_800, 2_400), 1_452)],
)
def test_openais_own_examples_of_patches(size: tuple[int, int], tokens: int) -> None:
    """P2: patches of 32 pixels, times 2.46 at the dearest of the small models."""
    assert image_tokens("openai", Image(size), dear=False) >= -(-tokens * 246 // 100)


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((200, 200), 54), ((1_000, 1_000), 1_334), ((1_092, 1_092), 1_590)],
)
def test_anthropics_own_examples(size: tuple[int, int], tokens: int) -> None:
    """P2: "Vision": pixels / 750, or patches of 28 pixels, up to 4,784 a picture."""
    assert image_tokens("anthropic", Image(size), dear=False) >= tokens
    assert image_tokens("anthropic", Image(), dear=False) >= 4_784


@given(SIDES, SIDES, st.sampled_from(BOTH), st.booleans())
def test_a_known_size_never_costs_more_than_an_unknown_one(
    width: int, height: int, family: Family, dear: bool
) -> None:
    """P2: the dearest is the dearest; a size only lowers it."""
    unknown = image_tokens(family, Image(), dear=dear)
    assert 0 < image_tokens(family, Image((width, height)), dear=dear) <= unknown
    assert unknown >= IMAGE_TOKENS[family]


def test_unknown_models_are_the_dearest() -> None:
    """P2: who is not known by name may count like gpt-4o-mini."""
    image = Billable(images=[Image()])
    cheap = input_bound(0, 0, image, ("openai",), ("gpt-4o", "gpt-4.1-mini")).input_tokens
    for models in ((), ("gpt-4o-mini",), ("gpt-4o", "my-vision")):
        assert input_bound(0, 0, image, ("openai",), models).input_tokens > cheap


@pytest.mark.parametrize("searches", [0, 1, 3])
def test_searches_make_a_model_read_again(searches: int) -> None:
    """P2: the conversation before each search, and what each one found, are input again."""
    base = 1_000 + REPLY_TOKENS
    found = bound(Billable(web_searches=searches), raw=1_000)
    read = sum(base + SEARCH_TOKENS * before for before in range(searches + 1))
    assert found == read


def test_predictions_are_bounded_as_output_too() -> None:
    """P2: "rejected tokens are billed like other completion tokens", maximum or not."""
    found = input_bound(10, 100, Billable(), BOTH)
    assert found.more_output_tokens == 175
    assert found.input_tokens >= 110


def test_what_a_request_can_reach() -> None:
    """P2: dear buckets are reserved for where the request can get into them."""
    text = input_bound(1, 0, Billable(), ("openai",))
    assert text.reach == Reach(False, False, False, False) and not text.open_ended
    rich = Billable(images=[Image()], web_searches=2, open_ended=True, audio_input=True,
                    audio_output=True, cache_write_1h=True)  # fmt: skip
    found = input_bound(1, 0, rich, ("openai",))
    assert found.reach == Reach(web_searches=2) and found.open_ended
    assert input_bound(1, 0, Billable(open_ended=True), ("openai",)).reach.image_input


TOOL = {"type": "function", "function": {"name": "get_current_weather", "description":
        "Get the current weather in a given location", "parameters": {"type": "object",
        "properties": {"location": {"type": "string", "description":
                                    "The city and state, e.g. San Francisco, CA"},
                       "unit": {"type": "string", "enum": ["celsius", "fahrenheit"],
                                "description": "The unit of temperature to return"}},
        "required": ["location"]}}}  # fmt: skip


def test_the_cookbooks_example_with_a_tool() -> None:
    """P2: OpenAI cookbook, "How to count tokens with tiktoken": gpt-4o bills 101 tokens."""
    body = {"model": "gpt-4o", "tools": [TOOL], "messages": [
        {"role": "system", "content": "You are a helpful assistant that can answer to questions "
                                      "about the weather."},
        {"role": "user", "content": "What's the weather like in San Francisco?"}]}  # fmt: skip
    assert COUNTER.bound(OPENAI_CHAT.billable(body), ("openai",)).input_tokens >= 101


def test_anthropics_example_with_a_tool() -> None:
    """P2: Anthropic, "Token counting": its weather tool and question are 403 tokens."""
    body = {"model": "claude", "max_tokens": 9, "messages": [
        {"role": "user", "content": "What's the weather like in San Francisco?"}],
        "tools": [{"name": "get_weather", "description": "Get the current weather in a given "
                   "location", "input_schema": {"type": "object", "properties": {"location": {
                       "type": "string", "description": "The city and state, e.g. San Francisco, "
                       "CA"}}, "required": ["location"]}}]}  # fmt: skip
    assert COUNTER.bound(ANTHROPIC_MESSAGES.billable(body), ("anthropic",)).input_tokens >= 403


async def test_large_requests_are_bounded_alike() -> None:
    """P5: one bound, whichever function asked; long texts are sliced."""
    small = Billable(texts=["hello world"] * 3, predicted=["again"], parts=3)
    assert await COUNTER.bound_large(small, BOTH) == COUNTER.bound(small, BOTH)
    text = "The quick brown fox jumps over the lazy dog. " * (2 * LARGE_CHARS // 45)
    large = Billable(texts=[text], predicted=[text])
    sliced, whole = await COUNTER.bound_large(large, BOTH), COUNTER.bound(large, BOTH)
    assert abs(sliced.input_tokens - whole.input_tokens) < 100
    assert abs(sliced.more_output_tokens - whole.more_output_tokens) < 50


@given(SIDES, SIDES)
def test_a_known_size_is_never_dearer_than_an_unknown_one(width: int, height: int) -> None:
    """P2: every family has a most for one image, and no size reaches beyond it."""
    for family in ("anthropic", "gemini", "bedrock", "cohere"):
        tokens = image_tokens(family, Image((width, height)), dear=False)  # type: ignore[arg-type]
        assert 0 < tokens <= image_tokens(family, Image(), dear=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "size", "tokens"),
    [
        ("gemini", (960, 540), 2 * 258),
        ("gemini", (1_920, 1_080), 6 * 258),
        ("gemini", (3_072, 3_072), 16 * 258),
        ("gemini", (64, 64), 1_120),
        ("cohere", (512, 512), 256),
        ("cohere", (2_000, 1_500), 12 * 256),
        ("bedrock", (1_000, 1_000), 1_334),
        ("bedrock", (300, 300), 6_404),
    ],
)
def test_published_image_sizes(family: Family, size: tuple[int, int], tokens: int) -> None:
    """P2: tiles of 768 and 258 tokens (Gemini), of 512 and 256 (Cohere); Claude's and Llama's."""
    assert image_tokens(family, Image(size), dear=False) >= tokens


@pytest.mark.parametrize("family", ["gemini", "cohere"])
def test_numbers_are_dearer_where_each_digit_is_a_token(family: Family) -> None:
    """P2: a text of which a quarter is numbers stays within the bound."""
    words, numbers = 750, 250  # o200k's tokens; three digits each
    assert bound(Billable(), family, raw=words + numbers) >= words + 3 * numbers
