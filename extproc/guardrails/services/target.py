"""Whose texts a guardrail judges at a hook."""

from __future__ import annotations

from typing import Literal

from extproc.guardrails.values import Exam, GuardrailFault, Hook

ON_REQUESTS: frozenset[Hook] = frozenset(("llm_input", "mcp_tool_pre_invoke"))


def judges_request(exam: Exam, target: Literal["request", "response"] | None) -> bool:
    """By `target`; without one the hook's own. Raises GuardrailFault `defect` where a rule asks
    for a judgement of an answer that there is not yet: to pass it would be a lie (P3)."""
    on_request = exam.hook in ON_REQUESTS
    if target == "response" and on_request:
        raise GuardrailFault("defect")
    return on_request if target is None else target == "request"
