"""One regular expression for whole, short values, on an automaton.

Promises: linear in the value whatever the pattern, for hyperscan knows no backtracking; the whole
value has to match, a line feed at its end included. Refuses, with hyperscan's words:
back-references and look-around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hyperscan

_FLAGS = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_UCP | hyperscan.HS_FLAG_ALLOWEMPTY


def compile_whole(pattern: str) -> Callable[[str], bool]:
    """A test of values. ValueError, in words for the pattern's author, when it cannot run.

    Not for use by two threads at once (hyperscan scratch space).
    """
    try:
        encoded = pattern.encode("utf-8")
        _database(encoded)  # alone first: what is no pattern by itself must not close our brackets
        database = _database(b"\\A(?:" + encoded + b")\\z")
    except (hyperscan.error, UnicodeEncodeError) as error:
        why = str(error.args[0]) if isinstance(error, hyperscan.error) else "is no Unicode text"
        raise ValueError(f"is not a pattern that runs in linear time: {why}") from None

    def fits(value: str) -> bool:
        try:
            return _matches(database, value.encode("utf-8"))
        except UnicodeEncodeError:  # a lone surrogate fits nothing
            return False

    return fits


def _database(expression: bytes) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[expression], ids=[0], elements=1, flags=[_FLAGS])
    return database


def _matches(database: Any, data: bytes) -> bool:
    found: list[int] = []
    database.scan(data, lambda *_: found.append(1), context=None)
    return bool(found)
