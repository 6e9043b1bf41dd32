"""Reading a policy's answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.policy.decision import encode, read_decision
from extproc.policy.values import Decision

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_only_the_boolean_true_allows(value: Any) -> None:
    """Contract, policies: `allow` is a boolean; anything else is a refusal."""
    assert read_decision({"allow": value}).allow is (value is True)


@given(JSON)
def test_no_answer_but_an_object_allows(value: Any) -> None:
    """P1: whatever an engine says, nothing but {"allow": true} lets a request pass."""
    allowed = isinstance(value, dict) and value.get("allow") is True
    assert read_decision(value).allow is allowed


@pytest.mark.parametrize("value", ["true", 1, 1.0, [True], {"allow": True}, None])
def test_what_looks_like_true_is_a_fault(value: Any) -> None:
    """Contract, policies: a non-boolean `allow` refuses and is named in the audit entry."""
    assert read_decision({"allow": value}) == Decision(False, faults=("allow_not_boolean",))


def test_reasons_come_sorted_and_obligations_as_written() -> None:
    """P6: a set has no order; the entry has one."""
    found = read_decision({"allow": False, "reasons": ["b", "a"], "obligations": {"x": [1]}})
    assert found == Decision(False, ("a", "b"), {"x": [1]})


def test_ill_typed_parts_are_absent_and_named() -> None:
    """Contract, policies: reasons are texts, obligations an object."""
    found = read_decision({"allow": True, "reasons": ["a", 1], "obligations": []})
    assert found == Decision(True, (), {}, ("reasons_not_texts", "obligations_not_an_object"))


@pytest.mark.parametrize("value", [math.nan, {1, 2}, "\ud800", object(), 2**70])
def test_what_is_not_json_is_not_encoded(value: Any) -> None:
    """P1: an input that cannot be said exactly is not asked about."""
    encoded = encode({"claims": value})
    assert encoded is None or encoded == b'{"claims":null}'
