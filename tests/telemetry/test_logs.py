"""Log lines: one a line, in the form that was asked for, with nothing of anybody's texts."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.logs import MESSAGE_CHARS_MAX, VARIABLE, Format, configure_logging

CANARY = "sk-canary-4111-1111"


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The handlers of the tests themselves come back."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    monkeypatch.setenv(VARIABLE, "text")
    yield
    root.handlers[:], root.level, sys.excepthook = handlers, level, hook
    logging.raiseExceptions = True


def written(wanted: Format, *lines: Any) -> str:
    """What `lines` leave behind: each a function that logs."""
    stream = io.StringIO()
    configure_logging(wanted, stream)
    for line in lines:
        line()
    return stream.getvalue()


def _fails() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("envelope.server").error("exchange failed", exc_info=True)


def _library() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling %s", CANARY)
    logging.getLogger("asyncio").error(f"Task exception was never retrieved {CANARY}")


def _mismatch() -> None:
    logging.getLogger("envelope.worker").error("one %s", CANARY, CANARY)


def test_json_lines_say_who_when_and_what() -> None:
    """Telemetry: one JSON object a line, with the decision id where there is one."""
    log = logging.getLogger("envelope.session")
    text = written(
        "json",
        lambda: log.warning("late by %d ms", 7, extra={"decision_id": "d-1"}),
        lambda: log.info("two\nlines"),
        _fails,
    )
    first, second, third = map(json.loads, text.splitlines())
    assert set(first) == {"time", "level", "logger", "message", "pid", "decision_id"}
    assert first["time"].endswith("Z") and len(first["time"]) == 24
    assert (first["level"], first["logger"]) == ("warn", "envelope.session")
    assert (first["message"], first["decision_id"]) == ("late by 7 ms", "d-1")
    assert second["message"] == "two lines"
    assert (third["message"], third["error"]) == ("exchange failed", "ValueError")


def test_text_is_for_people() -> None:
    """Telemetry: `logger: message`; no value can forge a second line."""
    log = logging.getLogger("envelope")
    text = written("text", lambda: log.info("a\r\nenvelope: b"), lambda: log.debug("not shown"))
    assert text == "envelope: a  envelope: b\n"


@pytest.mark.parametrize("wanted", ["text", "json"])
def test_no_line_holds_what_an_error_or_a_library_says(wanted: Format) -> None:
    """P4: messages of errors and of libraries may quote texts, keys and addresses: never shown."""
    text = written(wanted, _fails, _library, _mismatch)
    assert CANARY not in text
    assert len(text.splitlines()) == 4
    assert "error in test_logs:" in text and "about ValueError" in text


def test_long_messages_are_cut() -> None:
    """P8: one line cannot fill a disk."""
    text = written("json", lambda: logging.getLogger("envelope").error("x" * 10**6))
    assert len(json.loads(text)["message"]) == MESSAGE_CHARS_MAX


def test_what_asyncio_says_of_a_lost_task_is_not_shown() -> None:
    """P4: its words hold the task's error."""

    async def lose() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "lost", "exception": ValueError(CANARY)})

    text = written("json", lambda: asyncio.run(lose()))
    assert CANARY not in text
    assert json.loads(text)["error"] == "ValueError"


def _run(code: str, wanted: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from extproc.logs import configure_logging as c; c(); {code}"],
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), VARIABLE: wanted},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_children_do_as_their_parent_and_fall_in_silence(tmp_path: Path) -> None:
    """P4: a child learns the format from its environment; the last line of one that a defect ends
    names the kind of error, not its words."""
    ended = _run(f"raise ValueError('{CANARY}')", "json", tmp_path)
    line = json.loads(ended.stderr)
    assert line["message"] == "ended by ValueError in <module>:1"
    assert CANARY not in ended.stderr and ended.returncode == 1
    plain = _run(f"raise ValueError('{CANARY}')", "text", tmp_path)
    assert plain.stderr == "envelope: ended by ValueError in <module>:1\n"
    inherits = "import os; print(os.environ['ENVELOPE_LOG_FORMAT'])"
    assert _run(f"c('json'); {inherits}", "", tmp_path).stdout == "json\n"
    assert _run(inherits, "shouting", tmp_path).stdout == "text\n"
