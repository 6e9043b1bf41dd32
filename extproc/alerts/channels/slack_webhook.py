"""Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

Names in an alert may come from callers: nothing in them is formatted, linked or mentions anybody.
The blocks are `plain_text`; `text`, which notifications show, has `mrkdwn` off; `&`, `<` and `>`,
Slack's control characters, are escaped everywhere.
"""

from __future__ import annotations

from typing import Any

import orjson

from extproc.alerts.message import facts, sentence, title
from extproc.alerts.values import Alert, HttpPost

HEADER_CHARS_MAX = 150
TEXT_CHARS_MAX = 3_000


def request(alert: Alert, url: str) -> HttpPost:
    lines = "\n".join(f"{label}: {value}" for label, value in facts(alert))
    message = {
        "text": escaped(sentence(alert))[:TEXT_CHARS_MAX],
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(title(alert), HEADER_CHARS_MAX)},
            {"type": "section", "text": _plain(lines, TEXT_CHARS_MAX)},
        ],
    }
    return HttpPost(url, orjson.dumps(message), (("content-type", "application/json"),))


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, chars_max: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text)[:chars_max], "emoji": False}
