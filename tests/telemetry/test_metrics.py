"""What one closed exchange adds to a worker's figures."""

from __future__ import annotations

import pytest

from extproc.errors import Code, Refusal
from extproc.identity.principal import Principal
from extproc.policy.values import Decision
from extproc.telemetry import catalog
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Key
from extproc.telemetry.snapshot import encode
from extproc.usage.usage import Usage
from tests.telemetry.records import CALL, CLAUDE, MS, OPENAI, changed, refused, served

CALL_LABELS = ("chat", "openai", "prod/assistant", "gpt-4o-mini")


def _counted(metrics: Metrics, definition: catalog.Definition) -> dict[Key, int]:
    return metrics.counters[definition.name].rows


def _observed(metrics: Metrics, definition: catalog.Definition) -> dict[Key, int]:
    """Label values -> sum of what was observed."""
    return {key: row[-1] for key, row in metrics.histograms[definition.name].rows.items()}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_served_call_is_counted_once_everywhere(metrics: Metrics) -> None:
    """P2: usage and cost are counted exactly, in disjoint buckets."""
    metrics.exchange_closed(served())
    name = OPENAI.name
    assert _counted(metrics, catalog.REQUESTS) == {("chat", name, "allowed", "none", "2xx"): 1}
    assert _counted(metrics, catalog.TOKENS_USED) == {
        (name, "input"): 100, (name, "output"): 21, (name, "cached_input"): 12,
    }  # fmt: skip
    assert _counted(metrics, catalog.COST) == {(name, "support-ai"): 27_600}
    assert _counted(metrics, catalog.ATTEMPTS) == {(name,): 1}
    assert _counted(metrics, catalog.FALLBACKS) == {}
    assert _counted(metrics, catalog.REFUSALS) == {}
    assert _counted(metrics, catalog.GUARDRAILS) == {
        ("global/pii", "mutate"): 1, ("global/secrets", "pass"): 1,
    }  # fmt: skip
    assert _counted(metrics, catalog.FINDINGS) == {("global/pii", "EMAIL"): 2}


def test_served_call_is_timed(metrics: Metrics) -> None:
    """Contract: GenAI metrics; time per output token is over the tokens after the first."""
    metrics.exchange_closed(served())
    assert _observed(metrics, catalog.PHASES) == {
        ("auth",): 20_000, ("policy",): 60_000, ("limits",): 300_000,
    }  # fmt: skip
    assert _observed(metrics, catalog.GOVERNANCE) == {(): 1 * MS}
    assert _observed(metrics, catalog.REQUEST_DURATION) == {(*CALL_LABELS, "none"): 200 * MS}
    assert _observed(metrics, catalog.TIME_TO_FIRST_TOKEN) == {CALL_LABELS: 50 * MS}
    assert _observed(metrics, catalog.TIME_PER_OUTPUT_TOKEN) == {CALL_LABELS: 7 * MS}
    assert _observed(metrics, catalog.TOKEN_USAGE) == {
        (*CALL_LABELS, "input"): 112, (*CALL_LABELS, "output"): 21,
    }  # fmt: skip


def test_refusal_is_counted_by_code_and_rule(metrics: Metrics) -> None:
    """Contract 4: the code of the table; nothing is booked to a provider that saw nothing."""
    metrics.exchange_closed(refused())
    key = ("chat", OPENAI.name, "refused", "budget_exceeded", "4xx")
    assert _counted(metrics, catalog.REQUESTS) == {key: 1}
    assert _counted(metrics, catalog.REFUSALS) == {("budget_exceeded", "team-day"): 1}
    assert _counted(metrics, catalog.TOKENS_USED) == {}
    assert _observed(metrics, catalog.REQUEST_DURATION) == {}


def test_fallback_is_counted_with_both_ends(metrics: Metrics) -> None:
    """P2: the call is booked to the target that served it."""
    metrics.exchange_closed(served(served=CLAUDE, attempts=3))
    assert _counted(metrics, catalog.FALLBACKS) == {(OPENAI.name, CLAUDE.name): 1}
    assert _counted(metrics, catalog.ATTEMPTS) == {(CLAUDE.name,): 3}
    assert _counted(metrics, catalog.COST) == {(CLAUDE.name, "support-ai"): 27_600}


