"""Records of keys: what may change, and what is read back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.identity.lifetime import DURATION_MS_MAX, duration_ms
from extproc.identity.record import from_json, revoked, rotated, successor, to_json
from tests.identity.given import NOW_MS, record

ends = st.none() | st.integers(0, 2 * NOW_MS)


@given(ends, ends, st.none() | st.text(max_size=8))
def test_what_is_written_is_read_back(expires: int | None, end: int | None, to: str | None) -> None:
    """P6: the store gives back the record that was put in."""
    one = record(1, expires_ms=expires, revoked_ms=end, rotated_to=to)
    assert from_json(to_json(one)) == one


@pytest.mark.parametrize(
    "change",
    [{"scopes": ["x"]}, {"sha256": "abc"}, {"account": ""}, {"account": None}, {"id": 7},
     {"expires_ms": "never"}, {"expires_ms": True}, {"revoked_ms": 1.5}, {"created_ms": None},
     {"rotated_to": 7}],
)  # fmt: skip
def test_a_record_that_is_not_understood_is_none(change: dict[str, object]) -> None:
    """P1: an unknown field may be a restriction; such a key is denied, not widened."""
    data = json.loads(to_json(record(1)))
    assert from_json(json.dumps(data)) is not None
    assert from_json(json.dumps({**data, **change})) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000])
def test_rubbish_is_none(text: bytes) -> None:
    """P1: a damaged record denies; it raises nothing."""
    assert from_json(text) is None


def test_a_key_ends_at_the_very_moment() -> None:
    """Contract, section 4 (case 7): valid before, refused from `expires` on."""
    one = record(1, expires_ms=NOW_MS)
    assert one.ended(NOW_MS - 1) is None
    assert one.ended(NOW_MS) == "expired key"


def test_revoked_is_told_before_expired() -> None:
    """Contract, section 4 (case 8): ended by hand and by time counts as ended by hand."""
    assert record(1, expires_ms=1, revoked_ms=2).ended(NOW_MS) == "revoked key"


def test_a_second_revocation_keeps_the_first_ones_time() -> None:
    """P3: what happened first is what the list says."""
    first = revoked(record(1), NOW_MS)
    assert revoked(first, NOW_MS + 9) is first


@given(ends, st.integers(0, DURATION_MS_MAX))
def test_rotation_never_lengthens_a_life(end: int | None, grace_ms: int) -> None:
    """P1: a grace period is a bound, not an extension."""
    old = rotated(record(1, expires_ms=end), "other", NOW_MS, grace_ms)
    assert old.expires_ms is not None
    assert old.expires_ms <= NOW_MS + grace_ms
    assert end is None or old.expires_ms <= end


def test_the_successor_lives_as_long_as_its_predecessor_was_to() -> None:
    """Contract, section 1: rotating a 30-day key gives a 30-day key, of the same account."""
    old = record(1, expires_ms=NOW_MS + 30)
    new = successor(old, "id", "f" * 64, NOW_MS + 20, None)
    assert (new.account, new.name, new.expires_ms) == (old.account, old.name, NOW_MS + 50)
    assert successor(replace(old, expires_ms=None), "id", "f" * 64, 0, None).expires_ms is None
    assert successor(old, "id", "f" * 64, 0, 99).expires_ms == 99


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0", 0), ("45s", 45_000), ("90m", 5_400_000), ("24h", 86_400_000), ("30d", 2_592_000_000),
     ("2w", 1_209_600_000)],
)  # fmt: skip
def test_durations(text: str, ms: int) -> None:
    """Contract, section 1: --expires 30d, --grace 24h."""
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "1M", "1.5h", "-1d", "+1d", " 1d", "1 d", "1d1h", "99999d", "\u0661d", "1y"],
)
def test_what_could_be_misread_is_refused(text: str) -> None:
    """P7: a length of time is read in one way or not at all."""
    with pytest.raises(ValueError):
        duration_ms(text)
