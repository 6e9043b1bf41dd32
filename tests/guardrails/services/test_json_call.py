"""What a status and a body mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from extproc.guardrails.services import json_call
from extproc.guardrails.services.json_call import answer_of, fault_of
from extproc.guardrails.services.ports import Reply
from extproc.guardrails.values import GuardrailFault


@pytest.mark.parametrize(
    ("status", "fault"),
    [(200, None), (204, None), (401, "unauthorized"), (403, "unauthorized"), (413, "too_large"),
     (429, "rate_limited"), (500, "unreachable"), (503, "unreachable"), (301, "bad_answer"),
     (400, "bad_answer"), (404, "bad_answer"), (422, "bad_answer"), (100, "bad_answer")],
)  # fmt: skip
def test_a_status_is_an_answer_or_a_fault(status: int, fault: str | None) -> None:
    """P5: nothing but 2xx is an answer."""
    assert fault_of(status) == fault


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}x", b"\xff", b"NaN", b'{"verdict": NaN}', b"[1] 2",
     b'{"verdict": false, "verdict": true}', b'{"a": {"verdict": 1, "verdict": 2}}',
     b'{"a": "\\ud800"}', b"{" * 2_000, b"[" * 100_000],
)  # fmt: skip
def test_json_is_read_strictly(body: bytes) -> None:
    """P1: an answer that two readers would read differently is none."""
    with pytest.raises(GuardrailFault) as raised:
        answer_of(Reply(200, body))
    assert raised.value.fault == "bad_answer"


def test_what_is_json_is_read() -> None:
    """P5: objects, lists and null."""
    assert answer_of(Reply(200, b' {"a": [1]} ')) == {"a": [1]}
    assert answer_of(Reply(201, b"[{}]")) == [{}]
    assert answer_of(Reply(200, b"null")) is None


@pytest.mark.parametrize(
    ("reader", "wrong"),
    [
        (json_call.an_object, [[], None, "x", 1]),
        (json_call.a_list, [{}, None, "x"]),
        (json_call.a_text, [None, 1, b"x", []]),
        (json_call.a_flag, [0, 1, None, "true"]),
        (json_call.a_count, [-1, True, 1.0, None, "1"]),
        (json_call.a_score, [-0.1, 1.1, True, None, "0.5", float("nan")]),
    ],
)
def test_what_is_of_another_type_is_no_answer(
    reader: Callable[[Any], Any], wrong: list[Any]
) -> None:
    """P3: never a pass by accident."""
    for value in wrong:
        with pytest.raises(GuardrailFault):
            reader(value)
