"""Vectors of the secrets detector: what is a credential, and what only looks like it."""

import pytest

from extproc.guardrails.detectors import secrets
from tests.guardrails.builders import ASSIGNED, B64, HEX40, PEM, SECRET_SAMPLES, SECRETS

CASES = [(label, sample) for label, samples in SECRET_SAMPLES.items() for sample in samples]
MARKED = [(label, text) for label, texts in ASSIGNED.items() for text in texts]


@pytest.mark.parametrize(("label", "sample"), CASES)
def test_found_exactly(label: str, sample: str) -> None:
    """P4: each kind is found whole and alone, whatever stands around it."""
    for around in ("{}", "key {} end", "'{}'", "line\n{}\nline", "é{}é", "\\n{}\\n", "({}),"):
        text = around.format(sample)
        found = [(span.label, text[span.start : span.end]) for span in SECRETS.find(text)]
        assert found == [(label, sample)], text


@pytest.mark.parametrize(("label", "marked"), MARKED)
def test_only_the_value_is_taken(label: str, marked: str) -> None:
    """P4: of `name = value` the value goes and the name stays."""
    value = marked[marked.index("<") + 1 : marked.index(">")]
    text = marked.replace("<", "").replace(">", "")
    found = [(span.label, text[span.start : span.end]) for span in SECRETS.find(text)]
    assert found == [(label, value)]


@pytest.mark.parametrize("text", [
    "sk-learn-contrib-some-long-package-name", "sk-toggleable__label-arrow-and-more",
    "task-0123456789abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9", "ghp_short", "AKIA1234", "password: required",
    "password = os.environ['DB']",
    "token: string", "max_tokens: 1024", "api_key=${API_KEY}", "secret: <your-secret-here>", HEX40,
    "550e8400-e29b-41d4-a716-446655440000", "the -----BEGIN PRIVATE KEY----- line starts a file",
    "-----BEGIN CERTIFICATE-----\n" + B64 + "\n-----END CERTIFICATE-----",
    "https://example.com/a?b=c",
    "password", "password=", "bearer of good news", "v1.2.3-rc.1", "SG.short.x", "", "-----",
    "ek_short",
    "pwd: /usr/local/bin", "apikey: none", "SKU0123456789", "token=https://idp.example.com/v2/x1",
])  # fmt: skip
def test_benign_look_alikes_stay(text: str) -> None:
    """Contract (secrets): packages, placeholders, prose about keys, hashes and ids stay."""
    assert [(s.label, text[s.start : s.end]) for s in SECRETS.find(text)] == []


def test_private_key_without_an_end() -> None:
    """P4: a key that is cut off is still a key."""
    text = "see " + PEM[: PEM.index("-----END")] + "`"
    (span,) = SECRETS.find(text)
    assert (span.start, span.label) == (4, "PRIVATE_KEY") and span.end >= text.rindex("=")


def test_encrypted_key_with_headers() -> None:
    """P4: RFC 1421 headers belong to the block."""
    begin, rest = PEM.split("\n", 1)
    text = f"{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n{rest}"
    assert [(s.start, s.end) for s in SECRETS.find(text)] == [(0, len(text))]


def test_specific_label_wins_over_assignment() -> None:
    """Contract (secrets): a known shape names the finding, also behind `api_key=`."""
    sample = SECRET_SAMPLES["OPENAI_KEY"][0]
    assert [s.label for s in SECRETS.find(f"api_key={sample}")] == ["OPENAI_KEY"]


@pytest.mark.parametrize("config", [
    {"redaction_text": 'a"b'}, {"redaction_text": "a\\b"}, {"redaction_text": "a\nb"},
    {"redaction_text": 7}, {"redaction": "x"}, {"redaction_text": "x" * 65},
])  # fmt: skip
def test_mistakes_are_named(config: dict) -> None:
    """P7: a replacement that could break JSON, and an unknown key, are mistakes."""
    assert secrets.mistakes(config)
    assert not secrets.mistakes({"redaction_text": "***"})
