"""Vectors of the regex guardrail: presets by name, patterns of one's own, and its settings."""

import pytest

from extproc.config.regex_settings import REGEX_PRESETS
from extproc.guardrails.detectors import regex_patterns

A36 = "aB3dE6gH9kL2" * 3


def found(text: str, *presets: str) -> list[tuple[str, str]]:
    detector = regex_patterns.build({"preset_patterns": {"presets": list(presets)}})
    return [(span.label, text[span.start : span.end]) for span in detector.find(text)]


@pytest.mark.parametrize(("preset", "text", "value"), [
    ("us_ssn", "SSN 123-45-6789.", "123-45-6789"),
    ("us_ssn_no_dash", "my SSN: 123456789", "123456789"),
    ("email", "to jane@example.org", "jane@example.org"),
    ("us_phone", "call (415) 555-2671", "(415) 555-2671"),
    ("visa", "4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("mastercard", "5555555555554444", "5555555555554444"),
    ("amex", "3782 822463 10005", "3782 822463 10005"),
    ("discover", "6011111111111117", "6011111111111117"),
    ("credit_card", "30569309025904", "30569309025904"),
    ("aws_access_key", "id AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("aws_secret_key", "aws_secret_access_key=" + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXbMPLEKE",
     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXbMPLEKE"),
    ("github_token", "ghp_" + A36, "ghp_" + A36),
    ("slack_token", "xoxb-" + "123456789012-abcdefABCDEF", "xoxb-" + "123456789012-abcdefABCDEF"),
    ("generic_api_key", "api_key: 9f8e7d6c5b4a39281706abcd", "9f8e7d6c5b4a39281706abcd"),
    ("ipv4", "from 192.168.10.254:80", "192.168.10.254"),
    ("ipv6", "at [2001:db8:85a3::8a2e:370:7334]", "2001:db8:85a3::8a2e:370:7334"),
    ("ipv6", "on ::1 only", "::1"),
    ("url", "see https://example.org/a?b=c#d.", "https://example.org/a?b=c#d"),
    ("passport_us", "Passport No. A12345678", "A12345678"),
    ("passport_uk", "UK passport: 925665416", "925665416"),
    ("passport_germany", "Reisepass C01X00T47", "C01X00T47"),
    ("passport_france", "passeport 12AB34567", "12AB34567"),
    ("passport_netherlands", "paspoort XR1001R58", "XR1001R58"),
    ("passport_canada", "passport AB123456", "AB123456"),
    ("passport_india", "Passport number J8369854", "J8369854"),
    ("passport_australia", "passport N1234567", "N1234567"),
    ("passport_china", "passport E12345678", "E12345678"),
    ("passport_japan", "passport TK1234567", "TK1234567"),
    ("gender_sexual_orientation", "a Transgender woman", "Transgender"),
    ("race_ethnicity_national_origin", "African-American voters", "African-American"),
    ("religion", "She is Buddhist.", "Buddhist"),
    ("age_discrimination", "you are too  old", "too  old"),
    ("disability", "uses a wheelchair", "wheelchair"),
    ("marital_family_status", "is a single mother", "single mother"),
    ("military_status", "a war veteran", "veteran"),
    ("public_assistance", "lives on food stamps", "food stamps"),
    ("weapons_firearms", "two shotguns", "shotguns"),
    ("weapons_other", "a switchblade", "switchblade"),
    ("explosives", "a pipe bomb", "pipe bomb"),
    ("violence_threats", "I'm going to hurt you", "I'm going to hurt you"),
    ("terrorism", "a terrorist cell", "terrorist"),
    ("self_harm_suicide", "thinking of suicide", "suicide"),
    ("illegal_activities", "money laundering", "money laundering"),
    ("harassment_hate", "that is hate speech", "hate speech"),
])  # fmt: skip
def test_presets_find(preset: str, text: str, value: str) -> None:
    """Contract (presets of section 9.5): each finds its own, whole and by its own name."""
    assert found(text, preset) == [(preset.upper(), value)]


def test_every_preset_is_there() -> None:
    """Contract (presets of section 9.5): every name has something behind it."""
    built = regex_patterns.build({"preset_patterns": {"presets": list(REGEX_PRESETS)}})
    text = "hire a veteran with a shotgun at 10.1.2.3, mail a@b.io, 4111111111111111"
    labels = [span.label for span in built.find(text)]
    assert labels == ["MILITARY_STATUS", "WEAPONS_FIREARMS", "IPV4", "EMAIL", "VISA"]


@pytest.mark.parametrize("text", [
    "order 123456789 shipped", "at 1700000000", "version 1.2.3.4.5 and 300.1.1.1 and 01.2.3.4",
    "std::vector<int> a::b 12:30:45 a[1::2]", "part no C01X00T47 and N1234567", "HTTP/1.1 200 OK",
    "550e8400-e29b-41d4-a716-446655440000", "price 4111.11", "the garbage collector is old",
    "a passport photo costs 12 euros, receipt", "gaylord, jewel, rifled, taserface",
    "mail me @ noon",
    "sha256 da39a3ee5e6b4b0d3255bfef95601890afd80709", "::", "::ffff is short", "4111111111111112",
])  # fmt: skip
def test_benign_look_alikes_stay(text: str) -> None:
    """Contract (regex presets): numbers without their word, code, ids and parts of words stay."""
    assert found(text, *REGEX_PRESETS) == []


def test_brands_are_told_apart() -> None:
    """Contract (presets): a card of another brand is not the brand asked for."""
    assert found("4111111111111111 378282246310005", "amex") == [("AMEX", "378282246310005")]


def test_own_patterns_have_names_and_texts() -> None:
    """Contract (custom_patterns): label, redaction text and case are the pattern's own."""
    detector = regex_patterns.build({"custom_patterns": [
        {"pattern": r"EMP-\d{4,6}", "name": "employee", "redaction_text": "<employee>"},
        {"pattern": "project (?:apollo|zeus)", "ignore_case": True},
    ]})  # fmt: skip
    text = "EMP-1234 emp-1234 Project ZEUS"
    spans = detector.find(text)
    assert [(s.label, text[s.start : s.end]) for s in spans] == [
        ("employee", "EMP-1234"), ("CUSTOM_2", "Project ZEUS")]  # fmt: skip
    assert [detector.replacement(s, "") for s in spans] == ["<employee>", "[REDACTED]"]


def test_overlapping_matches_are_one_finding() -> None:
    """P4: where patterns overlap every character of both is covered; the leftmost names it."""
    detector = regex_patterns.build({"custom_patterns": [
        {"pattern": r"\d{4}-\d{4}", "name": "late"}, {"pattern": r"AB-\d{4}", "name": "early"},
    ]})  # fmt: skip
    (span,) = detector.find("x AB-1234-5678 y")
    assert (span.start, span.end, span.label) == (2, 14, "early")


@pytest.mark.parametrize(("config", "needle"), [
    ({}, "preset_patterns"), ({"preset_patterns": {"presets": []}}, "presets"),
    ({"preset_patterns": {"presets": ["emial"]}}, "did you mean 'email'"),
    ({"custom_patterns": [{"pattern": "a+"}]}, "{1,200}"), ({"patterns": []}, "patterns"),
    ({"custom_patterns": [{"pattern": "a", "redaction_text": '"'}]}, "redaction_text"),
    ({"custom_patterns": [{"pattern": "a", "name": "1"}]}, "name"),
    ({"custom_patterns": [{"pattern": "a", "name": "x"}, {"pattern": "b", "name": "x"}]}, "'x'"),
    ({"custom_patterns": [{"pattern": "a" * 1025}]}, "1024"),
])  # fmt: skip
def test_mistakes_are_named(config: dict, needle: str) -> None:
    """P7: nothing to look for, unknown presets and patterns that cannot run are mistakes."""
    assert any(needle in mistake for mistake in regex_patterns.mistakes(config))


def test_good_settings_have_no_mistakes() -> None:
    """P7: what is right passes."""
    config = {"preset_patterns": {"presets": ["email"]}, "custom_patterns": [{"pattern": "a{1,9}"}]}
    assert regex_patterns.mistakes(config) == []
