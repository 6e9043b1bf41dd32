"""Which guardrails look at this exchange, and what a violation means for the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extproc.errors import Code, Refusal
from extproc.guardrails.engine import Engine
from extproc.guardrails.selection import Selection, read_header
from extproc.guardrails.values import HookResult

NONE = Selection()


@dataclass(frozen=True, slots=True)
class Selected:
    """The guardrails of each hook, and the rules that named them."""

    input: Selection = NONE
    output: Selection = NONE

    @property
    def rule_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.input.rules, *self.output.rules)))


def select(
    engine: Engine,
    subjects: frozenset[str],
    models: tuple[str, ...],
    metadata: Mapping[str, str],
    header: str | None,
    obliged: tuple[str, ...],
) -> Selected | Refusal:
    """Rules, the caller's `x-tfy-guardrails` and the policy's obligations, together.

    An obligation names guardrails without a hook: it holds on the way in and on the way back.
    """
    added = read_header(header) if header else {}
    if isinstance(added, Refusal):
        return added
    extra_in = (*added.get("llm_input", ()), *obliged)
    extra_out = (*added.get("llm_output", ()), *obliged)
    on_input = engine.rules_for(subjects, models, metadata, "llm_input", extra_in)
    if isinstance(on_input, Refusal):
        return on_input
    on_output = engine.rules_for(subjects, models, metadata, "llm_output", extra_out)
    if isinstance(on_output, Refusal):
        return on_output
    return Selected(on_input, on_output)


def refusal_of(result: HookResult) -> Refusal | None:
    """None when the hook lets the text pass."""
    if result.failed:
        return Refusal(Code.GUARDRAIL_UNAVAILABLE, rule_id=result.blocked_by)
    if result.blocked_by:
        detail = result.message or f"Guardrail: {result.blocked_by}."
        return Refusal(Code.GUARDRAIL_BLOCKED, detail, rule_id=result.blocked_by)
    return None
