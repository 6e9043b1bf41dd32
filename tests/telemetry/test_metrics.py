"""What one closed exchange adds to a worker's figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import extproc
from extproc.errors import Code, Refusal
from extproc.exchange.record import Billed, Clamped, Degraded
from extproc.guardrails.values import HookResult
from extproc.identity.principal import Principal
from extproc.limits.values import CounterState
from extproc.policy.values import Decision
from extproc.routing.values import Ended, Ending
from extproc.telemetry import catalog
from extproc.telemetry.figures import USAGE_FLAGS
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.series import Key
from extproc.telemetry.snapshot import encode
from extproc.usage.usage import Usage
from tests.telemetry.records import CALL, CLAUDE, MS, OPENAI, changed, refused, served

FLAG = re.compile(r'usage_flags\.append\(("\w+"|[A-Z_]+)\)')
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


def test_a_guardrail_that_could_not_judge_shows(metrics: Metrics) -> None:
    """Guard (errors always show): the outcome is counted, and why, by the closed set of faults."""
    failed = HookResult(outcomes={"g/judge": "error"}, faults={"g/judge": "timeout"})
    metrics.exchange_closed(served(input_guard=failed, output_guard=None))
    assert _counted(metrics, catalog.GUARDRAILS) == {("g/judge", "error"): 1}
    assert _counted(metrics, catalog.GUARDRAIL_FAULTS) == {("g/judge", "timeout"): 1}


def test_served_call_is_timed(metrics: Metrics) -> None:
    """Contract: GenAI metrics; time per output token is over the tokens after the first."""
    metrics.exchange_closed(served())
    assert _observed(metrics, catalog.PHASES) == {
        ("auth",): 20_000, ("policy",): 60_000, ("limits",): 300_000,
    }  # fmt: skip
    assert _observed(metrics, catalog.GOVERNANCE) == {(): 1 * MS}
    assert _observed(metrics, catalog.REQUEST_DURATION) == {(*CALL_LABELS, "none"): 200 * MS}
    assert _observed(metrics, catalog.OPERATION_DURATION) == {(*CALL_LABELS, "none"): 199 * MS}
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


def _state(rule: str, *, over: bool = False, over_soft: bool = False) -> CounterState:
    return CounterState(rule, "budget", "cost", 10, 0, 1_000, over, over_soft)


def test_limits_that_let_a_call_through_are_counted(metrics: Metrics) -> None:
    """P2: what audit mode would have refused, and what is over a soft limit, per rule."""
    counters = (_state("trial", over=True), _state("day", over_soft=True), _state("month"))
    metrics.exchange_closed(served(counters=counters))
    assert _counted(metrics, catalog.LIMIT_OVER) == {
        ("trial", "budget", "limit"): 1, ("day", "budget", "soft_limit"): 1,
    }  # fmt: skip


def test_limit_that_refused_let_nothing_through(metrics: Metrics) -> None:
    """P2: the rule that refused was over too, but it is counted where refusals are."""
    metrics.exchange_closed(refused(counters=(_state("team-day", over=True, over_soft=True),)))
    assert _counted(metrics, catalog.LIMIT_OVER) == {}
    assert _counted(metrics, catalog.REFUSALS) == {("budget_exceeded", "team-day"): 1}


def test_what_limits_made_of_a_request_is_counted(metrics: Metrics) -> None:
    """Contract 3, `/metrics`: steps of budgets by what they did; clamped once a rule."""
    steps = [
        Degraded("day", 80, "max_tokens", "prod/a", max_tokens=100),
        Degraded("day", 90, "model", "prod/a", to_model="prod/b"),
    ]
    clamped = [Clamped("cap", 4_000, 500), Clamped("cap", 500, 200), Clamped("cost", 200, 90)]
    metrics.exchange_closed(served(degraded=steps, clamped=clamped))
    assert _counted(metrics, catalog.DEGRADED) == {("day", "max_tokens"): 1, ("day", "model"): 1}
    assert _counted(metrics, catalog.CLAMPED) == {("cap",): 1, ("cost",): 1}


def test_flags_of_usage_come_from_a_closed_table(metrics: Metrics) -> None:
    """P4: bounded labels, whatever is written there."""
    metrics.exchange_closed(served(usage_flags=["unpriced", "made-up", "invented"]))
    assert _counted(metrics, catalog.USAGE_FLAGS) == {("unpriced",): 1, ("other",): 2}


def test_table_of_flags_is_the_one_that_is_used() -> None:
    """Contract 3, `/metrics`: a flag that somebody adds has a label; none is dead."""
    root = Path(extproc.__file__).parent
    paths = [path for path in root.rglob("*.py") if path.parent.name != "telemetry"]
    text = "\n".join(path.read_text() for path in paths)
    assert {flag for flag in USAGE_FLAGS if f'"{flag}"' not in text} == set()
    constants = dict(re.findall(r'^([A-Z_]+) = "(\w+)"$', text, re.MULTILINE))
    written = [constants.get(flag, flag.strip('"')) for flag in FLAG.findall(text)]
    assert written
    assert set(written) <= USAGE_FLAGS


def test_earlier_attempt_is_booked_to_its_own_target(metrics: Metrics) -> None:
    """P2: what a provider billed before the fallback is that provider's; nothing twice."""
    billed = [Billed(CLAUDE, Usage(50, 0), 600)]
    metrics.exchange_closed(served(billed=billed, cost_nano_usd=27_600 + 600))
    assert _counted(metrics, catalog.COST) == {
        (OPENAI.name, "support-ai"): 27_600, (CLAUDE.name, "support-ai"): 600,
    }  # fmt: skip
    assert _counted(metrics, catalog.TOKENS_USED)[CLAUDE.name, "input"] == 50


