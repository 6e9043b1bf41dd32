"""Moderations and images: every text is read, every picture named, every unit reserved."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.llm.openai_images import OPENAI_IMAGES, picture_tokens
from extproc.llm.openai_moderations import OPENAI_MODERATIONS
from extproc.usage.checked import checked
from extproc.usage.price import Price, Rates, UnitRates, cost_nano_usd, worst_case
from extproc.usage.tokens import TokenCounter
from extproc.usage.usage import Units, Unsound, Usage
from tests.llm.canaries import PNG
from tests.llm.operations.asking import call_of, refused, texts, without_streams

DATA_URL = f"data:image/png;base64,{PNG}"
PARTS = [{"type": "text", "text": "T-a"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]


@pytest.mark.parametrize(
    ("given", "read", "unscanned"),
    [
        ("T-a", {"input": "T-a"}, ()),
        (["T-a", "T-b"], {"input[0]": "T-a", "input[1]": "T-b"}, ()),
        (PARTS, {"input[0].text": "T-a"}, ("input[1]",)),
    ],
)
def test_every_text_of_a_moderation(given: Any, read: dict[str, str], unscanned: Any) -> None:
    """P5: strings and text parts have slots; an image is named (P3)."""
    body = {"model": "m", "input": given}
    assert texts(OPENAI_MODERATIONS.request_texts(body)) == read
    assert call_of(OPENAI_MODERATIONS, body).unscanned == unscanned


def test_a_moderation_without_a_model_means_openais_default() -> None:
    """Contract: the official SDK sends no model where its user named none."""
    call = call_of(OPENAI_MODERATIONS, {"input": "x"})
    assert (call.model, call.operation) == ("omni-moderation-latest", "moderations")
    made = OPENAI_MODERATIONS.with_call(
        {"input": "x"}, model="up", max_output_tokens=None, include_usage=False
    )
    assert made == {"input": "x", "model": "up"}
    without_streams(OPENAI_MODERATIONS, {"input": "x"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "x", "model": 7}, "model"),
        ({"model": "m"}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input[0]"),
        ({"input": ["a", {"type": "text"}]}, "input[0]"),
        ({"input": [{"type": "image_url", "image_url": "u"}]}, "input[0]"),
    ],
)
def test_ill_typed_moderations_are_refused_by_name(body: Any, param: str) -> None:
    """Contract: missing and ill-typed fields are refused by their name."""
    assert refused(OPENAI_MODERATIONS, body) == param


def test_verdicts_are_no_text_and_everything_else_is() -> None:
    """P5: categories and scores are the vendor's words; strangers among them are read."""
    result = {"flagged": True, "categories": {"hate/threatening": False, "self-harm": True},
              "category_scores": {"hate/threatening": 0.1, "self-harm": 1},
              "category_applied_input_types": {"self-harm": ["text", "image"]}}  # fmt: skip
    answer = {"id": "modr-1", "model": "omni", "results": [result]}
    assert texts(OPENAI_MODERATIONS.response_texts(answer)) == {}
    odd = {**result, "categories": {"hate": "T-word"}, "why": "T-why"}
    found = texts(OPENAI_MODERATIONS.response_texts({**answer, "results": [odd, "T-odd"]}))
    assert set(found.values()) == {"T-word", "T-why", "T-odd"}
    assert OPENAI_MODERATIONS.response_usage(answer) is None


def test_every_text_of_a_picture_request() -> None:
    """P5: the prompt and every unknown field; settings only where they hold words."""
    body = {"model": "m", "prompt": "T-p", "size": "1024x1024", "quality": "high", "user": "T-u",
            "style": "T s", "later": ["T-l"]}  # fmt: skip
    assert set(texts(OPENAI_IMAGES.request_texts(body)).values()) == {"T-p", "T-u", "T s", "T-l"}
    without_streams(OPENAI_IMAGES, body)
    assert call_of(OPENAI_IMAGES, {**body, "n": 3}).choices == 3


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"size": 5}, "size"),
        ({"svg": {"model": "gpt-x"}}, "svg"),
        ({"output_format": "svg"}, "output_format"),
    ],
)
def test_pictures_that_are_refused(more: Any, param: str) -> None:
    """P1: a second model inside a request would be called without a grant or a price."""
    assert refused(OPENAI_IMAGES, {"model": "m", "prompt": "x", **more}) == param


