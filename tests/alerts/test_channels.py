"""What each service gets: its shape, and that names in it stay names."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from extproc.alerts.channels import email, ms_teams_webhook, pagerduty, slack_webhook, webhook
from extproc.alerts.message import fields, sentence
from extproc.alerts.values import Due, HttpPost
from tests.alerts.readings import alert

URL = "https://hooks.example.com/T0/secret-part"
HOSTILE = (
    "budget:team-month:<!channel>&*b* _i_ ~s~ `c` [x](http://evil) {{DATE(1)}}\r\nBcc: x\u202e"
)


def texts(value: Any) -> list[str]:
    """Every string in a JSON value."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for part in value.values() for text in texts(part)]
        case list():
            return [text for part in value for text in texts(part)]
    return []


def body(request: HttpPost) -> Any:
    return orjson.loads(request.body)


def test_a_webhook_is_signed_over_time_and_body() -> None:
    """P5, alerts: HMAC-SHA256 over `<timestamp>.<body>`."""
    request = webhook.request(alert(), URL, b"key", 1_795_000_000)
    headers = dict(request.headers)
    signed = headers["x-envelope-timestamp"].encode() + b"." + request.body
    wanted = hmac.new(b"key", signed, hashlib.sha256).hexdigest()
    assert headers["x-envelope-signature"] == f"v1={wanted}"
    assert headers["idempotency-key"] == alert().id == body(request)["id"]
    assert body(request) == fields(alert())


def test_slack_gets_plain_text_blocks() -> None:
    """Contract, alerts: Slack's header and section blocks, and a text for notifications."""
    shown = body(slack_webhook.request(alert(), URL))
    assert [block["type"] for block in shown["blocks"]] == ["header", "section"]
    assert {block["text"]["type"] for block in shown["blocks"]} == {"plain_text"}
    assert shown["blocks"][0]["text"]["text"] == "Budget team-month: 75 % spent"
    assert "Counter: alice@example.com\nSpent: 76.50 USD" in shown["blocks"][1]["text"]["text"]
    assert shown["text"] == sentence(alert())
    assert shown["mrkdwn"] is False


def test_nobody_is_mentioned_in_slack() -> None:
    """P4, alerts: `<!channel>` in a name is text."""
    for text in texts(body(slack_webhook.request(alert(counter=HOSTILE), URL))):
        assert "<" not in text
        assert ">" not in text
    assert slack_webhook.escaped("a<b>&c") == "a&lt;b&gt;&amp;c"


def test_teams_gets_an_adaptive_card() -> None:
    """Contract, alerts: one attachment, an adaptive card."""
    message = body(ms_teams_webhook.request(alert(), URL))
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["inlines"][0]["text"] == "Budget team-month: 75 % spent"
    assert ["Counter: ", "alice@example.com"] in [
        [run["text"] for run in row["inlines"]] for row in card["body"]
    ]


def test_nothing_is_markdown_in_teams() -> None:
    """P4, alerts: only text runs, which know no Markdown, no links, no date macros."""
    card = body(ms_teams_webhook.request(alert(counter=HOSTILE), URL))["attachments"][0]["content"]
    assert {row["type"] for row in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for row in card["body"] for run in row["inlines"]} == {"TextRun"}
    assert not [text for text in texts(card) if "{{" in text]


@pytest.mark.parametrize(
    ("due", "wanted"),
    [(Due("threshold", 75), "warning"), (Due("threshold", 90), "error"),
     (Due("threshold", 100), "critical"), (Due("soft_limit"), "warning"),
     (Due("forecast"), "warning")],
)  # fmt: skip
def test_pagerduty_gets_an_incident_of_its_own(due: Due, wanted: str) -> None:
    """Contract, alerts: Events API v2; each alert has its own `dedup_key`."""
    told = alert(due)
    event = body(pagerduty.request(told, "https://events.pagerduty.com/v2/enqueue", "KEY"))
    assert (event["routing_key"], event["event_action"]) == ("KEY", "trigger")
    assert event["dedup_key"] == told.id
    assert event["payload"]["severity"] == wanted
    assert event["payload"]["source"] == "envelope/production"
    assert len(event["payload"]["summary"]) <= 1_024


def test_a_mail_is_plain_and_has_one_id() -> None:
    """Contract, alerts: subject, plain text, no answer from auto-responders."""
    mail = email.message(alert(), "gateway@example.com", ("a@example.com", "b@example.com"), 1)
    assert mail["Subject"] == "Budget team-month: 75 % spent"
    assert mail["To"] == "a@example.com, b@example.com"
    assert mail["Message-ID"] == f"<{alert().id}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert "Counter: alice@example.com\n" in mail.get_content()


def test_names_make_no_headers() -> None:
    """P4, alerts: a line end in a name stays in its line; one in an address is refused."""
    mail = email.message(
        alert(rule_id="r\r\nBcc: x@y", counter=HOSTILE), "a@b.example", ("c@d",), 1
    )
    assert mail["Bcc"] is None
    assert "\nBcc" not in mail.get_content()
    with pytest.raises(ValueError, match=r".*"):
        email.message(alert(), "a@b.example\r\nBcc: x@y", ("c@d",), 1)


def test_long_and_hidden_names_are_cut_everywhere() -> None:
    """P4, alerts: no channel shows more than a short, visible line of a name."""
    told = alert(counter="budget:team-month:" + "\x00\x1b[31m" + "x" * 10_000)
    requests = [
        webhook.request(told, URL, b"k", 1), slack_webhook.request(told, URL),
        ms_teams_webhook.request(told, URL), pagerduty.request(told, URL, "KEY"),
    ]  # fmt: skip
    for request in requests:
        assert len(request.body) < 6_000
        assert not [c for text in texts(body(request)) for c in text if c < " " and c != "\n"]


def test_a_request_does_not_show_its_secrets() -> None:
    """P4: not even in a traceback that shows its values."""
    assert "secret-part" not in repr(webhook.request(alert(), URL, b"key", 1))
    assert "KEY" not in repr(pagerduty.request(alert(), URL, "KEY"))
