"""An entry as a syslog message: RFC 5424 with the entry as JSON, or with CEF as its text. Pure.

Promises: no value can end its field or begin another message; control characters never leave.
The JSON is ASCII (other characters as \\u escapes), so that no receiver's idea of an encoding
changes it. Source: RFC 5424 6; ArcSight "Common Event Format" implementation standard, 25.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from extproc import __version__
from extproc.audit.columns import first_text, instant, text, whole
from extproc.audit.shipping.severity import severity
from extproc.audit.shipping.values import Item
from extproc.audit.values import Entry

SD_ID = "envelope@32473"
"""32473 is the enterprise number for examples (RFC 5612): this program has none of its own."""
APP_NAME = "envelope"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PARAMETERS = {
    "decision_id": (("decision_id",),),
    "outcome": (("decision", "outcome"),),
    "code": (("decision", "code"),),
    "principal": (("principal", "name"), ("actor", "name")),
    "team": (("principal", "team"), ("metadata", "team")),
    "model": (("served", "model"), ("request", "model")),
    "environment": (("environment",),),
}


def rfc5424(item: Item, origin: str, facility: int, hostname: str) -> bytes:
    """One message, without framing. `facility`: 0 to 23. `hostname`: this machine's."""
    values = {"index": str(item.index), "origin": origin, **_parameters(item.entry)}
    data = "".join(f' {name}="{parameter(value)}"' for name, value in values.items())
    content = json.dumps(item.entry, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return f"{_header(item, facility, hostname)} [{SD_ID}{data}] {content}".encode()


def cef(item: Item, origin: str, facility: int, hostname: str) -> bytes:
    """The same header, and CEF as the text."""
    kind = _kind(item.entry)
    outcome = text(item.entry, "decision", "outcome") or "unknown"
    code = text(item.entry, "decision", "code")
    head = "|".join(
        cef_header(part)
        for part in ("CEF:0", "Envelope", "Envelope gateway", __version__,
                     f"{kind}.{outcome}", f"{kind} {code or outcome}",
                     str(severity(item.entry).cef))
    )  # fmt: skip
    extension = " ".join(f"{key}={cef_value(v)}" for key, v in _extension(item, origin))
    return f"{_header(item, facility, hostname)} - {head}|{extension}".encode()


def parameter(value: str) -> str:
    """A PARAM-VALUE: `"`, `\\` and `]` escaped (RFC 5424 6.3.3)."""
    return re.sub(r'(["\\\]])', r"\\\1", _clean(value))


def cef_header(value: str) -> str:
    """A field of CEF's header: `\\` and `|` escaped."""
    return re.sub(r"([\\|])", r"\\\1", _clean(value))


def cef_value(value: str) -> str:
    """A value of CEF's extension: `\\` and `=` escaped."""
    return re.sub(r"([\\=])", r"\\\1", _clean(value))


def _header(item: Item, facility: int, hostname: str) -> str:
    """PRI to MSGID (RFC 5424 6.2); PROCID is nil."""
    at = instant(item.entry)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else "-"
    priority = facility * 8 + severity(item.entry).syslog
    return (
        f"<{priority}>1 {stamp} {_word(hostname, 255)} {APP_NAME} - {_word(_kind(item.entry), 32)}"
    )


def _kind(entry: Entry) -> str:
    return text(entry, "event", "action") or "call"


def _parameters(entry: Entry) -> dict[str, str]:
    found = {name: first_text(entry, *paths) for name, paths in _PARAMETERS.items()}
    return {name: value for name, value in found.items() if value}


def _extension(item: Item, origin: str) -> Iterator[tuple[str, str]]:
    entry = item.entry
    if (at := instant(entry)) is not None:
        yield "rt", str(int(at.timestamp() * 1000))
    yield "externalId", text(entry, "decision_id") or ""
    yield "deviceExternalId", origin
    known = {
        "suser": first_text(entry, ("principal", "name"), ("actor", "name")),
        "outcome": text(entry, "decision", "outcome"),
        "reason": text(entry, "decision", "code"),
        "requestMethod": text(entry, "request", "method"),
        "request": text(entry, "request", "path"),
    }
    yield from ((key, value) for key, value in known.items() if value)
    texts = (("team", first_text(entry, ("principal", "team"), ("metadata", "team"))),
             ("model", first_text(entry, ("served", "model"), ("request", "model"))),
             ("provider", text(entry, "served", "provider")),
             ("environment", text(entry, "environment")),
             ("rule", text(entry, "decision", "rule_id")),
             ("configDigest", text(entry, "config_digest")))  # fmt: skip
    for number, (label, value) in enumerate(texts, start=1):
        if value:
            yield f"cs{number}", value
            yield f"cs{number}Label", label
    numbers = (("auditIndex", item.index),
               ("inputTokens", whole(entry, "usage", "input_tokens")),
               ("outputTokens", whole(entry, "usage", "output_tokens")))  # fmt: skip
    for number, (label, amount) in enumerate(numbers, start=1):
        if amount is not None:
            yield f"cn{number}", str(amount)
            yield f"cn{number}Label", label
    if (cost := whole(entry, "cost_nano_usd")) is not None:
        yield "flexNumber1", str(cost)
        yield "flexNumber1Label", "costNanoUsd"


def _word(value: str, most: int) -> str:
    """PRINTUSASCII: one word (RFC 5424 6); `-` where nothing is left."""
    return re.sub(r"[^\x21-\x7e]", "_", value)[:most] or "-"


def _clean(value: str) -> str:
    return _CONTROL.sub(" ", value)
