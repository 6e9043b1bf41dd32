"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/send-alert-event

Each alert is an incident of its own (`dedup_key` is its id): an event that joined the open one of
a lower threshold would page nobody. Sent twice, it is still one incident.
"""

from __future__ import annotations

from typing import Literal

import orjson

from extproc.alerts.message import fields, sentence
from extproc.alerts.text import clean, instant
from extproc.alerts.values import Alert, HttpPost

SUMMARY_CHARS_MAX = 1_024
Severity = Literal["critical", "error", "warning"]


def request(alert: Alert, url: str, integration_key: str) -> HttpPost:
    event = {
        "routing_key": integration_key,
        "event_action": "trigger",
        "dedup_key": alert.id,
        "client": "Envelope",
        "payload": {
            "summary": clean(sentence(alert), SUMMARY_CHARS_MAX),
            "source": f"envelope/{clean(alert.environment) or 'gateway'}",
            "severity": severity(alert),
            "timestamp": instant(alert.at_ms),
            "component": clean(alert.reading.rule_id),
            "class": f"budget.{alert.due.kind}",
            "custom_details": fields(alert),
        },
    }
    return HttpPost(url, orjson.dumps(event), (("content-type", "application/json"),))


def severity(alert: Alert) -> Severity:
    """The limit is reached: `critical`; nine tenths: `error`; else `warning`."""
    if alert.due.kind != "threshold" or alert.due.threshold < 90:
        return "warning"
    return "critical" if alert.due.threshold >= 100 else "error"
