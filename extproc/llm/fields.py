"""Checks of single request fields, shared by the dialects.

Each check returns None when the field is fine and a Refusal that names the field when it is not,
so that a reader is a chain of `or`. `null` counts as absent for optional fields, as with both
vendors. Names and types are told, values never (P4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from extproc.errors import Code, Refusal
from extproc.llm.call import Json

MODEL_CHARS_MAX = 256


def refuse(param: str, what: str) -> Refusal:
    """`what` completes the sentence "'param' ..."."""
    return Refusal(Code.INVALID_REQUEST, detail=f"'{param}' {what}.", param=param)


def model_fault(body: Json) -> Refusal | None:
    model = body.get("model")
    if type(model) is not str or not model:
        return refuse("model", "must be a non-empty string")
    if len(model) > MODEL_CHARS_MAX:
        return refuse("model", f"must not be longer than {MODEL_CHARS_MAX} characters")
    return None


def flag_fault(body: Json, key: str) -> Refusal | None:
    value = body.get(key)
    return None if value is None or type(value) is bool else refuse(key, "must be a boolean")


def object_fault(body: Json, key: str) -> Refusal | None:
    value = body.get(key)
    return None if value is None or type(value) is dict else refuse(key, "must be an object")


def count_fault(
    body: Json, key: str, *, most: int = 2**31 - 1, required: bool = False
) -> Refusal | None:
    """A positive integer; `true` is not 1 (bool is a subclass of int)."""
    value = body.get(key)
    if value is None and not required:
        return None
    if type(value) is not int or not 1 <= value <= most:
        bound = f" up to {most}" if most < 2**31 - 1 else ""
        return refuse(key, f"must be a positive integer{bound}")
    return None


def objects_fault(body: Json, key: str, *, required: bool = False) -> Refusal | None:
    """A list of objects; non-empty when required."""
    value = body.get(key)
    if value is None and not required:
        return None
    if type(value) is not list or (required and not value):
        return refuse(key, "must be a non-empty list" if required else "must be a list")
    for position, item in enumerate(value):
        if type(item) is not dict:
            return refuse(f"{key}[{position}]", "must be an object")
    return None


def text_fault(holder: Json, key: str, path: str) -> Refusal | None:
    if type(holder.get(key)) is not str:
        return refuse(f"{path}.{key}", "must be a string")
    return None


def first(faults: Iterable[Refusal | None]) -> Refusal | None:
    """The first real refusal of a lazy sequence of checks."""
    return next((fault for fault in faults if fault is not None), None)


def least(*stated: Any) -> int | None:
    """The smallest of the maxima that were stated; None when none was."""
    return min((value for value in stated if value is not None), default=None)
