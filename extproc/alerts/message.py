"""An alert in words and as fields; each channel shapes them as its service wants. Pure.

A counter's name may hold a user's e-mail address: telling whose budget it is is what an alert is
for. No secret and no text of a request can be in it.
"""

from __future__ import annotations

from typing import Any

from extproc.alerts.text import amount, clean, instant, moment, percent, plain_number, unit
from extproc.alerts.values import Alert
from extproc.limits.values import CounterReading

Facts = tuple[tuple[str, str], ...]


def title(alert: Alert) -> str:
    """`Budget team-day: 95 % spent`."""
    rule = clean(alert.reading.rule_id)
    match alert.due.kind:
        case "threshold":
            return f"Budget {rule}: {alert.due.threshold:g} % spent"
        case "soft_limit":
            return f"Budget {rule}: soft limit passed"
        case _:
            return f"Budget {rule}: will be used up before its window ends"


def facts(alert: Alert) -> Facts:
    """Label and value, in reading order; every value is one clean, short line."""
    r = alert.reading
    rows = [("Rule", clean(r.rule_id)), ("Counter", clean(_whose(r))), ("Spent", _spent(r))]
    if r.limit >= 0:
        rows.append(("Limit", amount(r.measure, r.limit)))
    if r.soft_limit >= 0:
        rows.append(("Soft limit", amount(r.measure, r.soft_limit)))
    rows.append(("Window", _window(alert)))
    if alert.exhausted_ms is not None:
        rows.append(("Forecast", _forecast(alert, alert.exhausted_ms)))
    if r.audit_only:
        rows.append(("Note", "audit mode: nothing is refused"))
    if alert.environment:
        rows.append(("Environment", clean(alert.environment)))
    return tuple(rows)


def sentence(alert: Alert) -> str:
    """All of it in one line."""
    return f"{title(alert)}. " + "; ".join(f"{label}: {value}" for label, value in facts(alert))


def fields(alert: Alert) -> dict[str, Any]:
    """For programs. Amounts are decimal text, so that no reader makes a float of money."""
    r = alert.reading
    ends, soft = alert.window_ends_ms, r.soft_limit >= 0
    return {
        "id": alert.id,
        "type": f"budget.{alert.due.kind}",
        "threshold": alert.due.threshold if alert.due.kind == "threshold" else None,
        "at": instant(alert.at_ms),
        "environment": clean(alert.environment),
        "rule": clean(r.rule_id),
        "counter": clean(r.counter),
        "unit": unit(r.measure),
        "spent": plain_number(r.measure, r.spent),
        "limit": plain_number(r.measure, r.limit) if r.limit >= 0 else None,
        "soft_limit": plain_number(r.measure, r.soft_limit) if soft else None,
        "percent": percent(r.spent, r.limit) if r.limit >= 0 else None,
        "window": clean(r.window),
        "window_id": clean(r.window_id),
        "window_ends_at": instant(ends) if ends else None,
        "exhausted_at": None if alert.exhausted_ms is None else instant(alert.exhausted_ms),
        "audit_only": r.audit_only,
        "text": sentence(alert),
    }


def _whose(reading: CounterReading) -> str:
    """`alice@example.com` of `budget:team-day:alice@example.com`; one for all has no value."""
    _, _, values = reading.counter.removeprefix("budget:").partition(":")
    return values or "shared"


def _spent(reading: CounterReading) -> str:
    spent = amount(reading.measure, reading.spent)
    if reading.limit < 0:
        return spent
    return f"{spent} ({percent(reading.spent, reading.limit)} %)"


def _window(alert: Alert) -> str:
    r = alert.reading
    if r.shape == "sliding":
        return f"the last {clean(r.window)}"
    if not alert.window_ends_ms:
        return "total, without end"
    ends = moment(alert.window_ends_ms, alert.zone)
    return f"{clean(r.window)} {clean(r.window_id)}, ends {ends}"


def _forecast(alert: Alert, exhausted_ms: int) -> str:
    return f"at this rate exhausted on {moment(exhausted_ms, alert.zone)}"
