"""What guardrails, limits and policies did, would have done, and did not look at."""

from __future__ import annotations

from extproc.audit.questions.database import Questions
from extproc.audit.questions.report import Report, shown
from extproc.audit.questions.reports.scope import (
    Scope,
    bars,
    grouped,
    one_row,
    per_day,
    places,
    table,
)


def guardrails(questions: Questions, scope: Scope) -> Report:
    """How guardrails ended, what they found, and what nobody looked at."""
    names, listed = scope.dimensions("team")
    hooks = f"(SELECT *, unnest(hooks) AS h FROM {scope.calls()})"
    found = f"(SELECT *, {listed}, unnest(findings) AS f FROM {scope.calls()})"
    outcomes = table(
        questions, "guardrails", "Outcomes by guardrail",
        ["guardrail", "hook", "passed:count", "redacted:count", "reported:count", "refused:count",
         "could_not_judge:count", "not_yet_judged:count"],
        "SELECT h.guardrail, h.hook, " + ", ".join(
            f"count(*) FILTER (h.outcome = '{one}')"
            for one in ("pass", "mutate", "audit", "block", "error", "pending")
        ) + f" FROM {hooks} GROUP BY ALL ORDER BY ALL",
    )  # fmt: skip
    labels = table(
        questions, "findings", "Findings by label",
        ["label", "guardrail", "hook", "result", *names, "calls:count", "found:count"],
        f"SELECT f.label, f.guardrail, f.hook, f.outcome, {places(names)}, "
        f"count(DISTINCT (origin, index)) AS n, sum(f.count) FROM {found} "
        + grouped(len(names) + 4),
    )  # fmt: skip
    faults = table(
        questions, "faults", "Guardrails that could not judge",
        ["guardrail", "hook", "why", "calls:count", "last:time"],
        f"SELECT h.guardrail, h.hook, h.fault, count(*) AS n, max(time) FROM {hooks} "
        "WHERE h.fault IS NOT NULL " + grouped(3),
    )  # fmt: skip
    unscanned = table(
        questions, "not-scanned", "What was sent and not scanned",
        [*names, "provider", "calls:count", "no_guardrail:count", "unreadable_parts:count"],
        f"SELECT {places(names)}, provider, count(*) AS n, "
        "count(*) FILTER (coalesce(len(hooks), 0) = 0), sum(coalesce(len(unscanned), 0)) "
        f"FROM (SELECT *, {listed} FROM {scope.calls()} WHERE len(attempts) > 0 AND "
        "(coalesce(len(hooks), 0) = 0 OR len(unscanned) > 0)) " + grouped(len(names) + 1),
        "What was not scanned is never called passed.",
    )  # fmt: skip
    whole = one_row(
        questions,
        "SELECT count(*) FILTER (len(hooks) > 0), count(*) FILTER (len(findings) > 0), "
        "count(*) FILTER (len([h for h in hooks if h.outcome = 'block']) > 0), "
        "count(*) FILTER (coalesce(len(hooks), 0) = 0 AND len(attempts) > 0) "
        f"FROM {scope.calls()}",
    )
    chart = bars("Findings by label", questions.rows(
        f"SELECT f.label, f.outcome, sum(f.count) FROM {found} GROUP BY ALL"
    ))  # fmt: skip
    figures = ("calls looked at", "with findings", "refused or withheld", "sent without a look")
    return Report(
        "guardrails", "Guardrails",
        "What did guardrails find, what did they do, and what did they not look at?",
        [(label, shown(value, "count")) for label, value in zip(figures, whole, strict=True)],
        [outcomes, labels, faults, unscanned],
        [chart, per_day(questions, "Guardrail outcomes per day (passes left out)",
                        f"(SELECT * FROM {hooks} WHERE h.outcome <> 'pass')", "h.outcome")],
    )  # fmt: skip


_REALLY = "coalesce((entry->>'$.policy.allow')::BOOLEAN, false)"
"""What the policy in force said of the call."""


