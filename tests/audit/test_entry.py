"""Entries: canonical, bounded, never lost for being odd."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from extproc.audit.entry import (
    ENTRY_BYTES_MAX,
    MASK,
    bounded,
    canonical,
    rfc3339,
    strings_only,
    worker_lost,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_what_fits_is_written_exactly_as_given(fields: dict[str, Any]) -> None:
    """P6: an entry that fits is recorded unchanged."""
    entry = {**fields, "decision_id": "d"}
    assert orjson.loads(bounded(entry)) == entry
    assert list(orjson.loads(canonical(entry))) == sorted(entry, key=lambda k: k.encode())


@given(st.sampled_from(["reason", "metadata", "deep", "wide"]), st.integers(1, 12))
def test_what_does_not_fit_is_cut_and_says_so(where: str, size: int) -> None:
    """P3: an oversized entry stays within its bound and is still its decision's entry."""
    big: dict[str, Any] = {
        "reason": "\x00" * 30_000 * size,
        "metadata": {f"k{n}": "é" * 200 for n in range(400 * size)},
        "deep": [[[[[[[["x" * 60_000] * size]]]]]]] * 2,
        "wide": [["y" * 70] * 100] * 50 * size,
    }
    entry = {"decision_id": "d", "decision": {"outcome": "allowed"}, where: big[where]}
    data = bounded(entry)
    assert len(data) <= ENTRY_BYTES_MAX
    read = orjson.loads(data)
    assert read["truncated"] is True
    assert read["decision_id"] == "d"
    assert read["decision"] == {"outcome": "allowed"}


def test_what_json_cannot_say_is_marked_not_lost() -> None:
    """P3: a lone surrogate, a huge integer or a foreign object costs a field, not the entry."""
    entry = {"decision_id": "d", "a": "x\ud800", "b": 2**80, "c": object(), "d": {1: 2}}
    read = orjson.loads(bounded(entry))
    assert read == {
        "decision_id": "d", "a": "x?", "b": hex(2**80), "c": "[object]", "d": {"1": 2},
        "truncated": True,
    }  # fmt: skip


def test_masking_hides_numbers_and_booleans_too() -> None:
    """P4: a masked key's value disappears whatever its type; the rest become strings."""
    metadata = {"ssn": 123456789, "vip": True, "note": "x", "n": 7, "on": False}
    masked = strings_only(metadata, {"ssn", "vip", "note"})
    assert masked == {"ssn": MASK, "vip": MASK, "note": MASK, "n": "7", "on": "false"}


def test_a_lost_worker_keeps_what_the_intent_said() -> None:
    """P3: only the outcome changes."""
    intent = {
        "decision_id": "d",
        "decision": {"outcome": "allowed", "reason": "r"},
        "plan": ["a/b"],
    }
    assert worker_lost(intent)["decision"] == {"outcome": "worker_lost", "reason": "r"}
    assert worker_lost(intent)["plan"] == ["a/b"]
    assert intent["decision"]["outcome"] == "allowed"  # type: ignore[index]


def test_times_are_rfc_3339_in_utc() -> None:
    """Contract: RFC 3339 with milliseconds."""
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_795_187_045_123) == "2026-11-20T15:04:05.123Z"
