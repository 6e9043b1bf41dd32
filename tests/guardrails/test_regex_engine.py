"""The automata under the regex guardrail: texts of every script, work that stays bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import (
    code_safety,
    content_moderation,
    regex_patterns,
    sql_sanitizer,
    topics,
)
from extproc.guardrails.detectors.regex_alphabet import Alphabet, Fold, plain, twin
from extproc.guardrails.detectors.regex_engine import Expressions
from extproc.guardrails.detectors.regex_glyphs import KEPT_CHARS_MAX, LETTERS_ONLY, Glyphs, glyphs
from extproc.guardrails.detectors.regex_syntax import parse
from tests.guardrails.test_growth import cpu

ALPHABETS = [Alphabet("éßж", twin), Alphabet("éßж", plain)]
CHARS = st.sampled_from("aZ9 .?é\u00adßжЖ日\u2019\u200b\ufffe\uff11\U0001f600\ud800\x00")


@pytest.mark.parametrize("alphabet", ALPHABETS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet=CHARS, max_size=12), times=st.sampled_from((1, 40)))
def test_every_way_to_encode_gives_the_same(alphabet: Alphabet, text: str, times: int) -> None:
    """P5: a character becomes the same byte in any company, however the text is encoded."""
    for whole in (text, text + "a" * times * len(text), text.replace("\U0001f600", "")):
        expected = b"".join(alphabet.encode(char) for char in whole)
        assert alphabet.encode(whole) == expected


@pytest.mark.parametrize("folded", [twin, plain])
def test_pages_of_ideographs_need_no_look(folded: Fold) -> None:
    """P5: what is taken for granted of ideographs and Hangul is so, whoever folds."""
    alphabet = Alphabet("ß", folded)
    for number in LETTERS_ONLY:
        page = "".join(map(chr, range(number << 8, (number + 1) << 8)))
        assert {alphabet[ord(char)] for char in page} == {alphabet[ord("日")]}, hex(number)


def test_a_named_ideograph_is_told_apart() -> None:
    """P4: an expression that names an ideograph finds it in a text of ideographs."""
    found = regex_patterns.build({"custom_patterns": [{"pattern": "秘密"}]}).find("这是秘密吗" * 9)
    assert [(span.start, span.end) for span in found] == [(5 * n + 2, 5 * n + 4) for n in range(9)]


SCRIPTS = st.sampled_from("aé日本秘жЖ한글ªᄀ\u3000\u0e01\u0905\U0001d424\U00020000\ud800\x00?ł")


@settings(max_examples=150, deadline=None)
@given(text=st.text(SCRIPTS | st.characters(), min_size=1, max_size=80))
def test_pages_and_places_give_what_each_character_gives(text: str) -> None:
    """P5: a text taken apart by pages reads as its characters do one by one, in any alphabet."""
    for alphabet in ALPHABETS:
        each = "".join(map(alphabet.__getitem__, map(ord, text))).encode("latin-1")
        assert Glyphs(text).write(alphabet) == each
        assert Glyphs(text + " " * 40 * len(text)).write(alphabet).rstrip() == each.rstrip()


def test_only_the_last_text_is_kept() -> None:
    """P4: nothing of a text stays once another one was read, be it ASCII, and no long one does."""
    first, second = "日本語" * 9, "".join(("日本語", "日本語" * 8))
    kept = glyphs(first)
    assert glyphs(first) is kept
    assert glyphs(second) is not kept
    kept = glyphs(second)
    ALPHABETS[0].encode("ascii")
    assert glyphs(second) is not kept
    long = "日" * (KEPT_CHARS_MAX + 1)
    assert glyphs(long) is not glyphs(long)


def test_texts_of_many_scripts_stay_linear() -> None:
    """P8: a text of characters from everywhere costs no more per character as it grows."""
    codes = [code for code in range(0x80, 0x20000, 97) if not 0xD800 <= code < 0xE000]
    text = "".join(map(chr, codes)) * 12
    cost = max(cpu(lambda: Glyphs(text[: len(text) // 8]).write(ALPHABETS[1])), 2e-4)
    assert cpu(lambda: Glyphs(text).write(ALPHABETS[1])) < 8 * 4 * cost


@pytest.mark.parametrize("many", [1, 40])
def test_few_ends_and_many_are_read_alike(many: int) -> None:
    """P4: around a few ends or backwards through all of the text, the same places are found."""
    branches = [(branch, 0) for branch in parse(r"\bab{1,3}c|x(?!y)|(?<=z)w")]
    expressions = Expressions(branches)
    text = "abc xy x zw w abbbc abbbbc. " * many
    data = expressions.alphabet.encode(text)
    found = [at for at, which in expressions.starts(data, 0)
             if expressions.matches(data, at, which)]  # fmt: skip
    assert found == [at + 28 * n for n in range(many) for at in (0, 7, 10, 14)]


CLASSES = [r"\d{1,1000}", r"\w{1,400}@\w{1,400}", r"[^,]{1,900},", r"a{0,500}b{0,499}c"]


@pytest.mark.parametrize("pattern", CLASSES)
def test_long_repeats_stay_cheap(pattern: str) -> None:
    """P8: a repeat of a class is asked for its longest run, not for each of its lengths."""
    built = regex_patterns.build({"custom_patterns": [{"pattern": pattern}]})
    wide, narrow = "1" * 4000 + ",", "EMP-1234 " * 445
    plain_cost = max(cpu(lambda: SIMPLE.find(narrow)), 1e-3)
    assert cpu(lambda: built.find(wide)) < 60 * plain_cost


SIMPLE = regex_patterns.build({"custom_patterns": [{"pattern": r"EMP-\d{4}"}]})


@pytest.mark.parametrize(("module", "operations"), [
    (regex_patterns, ("validate", "mutate")), (sql_sanitizer, ("validate", "mutate")),
    (code_safety, ("validate",)), (content_moderation, ("validate",)), (topics, ("validate",)),
])  # fmt: skip
def test_operations_are_those_of_the_contract(module: object, operations: tuple[str, ...]) -> None:
    """Contract (section 9.4): what only judges changes nothing."""
    assert operations == module.OPERATIONS  # type: ignore[attr-defined]
