"""Numbers of a request and reasons of an answer, dialect by dialect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.llm.facts import REASONS_MAX, finish_reasons, request_numbers

REQUESTS: list[tuple[Any, dict[str, float]]] = [
    ({"temperature": 0.5, "top_p": 1, "seed": 7, "presence_penalty": -1.5},
     {"temperature": 0.5, "top_p": 1, "seed": 7, "presence_penalty": -1.5}),
    ({"temperature": 1, "top_k": 40}, {"temperature": 1, "top_k": 40}),
    ({"generationConfig": {"temperature": 0.1, "topP": 0.9, "topK": 3, "maxOutputTokens": 5}},
     {"temperature": 0.1, "top_p": 0.9, "top_k": 3}),
    ({"inferenceConfig": {"temperature": 0.3, "topP": 0.4}}, {"temperature": 0.3, "top_p": 0.4}),
    ({"p": 0.7, "k": 9, "frequency_penalty": 0.1},
     {"top_p": 0.7, "top_k": 9, "frequency_penalty": 0.1}),
    ({"temperature": "my card is 4111", "top_p": True, "seed": [1], "top_k": None}, {}),
    ({"seed": 10**30, "temperature": float("inf"), "generationConfig": "x"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "numbers"), REQUESTS)
def test_numbers_of_each_dialect(body: Any, numbers: dict[str, float]) -> None:
    """P4: a trace says numbers of a request, and never what only stands in a number's place."""
    assert request_numbers(body) == numbers


ANSWERS: list[tuple[Any, list[str]]] = [
    ({"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}, ["stop", "length"]),
    ({"choices": [{"finish_reason": None, "delta": {}}]}, []),
    ({"stop_reason": "end_turn", "content": []}, ["end_turn"]),
    ({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}, ["max_tokens"]),
    ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, ["MAX_TOKENS"]),
    ({"output": {}, "stopReason": "tool_use"}, ["tool_use"]),
    ({"messageStop": {"stopReason": "end_turn"}}, ["end_turn"]),
    ({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}, ["COMPLETE"]),
    ({"choices": [{"finish_reason": "ada@example.com wrote: 4111"}]}, []),
    ({"choices": "stop", "delta": "x", "stopReason": 7}, []),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "reasons"), ANSWERS)
def test_reasons_of_each_dialect(answer: Any, reasons: list[str]) -> None:
    """Telemetry: `gen_ai.response.finish_reasons`, as the provider says it."""
    assert list(finish_reasons(answer)) == reasons


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "delta", "stopReason", "seed", "k",
                                       "generationConfig", "finish_reason"]), inner),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["choices", "candidates", "delta", "seed", "p",
                                        "messageStop", "generationConfig"]), JSON))  # fmt: skip
def test_any_body_is_fine(body: Any) -> None:
    """P1: what a caller or a provider sends cannot break an exchange by being odd here."""
    assert all(isinstance(n, int | float) for n in request_numbers(body).values())
    assert len(list(finish_reasons(body))) <= REASONS_MAX