def test_attempt_is_booked_although_nobody_answered(metrics: Metrics) -> None:
    """P2: a chain that failed may still have cost something."""
    billed = [Billed(CLAUDE, Usage(50, 0), 600)]
    metrics.exchange_closed(served(billed=billed, cost_nano_usd=600, usage=None, served=None))
    assert _counted(metrics, catalog.COST) == {(CLAUDE.name, "support-ai"): 600}


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


def test_time_at_the_provider_is_that_of_one_attempt(metrics: Metrics) -> None:
    """Contract: GenAI metrics; a whole answer ends when it has arrived, not when it was judged;
    the time of several attempts is nobody's own."""
    metrics.exchange_closed(served(first_token_ns=0, last_token_ns=0, provider_ns=60 * MS))
    late, answered = Ended(1, Ending.LATE), Ended(2, Ending.ANSWERED, 200)
    metrics.exchange_closed(served(tried=((OPENAI, late), (CLAUDE, answered))))
    assert _observed(metrics, catalog.OPERATION_DURATION) == {(*CALL_LABELS, "none"): 60 * MS}


def test_what_callers_choose_is_in_two_labels_only() -> None:
    """P4: a caller's own words become a label where it asked for a model that exists, and where
    the configuration names a metadata key; nowhere else, on no metric."""
    metrics, mine = Metrics(("cost_center",)), "mine-alone"
    call = CALL.__class__("chat", mine, True, 5, 1, (mine,), (mine,))
    who = Principal("user", mine, mine, team=None)
    metadata = {"cost_center": mine, "team": mine, "x": mine, mine: mine}
    record = served(call=call, principal=who, metadata=metadata, request_id=mine, path=f"/{mine}",
                    upstream_details=mine, dialect=mine, unscanned_answer=(mine,),
                    left_out=(mine,), finish_reasons=(mine,))  # fmt: skip
    metrics.exchange_closed(record)
    metrics.exchange_closed(refused(call=call, principal=who, metadata=metadata))
    every: list[Any] = [*metrics.counters.values(), *metrics.histograms.values()]
    holding = {label for series in every for key in series.rows
               for label, value in zip(series.definition.labels, key, strict=True)
               if value == mine}  # fmt: skip
    assert holding == {"gen_ai.request.model", "metadata_cost_center"}
