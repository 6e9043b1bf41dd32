"""The contract of `scan` and `holdback`, for every split, and its bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import pii, secrets
from extproc.guardrails.values import LOOKBEHIND, Detector
from tests.guardrails.builders import FRAGMENTS, PII, SECRETS

DETECTORS = [pytest.param(PII, id="pii"), pytest.param(SECRETS, id="secrets")]
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join)


def check_split(detector: Detector, text: str, at: int) -> None:
    whole = detector.find(text)
    held = at - detector.holdback(text[:at])
    early = [span for span in detector.find(text[:at]) if span.end <= held]
    assert [span for span in whole if span.start < held] == early, (text, at, held)


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_split_of_every_sample(detector: Detector) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    for sample in FRAGMENTS:
        text = f"so {sample} x@y.com, 1 {sample}."
        for at in range(len(text) + 1):
            check_split(detector, text, at)


@pytest.mark.parametrize("detector", DETECTORS)
@settings(max_examples=400, deadline=None)
@given(text=TEXTS, at=st.integers(0, 10_000))
def test_any_split_of_any_text(detector: Detector, text: str, at: int) -> None:
    """P5: the same for any text put together from awkward parts."""
    check_split(detector, text, at % (len(text) + 1))


@pytest.mark.parametrize("detector", DETECTORS)
@settings(max_examples=300, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_piecewise_equals_whole(detector: Detector, text: str, cuts: list[int]) -> None:
    """P5: scanning piece by piece, with LOOKBEHIND characters of context, finds the same."""
    found, done = [], 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        base = max(0, done - LOOKBEHIND)
        spans, settled = detector.scan(text[base:edge], done - base, edge == len(text))
        found += [(s.start + base, s.end + base, s.label) for s in spans]
        assert settled + base >= done
        done = settled + base
    assert found == [(s.start, s.end, s.label) for s in detector.find(text)]


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
def test_joined_texts_do_not_touch(texts: list[str]) -> None:
    """P4: texts joined by NUL for one scan are found in exactly as each alone."""
    texts = [text.replace("\x00", "") for text in texts]
    for detector in (PII, SECRETS):
        joined, base = [], 0
        for text in texts:
            joined += [(s.start + base, s.end + base, s.label) for s in detector.find(text)]
            base += len(text) + 1
        whole = detector.find("\x00".join(texts))
        assert [(s.start, s.end, s.label) for s in whole] == joined


@pytest.mark.parametrize(("text", "most"), [
    ("hello world ", 0), ("hello world", 5), ("Done.", 5), ("日本語のテキスト", 0), ("a 12 ", 3),
])  # fmt: skip
def test_plain_text_is_barely_held(text: str, most: int) -> None:
    """P5: in ordinary prose only the last word waits."""
    assert PII.holdback(text) <= most and SECRETS.holdback(text) <= most


@pytest.mark.parametrize("unit", ["a", "1 ", "a@", "a.", "-", "+1", "eyJ", "1234 ", "A1", "x\\n"])
def test_hold_back_is_bounded(unit: str) -> None:
    """P8: nothing is held longer than HOLDBACK_MAX, whatever comes."""
    text = unit * 30_000
    assert PII.holdback(text) <= pii.HOLDBACK_MAX
    assert SECRETS.holdback(text) <= secrets.HOLDBACK_MAX


@pytest.mark.parametrize(
    "begin", ["eyJhbGciOi.eyJ", "password=", "sk-", "-----BEGIN PRIVATE KEY-----\n"]
)
def test_an_endless_credential_is_released(begin: str) -> None:
    """P8: something that began like a credential is decided after HOLDBACK_MAX at the latest."""
    text = begin + "A" * (secrets.HOLDBACK_MAX * 2)
    assert SECRETS.holdback(text) <= secrets.HOLDBACK_MAX
