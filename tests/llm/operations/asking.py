"""What the tests of single operations share: reading a call, and what its texts are."""

from __future__ import annotations

from collections.abc import Iterable

from extproc.errors import Refusal
from extproc.llm.call import Dialect, Json, LlmCall, TextSlot


def call_of(dialect: Dialect, body: Json, path: str = "") -> LlmCall:
    call = dialect.read_call(path, body)
    assert not isinstance(call, Refusal), call
    return call


def refused(dialect: Dialect, body: Json, path: str = "") -> str | None:
    """The field that a refusal names."""
    no = dialect.read_call(path, body)
    assert isinstance(no, Refusal), no
    return no.param


def texts(slots: Iterable[TextSlot]) -> dict[str, str]:
    return {slot.path: slot.text for slot in slots}


def without_streams(dialect: Dialect, body: Json) -> None:
    assert call_of(dialect, {**body, "stream": False}).stream is False
    assert refused(dialect, {**body, "stream": True}) == "stream"
    assert refused(dialect, {**body, "stream": "yes"}) == "stream"
