"""The secrets detector: what is a credential, what only looks like it, and its settings."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from extproc.config.guardrail_settings import GUARDRAIL_SETTINGS
from extproc.config.secrets_settings import SECRET_KINDS, SecretsSettings
from extproc.guardrails.detectors import secrets
from tests.guardrails.builders import (
    ASSIGNED,
    B64,
    HEX40,
    PEM,
    SECRET_SAMPLES,
    SECRETS,
    guardrail,
    selection,
    streamed,
)
from tests.guardrails.test_secrets_table import a, sealed

CASES = [(label, sample) for label, samples in SECRET_SAMPLES.items() for sample in samples]
MARKED = [(label, text) for label, texts in ASSIGNED.items() for text in texts]
TOKEN = "ghp_" + sealed(a(30))
STRIPE = "sk_" + "live_" + a(24)
RANDOM = a(32)
TEXT = f"{TOKEN} {STRIPE} salesKey={RANDOM} password='Sommer2024!' redis://:{a(12)}@h:1"


def labels(config: dict[str, Any], text: str = TEXT) -> list[str]:
    return [span.label for span in secrets.build(config).find(text)]


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
    "-----BEGIN PRIVATE KEY-----\nXXXX\nXXXX\n-----END PRIVATE KEY-----",
    "https://example.com/a?b=c",
    "password", "password=", "bearer of good news", "v1.2.3-rc.1", "SG.short.x", "", "-----",
    "ek_short", "PWD: '/Users/maciej2'", "token: ed25519.Ed25519PrivateKey",
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


# --- settings --------------------------------------------------------------------------------


def test_kinds_are_labels_or_groups_in_either_case() -> None:
    """Contract (`kinds`): only what is named is looked for."""
    assert labels({"kinds": ["GITHUB_TOKEN"]}) == ["GITHUB_TOKEN"]
    assert labels({"kinds": ["github_token", "Payments"]}) == ["GITHUB_TOKEN", "STRIPE_KEY"]
    assert labels({"kinds": ["connections"]}) == ["REDIS_URL"]


def test_excluded_kinds_are_not_looked_for() -> None:
    """Contract (`exclude_kinds`): what is excluded wins over what is named."""
    everything = labels({})
    assert set(everything) == {
        "GITHUB_TOKEN", "STRIPE_KEY", "HIGH_ENTROPY", "PASSWORD", "REDIS_URL",
    }  # fmt: skip
    assert "STRIPE_KEY" not in labels({"exclude_kinds": ["payments"]})
    assert labels({"kinds": ["vcs", "payments"], "exclude_kinds": ["STRIPE_KEY"]}) == [
        "GITHUB_TOKEN"
    ]


def test_entropy_can_be_switched_off() -> None:
    """Contract (`entropy`): on by default, and off whatever `kinds` says."""
    assert "HIGH_ENTROPY" in labels({})
    assert "HIGH_ENTROPY" not in labels({"entropy": False})
    assert labels({"kinds": ["entropy", "vcs"], "entropy": False}) == ["GITHUB_TOKEN"]


@pytest.mark.parametrize("value", [TOKEN, "Sommer2024!", RANDOM])
def test_allowed_values_are_never_reported(value: str) -> None:
    """Contract (`allow`): a value is named by its SHA-256, in either case, and let be."""
    sha256 = hashlib.sha256(value.encode()).hexdigest()
    allowing = secrets.build({"allow": [sha256.upper()]})
    found = {TEXT[s.start : s.end] for s in allowing.find(TEXT)}
    assert found == {TEXT[s.start : s.end] for s in SECRETS.find(TEXT)} - {value}
    assert allowing.holdback(TEXT) == SECRETS.holdback(TEXT)


def test_an_allowed_value_beyond_ascii() -> None:
    """Contract (`allow`): the hash is that of the UTF-8 of what stands in the text."""
    text = "password: Gr\u00fc\u00dfe-2024"
    assert secrets.build({}).find(text)
    sha256 = hashlib.sha256("Gr\u00fc\u00dfe-2024".encode()).hexdigest()
    assert not secrets.build({"allow": [sha256]}).find(text)


def test_every_kind_is_replaced_by_the_text() -> None:
    """Contract (`redaction_text`): one text for all kinds, and names stay."""
    masked = guardrail("secrets", operation="mutate", config={"redaction_text": "***"})
    out, _stream = streamed(selection(s=masked), [TEXT[:30], TEXT[30:]])
    assert out == "*** *** salesKey=*** password='***' redis://:***@h:1"


def test_one_detector_serves_equal_settings() -> None:
    """P8: a reload that changes nothing compiles nothing."""
    assert secrets.build({"kinds": ["ai"]}) is secrets.build({"kinds": ["ai"]})


@pytest.mark.parametrize("config", [
    {"redaction_text": 'a"b'}, {"redaction_text": "a\\b"}, {"redaction_text": "a\nb"},
    {"redaction_text": 7}, {"redaction": "x"}, {"redaction_text": "x" * 65},
    {"kinds": []}, {"kinds": ["GITHUB"]}, {"kinds": "vcs"}, {"exclude_kinds": ["nothing"]},
    {"kinds": [7]}, {"entropy": "maybe"}, {"allow": ["abc"]}, {"allow": ["g" * 64]},
    {"kinds": ["vcs"], "exclude_kinds": ["vcs"]}, {"kinds": ["entropy"], "entropy": False},
    {"exclude_kinds": list(SECRET_KINDS)}, {"allow": ["0" * 64] * 10_001},
])  # fmt: skip
def test_mistakes_are_named(config: dict[str, Any]) -> None:
    """P7: unknown keys and kinds, an empty choice, and what could break JSON are mistakes."""
    assert secrets.mistakes(config)
    with pytest.raises(ValidationError):
        secrets.build(config)


def test_mistakes_quote_no_value() -> None:
    """P4: somebody who writes the value instead of its hash does not find it in a log."""
    (mistake,) = secrets.mistakes({"allow": [TOKEN]})
    assert TOKEN not in mistake and "SHA-256" in mistake


def test_a_near_name_is_suggested() -> None:
    """P7: a kind that is nearly right is named."""
    assert "GITHUB_TOKEN" in secrets.mistakes({"kinds": ["GITHUB_TOKENS"]})[0]
    assert "messaging" in secrets.mistakes({"kinds": ["mesaging"]})[0]


def test_settings_without_mistakes() -> None:
    """Contract (secrets): the loader and the detector read the same model."""
    assert GUARDRAIL_SETTINGS["secrets"] is SecretsSettings
    good = {"redaction_text": "***", "kinds": ["ai"], "exclude_kinds": ["JWT"], "entropy": False}
    assert not secrets.mistakes({**good, "allow": ["0" * 64]}) and not secrets.mistakes({})
