"""Runs in the rivals' environment: detect-secrets over texts on standard input.

    python detect_secrets_worker.py NAME    JSON lines {"text"} -> [[start, end, type, 1.0], ...]

Its own default plugins and filters, line by line, as it scans a file called NAME: by the name it
decides whether a value beside a keyword needs quotes. Nothing is verified: no network.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from detect_secrets.core.scan import (  # type: ignore[import-not-found]
    _process_line_based_plugins,
)
from detect_secrets.settings import default_settings, get_settings  # type: ignore[import-not-found]


def spans(text: str, name: str) -> list[list[Any]]:
    found: dict[tuple[int, int, str], None] = {}
    at = 0
    for line in text.split("\n"):
        for secret in _process_line_based_plugins(lines=[(1, line)], filename=name):
            value = secret.secret_value or ""
            place = line.find(value) if value else -1
            if place >= 0:
                found[at + place, at + place + len(value), secret.type] = None
        at += len(line) + 1
    return [[*key, 1.0] for key in found]


def main(name: str) -> None:
    with default_settings():
        get_settings().disable_filters("detect_secrets.filters.common.is_invalid_file")
        for line in sys.stdin:
            print(json.dumps(spans(json.loads(line)["text"], name)))


if __name__ == "__main__":
    main(sys.argv[1])
