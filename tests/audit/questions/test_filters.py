"""Filters said in SQL find what filters find one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extproc.audit.query import Filter, parse_where
from extproc.audit.questions.database import QuestionRefused, Questions
from extproc.audit.questions.filters import condition, dimension
from tests.audit.questions.ledger_of_calls import (
    CALLS,
    DAY,
    EVENTS,
    HOSTILE,
    Q3,
    asked,
    write,
)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Questions]:
    with asked(write(tmp_path_factory.mktemp("filters"))) as opened:
        yield opened


FILTERS = [
    Filter(),
    Filter(team="support"),
    Filter(team=HOSTILE),
    Filter(principal="mei"),
    Filter(decision="d-3"),
    Filter(model="openai-main/*"),
    Filter(model="prod/assistant", code="guardrail_blocked"),
    Filter(outcome="worker_lost"),
    Filter(since_ms=Q3 + 3 * DAY, until_ms=Q3 + 5 * DAY + 1),
    Filter(kind="event"),
    Filter(record_class="refusal"),
    Filter(record_class="admin", kind="call"),
]
WHERE = [
    "metadata.project=p1", "metadata.project!=p1", "served.provider=bedrock", "plan.0~openai*",
    "usage.input_tokens>=15", "usage.input_tokens<12", "cost_nano_usd>9999", "at>=2026-07-05",
    "at<2026-07-03T00:00:00+02:00", "guardrails.llm_input.findings.0.label=US_SSN",
    "attempts.0.ending=broken", "metadata.~1/x=y", "metadata=p1", "nothing=x", "served.attempts=1",
    "decision.http_status>=400", "principal.name~*-bot", "event.action=key.create",
    f"metadata.{HOSTILE}={HOSTILE}", "a'b\"c.d=e", "request.model=prod/assistant",
]  # fmt: skip


@pytest.mark.parametrize("wanted", [*FILTERS, *(Filter(where=(parse_where(w),)) for w in WHERE)])
def test_sql_finds_what_the_filter_finds(questions: Questions, wanted: Filter) -> None:
    """Contract: one meaning of a filter in `query`, `export`, `report` and `pack`."""
    given = [{**one, "index": n} for n, one in enumerate([*CALLS, *EVENTS])]
    expected = [one["index"] for one in given if wanted.matches(one)]
    sql = f"SELECT index FROM entries WHERE {condition(wanted)} ORDER BY index"
    assert [row[0] for row in questions.rows(sql)] == expected


def test_most_of_these_filters_find_something() -> None:
    """Audit: the test above means something."""
    given = [{**one, "index": n} for n, one in enumerate([*CALLS, *EVENTS])]
    every = [*FILTERS, *(Filter(where=(parse_where(w),)) for w in WHERE)]
    found = [any(one_filter.matches(one) for one in given) for one_filter in every]
    assert sum(found) >= 26


def test_what_cannot_be_grouped_by_is_refused(questions: Questions) -> None:
    """Contract: exit 2 with a word about what to do; a strange key is quoted."""
    with pytest.raises(ValueError, match="envelope usage"):
        dimension("rule")
    with pytest.raises(ValueError, match="parts"):
        condition(Filter(where=(parse_where("a.b.c.d.e.f.g=1"),)))
    strange = dimension("x'] || (SELECT 1) || ['")
    assert questions.rows(f"SELECT DISTINCT {strange} FROM entries") == [("-",)]
    with pytest.raises(QuestionRefused):
        questions.rows("SELECT nothing FROM entries")
