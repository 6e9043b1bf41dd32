"""When keys end."""

import pytest

from extproc.config.expiry import expires_ms, instant_ms
from extproc.config.model import KeySpec

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", DAY_MS),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01t00:00:01.5z", 1_500),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.001999999Z", 1),
    ],
)
def test_instants(text, expected):
    """Contract, section 2: RFC 3339 or a date; a date is its first instant in UTC."""
    assert instant_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "30d", "20261231", "2026-W01-1", "2026-02-30", "2026-12-31T12:00:00",
     "2026-12-31T12:00Z", "2026-12-31T24:00:01Z", "26-12-31", "2026-12-31T12:00:00Z "],
)  # fmt: skip
def test_other_texts_are_refused(text):
    """Style 8: an expiry that could be read in two ways is refused, local times among them."""
    with pytest.raises(ValueError, match="must be a date"):
        instant_ms(text)


def test_a_key_without_expiry_never_ends():
    """Contract, section 2: `expires` is optional."""
    assert expires_ms(KeySpec(sha256="a" * 64)) is None
    assert expires_ms(KeySpec(sha256="a" * 64, expires="1970-01-02")) == DAY_MS
