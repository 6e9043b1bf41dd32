"""The most input tokens a request can be billed for, and which prices it can reach. Pure.

A bound, not a proof: providers publish rules for what they add around texts, and some keep their
tokenizers to themselves. Each number below names where it comes from. What a provider bills above
it is charged and flagged (`checked.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from extproc.llm.billable import Billable, Image
from extproc.llm.call import Family
from extproc.usage.price import ANYTHING, Reach
from extproc.usage.usage import NO_UNITS

PART_TOKENS = 4
"""A message costs 3 and a name 1 (OpenAI cookbook, "How to count tokens with tiktoken")."""
REPLY_TOKENS = 3
TOOL_TOKENS = 16
"""Around each tool's JSON: the cookbook's constants for a function sum up to less."""
TEXT_PERCENT: dict[Family, int] = {
    "openai": 100, "anthropic": 175, "gemini": 150, "bedrock": 175, "cohere": 150,
}  # fmt: skip
"""Of o200k's count. Claude's tokenizer is not published: its older one is taken to make at most
1.25 times as many tokens, and the newer one "up to 1.35 times" as many as that (Anthropic, "What's
new in Claude Opus 4.7"; others measured 1.47 on technical English). Gemini's and Command's have as
large a vocabulary as o200k (256,000), but make a token of every digit ("Gemma", 2.2), where o200k
takes three at once: a text of which a quarter is numbers makes half as many again. Bedrock hosts
Claude beside models whose tokenizers are no dearer (Nova, Llama, Mistral): the dearest counts."""
TOOL_PROMPT_TOKENS: dict[Family, int] = {
    "openai": 0, "anthropic": 800, "gemini": 100, "bedrock": 800, "cohere": 1_000,
}  # fmt: skip
"""Declaring tools adds a system prompt: 159 to 530 tokens by model (Anthropic, "Tool use"), in the
newer tokenizer half as many again. Gemini bills declarations as part of the prompt and tells of no
more. Cohere's template for tools is a page long; it is reserved, though it is not to be billed
(`billed_units` is below `tokens`)."""
HOSTED_TOOL_TOKENS = 2_500
"""A tool that the provider defines: 245 to 735 tokens; those of search tools are not told."""
SEARCH_TOKENS = 8_192
"""What one search brings in: OpenAI bills a block of 8,000 for its small models."""

IMAGE_TOKENS: dict[Family, int] = {
    "openai": 24_600, "anthropic": 4_800, "gemini": 4_128, "bedrock": 16_384, "cohere": 3_328,
}  # fmt: skip
"""Most for one image. OpenAI: 10,000 patches ("original" detail) at 2.46, the dearest multiplier.
Claude: 4,784 visual tokens, up from 1,568 in older models ("Vision"). Gemini: 258 a tile of 768
pixels ("Understand and count tokens"), scaled down to 3,072 a side: 16 of them. Cohere: 256 a tile
of 512 pixels, 12 of them and a preview ("Image inputs"). Bedrock: Qwen VL, 16,384 patches."""
GEMINI_TILE_TOKENS, GEMINI_TILE = 258, 768
GEMINI_IMAGE_TOKENS = 2_240
"""Gemini 3, whatever the size: 1,120, at its ultra high resolution twice that ("Media
resolution")."""
COHERE_TILE_TOKENS, COHERE_TILE = 256, 512
LLAMA_IMAGE_TOKENS = 6_404
"""Four tiles of 1,601 (Llama's vision models, at Bedrock), whatever the size."""
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
    the maximum says; what an operation without a maximum answers. `open_ended`: the provider may
    honestly read more than we can see.
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
    if billable.free:
        return FREE
    most = predicted = 0
    for family in families:
        most = max(most, _of_family(family, raw + raw_predicted, billable, model_ids))
        predicted = max(predicted, -(-raw_predicted * TEXT_PERCENT[family] // 100))
    if billable.web_searches:
        most = _searched(most, billable.web_searches)
    if billable.units is NO_UNITS and not billable.unseen:
        return InputBound(most, predicted, billable.open_ended, _reach(billable))
    return _of_units(billable, raw, most)


FREE = InputBound(0, reach=TEXT_ONLY)


def _of_units(billable: Billable, raw: int, most: int) -> InputBound:
    """Sound and pictures: their output is no text with a maximum, see `billable.py`."""
    spoken = -(-raw * billable.spoken_percent // 100)
    reach = replace(_reach(billable), units=billable.units, unseen=billable.unseen)
    return InputBound(most, billable.output_tokens + spoken, billable.open_ended, reach)


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
        dear = not model_ids or any(map(_may_be_dear, model_ids))
        total += sum(image_tokens(family, image, dear=dear) for image in billable.images)
    return total


def _may_be_dear(model_id: str) -> bool:
    return not (model_id == "gpt-4o" or model_id.startswith(_ORDINARY_TILES))


def _searched(base: int, searches: int) -> int:
    """After each search the model reads everything again, and what all searches found so far."""
    return base * (searches + 1) + SEARCH_TOKENS * searches * (searches + 1) // 2


def image_tokens(family: Family, image: Image, *, dear: bool) -> int:
    """The most that one image costs. `dear`: it may go to gpt-4o-mini, or to who knows whom."""
    if family != "openai":
        return IMAGE_TOKENS[family] if image.size is None else _sized(family, *image.size)
    base, each = DEAR_TILES if dear else TILES
    if image.low:
        return LOW_DETAIL_TOKENS
    if image.size is None:
        return max(base + each * TILES_MAX, IMAGE_TOKENS[family])
    width, height = image.size
    patched = min(-(-_patches(width, height) * 246 // 100), IMAGE_TOKENS[family])
    return max(base + each * _tiles(width, height), patched)


def _sized(family: Family, width: int, height: int) -> int:
    match family:
        case "gemini":
            tiles = _tiled(width, height, GEMINI_TILE) * GEMINI_TILE_TOKENS
            known = max(tiles, GEMINI_IMAGE_TOKENS)
        case "cohere":
            known = (_tiled(width, height, COHERE_TILE) + 1) * COHERE_TILE_TOKENS
        case "bedrock":
            known = max(_patches(width, height), _claude(width, height), LLAMA_IMAGE_TOKENS)
        case _:
            known = _claude(width, height)
    return min(known, IMAGE_TOKENS[family])


def _tiled(width: int, height: int, tile: int) -> int:
    return -(-width // tile) * -(-height // tile)


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
