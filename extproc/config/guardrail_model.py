"""Guardrails as documents: groups of them, and the rules that say which calls they look at.

Promises: a guardrail that could not do what its document says is a mistake at load (an operation
its type does not know, a mutation that nobody waits for, a profile that is looser in production
than in staging). What stands under `config` is checked by its type (`guardrail_settings.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, SecretRef, When
from extproc.config.fields import Name, PlainName, Selectors, complaint, not_empty

GuardrailType = Literal[
    "pii", "secrets", "prompt-injection", "content-moderation", "regex", "topics", "sql-sanitizer",
    "code-safety", "prompt-leak", "metadata", "json-schema", "length", "language", "opa", "cedar",
    "judge", "webhook", "openai-moderations", "azure-content-safety", "bedrock-guardrails",
    "patronus", "presidio",
]  # fmt: skip
Strategy = Literal["audit", "enforce", "strict", "enforce_but_ignore_on_error"]
Role = Literal["system", "user", "assistant", "tool", "tool_definition", "tool_arguments",
               "reasoning", "refusal", "input"]  # fmt: skip
Redaction = Literal["replace", "mask", "hash", "pseudonym"]

MUTATING = frozenset(
    ("pii", "secrets", "regex", "sql-sanitizer", "webhook", "bedrock-guardrails", "presidio")
)
"""Types that can replace what they find."""
SERVICES = frozenset(
    ("opa", "judge", "webhook", "openai-moderations", "azure-content-safety",
     "bedrock-guardrails", "patronus", "presidio")
)  # fmt: skip
"""Types that ask somebody and wait for the answer."""
REDACTING = frozenset(("pii", "secrets", "regex", "presidio"))
"""Types that know where a finding stands, so that its style can be chosen."""

Hook = Literal["llm_input", "llm_output", "mcp_tool_pre_invoke", "mcp_tool_post_invoke"]
TIMEOUT_MAX_MS = 60_000
STRICTNESS: Mapping[str, int] = {
    "audit": 0, "enforce": 1, "enforce_but_ignore_on_error": 1, "strict": 2,
}  # fmt: skip
_STAGES: tuple[frozenset[str], ...] = (
    frozenset(("development", "dev", "local", "test", "testing")),
    frozenset(("staging", "stage", "preproduction", "pre-production")),
    frozenset(("production", "prod", "live")),
)


def _tightens(profile: Mapping[str, str]) -> Mapping[str, str]:
    """From development to staging to production a profile may only become stricter."""
    least, named = -1, ""
    for stage in _STAGES:
        here = [(STRICTNESS[s], name) for name, s in profile.items() if name in stage]
        if here and min(here)[0] < least:
            raise complaint(f"is looser for '{min(here)[1]}' than for '{named}'")
        if here:
            least, named = max(here)
    return profile


Profile = Annotated[
    Mapping[PlainName, Strategy], AfterValidator(not_empty), AfterValidator(_tightens)
]


class Guardrail(Document):
    """One guardrail of a group; addressed as `group/name`.

    `profile`: environment -> strategy; elsewhere `enforcing_strategy` holds. `execution`: whether
    the call waits (`before`), starts meanwhile and its answer waits (`parallel`), or nobody waits
    and the finding goes to the entry (`after`). `roles`: whose texts it looks at; none = its
    type's own choice. `redaction`: what a mutation puts in a finding's place.
    """

    name: Name
    description: str | None = Field(default=None, max_length=500)
    type: GuardrailType
    operation: Literal["validate", "mutate"] = "validate"
    enforcing_strategy: Strategy = "enforce"
    profile: Profile | None = None
    execution: Literal["before", "parallel", "after"] = "before"
    priority: int = 0
    timeout_ms: int = Field(default=5_000, ge=1, le=TIMEOUT_MAX_MS)
    roles: Annotated[tuple[Role, ...], AfterValidator(not_empty)] | None = None
    redaction: Redaction | None = None
    config: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_do_that(self) -> Self:
        if self.operation == "mutate" and self.type not in MUTATING:
            raise complaint(f"type '{self.type}' cannot mutate, only validate", at="operation")
        if self.operation == "mutate" and self.execution != "before":
            raise complaint("a mutation must be `before`: somebody has to wait", at="execution")
        if self.redaction and (self.operation != "mutate" or self.type not in REDACTING):
            raise complaint(
                f"is for mutating guardrails of type {', '.join(sorted(REDACTING))}",
                at="redaction",
            )
        return self

    def strategy(self, environment: str | None) -> Literal["audit", "enforce", "strict"]:
        """What holds in an environment."""
        chosen = (self.profile or {}).get(environment or "", self.enforcing_strategy)
        return "enforce" if chosen == "enforce_but_ignore_on_error" else chosen


class GuardrailDefaults(Document):
    """`pseudonym_key`: what keyed placeholders are made with; the same in every gateway of a
    fleet. Without it each gateway makes its own."""

    pseudonym_key: SecretRef | None = None


class GuardrailGroup(Document):
    type: Literal["guardrail-config-group"]
    name: PlainName
    guardrails: tuple[Guardrail, ...]


class GuardrailWhen(When):
    """`mcp_servers`: names, or `server/tool` for one tool of a server; for tool calls alone."""

    environments: Annotated[tuple[PlainName, ...], AfterValidator(not_empty)] | None = None
    mcp_servers: Annotated[tuple[str, ...], AfterValidator(not_empty)] | None = None


class GuardrailRule(Document):
    """All matching rules apply. A missing `when` is a mistake, never 'everything'.

    `unscanned`: what becomes of a call with parts that no guardrail can read.
    """

    id: Name
    when: GuardrailWhen
    llm_input_guardrails: Selectors = ()
    llm_output_guardrails: Selectors = ()
    mcp_tool_pre_invoke_guardrails: Selectors = ()
    mcp_tool_post_invoke_guardrails: Selectors = ()
    unscanned: Literal["allow", "refuse"] = "allow"
    custom_error_message: str | None = Field(default=None, max_length=500)


class GuardrailsConfig(Document):
    type: Literal["gateway-guardrails-config"]
    name: Name
    rules: tuple[GuardrailRule, ...]


def patience_ms(guardrails: Iterable[Guardrail]) -> int:
    """The longest that one hook may wait for its services: validating ones are asked together,
    mutating ones in turn."""
    asked = [g for g in guardrails if g.type in SERVICES and g.execution != "after"]
    together = [g.timeout_ms for g in asked if g.operation == "validate"]
    in_turn = [g.timeout_ms for g in asked if g.operation == "mutate"]
    return max(together, default=0) + sum(in_turn)


ROLES: tuple[Role, ...] = get_args(Role)
