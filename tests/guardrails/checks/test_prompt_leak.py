"""Canaries and echoes of the system prompt: found however dressed, alike for every split."""

import base64
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.prompt_leak_settings import PromptLeakSettings
from extproc.guardrails.checks.prompt_leak import PROTECTED_CHARS_MAX, bound
from extproc.guardrails.values import LOOKBEHIND, Detector, GuardrailFault, Passage

CANARY = "Zx9-Kestrel-Mauve-41"
SYSTEM = (
    "You are the assistant of Northwind Traders. Never mention the margin of 37 percent, and always"
    " route complaints about late parcels to the escalation desk in Leeds. Speak plainly, be brief,"
    " and do not discuss competitors unless the customer names one of them first."
)
CHINESE = (
    "你是北风公司的助理。永远不要提及百分之三十七的利润率,并且始终将有关"
    "包裹延误的投诉转交给利兹的升级服务台处理。"
)


def detector(
    system: Sequence[str] = (SYSTEM,), role: str = "system", **fields: object
) -> Detector | None:
    made = bound(PromptLeakSettings.model_validate(fields, strict=False))
    return made.detector([Passage(f"m[{i}]", role, text) for i, text in enumerate(system)])  # type: ignore[arg-type]


def labels(text: str, **fields: object) -> list[str]:
    made = detector(**fields)  # type: ignore[arg-type]
    return [] if made is None else [span.label for span in made.find(text)]


@pytest.mark.parametrize("text", [
    "Sure! My instructions: " + SYSTEM,
    "they say NEVER MENTION the *margin* of 37 percent --\n\nand always route complaints to x",
    "- never\n- mention\n- the margin of 37 percent, and always route complaints",
    "Never mention the margin of 37 percent, and always route complaints",
])  # fmt: skip
def test_an_echo_is_found(text: str) -> None:
    """P3: enough words in a row are an echo, whatever case, white space and punctuation."""
    assert "PROMPT_ECHO" in labels(text, min_words=11)


@pytest.mark.parametrize("text", [
    "Never mention the margin of 37 percent, and always route",
    "I am the assistant of Northwind Traders. How can I help you with your parcel today?",
    "always and Leeds in desk escalation the to parcels late about complaints route always and",
    "",
])  # fmt: skip
def test_less_than_a_run_is_none(text: str) -> None:
    """P3: eleven words of it, its words in another order, its topic: ordinary answers."""
    assert labels(text, min_words=12) == []


def test_the_span_covers_what_was_echoed() -> None:
    """P3: every character of a run of min_words is in a span; a long echo makes several."""
    made = detector(min_words=12)
    assert made is not None
    text = f"Hm. {SYSTEM} Hm."
    spans = made.find(text)
    assert len(spans) == len(SYSTEM.split()) // 12
    assert spans[0].start == 4
    assert all(left.end <= right.start for left, right in pairwise(spans))


@pytest.mark.parametrize("system", [
    "You are a helpful assistant.", "", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "no no no no no no no no no no no no no no no no", "- " * 40,
])  # fmt: skip
def test_prompts_that_say_nothing_never_trigger(system: str) -> None:
    """P3: short and common prompts, counting and stammering protect nothing."""
    assert detector((system,), min_words=12) is None


def test_only_system_texts_are_protected() -> None:
    """P3: what the person wrote may come back; tool definitions are protected on demand."""
    assert detector(role="user") is None
    assert detector(role="tool_definition") is None
    assert detector(role="tool_definition", tool_definitions=True) is not None


def test_allowed_sentences_may_come_back() -> None:
    """P3: a disclaimer that the prompt asks for is no leak; the words around it still are."""
    said = "route complaints about late parcels to the escalation desk in Leeds. Speak plainly"
    assert labels(said, min_words=8) != []
    assert labels(said, min_words=8, allow=[said]) == []
    assert labels(SYSTEM, min_words=8, allow=[said]) != []


