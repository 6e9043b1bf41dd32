"""How serious an entry is, in the words of each protocol. Pure.

An outcome that is not in the table is a warning: something new should be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from extproc.audit.values import Entry


@dataclass(frozen=True, slots=True)
class Severity:
    """`syslog`: RFC 5424 6.2.1, 0 is the worst. `cef`: 0 to 10, 10 is the worst. `otlp`: number
    and text of OpenTelemetry's log data model."""

    syslog: int
    cef: int
    otlp: tuple[int, str]


_INFORMATIONAL = Severity(6, 2, (9, "INFO"))
_WARNING = Severity(4, 5, (13, "WARN"))
_ERROR = Severity(3, 8, (17, "ERROR"))
_OF_OUTCOME = {
    **dict.fromkeys(("allowed", "answered", "aborted", "done"), _INFORMATIONAL),
    **dict.fromkeys(("refused", "blocked", "truncated", "upstream_error"), _WARNING),
    **dict.fromkeys(("worker_lost", "spool_damaged", "failed"), _ERROR),
}


def severity(entry: Entry) -> Severity:
    """By the entry's outcome."""
    decision = entry.get("decision")
    outcome = decision.get("outcome") if isinstance(decision, dict) else None
    return _OF_OUTCOME.get(outcome, _WARNING) if isinstance(outcome, str) else _WARNING
