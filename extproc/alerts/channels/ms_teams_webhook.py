"""Microsoft Teams, by a workflow's webhook: an adaptive card in a message.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using

Names in an alert may come from callers: all text stands in `TextRun`s, which know no Markdown, and
`{{`, which begins a date macro, is broken up.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.alerts.message import facts, title
from extproc.alerts.values import Alert, HttpPost

CARD = "application/vnd.microsoft.card.adaptive"


def request(alert: Alert, url: str) -> HttpPost:
    rows = [_block(_run(title(alert), bold=True, size="large"))]
    rows += [_block(_run(f"{label}: ", bold=True), _run(value)) for label, value in facts(alert)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": rows,
    }
    message = {
        "type": "message",
        "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}],
    }
    return HttpPost(url, orjson.dumps(message), (("content-type", "application/json"),))


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": "small"}


def _run(text: str, *, bold: bool = False, size: str = "default") -> dict[str, Any]:
    weight = "bolder" if bold else "default"
    shown = text.replace("{{", "{ {")
    return {"type": "TextRun", "text": shown, "weight": weight, "size": size}