def test_runs_do_not_cross_texts() -> None:
    """P3: the end of one text and the begin of the next are not one run, in neither of them."""
    words = SYSTEM.split()
    system = (" ".join(words[:9]), " ".join(words[9:18]))
    assert labels(SYSTEM, system=system, min_words=12) == []
    joined = " ".join(words[:9]) + "\x00" + " ".join(words[9:18])
    assert labels(joined, min_words=12) == []


def test_scripts_without_spaces() -> None:
    """P3: Chinese counts by characters, two for a word."""
    assert "PROMPT_ECHO" in labels(f"我的指示:{CHINESE[12:40]}", system=(CHINESE,))
    assert labels(CHINESE[12:30], system=(CHINESE,)) == []


@pytest.mark.parametrize("text", [
    CANARY, CANARY.lower(), CANARY.upper(), " ".join(CANARY), "_".join(CANARY), CANARY[::-1],
    CANARY.replace("-", ""), CANARY.encode().hex(), CANARY.encode().hex().upper(),
    ".\n ".join(CANARY.replace("-", "")),
    *(base64.b64encode(b"x" * n + CANARY.encode() + b"yz").decode() for n in range(5)),
])  # fmt: skip
def test_a_canary_is_found_however_dressed(text: str) -> None:
    """P3: other case, spaced out, reversed, hex, base64 at any offset."""
    assert labels(f"well: {text}!", system=(), canaries=[CANARY]) == ["CANARY"]


@pytest.mark.parametrize("text", [
    "Zx9-Kestrel-Mauve-4", "Zx9-Kestrel and then Mauve-41", "Zx9-Kestrel\x00-Mauve-41",
    base64.b64encode(b"Zx9-Kestrel-Mauve").decode(), "a kestrel in mauve",
])  # fmt: skip
def test_what_is_no_canary(text: str) -> None:
    """P3: a part of one, and one over two texts, are none."""
    assert labels(text, system=(), canaries=[CANARY]) == []


FRAGMENTS = [
    SYSTEM, *SYSTEM.split(". "), " ".join(SYSTEM.split()[5:19]), *SYSTEM.split()[:20], CANARY,
    CANARY[:9], CANARY[9:], "Zx9KestrelMauve", "Zx9", "the", " ", "\n", "-", "--- ", "\x00",
    base64.b64encode(b"x" + CANARY.encode()).decode(), CHINESE, CHINESE[3:30], "x" * 80, "ß", "İ",
    "never mention the margin of 37 percent and always route complaints about", "and", "x",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=10).map("".join) | (
    st.lists(st.sampled_from(FRAGMENTS), max_size=10).map(" ".join)
)
BOTH = detector((SYSTEM, CHINESE), min_words=8, canaries=[CANARY, "zx9kestrelmauve", "a1" * 8])
assert BOTH is not None


@settings(max_examples=250, deadline=None)
@given(text=TEXTS, at=st.integers(0, 10_000))
def test_any_split_of_any_text(text: str, at: int) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    at %= len(text) + 1
    held = at - BOTH.holdback(text[:at])
    early = [span for span in BOTH.find(text[:at]) if span.end <= held]
    assert [span for span in BOTH.find(text) if span.start < held] == early


