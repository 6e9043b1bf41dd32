"""From a policy's answer to a Decision; the same strict reading for every engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from extproc.policy.values import Decision

UNDEFINED: Final = Decision(False, faults=("undefined",))
"""No such package: nothing was decided."""
FAILED: Final = Decision(False, faults=("evaluation_error",))
"""The policy contradicts itself (conflicting values) or a builtin failed."""
BAD_INPUT: Final = Decision(False, faults=("input_not_json",))
NOT_WHOLE: Final = Decision(False, faults=("input_number_not_whole",))


def encode(document: Mapping[str, Any]) -> bytes | None:
    """Input as JSON; None when it is none (a claim that holds NaN, a lone surrogate...)."""
    try:
        return orjson.dumps(document)
    except (TypeError, ValueError):
        return None


def read_decision(document: Any) -> Decision:
    """Read the value of package `envelope.authz`.

    Only the boolean true allows. Ill-typed `reasons` and `obligations` count as absent and are
    named in `faults`.
    """
    if not isinstance(document, dict):
        return Decision(False, faults=("not_an_object",))
    allow = document.get("allow")
    faults: tuple[str, ...] = ()
    if allow is not True and allow is not False:
        faults += ("allow_undefined" if "allow" not in document else "allow_not_boolean",)
    reasons = document.get("reasons", [])
    if not isinstance(reasons, list) or not all(isinstance(r, str) for r in reasons):
        reasons, faults = [], (*faults, "reasons_not_texts")
    obligations = document.get("obligations", {})
    if not isinstance(obligations, dict):
        obligations, faults = {}, (*faults, "obligations_not_an_object")
    return Decision(allow is True, tuple(sorted(reasons)), obligations, faults)
