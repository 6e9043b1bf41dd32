"""Log lines of every process of the gateway: text for people, or one JSON object a line.

Promises: a line holds what our own code says, and from libraries only who spoke, how loud, where
and about which kind of error: their words may quote a request, an answer or an address (P4). No
traceback leaves a process: it shows values. A message of our own is cut at MESSAGE_CHARS_MAX and
stands on one line, so that no value can forge a second one.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

Format = Literal["text", "json"]
OURS = "envelope"
VARIABLE = "ENVELOPE_LOG_FORMAT"
"""How children learn the format before they have read their configuration."""
MESSAGE_CHARS_MAX = 2_000
_LEVELS: Final = {"WARNING": "warn", "CRITICAL": "error"}


def configure_logging(wanted: Format | None = None, stream: TextIO | None = None) -> None:
    """Log from INFO on to `stream`, default stderr; may be called again. `wanted` None: as the
    process that started this one, else text. Children started from now on do the same."""
    chosen = wanted or cast(Format, os.environ.get(VARIABLE, "text"))
    chosen = chosen if chosen == "json" else "text"
    os.environ[VARIABLE] = chosen
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonLines() if chosen == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # A full or closed pipe costs lines, and no words about it that would quote them.
    logging.raiseExceptions = False
    sys.excepthook = _fell


class TextLines(logging.Formatter):
    """`logger: message`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.name}: {said(record)}"


class JsonLines(logging.Formatter):
    """`time`, `level`, `logger`, `message`, `pid`; `error` (a kind) and `decision_id` where there
    are any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": _LEVELS.get(record.levelname, record.levelname.lower()),
            "logger": record.name,
            "message": said(record),
            "pid": record.process,
        }
        if kind := _error(record):
            line["error"] = kind
        decision_id = getattr(record, "decision_id", None)
        if isinstance(decision_id, str):
            line["decision_id"] = decision_id[:64]
        return json.dumps(line, ensure_ascii=True)


def said(record: logging.LogRecord) -> str:
    """The message as it may leave the process."""
    if record.name.partition(".")[0] != OURS:
        kind = _error(record)
        about = f" about {kind}" if kind else ""
        return f"{record.levelname.lower()} in {record.module}:{record.lineno}{about}"
    try:
        text = record.getMessage()
    except Exception:  # arguments that do not fit their message: no reason to lose the line
        text = f"{record.module}:{record.lineno}"
    return "".join(c if c.isprintable() else " " for c in text[:MESSAGE_CHARS_MAX])


def _error(record: logging.LogRecord) -> str:
    """The kind of the error that a line is about; '' for none."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind.__name__ if kind is not None else ""


def _time(created_s: float) -> str:
    """RFC 3339 in UTC, milliseconds."""
    moment = datetime.fromtimestamp(created_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last line of a process that a defect ends: what kind, and where."""
    where = trace
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where is not None else "unknown"
    logging.getLogger(OURS).critical("ended by %s in %s", kind.__name__, place)
