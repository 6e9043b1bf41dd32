"""The contract of `scan` for the whole secrets table: any split, bounded hold-back, linear work."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.guardrails.detectors import secrets
from extproc.guardrails.detectors.secrets_kinds import KINDS
from extproc.guardrails.scanning import look
from extproc.guardrails.values import LOOKBEHIND
from tests.guardrails import (
    test_secrets_ai,
    test_secrets_cloud,
    test_secrets_saas,
    test_secrets_spoken,
    test_secrets_values,
    test_secrets_vcs,
)
from tests.guardrails.builders import SECRETS, guardrail, selection
from tests.guardrails.test_growth import FACTOR, SMALL, cpu
from tests.guardrails.test_holdback import check_split
from tests.guardrails.test_secrets_table import Rows, a, b, w, x

ROWS: Rows = {
    **test_secrets_ai.ROWS, **test_secrets_cloud.ROWS, **test_secrets_saas.ROWS,
    **test_secrets_spoken.ROWS, **test_secrets_values.ROWS, **test_secrets_vcs.ROWS,
}  # fmt: skip
SAMPLES = [
    text.replace("«", "").replace("»", "")
    for row in ROWS.values() for text in row if len(text) < 220
]  # fmt: skip
AWKWARD = [
    " ", "\n", "\\n", "\\", '"', "'", "=", ":", "/", "://", "@", "-", "_", ".", ",", ";", "&", "?",
    "api_key", "token is ", "mistral key", " = ", "Basic ", "password=", "Password=", "Server=x;",
    "postgres://u:", "https://", "+ASt", "ACDb", "AzSe", "8Q~", ":AA", "NRAL", "-us1", "_mmk",
    "sig=",
    ".atlasv1.", "Private-Lines: 1\n", "eyJ", "ghp_", "sk-", "x-rapidapi-key: ", "é", "\u00a0",
    "😀",
    a(7), a(20), a(36), w(24), x(8), x(32), x(64), b(43), b(76), "A", "7", "the key ",
    "id", "\x00", "|", "*", "**: ", "] = ", " - ", " to ", " is ", " on file to ", "password ",
    "SNYK_TOKEN ", "the secret we hold for her is ", "$", "!", "&", "&amp;", "&x=",
    ">", " -> ", "is:", " (",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(SAMPLES) | st.sampled_from(AWKWARD) | st.text(max_size=3),
                 max_size=8).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(text=TEXTS, at=st.integers(0, 10_000))
def test_any_split(text: str, at: int) -> None:
    """P5: findings before the hold-back point stand, and nothing unseen begins there."""
    check_split(SECRETS, text, at % (len(text) + 1))


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_piecewise_equals_whole(text: str, cuts: list[int]) -> None:
    """P5: scanning piece by piece, with LOOKBEHIND characters of context, finds the same."""
    found, done = [], 0
    for edge in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        base = max(0, done - LOOKBEHIND)
        spans, settled = SECRETS.scan(text[base:edge], done - base, edge == len(text))
        found += [(s.start + base, s.end + base, s.label) for s in spans]
        assert settled + base >= done
        done = settled + base
    assert found == [(s.start, s.end, s.label) for s in SECRETS.find(text)]


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, max_size=3))
def test_joined_texts_do_not_touch(texts: list[str]) -> None:
    """P4: texts joined by NUL for one scan are found in exactly as each alone."""
    texts = [text.replace("\x00", "") for text in texts]
    joined, base = [], 0
    for text in texts:
        joined += [(s.start + base, s.end + base, s.label) for s in SECRETS.find(text)]
        base += len(text) + 1
    whole = SECRETS.find("\x00".join(texts))
    assert [(s.start, s.end, s.label) for s in whole] == joined


ENDLESS = [
    "a", "A1b2", "://", "://a:", "postgres://u:", "Basic YWJj", "+ASt", "8Q~", ";password=a",
    "sig=",
    "Private-Lines: 1\n" + "A" * 64 + "\n", "Private-Lines: 1\n", ":AA", "NRAL",
    "1/1047392856104739:",
    "mistral key is ", "mistral", "key=", "x=A1b2", "x=A1b2c3D4e5F6g7H8i9J0k1 ", ".Gq7Z3w.", "_mmk",
    "LS0tLS1CRUdJTiBQUklWQVR", "IQoJb3JpZ2luX2", "ya29.", "JSESSIONID=", "curl -u a:", '"d":"',
    "-eyJhbGciOi.eyJ", "Authorization: Token ", "login a password ", "jdbc:oracle:thin:a/", "A3-",
    "discord.com/api/webhooks/", "xprv", "nsec1", "AGE-SECRET-KEY-1", "ops_eyJ", "session_token=A",
    "token ", "token is ", "token A1b2c3D4e5F6g7H8 ", "password ", "password is ", "password A1b2#",
    "password is A1b2c3d4!", "secret - ", "secret|", "ssws ", "mot de passe ", "token a b c d e f ",
    "password=a1&", "password=a1b2c3&d", "secret (", "token>", "token is: ",
]  # fmt: skip


@pytest.mark.parametrize("unit", ENDLESS)
def test_hold_back_is_bounded(unit: str) -> None:
    """P8: nothing is held longer than HOLDBACK_MAX, whatever comes, once or without end."""
    for text in (unit * (50_000 // len(unit)), unit + "A" * 50_000, unit + "a1" * 25_000):
        assert SECRETS.holdback(text) <= secrets.HOLDBACK_MAX


ONE = selection(s=guardrail("secrets", operation="mutate")).scanners


@pytest.mark.parametrize("unit", ENDLESS)
def test_scan_grows_linearly(unit: str) -> None:
    """P8: sixteen times the text costs about sixteen times the work, not 256."""
    small, large = (unit * (size // len(unit)) for size in (SMALL, SMALL * FACTOR))
    for final in (True, False):
        ratio = cpu(lambda: look(ONE, large, 0, final)) / max(  # noqa: B023
            cpu(lambda: look(ONE, small, 0, final)), 1e-4)  # noqa: B023  # fmt: skip
        assert ratio < FACTOR * 4


def test_prose_about_keys_is_barely_held() -> None:
    """P5: words about keys hold nothing back but the last word."""
    text = "Please rotate the Mistral API key and the database password before Friday, thanks"
    assert SECRETS.holdback(text) <= len("thanks")


def test_every_row_of_the_table_is_in_the_detector() -> None:
    """Contract (`kinds`): without a choice all rows are looked for."""
    assert len(SECRETS._rules) == len(KINDS)
