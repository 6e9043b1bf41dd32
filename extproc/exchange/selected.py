"""Which guardrails look at this exchange, and what a violation means for the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extproc.errors import Code, Refusal
from extproc.guardrails.values import HookResult

if TYPE_CHECKING:
    from extproc.exchange.request import Request


@dataclass(frozen=True, slots=True)
class Selected:
    """Selectors (`group/name`) for each hook, and the rules that named them."""

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    rule_ids: tuple[str, ...] = ()

    def refusal(self, result: HookResult) -> Refusal | None:
        """None when the hook lets the text pass."""
        if result.failed:
            return Refusal(Code.GUARDRAIL_UNAVAILABLE, rule_id=result.blocked_by)
        if result.blocked_by:
            detail = result.message or f"Guardrail: {result.blocked_by}."
            return Refusal(Code.GUARDRAIL_BLOCKED, detail, rule_id=result.blocked_by)
        return None


def selected_guardrails(request: Request) -> Selected | Refusal:
    """Rules, the caller's `x-tfy-guardrails` and the policy's obligations, together."""
    raise NotImplementedError