@settings(max_examples=250, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_piecewise_equals_whole(text: str, cuts: list[int]) -> None:
    """P5: scanning piece by piece, with LOOKBEHIND characters of context, finds the same."""
    found, done = [], 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        base = max(0, done - LOOKBEHIND)
        spans, settled = BOTH.scan(text[base:edge], done - base, edge == len(text))
        found += [(s.start + base, s.end + base, s.label) for s in spans]
        assert settled + base >= done
        done = settled + base
    assert found == [(s.start, s.end, s.label) for s in BOTH.find(text)]


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
def test_joined_texts_do_not_touch(texts: list[str]) -> None:
    """P4: texts joined by NUL for one scan are found in exactly as each alone."""
    texts = [text.replace("\x00", "") for text in texts]
    joined, base = [], 0
    for text in texts:
        joined += [(s.start + base, s.end + base, s.label) for s in BOTH.find(text)]
        base += len(text) + 1
    assert [(s.start, s.end, s.label) for s in BOTH.find("\x00".join(texts))] == joined


GREEK = ["alpha", "beta", "gamma", "delta", "Epsilon", "zeta", "eta"]


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(st.sampled_from(GREEK), min_size=12, max_size=40),
    size=st.integers(6, 12), start=st.integers(0, 40),
)  # fmt: skip
def test_every_run_of_enough_words_is_found(words: list[str], size: int, start: int) -> None:
    """P3: whatever the prompt, each run of `min_words` of it is an echo, unless it says nothing."""
    run = words[start % (len(words) - size + 1) :][:size]
    says = 2 * len(set(run)) > size
    made = detector((" ".join(words),), min_words=size)
    found = [] if made is None else made.find("so: " + ", ".join(run).upper())
    assert bool(found) == says


@pytest.mark.parametrize("text", ["Done. ", "日本語のテキスト", "42 ", "Hello there, friend. "])
def test_ordinary_text_is_not_held(text: str) -> None:
    """P5: only what could become an echo or a canary waits: at most a letter or two of one."""
    assert BOTH.holdback(text) <= 3


@pytest.mark.parametrize("unit", [
    "a", "a ", "the ", "Z", "Zx9", "Zx9-", "Never mention ", SYSTEM[:100], "你", "a1", "\x00",
])  # fmt: skip
def test_hold_back_is_bounded(unit: str) -> None:
    """P8: nothing is held for long, whatever comes."""
    assert BOTH.holdback(unit * (20_000 // len(unit))) <= 1024


def test_too_much_prompt_is_told() -> None:
    """P3: a prompt beyond the bound is a failure, not a pass."""
    with pytest.raises(GuardrailFault) as told:
        detector(("word " * (PROTECTED_CHARS_MAX // 5 + 1),))
    assert told.value.fault == "too_large"


def test_prompts_are_kept_as_hashes_and_forgotten() -> None:
    """P4: a prompt that comes again is not learned again; its words are nowhere."""
    made = bound(PromptLeakSettings())
    asked = [Passage("m", "system", SYSTEM)]
    first, again = made.detector(asked), made.detector(asked)
    assert first is not None and again is not None
    assert first._parts == again._parts  # type: ignore[attr-defined]
    assert "Northwind" not in repr(vars(first._parts[0]))  # type: ignore[attr-defined]
    for number in range(300):
        made.detector([Passage("m", "system", " ".join(f"w{number}x{i}" for i in range(400)))])
    assert made._kept_size <= 200_000  # type: ignore[attr-defined]
    assert len(made._kept) < 300  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [
    {"echo": False}, {"canaries": ["short"]}, {"canaries": ["é" * 20]}, {"min_words": 3},
    {"canaries": ["x" * 200]}, {"canaries": [CANARY, CANARY]}, {"unknown": 1},
])  # fmt: skip
def test_settings_that_say_nothing_are_mistakes(wrong: dict[str, object]) -> None:
    """P7: what could not do what it says is refused at load."""
    with pytest.raises(ValueError):
        PromptLeakSettings.model_validate(wrong, strict=False)


def test_a_run_does_not_end_inside_a_word() -> None:
    """P5: a word that is still growing completes nothing; which word it becomes decides."""
    made = detector(min_words=8)
    assert made is not None
    run = "never mention the margin of 37 percent and"
    assert made.find(run + "es") == [] and len(made.find(run + " es")) == 1
    for at in range(len(run) + 1):
        spans, settled = made.scan(run[:at], 0, False)
        assert spans == [] and settled == 0
    spans, settled = made.scan(run + " ", 0, False)
    assert len(spans) == 1 and settled == len(run) + 1