def test_unknown_model_never_becomes_a_label(metrics: Metrics) -> None:
    """P4: what a caller wrote as `model` could be anything, its key included."""
    pasted = "ek_12345678_not-a-model"
    call = CALL.__class__("chat", pasted, False, None, 1, ())
    nowhere = Refusal(Code.PERMISSION_DENIED, reason="no such model")
    metrics.exchange_closed(changed(refused(), call=call, decisions=[], refusal=nowhere))
    assert [key[1] for key in _counted(metrics, catalog.REQUESTS)] == ["other"]
    assert pasted.encode() not in encode(metrics, "w", {})


def test_model_refused_by_policy_is_the_first_candidate(metrics: Metrics) -> None:
    """Contract: bounded labels; a refused call is booked to what it would have reached."""
    decisions = [(CLAUDE.name, Decision(False)), (OPENAI.name, Decision(False))]
    metrics.exchange_closed(refused(decisions=decisions))
    assert [key[1] for key in _counted(metrics, catalog.REQUESTS)] == [CLAUDE.name]


def test_exchange_that_knows_nothing_is_counted(metrics: Metrics) -> None:
    """P3: an exchange that broke off before anything was known leaves a count too."""
    record = changed(
        refused(), refusal=None, outcome="", status=0, operation="", call=None, principal=None,
        decisions=[], metadata={}, sent_ns=0, phases_ns={},
    )  # fmt: skip
    metrics.exchange_closed(record)
    assert _counted(metrics, catalog.REQUESTS) == {("none", "other", "aborted", "none", "none"): 1}


def test_metadata_keys_become_labels() -> None:
    """Contract: `telemetry.metric_metadata_keys` on requests, tokens and cost."""
    metrics = Metrics(("cost_center", "tenant_id"))
    metrics.exchange_closed(served())
    (key,) = _counted(metrics, catalog.REQUESTS)
    assert key[-2:] == ("cc-7", "none")
    (key,) = _counted(metrics, catalog.COST)
    assert key[-2:] == ("cc-7", "none")
    assert metrics.counters[catalog.REQUESTS.name].definition.shown_labels[-2:] == (
        "metadata_cost_center", "metadata_tenant_id",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("principal", "claimed", "expected"),
    [
        (Principal("virtual-account", "a", "k", team="ops"), "finance", "ops"),
        (Principal("virtual-account", "a", "k", tags={"team": "ops"}), "finance", "ops"),
        (Principal("user", "u", "k", teams=("ops", "finance")), "finance", "finance"),
        (Principal("virtual-account", "a", "k"), "finance", "none"),
    ],
)
def test_nobody_books_cost_to_another_team(
    metrics: Metrics, principal: Principal, claimed: str, expected: str
) -> None:
    """P4: a team in the metadata counts only if it is one of the caller's own."""
    metrics.exchange_closed(served(principal=principal, metadata={"team": claimed}))
    assert [key[1] for key in _counted(metrics, catalog.COST)] == [expected]


def test_one_output_token_has_no_pace(metrics: Metrics) -> None:
    """P5: a stream of one token has a first token, and no time per further token."""
    metrics.exchange_closed(served(usage=Usage(10, 1)))
    assert _observed(metrics, catalog.TIME_TO_FIRST_TOKEN) == {CALL_LABELS: 50 * MS}
    assert _observed(metrics, catalog.TIME_PER_OUTPUT_TOKEN) == {}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"refusal": Refusal(Code.UPSTREAM_TIMEOUT), "status": 504}, "upstream_timeout"),
        ({"status": 429, "outcome": "upstream_error"}, "429"),
        ({"outcome": "aborted"}, "aborted"),
        ({"outcome": "allowed"}, "none"),
    ],
)
def test_error_type_says_what_went_wrong(
    metrics: Metrics, changes: dict[str, object], error: str
) -> None:
    """Contract: `error.type` from a closed table, a status, or the way it broke off."""
    metrics.exchange_closed(served(**changes))
    assert [key[-1] for key in _observed(metrics, catalog.REQUEST_DURATION)] == [error]