def test_every_place_of_a_picture_answer() -> None:
    """P3: bytes and links are named; a revised prompt is read."""
    answer = {"created": 1, "data": [{"b64_json": PNG}, {"url": "https://x/T-u"},
                                     {"revised_prompt": "T-r"}, "T-odd"],
              "size": "1024x1024", "quality": "high", "usage": {"input_tokens": 1}}  # fmt: skip
    found = texts(OPENAI_IMAGES.response_texts(answer))
    assert found == {"data[1].url": "https://x/T-u", "data[2].revised_prompt": "T-r",
                     "data[3]": "T-odd"}  # fmt: skip
    assert OPENAI_IMAGES.response_unscanned(answer) == ("data[0].b64_json", "data[1].url")


@pytest.mark.parametrize(
    ("size", "quality", "published"),
    [("1024x1024", "low", 272), ("1024x1024", "medium", 1_056), ("1024x1024", "high", 4_160),
     ("1024x1536", "low", 408), ("1536x1024", "medium", 1_584), ("1024x1536", "high", 6_240),
     (None, None, 6_240), ("auto", "auto", 6_240)],
)  # fmt: skip
def test_pictures_are_bounded_by_the_published_table(
    size: str | None, quality: str | None, published: int
) -> None:
    """P2: "Image generation", output tokens by size and quality; unstated is the dearest usual."""
    tokens = picture_tokens({"size": size, "quality": quality})
    assert published <= tokens <= published * 2 + 1_100
    animated = {"size": size, "quality": quality, "output_format": "gif", "frame_count": 4}
    assert picture_tokens(animated) == 4 * tokens


PRICE = Price(Rates(5 * 10**9, 40 * 10**9, 10**9, 5 * 10**9), units=UnitRates(image=10**7))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"input_tokens": 3, "output_tokens": 4_160, "total_tokens": 4_163},
        {"input_tokens": 3, "input_tokens_details": {"text_tokens": 3, "image_tokens": 0},
         "output_tokens": 4_200, "output_tokens_details": {"image_tokens": 4_160,
                                                           "text_tokens": 40}},
        {"input_tokens": 0, "output_tokens": 0},
        {"input_tokens": -1, "output_tokens": 9},
    ],
)  # fmt: skip
def test_a_picture_never_costs_more_than_was_reserved(usage: Any) -> None:
    """P2: told, untold, unsound: what is charged is within the reservation."""
    body = {"model": "m", "prompt": "a cat", "size": "1024x1024", "n": 2}
    bound = TokenCounter().bound(OPENAI_IMAGES.billable(body), {"openai"})
    output = bound.more_output_tokens * call_of(OPENAI_IMAGES, body).choices
    told = OPENAI_IMAGES.response_usage({"data": [{}], "usage": usage})
    charged, _ = checked(
        told,
        lambda: Usage(bound.input_tokens, 7, source="counted"),
        input_bound=bound.input_tokens,
        output_bound=output,
        reach=bound.reach,
    )
    reserved = worst_case(PRICE, bound.input_tokens, output, reach=bound.reach)
    assert 0 < cost_nano_usd(charged, PRICE) <= reserved
    if charged.source == "counted":
        assert (charged.image_output_tokens, charged.images) == (output, 2)


def test_usage_of_pictures_is_disjoint() -> None:
    """P2: image and text tokens on both sides, and as many pictures as came."""
    usage = {"input_tokens": 10, "input_tokens_details": {"image_tokens": 4},
             "output_tokens": 100, "output_tokens_details": {"text_tokens": 30}}  # fmt: skip
    told = OPENAI_IMAGES.response_usage({"data": [{}, {}], "usage": usage})
    assert told == Usage(6, 30, image_input_tokens=4, image_output_tokens=70,
                         units=Units(images=2))  # fmt: skip
    wrong = {**usage, "input_tokens_details": {"image_tokens": 11}}
    assert isinstance(OPENAI_IMAGES.response_usage({"usage": wrong}), Unsound)
