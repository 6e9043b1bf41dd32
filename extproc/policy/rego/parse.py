"""Rego text -> the parser's own tree (JSON). The parser is the embedded engine's.

Refuses before parsing what the parser handles badly: deep brackets (its time doubles per level),
control characters, byte order marks, files that are too large.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import regorus

from extproc.policy.rego.tree import Refused

BRACKET_DEPTH_MAX: Final = 9
"""Measured: parsing nested brackets takes twice as long per level; 9 levels are 8 ms."""
BYTES_MAX: Final = 256 * 1024

_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*|[\[\](){}]|\n', re.S)


def parse(file: str, text: str) -> dict[str, Any]:
    """The parser's tree of one file. Raises Refused with its message and line."""
    _check_text(file, text)
    engine = regorus.Engine()
    try:
        engine.add_policy(file, text)
        found: dict[str, Any] = json.loads(engine.get_ast_as_json())[0]["ast"]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the parser is no Exception
        raise Refused(file, *_parser_message(str(error))) from None
    return found


def _check_text(file: str, text: str) -> None:
    if len(text.encode()) > BYTES_MAX:
        raise Refused(file, 1, f"a policy file holds at most {BYTES_MAX} bytes")
    for number, row in enumerate(text.split("\n"), 1):
        if any(ord(c) < 32 and c not in "\t\r" for c in row) or "\ufeff" in row:
            raise Refused(file, number, "control character or byte order mark in the text")
        if "\r" in row[:-1]:
            raise Refused(file, number, "carriage return inside a line")
    _check_depth(file, text)


def _check_depth(file: str, text: str) -> None:
    line, depth = 1, 0
    for match in _TOKEN.finditer(text):
        piece = match[0]
        depth += (piece in "[({") - (piece in "])}")
        line += piece.count("\n")
        if depth > BRACKET_DEPTH_MAX:
            raise Refused(file, line, f"brackets nested deeper than {BRACKET_DEPTH_MAX}")


def _parser_message(text: str) -> tuple[int, str]:
    """The parser's report without its stack trace: line and message."""
    text = text.split("Stack backtrace")[0]
    where = re.search(r"^\s*-->.*:(\d+):\d+\s*$", text, re.M)
    said = re.search(r"error: (.*)", text)
    return int(where[1]) if where else 1, (said[1] if said else text).strip()[:300]
