"""The cheap look before the dear one: it never decides, it only saves time. And blends of words."""

from collections.abc import Iterator

import pytest

from extproc.guardrails.detectors import prompt_injection
from extproc.guardrails.detectors.normalise import View
from extproc.guardrails.detectors.prompt_injection import lexicon as lexicon_module
from extproc.guardrails.detectors.prompt_injection.blends import (
    APART,
    BLEND_MAX,
    BLENDS,
    DROP,
    KINDS,
    ORDERS,
    PAST,
    RARE_KINDS,
    SHY,
    blends,
)
from extproc.guardrails.detectors.prompt_injection.gate import expression, is_rare, needed
from extproc.guardrails.detectors.prompt_injection.lexicon import blend_words, lexicon
from tests.guardrails.corpus.injection import read

HIGH = prompt_injection.build({"sensitivity": "high"})
NAMES = ("attacks", "benign", "fresh_attacks", "fresh_benign")
FILLER = "The ferry left at noon and nobody was there to see it. " * 9


@pytest.mark.parametrize(("pattern", "words"), [
    ("ignore", {"ignore"}), ("ignore|forget", {"ignore", "forget"}), ("ignore|x?", set()),
    ("rules?", {"rule"}), ("(?:the )?rules", {"rules"}), ("(?:disregard|forget) all", {"disregard",
     "forget"}), (r"\bDAN\b", {"dan"}), (r"a{0,3}", set()), (r"[abc]+", set()), (r"\x00rules",
     {"rules"}),
    ("(?:secret)?", set()), ("(?=secret)key", {"key"}), (r"<\|im_start\|>", set()),
    ("to <20>prompt", {"prompt"}), ("in your", {"in your"}), ("(?:secret){1,2}", {"secret"}),
])  # fmt: skip
def test_what_a_pattern_needs(pattern: str, words: set[str]) -> None:
    """P3: one of the words is in whatever the pattern matches; optional parts promise nothing."""
    assert needed(pattern) == words or (not words and is_rare(needed(pattern)))


def test_a_gate_sees_wide_gaps() -> None:
    """P3: words of a gate may stand as far apart as a phrase lets them."""
    assert expression("you were").startswith(b"you[^") and expression("a|b") == rb"a\|b"


def everywhere(words: object, reach: int) -> Iterator[tuple[int, int]]:
    yield 0, 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_gate_loses_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: looking for everything everywhere finds no more than looking around rare words."""
    texts = [f"{FILLER}{sample.text} {FILLER}" for sample in read(name)]
    near = [HIGH.find(text) for text in texts]
    monkeypatch.setattr(lexicon_module, "_around", everywhere)
    assert [HIGH.find(text) for text in texts] == near


def test_ordinary_prose_passes_the_gate() -> None:
    """P8: prose in which none of the words stands is not looked at again."""
    data = View(FILLER).data
    assert not lexicon().ends(data)


def test_every_blend_has_a_kind_of_rare_words() -> None:
    """P3: the rare words lead to every blend, so none is missed."""
    rare = {kind for kind in RARE_KINDS if is_rare(blend_words(kind))}
    assert rare == set(RARE_KINDS)
    assert all(blend.kinds & rare for blend in BLENDS)
    assert set().union(*(blend.kinds for blend in BLENDS)) <= set(KINDS)


WORDS = [(0, 6, DROP), (10, 15, ORDERS), (20, 25, PAST)]


@pytest.mark.parametrize(("words", "made"), [
    (WORDS, True), ([(0, 6, ORDERS), (10, 15, PAST), (20, 25, DROP)], True), (WORDS[:2], False),
    ([*WORDS[:2], (BLEND_MAX, BLEND_MAX + 5, PAST)], False),
    ([*WORDS[:2], (17, 18, APART), WORDS[2]], False),
    ([(0, 3, SHY), (4, 9, DROP), *WORDS[1:]], False), ([], False),
])  # fmt: skip
def test_words_blend(words: list[tuple[int, int, int]], made: bool) -> None:
    """Contract: near each other, in any order, in one text, and not turned round by a "not"."""
    assert bool([number for number, _, _ in blends(words)]) == made
