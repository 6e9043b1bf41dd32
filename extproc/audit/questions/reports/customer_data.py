"""Which teams sent customer data to which providers: the question that this log exists for.

A call carried customer data where its caller said so (metadata `data_class`) or a guardrail found
personal data in it. Where neither is known, the report says that nobody knows, never "no" (P3).
"""

from __future__ import annotations

from extproc.audit.questions.database import Questions
from extproc.audit.questions.personal_data import LABELS
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
from extproc.audit.questions.rows import quoted

HARMLESS = ("public", "none", "synthetic", "test")
"""Classes that say that there is no customer data."""
TREATMENTS = {
    "redacted": "found, and replaced before anything was sent",
    "partly redacted": "some of what was found was replaced, some was sent as it was",
    "sent as it was": "found, and sent: the guardrail only reports",
    "nothing found": "declared by the caller; guardrails looked and found no personal data",
    "not scanned": "declared by the caller; no guardrail looked",
    "refused": "not sent to any provider",
}
_SENT = tuple(name for name in TREATMENTS if name != "refused")
_FOUND = (
    "[f for f in findings if f.hook = 'llm_input' AND (starts_with(f.label, 'PII_') OR "
    f"f.label IN ({', '.join(map(quoted, LABELS))}))]"
)
_SENT_TO = (
    "list_distinct([{'provider': coalesce(a.provider, CASE WHEN a.model = model THEN provider END, "
    "'account ' || split_part(a.model, '/', 1)), 'region': coalesce(a.region, '-')} "
    "for a in attempts if a.ending IS DISTINCT FROM 'unsent'])"
)
_TREATMENT = (
    "CASE WHEN class = 'refusal' AND len(attempts) = 0 THEN 'refused' "
    "WHEN len(personal) > 0 AND len(replaced) = len(personal) THEN 'redacted' "
    "WHEN len(replaced) > 0 THEN 'partly redacted' "
    "WHEN len(personal) > 0 THEN 'sent as it was' "
    "WHEN looked THEN 'nothing found' ELSE 'not scanned' END"
)


def customer_data(questions: Questions, scope: Scope) -> Report:
    """Calls with customer data by team, provider and region, and what was done about it."""
    names, listed = scope.dimensions("team")
    sent = _sent(scope, listed)
    figures = _figures(questions, scope)
    main = table(
        questions, "customer-data", "Customer data that was sent, by provider and region",
        [*names, "provider", "region", "calls:count",
         *(f"{name.replace(' ', '_')}:count" for name in _SENT), "first:time", "last:time"],
        f"SELECT {places(names)}, provider, region, count(*) AS n, "
        + ", ".join(f"count(*) FILTER (treatment = '{name}')" for name in _SENT)
        + f", min(time), max(time) FROM {sent} " + grouped(len(names) + 2),
        "One row per provider that calls were sent to. "
        + "; ".join(f"{name}: {TREATMENTS[name]}" for name in _SENT),
    )  # fmt: skip
    detail = table(
        questions, "detail", "The same, by data class and by what was done before sending",
        [*names, "provider", "region", "data_class", "treatment", "calls:count",
         "personal_data_found:count", "unreadable_parts:count", "first:time", "last:time",
         "first_entry"],
        f"SELECT {places(names)}, provider, region, class_said, treatment, count(*) AS n, "
        "sum(amount), sum(unread), min(time), max(time), min(index) "
        f"FROM {sent} GROUP BY {places(names)}, provider, region, class_said, treatment "
        f"ORDER BY {places(names)}, n DESC, provider, region, class_said, treatment",
    )  # fmt: skip
    refused = table(
        questions, "refused", "Customer data that was refused: no provider saw it",
        [*names, "data_class", "code", "calls:count", "first:time", "last:time",
         "first_entry"],
        f"SELECT {places(names)}, class_said, code, count(*) AS n, min(time), max(time), "
        f"min(index) FROM (SELECT *, {listed} FROM {_carrying(scope)} WHERE treatment = 'refused') "
        + grouped(len(names) + 2),
    )  # fmt: skip
    labels = table(
        questions, "labels", "Personal data that guardrails found in requests",
        ["label", *names, "treatment", "calls:count", "found:count"],
        f"SELECT f.label AS label, {places(names)}, treatment, count(DISTINCT (origin, index)) "
        f"AS n, sum(f.count) FROM (SELECT *, {listed}, unnest(personal) AS f "
        f"FROM {_carrying(scope)}) " + grouped(len(names) + 2),
    )  # fmt: skip
    unknown = table(
        questions, "unknown", "Calls of which nobody knows whether they carried customer data",
        [*names, "provider", "calls:count"],
        f"SELECT {places(names)}, coalesce(provider, '-'), count(*) AS n FROM (SELECT *, {listed} "
        f"FROM {_judged(scope)} WHERE NOT carries AND NOT known AND len(attempts) > 0) "
        + grouped(len(names) + 1),
        "The caller declared no data_class, and no guardrail looked at the request.",
    )  # fmt: skip
    chart = bars("Calls with customer data, by team and provider", questions.rows(
        f"SELECT d0, provider, count(*) FROM {sent} GROUP BY ALL"
    ))  # fmt: skip
    treated = bars("What was done before sending", questions.rows(
        f"SELECT provider, treatment, count(*) FROM {sent} GROUP BY ALL"
    ))  # fmt: skip
    return Report(
        "customer-data", "Customer data by team, provider and region",
        "Which teams sent customer data to which providers?",
        figures, [main, detail, refused, labels, unknown],
        [chart, treated,
         per_day(questions, "Calls with customer data per day", _carrying(scope), "treatment")],
        _notes(scope),
    )  # fmt: skip


