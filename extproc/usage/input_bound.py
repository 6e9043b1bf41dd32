"""The most input tokens a request can be billed for, and which prices it can reach. Pure.

A bound, not a proof: providers publish rules for what they add around texts, and some keep their
tokenizers to themselves. Each number below names where it comes from. What a provider bills above
it is charged and flagged (`checked.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from extproc.llm.billable import Billable, Image
from extproc.llm.call import Family
from extproc.usage.price import ANYTHING, Reach

PART_TOKENS = 4
"""A message costs 3 and a name 1 (OpenAI cookbook, "How to count tokens with tiktoken")."""
REPLY_TOKENS = 3
TOOL_TOKENS = 16
"""Around each tool's JSON: the cookbook's constants for a function sum up to less."""
TEXT_PERCENT: dict[Family, int] = {"openai": 100, "anthropic": 175}
"""Of o200k's count. Claude's tokenizer is not published: its older one is taken to make at most
1.25 times as many tokens, and the newer one "up to 1.35 times" as many as that (Anthropic, "What's
new in Claude Opus 4.7"; others measured 1.47 on technical English)."""
TOOL_PROMPT_TOKENS: dict[Family, int] = {"openai": 0, "anthropic": 800}
"""Declaring tools adds a system prompt: 159 to 530 tokens by model (Anthropic, "Tool use"), in the
newer tokenizer half as many again."""
HOSTED_TOOL_TOKENS = 2_500
"""A tool that the provider defines: 245 to 735 tokens; those of search tools are not told."""
SEARCH_TOKENS = 8_192
"""What one search brings in: OpenAI bills a block of 8,000 for its small models."""

IMAGE_TOKENS: dict[Family, int] = {"openai": 24_600, "anthropic": 4_800}
"""Most for one image. OpenAI: 10,000 patches ("original" detail) at 2.46, the dearest multiplier.
Claude: 4,784 visual tokens, up from 1,568 in older models ("Vision")."""
PATCH = 28
"""Pixels of a patch's side at Claude and at Qwen; OpenAI's are 32, fewer a picture."""
LOW_DETAIL_TOKENS = 2_833
# OpenAI's tiles of 512 pixels: base and each, for gpt-4o-mini and for everybody else.
DEAR_TILES, TILES = (2_833, 5_667), (85, 170)
TILES_MAX = 8
_ORDINARY_TILES = ("gpt-4.1", "gpt-4o-20", "gpt-5", "gpt-6", "o1", "o3", "o4", "chatgpt-", "claude")


TEXT_ONLY = Reach(False, False, False, False)


@dataclass(frozen=True, slots=True)
class InputBound:
    """What is reserved for a request before its output is added.

    `input_tokens`: all of them. `more_output_tokens`: a wrong prediction, billed as output whatever
    the maximum says. `open_ended`: the provider may honestly read more than we can see.
    """

    input_tokens: int
    more_output_tokens: int = 0
    open_ended: bool = False
    reach: Reach = ANYTHING


def input_bound(
    raw: int,
    raw_predicted: int,
    billable: Billable,
    families: Collection[Family],
    model_ids: Sequence[str] = (),
) -> InputBound:
    """Bound a request over every family it may be sent to.

    `raw`, `raw_predicted`: o200k's count of `billable.texts` and `.predicted`. `model_ids`: the
    providers' ids of the candidates; empty: not known.
    """
    if not families:
        raise ValueError("a bound over no family would be zero")
    most = predicted = 0
    for family in families:
        most = max(most, _of_family(family, raw + raw_predicted, billable, model_ids))
        predicted = max(predicted, -(-raw_predicted * TEXT_PERCENT[family] // 100))
    if billable.web_searches:
        most = _searched(most, billable.web_searches)
    return InputBound(most, predicted, billable.open_ended, _reach(billable))


def _reach(billable: Billable) -> Reach:
    """A file may hold images; so may what the provider fetches."""
    images = bool(billable.images) or billable.open_ended
    hour, searches = billable.cache_write_1h, billable.web_searches
    if not (images or hour or searches or billable.audio_input or billable.audio_output):
        return TEXT_ONLY
    return Reach(billable.audio_input, billable.audio_output, images, hour, searches)


def _of_family(family: Family, raw: int, billable: Billable, model_ids: Sequence[str]) -> int:
    total = -(-raw * TEXT_PERCENT[family] // 100) + billable.tokens + REPLY_TOKENS
    total += PART_TOKENS * billable.parts
    if billable.tools:
        total += TOOL_TOKENS * billable.tools + TOOL_PROMPT_TOKENS[family]
        total += HOSTED_TOOL_TOKENS * billable.hosted_tools
    if billable.images:
        dear = not all(
            model.startswith(_ORDINARY_TILES) or model == "gpt-4o" for model in model_ids
        )
        dear = dear or not model_ids
        total += sum(image_tokens(family, image, dear=dear) for image in billable.images)
    return total


def _may_be_dear(model_id: str) -> bool:
    return not (model_id == "gpt-4o" or model_id.startswith(_ORDINARY_TILES))


def _searched(base: int, searches: int) -> int:
    """After each search the model reads everything again, and what all searches found so far."""
    return base * (searches + 1) + SEARCH_TOKENS * searches * (searches + 1) // 2


def image_tokens(family: Family, image: Image, *, dear: bool) -> int:
    """The most that one image costs. `dear`: it may go to gpt-4o-mini, or to who knows whom."""
    if family == "anthropic":
        return IMAGE_TOKENS[family] if image.size is None else _claude(*image.size)
    base, each = DEAR_TILES if dear else TILES
    if image.low:
        return LOW_DETAIL_TOKENS
    if image.size is None:
        return max(base + each * TILES_MAX, IMAGE_TOKENS[family])
    width, height = image.size
    patched = min(-(-_patches(width, height) * 246 // 100), IMAGE_TOKENS[family])
    return max(base + each * _tiles(width, height), patched)


def _patches(width: int, height: int) -> int:
    return -(-width // PATCH) * -(-height // PATCH)


def _claude(width: int, height: int) -> int:
    pixels = -(-width * height // 750)
    return min(max(_patches(width, height), pixels), IMAGE_TOKENS["anthropic"])


def _tiles(width: int, height: int) -> int:
    """Scaled into 2,048 x 2,048, then its short side to 768, in tiles of 512 ("Images and vision").

    Rounded up at each step: a tile too many is a bound, one too few is not.
    """
    width, height = _scaled(width, height, 2_048, max(width, height))
    width, height = _scaled(width, height, 768, min(width, height))
    return min(-(-width // 512) * -(-height // 512), TILES_MAX)


def _scaled(width: int, height: int, to: int, side: int) -> tuple[int, int]:
    if side <= to:
        return width, height
    return -(-width * to // side), -(-height * to // side)
