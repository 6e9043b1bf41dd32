"""Vectors of the PII detector: what is personal data, and what only looks like it."""

import pytest

from tests.guardrails.builders import HEX40, PII, PII_SAMPLES

CASES = [(label, sample) for label, samples in PII_SAMPLES.items() for sample in samples]
AROUND = [
    "{}",
    "see {} please",
    "[{}]",
    "x: {}, y",
    "line\n{}\nline",
    "é{}é",
    '"{}"',
    "\\n{}.",
    "{}. Next",
]


@pytest.mark.parametrize(("label", "sample"), CASES)
def test_found_exactly(label: str, sample: str) -> None:
    """P4: each kind is found whole and alone, whatever stands around it."""
    for around in AROUND:
        if (label, around[0]) in (("IBAN", "\\"), ("EMAIL", "\\")):
            continue  # the letter of the escape belongs to the word; see the next test
        text = around.format(sample)
        found = [(span.label, text[span.start : span.end]) for span in PII.find(text)]
        assert found == [(label, sample)], text


def test_address_behind_an_escape_is_covered() -> None:
    """P4: an address right after a literal `\\n` is covered, with the letter before it."""
    text = "to\\njohn@example.com."
    assert [(s.start, s.end) for s in PII.find(text)] == [(3, len(text) - 1)]


@pytest.mark.parametrize("text", [
    "order 1234567890123 shipped", "at 1700000000 and 1700000000123 and 1700000000123456",
    "2026-11-20T15:04:05.123456789Z", "+2026-11-20 15:04:05 a dated diff line", "20261120150405",
    "550e8400-e29b-41d4-a716-446655440000", "12345678-1234-1234-1234-123456789012", HEX40,
    "v1.2.3", "192.168.100.200:8080", "10.0.0.1", "0.4111111111111111", "3.14159265358979",
    "4111 1111 1111 1112", "4111111111111112", "DE89 3704 0044 0532 0130 01", "DE00",
    "000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "1123-45-6789",
    "user@localhost", "@decorator", "a @ b.com", "icon@2x.png", "pkg@1.2.3",
    "git@github.com:a/b.git",
    "+5 degrees", "x + 12345678", "+1", "+0200", "1 234 567 8901 2", "123 45 6789 01",
    "ISBN 978-3-16-148410-0", "sha256:" + HEX40, "page 555-123", "room 12-34-56",
    "abc4111111111111111def", "SKU_4111111111111111_X", "", " ", "\x00",
])  # fmt: skip
def test_benign_look_alikes_stay(text: str) -> None:
    """Contract (pii): order numbers, times, ids, hashes, versions and broken checksums stay."""
    assert [(s.label, text[s.start : s.end]) for s in PII.find(text)] == []


def test_typographic_spaces_hyphens_and_digits() -> None:
    """P4: non-breaking spaces and hyphens and full-width digits hide nothing; offsets hold."""
    for text in (
        "4111\u00a01111\u202f1111\u20071111",
        "555\u2011123\u20114567",
        "\uff11\uff12\uff13-\uff14\uff15-\uff16\uff17\uff18\uff19",
    ):
        (span,) = PII.find(f"\u65e5\u672c {text} \u8a9e")
        assert (span.start, span.end) == (3, 3 + len(text))


def test_two_findings_side_by_side() -> None:
    """P4: neighbours are found each, in order."""
    text = "a@b.io c@d.io 123-45-6789 4111111111111111 4111111111111111"
    assert [s.label for s in PII.find(text)] == ["EMAIL", "EMAIL", "US_SSN", "CARD", "CARD"]
