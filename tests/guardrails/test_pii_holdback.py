"""The contract of `scan` and `holdback` for every kind of personal data, and its bounds."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import pii
from extproc.guardrails.values import LOOKBEHIND
from tests.guardrails.builders import FRAGMENTS
from tests.guardrails.test_growth import cpu
from tests.guardrails.test_holdback import check_split
from tests.guardrails.test_pii_kinds import FOUND
from tests.guardrails.test_pii_national import ALONE, NAMED

ALL = pii.build({"categories": ["ALL"], "private_addresses": True})
DEFAULT = pii.build({})

SAMPLES = [
    sample.replace("<", "").replace(">", "")
    for samples in chain(FOUND.values(), NAMED.values(), ALONE.values())
    for sample in samples
]
WORDS = [
    "passport ", "SSN: ", "tel ", "born ", "né le ", "NI number ", "MRN-", "lat ", "account no. ",
    "January ", "12 ", "12 Main ", "Street", " rue ", "Hauptstraße ", "48.8584° N, ", "2001:db8",
    ":", "AB ", "12 34 ", "dob", "_", "'", "?", "°", "\t", "10 Downing Street, ", "London ", "CA ",
    "0", "00:1B:44", "Via ", "Calle ", "de la ", "Garibaldi", ", n. ", "Kerkstraat ",
    "0049 ", "00", ", Fifth Floor", ", Springfield", " Illinois 62704", "192.168", ".7", "SWIFT: ",
    "DEUT", "bc1", "A", "Zz", "x" * 30, " and " * 8,
]  # fmt: skip
TEXTS = st.lists(
    st.sampled_from(SAMPLES) | st.sampled_from(WORDS) | st.sampled_from(FRAGMENTS)
    | st.text(max_size=3),
    max_size=8,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("detector", [ALL, DEFAULT], ids=["all", "default"])
def test_every_split_of_every_sample(detector: pii.PiiDetector) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    for sample in SAMPLES:
        text = f"so {sample} x@y.com, 1 {sample}."
        for at in range(len(text) + 1):
            check_split(detector, text, at)


@pytest.mark.parametrize("label", sorted({*FOUND, *NAMED, *ALONE}))
def test_every_split_with_one_kind_only(label: str) -> None:
    """P5: what one kind has to hold back, it holds without the help of others."""
    detector = pii.build({"categories": [label]})
    for marked in chain(*(table.get(label, ()) for table in (FOUND, NAMED, ALONE))):
        text = f"so {marked} x, 1 {marked}.".replace("<", "").replace(">", "")
        for at in range(len(text) + 1):
            check_split(detector, text, at)


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, at=st.integers(0, 10_000))
def test_any_split_of_any_text(text: str, at: int) -> None:
    """P5: the same for any text put together from awkward parts."""
    check_split(ALL, text, at % (len(text) + 1))


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_piecewise_equals_whole(text: str, cuts: list[int]) -> None:
    """P5: scanning piece by piece, with LOOKBEHIND characters of context, finds the same."""
    found, done = [], 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        base = max(0, done - LOOKBEHIND)
        spans, settled = ALL.scan(text[base:edge], done - base, edge == len(text))
        found += [(s.start + base, s.end + base, s.label) for s in spans]
        assert settled + base >= done
        done = settled + base
    assert found == [(s.start, s.end, s.label) for s in ALL.find(text)]


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(TEXTS, max_size=3))
def test_joined_texts_do_not_touch(texts: list[str]) -> None:
    """P4: texts joined by NUL for one scan are found in exactly as each alone."""
    texts = [text.replace("\x00", "") for text in texts]
    joined, base = [], 0
    for text in texts:
        joined += [(s.start + base, s.end + base, s.label) for s in ALL.find(text)]
        base += len(text) + 1
    whole = ALL.find("\x00".join(texts))
    assert [(s.start, s.end, s.label) for s in whole] == joined


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("hello world ", 0),
        ("Done.", 5),
        ("日本語のテキスト", 8),
        ("the cat sat on the mat, and", 3),
    ],
)
def test_plain_text_is_barely_held(text: str, most: int) -> None:
    """P5: in ordinary prose only the last word waits, with all kinds on."""
    assert ALL.holdback(text) <= most


FACTOR = 16
UNITS = [
    "1 ", "A ", "AB 12 ", "12 Main ", "12 Main St ", "ssn ", "ssn 1", "tel 1 ", "born 1 ",
    "lat 1.234 ",
    "1.2.3.4.", "2001:", "00:", "1 rue ", "rue A ", "Weg 1 ", "Astr. 1 ", "1.1? N ", "January ",
    "?",
    "passport a1", "dob 1/1/", "123-45-", "bc1q", "1111111111111", "12345678A ", "MRN", "756.1234.",
    "784-1980-", "10 Downing Street, ", "10.0.0.1 ", "iban DE89 ", "-----", "mrn 1234-",
    "Via Roma ", "Calle de la 1", "Xstraat 1 ", "0049 3 ", "0049 30 12345 ",
    "1 Main St, Boston, MA ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_hold_back_is_bounded_and_work_is_linear(unit: str) -> None:
    """P8: nothing is held longer than HOLDBACK_MAX; sixteen times the text, sixteen the work."""
    small, large = (unit * (size // len(unit)) for size in (2048, 2048 * FACTOR))
    assert ALL.holdback(large) <= pii.HOLDBACK_MAX
    ratio = cpu(lambda: ALL.scan(large, 0, False)) / max(
        cpu(lambda: ALL.scan(small, 0, False)), 1e-4
    )
    assert ratio < FACTOR * 4
