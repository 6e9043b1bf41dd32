"""Every metric of `/metrics`: name, kind, labels, buckets, meaning. `docs/metrics.md` agrees.

Promises: what is not in this table is not published; every label is bounded (`series.py`).
Amounts are integers inside (nanoseconds, nano-USD, tokens) and divided by `scale` when shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from extproc.telemetry import names

NANO = 1_000_000_000

# Buckets as the peers have them, so that their dashboards and alerts carry over.
TOKENS = tuple(float(4**n) for n in range(14))
DURATION_S = tuple(round(0.01 * 2**n, 2) for n in range(14))
FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    15.0, 20.0, 30.0, 45.0, 60.0,
)  # fmt: skip
PER_TOKEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
# Ours: a phase takes tens of microseconds, and at most the request's deadline.
PHASE_S = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 1.0, 5.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric as Prometheus shows it. `buckets` are upper bounds in the shown unit.

    `otlp`: its OpenTelemetry name and unit where it has one; its labels are then attribute names.
    `by_metadata`: also labelled with the metadata keys that the configuration names.
    """

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    scale: int = 1
    otlp: tuple[str, str] | None = None
    by_metadata: bool = False

    @property
    def shown_labels(self) -> tuple[str, ...]:
        return tuple(_identifier(label) for label in self.labels)

    @property
    def bounds(self) -> tuple[int, ...]:
        """Upper bounds of the buckets in the inner, integer unit."""
        return tuple(round(bound * self.scale) for bound in self.buckets)

    def with_labels(self, more: Sequence[str]) -> Definition:
        return replace(self, labels=(*self.labels, *more)) if self.by_metadata else self


