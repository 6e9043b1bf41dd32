"""`docs/alerts.md`: its code verifies real messages, its messages are what is sent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from extproc.alerts.channels import webhook
from extproc.alerts.message import facts, fields, title
from extproc.alerts.values import Alert, Due
from extproc.limits.values import NANO_USD
from extproc.limits.window import calendar
from tests.alerts.desks import HMAC_SECRET, Stage
from tests.alerts.readings import WHOLE
from tests.docs.pages import blocks, page

PAGE = page("docs/alerts.md")
AT_MS, EXHAUSTED_MS = 1_795_253_400_000, 1_795_698_000_000
Verify = Callable[[dict[str, str], bytes, bytes], bool]


def shown() -> Alert:
    """The alert of the page."""
    zone = "Europe/Berlin"
    span = calendar("month", zone).span(AT_MS)
    counted = replace(
        WHOLE, rule_id="support-month", counter="budget:support-month:",
        spent=376_250_000_000, limit=500 * NANO_USD, soft_limit=300 * NANO_USD,
        window_id=span.id, elapsed_ms=AT_MS - span.start_ms, reset_ms=span.end_ms - AT_MS,
    )  # fmt: skip
    return Alert(Due("threshold", 75.0), counted, AT_MS, zone, "production", EXHAUSTED_MS)


def verify() -> Verify:
    """The function of the page, as a reader would paste it."""
    (block,) = blocks(PAGE, "py")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/alerts.md", "exec"), names)  # noqa: S102
    is_genuine: Verify = names["is_genuine"]
    return is_genuine


async def test_the_pages_code_verifies_what_arrives(stage: Stage) -> None:
    """P5, docs: a message as it came over HTTP is genuine; a changed or an old one is not."""
    stage.time.now_ms = time.time_ns() // 1_000_000
    target = await stage.target()
    desk = await stage.desk(stage.config(stage.channel("ops", target.url), forecast=False))
    stage.observe(desk, 76)
    got = await target.next()
    await desk.idle()
    is_genuine = verify()
    assert is_genuine(got.headers, got.body, HMAC_SECRET)
    assert not is_genuine(got.headers, got.body + b" ", HMAC_SECRET)
    assert not is_genuine(got.headers, got.body, b"another secret")
    assert not is_genuine({**got.headers, "x-envelope-timestamp": "1"}, got.body, HMAC_SECRET)
    assert not is_genuine({}, got.body, HMAC_SECRET)
    old = webhook.request(shown(), "", HMAC_SECRET, stage.time.now_ms // 1000 - 301)
    assert not is_genuine(dict(old.headers), old.body, HMAC_SECRET)


def test_the_pages_text_is_what_people_see() -> None:
    """Contract, docs: the lines that Slack, Teams and e-mail show."""
    (block,) = blocks(PAGE, "text")
    lines = "\n".join(f"{label}: {value}" for label, value in facts(shown()))
    assert block.text == f"{title(shown())}\n\n{lines}\n"


def test_the_pages_json_is_what_programs_get() -> None:
    """Contract, docs: every field of a webhook's body, with the values of the same alert."""
    (block,) = blocks(PAGE, "json")
    listed, real = json.loads(block.text), orjson.loads(orjson.dumps(fields(shown())))
    assert list(listed) == list(real)
    for name, value in listed.items():
        if isinstance(value, str) and value.endswith("..."):
            value, real[name] = value[:-3], real[name][: len(value) - 3]
        if name != "id":
            assert value == real[name], name
    assert re.fullmatch(r"[0-9a-f]{40}", fields(shown())["id"])
