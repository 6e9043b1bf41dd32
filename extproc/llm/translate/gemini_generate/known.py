"""Fields nobody here carries: refused by name, unless they ask for nothing.

At Google an empty object does ask for something: `{"googleSearch": {}}` turns a tool on.
"""

from __future__ import annotations

from extproc.llm.call import Json
from extproc.llm.translate.not_carried import NotCarried


def known_only(fields: Json, path: str, *known: str) -> None:
    for name, value in fields.items():
        if name in known or value is None or value is False or value in ("", []):
            continue
        raise NotCarried(f"{path}.{name}" if path else name)
