"""Strict JSON: what the gateway reads is what any provider reads (P1).

Promises: a body that passes means the same to every correct JSON parser. Refuses: anything but one
UTF-8 object; byte order marks and UTF-16; duplicate keys at any depth (RFC 8259, 4: receivers
differ on which one wins); NaN, Infinity and 1e999; lone surrogates; integers beyond 64 bit (some
receivers round them); nesting deeper than `depth_max`; anything after the object. A refusal names
the place, never the content (P4).

How duplicates are found: orjson keeps the last of two equal keys. Re-serialising its tree writes
every surviving pair with exactly one `:` and every string with its colons unescaped, so the number
of `:` bytes in the body equals that in the re-serialised tree exactly when no pair was lost, unless
the body spells a colon as an escape. Bodies that do go through the exact, slower reader, as do
those with numbers that might have been integers too large.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from extproc.errors import Code, Refusal
from extproc.llm.call import Json

DEPTH_MAX = 64
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def parse(body: bytes, *, depth_max: int = DEPTH_MAX) -> Json | Refusal:
    """Read one JSON object strictly; refuse with `invalid_request` and a detail without content."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _refuse(_syntax_fault(body, error))
    if type(tree) is not dict:
        return _refuse("The body must be a JSON object.")
    depth_is_fine, huge_number = _survey(tree, depth_max)
    if not depth_is_fine:
        return _refuse(f"The body is nested deeper than {depth_max} levels.")
    if huge_number or (b"\\" in body and _ESCAPED_COLON.search(body)):
        fault = _exact_fault(body)
        return _refuse(fault) if fault else tree
    if body.count(b":") != orjson.dumps(tree).count(b":"):
        return _refuse(_DUPLICATE)
    return tree


def dump(tree: Any) -> bytes:
    """Serialise to compact UTF-8 JSON."""
    return orjson.dumps(tree)


def within_depth(tree: Any, depth_max: int = DEPTH_MAX) -> bool:
    """Whether a parsed tree is at most `depth_max` containers deep (iterative: safe on any)."""
    return type(tree) not in (dict, list) or _survey(tree, depth_max)[0]


def _survey(tree: Any, depth_max: int) -> tuple[bool, bool]:
    """Walk level by level: (depth is fine, some float may have been an integer beyond 64 bit)."""
    level, huge = [tree], False
    for _ in range(depth_max):
        below: list[Any] = []
        for node in level:
            for value in node.values() if type(node) is dict else node:
                kind = type(value)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float and not _INT_MIN < value < _INT_MAX:
                    huge = True
        if not below:
            return True, huge
        level = below
    return False, huge


_DUPLICATE = "The body repeats a key within one object."


class _Fault(Exception):
    """Carries a refusal's detail out of the standard library's parser."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _Fault(_DUPLICATE)


def _int64(digits: str) -> None:
    if len(digits) > 20 or not _INT_MIN <= int(digits) <= _INT_MAX:
        raise _Fault("The body holds an integer beyond 64 bits.")


_EXACT = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_int64)


def _exact_fault(body: bytes) -> str:
    """Read again with every pair and integer in sight; the body is known to be sound JSON."""
    try:
        _EXACT.decode(body.decode())
    except _Fault as fault:
        return str(fault)
    except RecursionError:  # only a value that orjson dropped as a duplicate can be this deep
        return _DUPLICATE
    return ""


def _syntax_fault(body: bytes, error: orjson.JSONDecodeError) -> str:
    if not body.strip():
        return "The body is empty; send a JSON object."
    if body.startswith(_BYTE_ORDER_MARKS) or b"\x00" in body[:4]:
        return "The body must be UTF-8 without a byte order mark."
    return f"The body is not strict UTF-8 JSON (line {error.lineno}, column {error.colno})."


def _refuse(detail: str) -> Refusal:
    return Refusal(Code.INVALID_REQUEST, detail=detail, reason=detail)