def _identifier(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def metadata_labels(keys: Sequence[str]) -> tuple[str, ...]:
    """`metadata_<key>` for each key; two that would look the same get a number."""
    labels: list[str] = []
    for key in keys:
        label, number = f"metadata_{_identifier(key)}", 2
        while label in labels:
            label, number = f"metadata_{_identifier(key)}_{number}", number + 1
        labels.append(label)
    return tuple(labels)


_CALL = (names.OPERATION_NAME, names.PROVIDER_NAME, names.REQUEST_MODEL, names.RESPONSE_MODEL)

REQUESTS = Definition(
    "envelope_requests_total", "counter", ("operation", "model", "outcome", "code", "status_class"),
    "Exchanges that ended, by how.", by_metadata=True,
)  # fmt: skip
REFUSALS = Definition(
    "envelope_refusals_total", "counter", ("code", "rule"),
    "Refusals, by code and by the rule or guardrail that refused.",
)  # fmt: skip
TOKENS_USED = Definition(
    "envelope_tokens_total", "counter", ("model", "type"),
    "Tokens used; the types are disjoint, so that their sum is the whole.", by_metadata=True,
)  # fmt: skip
COST = Definition(
    "envelope_cost_usd_total", "counter", ("model", "team"),
    "Cost in USD.", scale=NANO, by_metadata=True,
)  # fmt: skip
GUARDRAILS = Definition(
    "envelope_guardrail_total", "counter", ("guardrail", "outcome"),
    "Guardrail runs, by result: pass, mutate, audit, block, error or pending.",
)  # fmt: skip
GUARDRAIL_FAULTS = Definition(
    "envelope_guardrail_faults_total", "counter", ("guardrail", "fault"),
    "Guardrails that could not judge, by why.",
)  # fmt: skip
FINDINGS = Definition(
    "envelope_guardrail_findings_total", "counter", ("guardrail", "label"),
    "Findings of guardrails, by what was found.",
)  # fmt: skip
ATTEMPTS = Definition(
    "envelope_attempts_total", "counter", ("model",),
    "Attempts at providers, counted for the target that answered in the end.",
)  # fmt: skip
TARGET_ATTEMPTS = Definition(
    "envelope_target_attempts_total", "counter", ("target", "key", "ending"),
    "Attempts at each target, by how they ended: a status class, late, broken or unsent.",
)  # fmt: skip
SHADOWS = Definition(
    "envelope_shadow_calls_total", "counter", ("result",),
    "Copies that shadow rules asked for: sent, failed (no answer) or dropped (too many at once).",
)  # fmt: skip
SHADOW_POLICIES = Definition(
    "envelope_shadow_policy_total", "counter", ("result",),
    "Calls that a shadow policy was asked about: same as the real one, would_deny, would_allow, or "
    "fault (it did not decide).",
)  # fmt: skip
LEFT_OUT = Definition(
    "envelope_left_out_total", "counter", ("served",),
    "Calls of which a translation left something out that changes no answer.",
)  # fmt: skip
FALLBACKS = Definition(
    "envelope_fallbacks_total", "counter", ("model", "served"),
    "Exchanges that another target served than the first of their plan.",
)  # fmt: skip
PHASES = Definition(
    "envelope_phase_seconds", "histogram", ("phase",),
    "Time of one phase of governance.", PHASE_S, NANO,
)  # fmt: skip
GOVERNANCE = Definition(
    "envelope_governance_seconds", "histogram", (),
    "Time from the request's arrival to the verdict: what the gateway adds before a provider.",
    PHASE_S, NANO,
)  # fmt: skip
TOKEN_USAGE = Definition(
    "gen_ai_client_token_usage", "histogram", (*_CALL, names.TOKEN_TYPE),
    "Tokens of one call; input includes cached reads and cache writes.", TOKENS,
    otlp=(names.TOKEN_USAGE, "{token}"),
)  # fmt: skip
REQUEST_DURATION = Definition(
    "gen_ai_server_request_duration_seconds", "histogram", (*_CALL, names.ERROR_TYPE),
    "Time from the request's arrival to the last byte, of calls that went to a provider.",
    DURATION_S, NANO, otlp=(names.REQUEST_DURATION, "s"),
)  # fmt: skip
OPERATION_DURATION = Definition(
    "gen_ai_client_operation_duration_seconds", "histogram", (*_CALL, names.ERROR_TYPE),
    "Time at the provider: from the verdict to the end of its answer, of calls that took one "
    "attempt.",
    DURATION_S, NANO, otlp=(names.OPERATION_DURATION, "s"),
)  # fmt: skip
TIME_TO_FIRST_TOKEN = Definition(
    "gen_ai_server_time_to_first_token_seconds", "histogram", _CALL,
    "Time from the request's arrival to the first token of a stream.",
    FIRST_TOKEN_S, NANO, otlp=(names.TIME_TO_FIRST_TOKEN, "s"),
)  # fmt: skip
TIME_PER_OUTPUT_TOKEN = Definition(
    "gen_ai_server_time_per_output_token_seconds", "histogram", _CALL,
    "Time from the first to the last token of a stream, per token after the first.",
    PER_TOKEN_S, NANO, otlp=(names.TIME_PER_OUTPUT_TOKEN, "s"),
)  # fmt: skip
LIMIT_OVER = Definition(
    "envelope_limit_over_total", "counter", ("rule", "kind", "passed"),
    "Calls that went through although a rule was over its limit, because its mode lets them "
    "(`limit`), or over its soft limit (`soft_limit`).",
)  # fmt: skip
DEGRADED = Definition(
    "envelope_degraded_total", "counter", ("rule", "action"),
    "Steps that budgets took instead of refusing: another model, fewer tokens or a fixed text.",
)  # fmt: skip
CLAMPED = Definition(
    "envelope_clamped_total", "counter", ("rule",),
    "Requests whose maximum of output tokens a cap has set.",
)  # fmt: skip
USAGE_FLAGS = Definition(
    "envelope_usage_flags_total", "counter", ("flag",),
    "Exchanges whose usage is not what a provider reported, or not all of it, by what is wrong.",
)  # fmt: skip
OVERFLOWS = Definition(
    "envelope_label_overflow_total", "counter", ("metric",),
    "Observations with a label folded into `other`, because the metric had too many values.",
)  # fmt: skip
SPANS = Definition(
    "envelope_otlp_spans_total", "counter", ("result",),
    "Spans exported, failed (the collector did not take them) or dropped (the queue was full).",
)  # fmt: skip
EXPORTS = Definition(
    "envelope_otlp_exports_total", "counter", ("signal", "result"),
    "Requests to the OTLP collector, by what it made of them.",
)  # fmt: skip
ALERTS = Definition(
    "envelope_alerts_total", "counter", ("channel", "outcome"),
    "Budget alerts sent, failed (every attempt of a round) or dropped, by kind of channel.",
)  # fmt: skip
FAULTS = Definition(
    "envelope_observer_faults_total", "counter", ("type",),
    "Exchanges that could not be observed, by the kind of error.",
)  # fmt: skip

RECORDED = (
    REQUESTS, REFUSALS, TOKENS_USED, COST, GUARDRAILS, GUARDRAIL_FAULTS, FINDINGS, ATTEMPTS,
    TARGET_ATTEMPTS, FALLBACKS, SHADOWS, SHADOW_POLICIES, LEFT_OUT, PHASES,
    GOVERNANCE, LIMIT_OVER, DEGRADED, CLAMPED, USAGE_FLAGS, TOKEN_USAGE, REQUEST_DURATION,
    OPERATION_DURATION, TIME_TO_FIRST_TOKEN, TIME_PER_OUTPUT_TOKEN, OVERFLOWS, SPANS,
    EXPORTS, ALERTS, FAULTS,
)  # fmt: skip
"""Written by workers, alerts by their parent."""

_LIMIT = ("rule", "kind", "measure", "window")
LIMIT_USED = Definition(
    "envelope_limit_used", "gauge", _LIMIT, "Used in the rule's fullest counter (cost in USD)."
)
LIMIT_RESERVED = Definition(
    "envelope_limit_reserved", "gauge", _LIMIT, "Reserved by running calls in that counter."
)
LIMIT_LEFT = Definition(
    "envelope_limit_left", "gauge", _LIMIT, "Left in that counter; absent for a rule without limit."
)
LIMIT_RATIO = Definition(
    "envelope_limit_used_ratio", "gauge", _LIMIT,
    "Used and reserved there, as part of the limit: 1 is full; absent for a rule without limit.",
)  # fmt: skip
LIMIT_SOFT = Definition(
    "envelope_limit_soft", "gauge", _LIMIT, "Its soft limit; absent where there is none."
)
LIMIT_COUNTERS = Definition(
    "envelope_limit_counters", "gauge", _LIMIT, "Live counters of the rule (one per caller, ...)."
)
LIMITS_OMITTED = Definition(
    "envelope_limits_omitted", "gauge", (), "Rules not shown: only the fullest 200 are."
)
LIMITS_AGE = Definition(
    "envelope_limits_age_seconds", "gauge", (), "How old the figures of the limits are."
)
LEDGER_STATE = Definition(
    "envelope_ledger_state", "gauge", ("state",),
    "1 for the state the ledger is in: only in `ok` are calls taken.",
)  # fmt: skip
RESERVATIONS_EXPIRED = Definition(
    "envelope_reservations_expired_total", "counter", (),
    "Reservations that nobody settled in time, charged in full.",
)  # fmt: skip
STORE_UP = Definition("envelope_store_up", "gauge", (), "1 when the limits store answers, else 0.")
AUDIT_UP = Definition(
    "envelope_audit_up", "gauge", (), "1 while the audit log takes entries, else 0."
)
AUDIT_ENTRIES = Definition("envelope_audit_log_entries", "gauge", (), "Entries in the audit log.")
AUDIT_SIGNED = Definition(
    "envelope_audit_log_signed_entries", "gauge", (),
    "Entries that the latest signed checkpoint covers.",
)  # fmt: skip
AUDIT_BACKLOG = Definition(
    "envelope_audit_backlog_bytes", "gauge", (), "Written by workers and not in the log yet."
)
AUDIT_PRUNED = Definition(
    "envelope_audit_pruned_entries_total", "counter", (),
    "Entries that retention has taken out since the gateway began.",
)  # fmt: skip
AUDIT_DAMAGED = Definition(
    "envelope_audit_damaged_segments", "gauge", (),
    "Closed files of the log that retention left alone, because they are not what was hashed.",
)  # fmt: skip
AUDIT_LOST = Definition(
    "envelope_audit_incomplete_entries_total", "counter", ("reason",),
    "Entries of workers that died (worker_lost) and of unreadable spool lines (spool_damaged).",
)  # fmt: skip
ANCHOR_CHECKPOINTS = Definition(
    "envelope_audit_checkpoints_total", "counter", ("kind", "target", "outcome"),
    "Checkpoints sent to an anchor or a witness, failed, or in conflict with what it holds.",
)  # fmt: skip
ANCHOR_ENTRIES = Definition(
    "envelope_audit_anchored_entries", "gauge", ("kind", "target"),
    "Entries that the newest checkpoint there covers.",
)  # fmt: skip
OPEN_EXCHANGES = Definition(
    "envelope_open_exchanges", "gauge", (), "Requests that Envoy has open right now."
)
SNAPSHOTS_UNREADABLE = Definition(
    "envelope_snapshots_unreadable", "gauge", (), "Workers whose figures could not be read."
)

SINK_UP = Definition(
    "envelope_audit_sink_up", "gauge", ("sink",),
    "1 while the sink takes audit entries, 0 from a failure until the next success.",
)  # fmt: skip
SINK_LAG = Definition(
    "envelope_audit_sink_lag_entries", "gauge", ("sink",),
    "Entries of the audit log that the sink does not have yet.",
)  # fmt: skip
SINK_AGE = Definition(
    "envelope_audit_sink_age_seconds", "gauge", ("sink",),
    "How long ago the oldest entry began that the sink should have; 0 when it has all.",
)  # fmt: skip
SINK_ENTRIES = Definition(
    "envelope_audit_sink_entries_total", "counter", ("sink", "outcome"),
    "Audit entries by what became of them: shipped, failed (each attempt), refused or pruned.",
)  # fmt: skip

READ_ON_DEMAND = (
    LIMIT_USED, LIMIT_RESERVED, LIMIT_LEFT, LIMIT_RATIO, LIMIT_SOFT, LIMIT_COUNTERS,
    LIMITS_OMITTED, LIMITS_AGE, LEDGER_STATE, RESERVATIONS_EXPIRED, STORE_UP, AUDIT_UP,
    AUDIT_ENTRIES, AUDIT_SIGNED, AUDIT_BACKLOG, AUDIT_PRUNED, AUDIT_DAMAGED, AUDIT_LOST,
    ANCHOR_CHECKPOINTS, ANCHOR_ENTRIES, OPEN_EXCHANGES, SNAPSHOTS_UNREADABLE, SINK_UP,
    SINK_LAG, SINK_AGE, SINK_ENTRIES,
)  # fmt: skip
"""Asked for by the admin process at each scrape."""
