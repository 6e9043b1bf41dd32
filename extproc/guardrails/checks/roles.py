"""Whose texts these types look at when their guardrail names no `roles`, and at which hooks.

A hook that a type's table does not have is none it can judge: a rule that names it there would
silently do nothing. None is every text; a type that is not here looks at every text, or (cedar,
opa) at the call itself, at every hook.
"""

from __future__ import annotations

from collections.abc import Mapping

from extproc.guardrails.values import Hook
from extproc.llm.call import Role

_ANSWER: frozenset[Role] = frozenset(("assistant", "refusal"))
_PROMPT: frozenset[Role] = frozenset(("user", "input"))
_CONVERSATION: frozenset[Role] = frozenset(("system", "user", "assistant", "tool", "input"))
_ARGUMENTS: frozenset[Role] = frozenset(("tool_arguments",))
_RESULT: frozenset[Role] = frozenset(("tool",))

OWN_ROLES: Mapping[str, Mapping[Hook, frozenset[Role] | None]] = {
    "metadata": {"llm_input": None, "mcp_tool_pre_invoke": None},
    "prompt-leak": {"llm_output": None, "mcp_tool_pre_invoke": None},
    "json-schema": {
        "llm_output": frozenset(("assistant",)),
        "mcp_tool_pre_invoke": _ARGUMENTS,
        "mcp_tool_post_invoke": _RESULT,
    },
    "length": {
        "llm_input": _CONVERSATION,
        "llm_output": _ANSWER,
        "mcp_tool_pre_invoke": _ARGUMENTS,
        "mcp_tool_post_invoke": _RESULT,
    },
    "language": {
        "llm_input": _PROMPT,
        "llm_output": _ANSWER,
        "mcp_tool_pre_invoke": _ARGUMENTS,
        "mcp_tool_post_invoke": _RESULT,
    },
}
