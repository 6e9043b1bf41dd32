"""Entries as rows: SQL and Python say the same of each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.columns import row
from extproc.audit.entry import canonical
from extproc.audit.event import record_class
from extproc.audit.questions.report import plain
from tests.audit.gateway import entry
from tests.audit.questions.ledger_of_calls import CALLS, EVENTS, asked, write

STRANGE: list[dict[str, Any]] = [
    entry(20, metadata={}, principal={}, decision={}, served=None, usage="none"),
    entry(21, attempts="no", guardrails=[], policy=1, limits=None, plan={"a": 1}, at="yesterday"),
    {"decision_id": "d-22", "at": "2026-07-01T00:00:00Z", "kind": "event", "event": "odd"},
    entry(23, principal={"team": "", "name": "n"}, metadata={"team": "from-metadata"}),
    entry(24, decision={"outcome": "unseen", "http_status": 400}, cost_nano_usd=2**62),
    entry(25, guardrails={"llm_input": {"outcomes": {"a": "error"}, "faults": {"a": "timeout"}}}),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write(folder, [*CALLS, *EVENTS, *STRANGE])
    return folder


def rows(state: Path, sql: str) -> list[dict[str, Any]]:
    with asked(state / "audit") as questions:
        answer = questions.ask(sql)
        return [dict(zip(answer.names, one, strict=True)) for one in answer.rows]


def test_sql_and_python_see_the_same_columns(state: Path) -> None:
    """Contract: exported records and the local log answer alike, strange entries too."""
    found = rows(state, "SELECT * FROM entries ORDER BY index")
    given = [*CALLS, *EVENTS, *STRANGE]
    assert len(found) == len(given)
    for index, (one, original) in enumerate(zip(found, given, strict=True)):
        wanted = row({**original, "index": index}, "envelope")
        for name, value in wanted.items():
            if name == "at":
                assert _moment(one[name]) == _moment(value), index
            else:
                assert plain(one[name]) == value, (index, name)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=None) if isinstance(value, datetime) else None


def test_the_entry_is_the_leafs_exact_bytes(state: Path) -> None:
    """P3: what a question returns can be proven."""
    found = rows(state, "SELECT entry FROM entries ORDER BY index")
    given = [*CALLS, *EVENTS, *STRANGE]
    lines = [canonical({**one, "index": n}).decode() for n, one in enumerate(given)]
    assert [one["entry"] for one in found] == lines


def test_the_class_is_the_one_of_retention_and_sinks(state: Path) -> None:
    """Contract: one meaning of `class` everywhere."""
    found = rows(state, "SELECT class FROM entries ORDER BY index")
    given = [*CALLS, *EVENTS, *STRANGE]
    assert [one["class"] for one in found] == [record_class(one) for one in given]


def test_every_view_has_its_rows(state: Path) -> None:
    """Contract: attempts, guardrails, findings and events; one attempt is an attempt too."""
    sent = rows(state, "SELECT index, provider, ending FROM attempts ORDER BY index, n")
    assert {"index": 0, "provider": "openai", "ending": "answered"} in sent
    assert [one["ending"] for one in sent if one["index"] == 7] == ["broken", "answered"]
    assert [one for one in sent if one["index"] == 11] == [
        {"index": 11, "provider": None, "ending": "unknown"}
    ]
    assert not [one for one in sent if one["index"] == 4], "nobody was sent what was refused"
    labels = rows(state, "SELECT label, result, count FROM findings WHERE index = 1")
    assert labels == [{"label": "US_SSN", "result": "audit", "count": 1}]
    faults = rows(state, "SELECT guardrail, fault FROM guardrails WHERE result = 'error'")
    assert faults == [{"guardrail": "a", "fault": "timeout"}]
    events = rows(state, "SELECT actor, action, target FROM events WHERE action IS NOT NULL")
    assert events[0] == {"actor": "mei", "action": "key.create", "target": "support-bot"}
