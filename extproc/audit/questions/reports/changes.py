"""What people and the gateway itself did: keys, configuration, policies, exports, reads."""

from __future__ import annotations

from extproc.audit.questions.database import Questions
from extproc.audit.questions.report import Report, shown
from extproc.audit.questions.reports.scope import Scope, bars, grouped, one_row, per_day, table

EVENTS_MAX = 5_000
_IN_FORCE = {
    "configuration": "config_digest",
    "policies": "policy_bundle_digest",
    "prices": "price_table_digest",
}


def changes(questions: Questions, scope: Scope) -> Report:
    """Every event, and which configuration, policies and prices calls were decided under."""
    events = scope.events()
    main = table(
        questions, "changes", "What was done",
        ["at:time", "actor_type", "actor", "action", "target", "outcome", "index"],
        "SELECT time, principal_type, principal, action, target, outcome, index "
        f"FROM {events} ORDER BY time DESC, index DESC LIMIT {EVENTS_MAX}",
        f"The latest {EVENTS_MAX:,} at most. Details: envelope audit query --kind event --json",
    )  # fmt: skip
    by_action = table(
        questions, "actions", "By action and actor",
        ["action", "actor_type", "actor", "outcome", "times:count", "last:time"],
        "SELECT action, principal_type, principal, outcome, count(*) AS n, max(time) "
        f"FROM {events} {grouped(4)}",
    )  # fmt: skip
    in_force = table(
        questions, "in-force", "What calls were decided under",
        ["what", "digest", "calls:count", "first:time", "last:time"],
        " UNION ALL ".join(
            f"SELECT '{what}' AS what, {column} AS digest, count(*) AS n, min(time) AS since, "
            f"max(time) FROM {scope.calls()} WHERE nullif({column}, '') IS NOT NULL GROUP BY ALL"
            for what, column in _IN_FORCE.items()
        ) + " ORDER BY what, since, digest",
    )  # fmt: skip
    count, actors = one_row(
        questions, f"SELECT count(*), count(DISTINCT (principal_type, principal)) FROM {events}"
    )
    chart = bars("Events by action", questions.rows(
        f"SELECT action, coalesce(principal_type, '-'), count(*) FROM {events} GROUP BY ALL"
    ))  # fmt: skip
    return Report(
        "changes", "Changes and access",
        "Who changed keys, configuration or policies, and who exported or read what?",
        [("events", shown(count, "count")), ("actors", shown(actors, "count"))],
        [main, by_action, in_force],
        [chart, per_day(questions, "Events per day", events, "coalesce(action, '-')")],
    )  # fmt: skip