def _figures(questions: Questions, scope: Scope) -> list[tuple[str, str]]:
    calls, teams, clear = one_row(
        questions,
        "SELECT count(*), count(DISTINCT coalesce(team, '-')), count(*) FILTER (treatment IN "
        "('sent as it was', 'partly redacted', 'not scanned')) "
        f"FROM {_carrying(scope)} WHERE len(sent_to) > 0",
    )
    sent = _sent(scope, "0 AS d0")
    (providers,) = one_row(questions, f"SELECT count(DISTINCT provider) FROM {sent}")
    everything, refused, unknown = one_row(
        questions,
        "SELECT count(*), count(*) FILTER (carries AND treatment = 'refused'), "
        f"count(*) FILTER (NOT carries AND NOT known AND len(attempts) > 0) FROM {_judged(scope)}",
    )
    given = {
        "calls sent with customer data": calls, "teams": teams, "providers": providers,
        "sent without redaction": clear, "refused": refused, "not known": unknown,
        "calls in all": everything,
    }  # fmt: skip
    return [(label, shown(value, "count")) for label, value in given.items()]


def _notes(scope: Scope) -> list[str]:
    classes = (
        f"whose data_class fits {', '.join(scope.data_classes)}"
        if scope.data_classes
        else f"whose data_class is anything but {', '.join(HARMLESS)}"
    )
    return [
        f"A call carried customer data: its caller declared it in metadata ({classes}), or a "
        "guardrail found personal data in its request. Declarations are the callers' own words; "
        "guardrails find what they are made to find.",
        "Sent means that bytes went to the provider, or may have gone: an attempt that broke off "
        "counts, and so does each provider that a call fell back to.",
        "Region is what the account's configuration says. Parts that no guardrail can read "
        "(pictures, files) are counted as unreadable parts.",
        "First entry is the index of the first such entry: envelope audit prove INDEX.",
    ]


def _judged(scope: Scope) -> str:
    """SQL: every call with what is known about its content."""
    if scope.data_classes:
        fits = " OR ".join(f"data_class GLOB {quoted(glob)}" for glob in scope.data_classes)
    else:
        harmless = ", ".join(map(quoted, HARMLESS))
        fits = f"nullif(data_class, '') IS NOT NULL AND lower(data_class) NOT IN ({harmless})"
    return (
        f"(SELECT *, coalesce(data_class, '-') AS class_said, {_SENT_TO} AS sent_to, "
        "[f for f in personal if f.outcome = 'mutate'] AS replaced, "
        f"declared OR len(personal) > 0 AS carries, {_TREATMENT} AS treatment, "
        "coalesce(list_sum([f.count for f in personal]), 0) AS amount, "
        "coalesce(len(unscanned), 0) AS unread, "
        "looked OR nullif(data_class, '') IS NOT NULL AS known FROM "
        f"(SELECT *, coalesce({_FOUND}, []) AS personal, coalesce({fits}, false) AS declared, "
        "coalesce(len([h for h in hooks if h.hook = 'llm_input' AND h.outcome NOT IN "
        f"('error', 'pending')]) > 0, false) AS looked FROM {scope.calls()}))"
    )


def _carrying(scope: Scope) -> str:
    return f"(SELECT * FROM {_judged(scope)} WHERE carries)"


def _sent(scope: Scope, listed: str) -> str:
    """SQL: one row for each provider and region that a call with customer data was sent to."""
    return (
        f"(SELECT * EXCLUDE (provider, region, sent_to), unnest(sent_to, recursive := true) FROM "
        f"(SELECT *, {listed} FROM {_carrying(scope)}))"
    )
