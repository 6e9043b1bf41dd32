"""Compiled JSON schemas, and what a JSON text is against one.

Promises: nothing is fetched; a pattern without a linear-time automaton is a mistake; the work of
one judgement has a bound. Strict JSON: no NaN, no lone surrogates; of two equal keys the last
counts, as with every common parser.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

import jsonschema_rs
import orjson

from extproc.guardrails.checks.schema_cost import SchemaMistake, schema_cost
from extproc.llm.strict_json import within_depth

DEPTH_MAX = 256
SCHEMA_BYTES_MAX = 512 * 1024
WORK_MAX = 200_000_000
"""Parts of the schema times parts of the text: about a second at worst (measured)."""
_CHARS_PER_NODE = 16
_REGEX_BYTES_MAX = 128 * 1024
_REGEX_CACHE_BYTES_MAX = 2 * 1024 * 1024
_CACHED_MAX = 64

Verdict = Literal["fits", "not_json", "mismatch", "too_large"]


class Judge:
    """One schema, compiled. Raises SchemaMistake when it cannot be."""

    def __init__(self, schema: Any) -> None:
        if type(schema) not in (dict, bool):
            raise SchemaMistake("is no JSON schema: it must be an object")
        self._cost = schema_cost(schema).nodes
        try:
            self._validator = jsonschema_rs.validator_for(
                schema,
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(
                    size_limit=_REGEX_BYTES_MAX, dfa_size_limit=_REGEX_CACHE_BYTES_MAX
                ),
            )
        except ValueError as error:  # its ValidationError and ReferencingError are among them
            raise SchemaMistake(f"is no usable JSON schema: {_first_line(error)}") from None

    def judge(self, text: str) -> Verdict:
        """What a text is."""
        try:
            value = orjson.loads(text)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            return "not_json"
        if not within_depth(value, DEPTH_MAX) or self._cost * _nodes(text) > WORK_MAX:
            return "too_large"
        return "fits" if self._validator.is_valid(value) else "mismatch"


ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


class Judges:
    """Judges of schemas that calls bring along; the last ones are kept, by their hash (P4)."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Judge] = OrderedDict()

    def of(self, schema: Any) -> Judge:
        """Raises SchemaMistake."""
        try:
            written = orjson.dumps(schema)
        except (TypeError, ValueError):
            raise SchemaMistake("is no JSON") from None
        if len(written) > SCHEMA_BYTES_MAX:
            raise SchemaMistake(f"is larger than {SCHEMA_BYTES_MAX} bytes")
        key = sha256(written).digest()
        judge = self._kept.get(key)
        if judge is None:
            judge = self._kept[key] = Judge(schema)
            if len(self._kept) > _CACHED_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return judge


def _nodes(text: str) -> int:
    """At least as many parts as a JSON text has, without walking it: each but one has a mark."""
    return 1 + text.count(",") + text.count("[") + text.count("{") + len(text) // _CHARS_PER_NODE


def _first_line(error: ValueError) -> str:
    return str(error).split("\n", 1)[0][:300]
