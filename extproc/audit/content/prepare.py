"""From a body to the bytes that are kept of it.

Pure. Promises: `full` keeps what was said, up to `body_bytes_max`; `redacted` keeps nothing that
nobody has looked at. Raises Omitted for what is not kept at all.
"""

from __future__ import annotations

from typing import Literal

from extproc.audit.content.redact import Redacted, Redactor
from extproc.audit.content.scan import Unreadable
from extproc.audit.content.values import Body
from extproc.config.audit_model import Capture


class Omitted(Exception):
    """`reason`: as it stands in the entry."""

    def __init__(self, reason: Literal["binary", "unreadable"]) -> None:
        super().__init__(reason)
        self.reason = reason


def prepared(redactor: Redactor | None, capture: Capture, body: Body, bytes_max: int) -> Redacted:
    """(bytes to keep, whether the body was cut), in pieces; raises Omitted."""
    if body.form == "binary":
        raise Omitted("binary")
    if capture == "full":
        return body.data[:bytes_max], body.size > bytes_max
        yield  # a generator, as its other half is
    assert redactor is not None, "it is there where a rule redacts"
    try:
        return (yield from _redacted(redactor, body, bytes_max))
    except Unreadable:
        raise Omitted("unreadable") from None


def _redacted(redactor: Redactor, body: Body, bytes_max: int) -> Redacted:
    match body.form:
        case "events":
            return (yield from redactor.events(body.data, bytes_max, body.whole))
        case "json" if body.whole:
            return (yield from redactor.json(body.data, bytes_max))
        case "text" if body.whole:
            return (yield from redactor.text(body.data, bytes_max))
    raise Unreadable


def at_once(work: Redacted) -> tuple[bytes, bool]:
    """Run it through."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: tuple[bytes, bool] = done.value
            return result
