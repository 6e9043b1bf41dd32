"""Which guardrails look at this exchange, and what a violation means for the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extproc.errors import Code, Refusal
from extproc.guardrails.engine import Engine
from extproc.guardrails.selection import Selection, read_header
from extproc.guardrails.values import Hook, HookResult

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
    environment: str = "",
    internal: bool = False,
) -> Selected | Refusal:
    """Rules, the caller's `x-tfy-guardrails` and the policy's obligations, together.

    An obligation names guardrails without a hook: it holds on the way in and on the way back.
    """
    added = read_header(header) if header else {}
    if isinstance(added, Refusal):
        return added
    extra_in = (*added.get("llm_input", ()), *obliged)
    extra_out = (*added.get("llm_output", ()), *obliged)
    found = []
    extra: tuple[tuple[Hook, tuple[str, ...]], ...] = (
        ("llm_input", extra_in),
        ("llm_output", extra_out),
    )
    for hook, names in extra:
        selection = engine.rules_for(
            subjects, models, metadata, hook, names, environment=environment, internal=internal
        )
        if isinstance(selection, Refusal):
            return selection
        found.append(selection)
    return Selected(*found)


def refusal_of(result: HookResult) -> Refusal | None:
    """None when the hook lets the text pass."""
    if result.failed:
        return Refusal(Code.GUARDRAIL_UNAVAILABLE, rule_id=result.blocked_by)
    if result.blocked_by:
        detail = result.message or f"Guardrail: {result.blocked_by}."
        # The text may quote a service's own words, which are the caller's and not the log's (P4).
        reason = f"guardrail {result.blocked_by}"
        return Refusal(Code.GUARDRAIL_BLOCKED, detail, rule_id=result.blocked_by, reason=reason)
    return None
