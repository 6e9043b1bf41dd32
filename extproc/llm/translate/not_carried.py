"""How a translation says no: by the name of the field it cannot carry over.

Inside this package the no travels as an exception, because it arises deep inside nested parts; at
each public function it becomes a Refusal (`refusing`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extproc.errors import Code, Refusal
from extproc.llm.call import Json


class NotCarried(Exception):
    """`param`: JSON path of the field. `what` completes "'param' ..."."""

    def __init__(self, param: str, what: str = "cannot be carried over to this provider") -> None:
        super().__init__(param)
        self.param, self.what = param, what


class Unreadable(Exception):
    """A provider's answer is not of its own dialect's shape. `where`: a place, never content."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


def refusing(translate: Callable[[], Json]) -> Json | Refusal:
    """Run a request translation; a NotCarried becomes `invalid_request` with its field's name."""
    try:
        return translate()
    except NotCarried as no:
        detail = f"'{no.param}' {no.what}."
        return Refusal(Code.INVALID_REQUEST, detail=detail, reason=detail, param=no.param)


def unreadable_answer(where: str) -> Refusal:
    """A provider's answer that is not of its own dialect's shape. `where` is for the audit only."""
    return Refusal(Code.UPSTREAM_ERROR, reason=f"the provider's answer is unreadable at {where}")


def need(holder: Any, key: str, kind: type, path: str) -> Any:
    """`holder[key]`, which must be a `kind`. `path` of the holder, '' for the body itself."""
    value = holder.get(key) if type(holder) is dict else None
    if type(value) is not kind:
        raise NotCarried(f"{path}.{key}" if path else key, "is missing or ill-typed")
    return value


def only(holder: Json, path: str, *known: str) -> None:
    """Refuse fields of a part that no translation carries; null and empty ones say nothing."""
    for key, value in holder.items():
        if key not in known and value not in (None, [], {}, ""):
            raise NotCarried(f"{path}.{key}" if path else key)
