"""An entry as a flat row: any entry, however odd, gives one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.audit.columns import COLUMNS, instant, row
from extproc.audit.event import event_entry
from tests.audit.gateway import NOON, entry

NAMES = st.sampled_from(
    ("index", "at", "kind", "principal", "actor", "event", "metadata", "request", "served",
     "decision", "usage", "cost_nano_usd", "policy", "type", "name", "model", "region", "team",
     "outcome", "http_status", "input_tokens", "stream", "data_class", "bundle_digest")
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
ODD = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
    NAMES, inner, max_size=4), max_leaves=12)  # fmt: skip
_PYTHON = {"VARCHAR": str, "BIGINT": int, "BOOLEAN": bool, "TIMESTAMPTZ": str,
           "MAP(VARCHAR, VARCHAR)": dict}  # fmt: skip


@settings(max_examples=40)
@given(odd=st.dictionaries(NAMES, ODD, max_size=8))
def test_any_entry_gives_a_row(odd: dict[str, Any]) -> None:
    """Audit: every column has its type or is null, and the whole entry is in the last."""
    found = row(odd, "o")
    assert list(found) == list(COLUMNS)
    for name, (kind, _) in COLUMNS.items():
        assert found[name] is None or type(found[name]) is _PYTHON[kind], name
        if kind == "BIGINT" and found[name] is not None:
            assert -(2**63) < found[name] < 2**63
    assert orjson.loads(found["entry"]) == odd


def test_a_call_and_an_event() -> None:
    """Audit: calls by their principal and the model that answered, events by their actor."""
    served = {"model": "eu/gpt", "provider": "azure"}
    call = row({**entry(1), "index": 7, "served": served}, "gw")
    told = ("index", "origin", "kind", "model", "requested_model", "provider", "principal_team")
    assert [call[name] for name in told] == [
        7, "gw", "call", "eu/gpt", "prod/assistant", "azure", "support-ai",
    ]  # fmt: skip
    event = row(
        event_entry("key.revoke", event_id="1", at_ms=NOON, actor=("operator", "ann"), target="k"),
        "gw",
    )
    told = ("kind", "principal_type", "principal_name", "action", "target", "outcome")
    assert [event[name] for name in told] == [
        "event", "operator", "ann", "key.revoke", "k", "done",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "at",
    ["2026-02-30T00:00:00.000Z", "2026-11-20", "2026-11-20T12:00:00+02:00", "", 5, None,
     "2026-11-20T24:00:00Z", "2026-11-20T12:00:60Z", "\uff12026-11-20T12:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_null(at: Any) -> None:
    """Audit: a date that is none spoils its own column, not the file it stands in."""
    assert instant({"at": at}) is None
    assert row({"at": at}, "o")["at"] is None