def shadow(questions: Questions, scope: Scope) -> Report:
    """What would have been refused, had it been enforced."""
    names, listed = scope.dimensions("team")
    parts = _would(scope, listed, len(names))
    main = table(
        questions, "shadow", "What would have been refused or changed",
        ["what", "rule", *names, "calls:count", "first:time", "last:time", "first_entry"],
        f"SELECT what, rule, {places(names)}, count(DISTINCT (origin, index)) AS n, min(time), "
        f"max(time), min(index) FROM {parts} GROUP BY what, rule, {places(names)} "
        f"ORDER BY n DESC, what, rule, {places(names)}",
    )  # fmt: skip
    policies = table(
        questions, "shadow-policies", "Shadow policies against the ones in force",
        ["bundle", "asked:count", "same:count", "would_refuse:count", "would_allow:count",
         "other_targets:count", "did_not_decide:count"],
        "SELECT s.bundle_digest, count(*) AS n, count(*) FILTER (NOT s.differs), "
        "count(*) FILTER (s.differs AND NOT s.allow AND really), "
        "count(*) FILTER (s.differs AND s.allow AND NOT really), "
        "count(*) FILTER (s.differs AND s.allow = really), count(*) FILTER (s.allow IS NULL) "
        f"FROM (SELECT unnest(shadow_policies) AS s, {_REALLY} AS really FROM {scope.calls()}) "
        f"{grouped(1)}",
        "other targets: allowed or refused alike, but with another answer or other obligations for "
        "one of the targets",
    )  # fmt: skip
    whole = one_row(questions, f"SELECT count(DISTINCT (origin, index)) FROM {parts}")
    calls = one_row(questions, f"SELECT count(*) FROM {scope.calls()}")
    chart = bars("Calls by rule", questions.rows(
        f"SELECT rule, what, count(DISTINCT (origin, index)) FROM {parts} GROUP BY ALL"
    ))  # fmt: skip
    return Report(
        "shadow", "Shadow findings",
        "What would have been refused if guardrails, limits and policies on trial were enforced?",
        [("calls with a shadow finding", shown(whole[0], "count")),
         ("calls", shown(calls[0], "count"))],
        [main, policies],
        [chart, per_day(questions, "Per day", parts, "what")],
        ["Guardrails and limits in audit mode, and policies that are asked beside the one in "
         "force. None of this changed a call."],
    )  # fmt: skip


def _would(scope: Scope, listed: str, count: int) -> str:
    """SQL: one row for each reason for which a call would have ended otherwise."""
    kept = ", ".join(["origin", "index", "time", *(f"d{n}" for n in range(count))])

    def each(column: str) -> str:
        return f"(SELECT *, {listed}, unnest({column}) AS one FROM {scope.calls()})"

    return (
        f"(SELECT {kept}, 'guardrail' AS what, one.guardrail AS rule FROM {each('hooks')} "
        "WHERE one.outcome = 'audit' "
        f"UNION ALL SELECT {kept}, 'limit', one FROM {each('over_in_audit_mode')} "
        f"UNION ALL SELECT {kept}, "
        f"CASE WHEN one.allow = {_REALLY} THEN 'policy would change targets' "
        "WHEN one.allow THEN 'policy would allow' ELSE 'policy would refuse' END, "
        "coalesce(nullif(array_to_string(one.reasons, '; '), ''), one.bundle_digest) "
        f"FROM {each('shadow_policies')} WHERE one.differs)"
    )


def refusals(questions: Questions, scope: Scope) -> Report:
    """Whom the gateway refused, with which code, under which rule."""
    names, listed = scope.dimensions("team", "principal")
    found = f"(SELECT *, {listed} FROM {scope.calls()} WHERE class = 'refusal')"
    main = table(
        questions, "refusals", "Refusals",
        ["code", "rule", *names, "refused:count", "first:time", "last:time", "first_entry"],
        f"SELECT code, rule_id, {places(names)}, count(*) AS n, min(time), max(time), min(index) "
        f"FROM {found} GROUP BY code, rule_id, {places(names)} "
        f"ORDER BY n DESC, code, rule_id, {places(names)}",
    )  # fmt: skip
    reasons = table(
        questions, "reasons", "Reasons, as the log has them",
        ["code", "reason", "refused:count"],
        f"SELECT code, reason, count(*) AS n FROM {found} {grouped(2)} LIMIT 200",
        "The 200 most frequent; often more than the caller was told.",
    )  # fmt: skip
    refused, calls = one_row(
        questions, f"SELECT count(*) FILTER (class = 'refusal'), count(*) FROM {scope.calls()}"
    )
    chart = bars("Refusals by code", questions.rows(
        f"SELECT coalesce(code, outcome), coalesce(team, '-'), count(*) FROM {found} GROUP BY ALL"
    ))  # fmt: skip
    return Report(
        "refusals", "Refusals", "What was refused, to whom, and why?",
        [("refused", shown(refused, "count")), ("calls", shown(calls, "count"))],
        [main, reasons],
        [chart, per_day(questions, "Refusals per day", found, "coalesce(code, outcome)")],
    )  # fmt: skip
