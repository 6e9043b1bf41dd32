"""Routing rules: which targets serve a name, in which order, and when to go on to the next.

Shapes, and what one document can be judged by alone. A virtual model (`virtual_model.py`) is a rule
that brings its own names with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.base import Document, When
from extproc.config.fields import (
    Fault,
    Name,
    StatusCode,
    WhenMetadata,
    complain,
    complaint,
)
from extproc.config.header_fields import HeadersOverride
from extproc.identity.keys import KEY_HEADERS

PRIORITY, WEIGHT, LATENCY = (
    "priority-based-routing", "weight-based-routing", "latency-based-routing",
)  # fmt: skip
Strategy = Literal["priority-based-routing", "weight-based-routing", "latency-based-routing"]
AUTO = "auto"
"""The name that asks for any model the key may call, by tier, family, region and price."""
PROMPT_VERSION = "prompt_version_fqn"


class RetryConfig(Document):
    """`attempts` further tries on the same target; `delay` in milliseconds between them."""

    attempts: int = Field(default=0, ge=0, le=10)
    delay: int = Field(default=50, ge=0, le=60_000)
    on_status_codes: tuple[StatusCode, ...] = ("429", "500", "502", "503")


# The resolved model, the stream's shape and the prompt were judged before a target is chosen (P1).
# By whatever name a dialect has for them.
GOVERNED_PARAMS = frozenset(
    {
        "model", "modelId", "stream", "messages", "input", "inputs", "prompt", "system", "tools",
        "functions", "instructions", "contents", "content", "systemInstruction",
        "system_instruction", "cachedContent", "toolConfig", "message", "chat_history", "query",
        "documents", "texts", "conversation", "previous_response_id", "prompt_variables",
    }
)  # fmt: skip


def _ungoverned(params: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in params:
        if key in GOVERNED_PARAMS:
            raise complaint(f"may not replace `{key}`, which the request was judged by")
    version = params.get(PROMPT_VERSION, "")
    if not isinstance(version, str):
        raise complaint(f"`{PROMPT_VERSION}` must be text, as `<name>:<version>`")
    return params


OverrideParams = Annotated[Mapping[str, Any], AfterValidator(_ungoverned)]


class SlaCutoff(Document):
    """Milliseconds. A target whose average over three minutes is above one of these goes last."""

    time_per_output_token_ms: float | None = Field(default=None, gt=0)
    time_to_first_token_ms: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.time_per_output_token_ms is None and self.time_to_first_token_ms is None:
            raise complaint("must say at least one of its two times")
        return self


class LoadBalanceTarget(Document):
    """`retry_config`: where it is not stated, that of `gateway-global-settings` holds."""

    target: str
    priority: int = 0
    weight: float = Field(default=1, ge=0)
    sla_cutoff: SlaCutoff | None = None
    retry_config: RetryConfig = RetryConfig()
    fallback_status_codes: tuple[StatusCode, ...] = (
        "401", "403", "404", "408", "429", "500", "502", "503",
    )  # fmt: skip
    fallback_candidate: bool = True
    override_params: OverrideParams = Field(default_factory=dict)
    headers_override: HeadersOverride = HeadersOverride()
    metadata_match: WhenMetadata | None = None


def _no_credential(name: str) -> str:
    lower = name.lower()
    if lower in KEY_HEADERS or lower in ("cookie", "proxy-authorization"):
        raise complaint("names a credential, which nothing is sorted by")
    return name


class SessionIdentifier(Document):
    """A header (any case) or a metadata key whose value names a session."""

    key: Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_no_credential)]
    source: Literal["headers", "metadata"]


class StickyRouting(Document):
    """Calls with equal values of all `session_identifiers` keep their target. A call that has
    none of them is not sticky. `ttl_seconds`: how long they keep it at least; the choice is a hash
    of the values, nothing is stored, and nothing moves them when the time is over."""

    ttl_seconds: int = Field(ge=1, le=30 * 86_400)
    session_identifiers: tuple[SessionIdentifier, ...] = Field(min_length=1, max_length=8)


class Timeouts(Document):
    """Milliseconds; None: as the listener says. `tier`: which of its time limits hold."""

    tier: str | None = None
    request_timeout_ms: int | None = Field(default=None, ge=100, le=3_600_000)
    first_token_timeout_ms: int | None = Field(default=None, ge=10, le=3_600_000)


class Shadow(Document):
    """`percent` of the calls are made again for `target`, as the virtual account `account`; nobody
    waits for them."""

    target: str
    percent: float = Field(gt=0, le=100)
    account: str


class RoutingPlan(Document):
    """What a rule and a virtual model have in common."""

    type: Strategy
    load_balance_targets: tuple[LoadBalanceTarget, ...] = Field(min_length=1)
    sticky_routing: StickyRouting | None = None
    timeouts: Timeouts | None = None
    shadow: Shadow | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        weightless = all(target.weight == 0 for target in self.load_balance_targets)
        if self.type == WEIGHT and weightless:
            yield "have weights that sum to 0", "load_balance_targets"
        if self.type != WEIGHT and self.sticky_routing is not None:
            yield f"is for `{WEIGHT}`", "sticky_routing"
        for index, target in enumerate(self.load_balance_targets):
            if self.type != PRIORITY and target.sla_cutoff is not None:
                yield f"is for `{PRIORITY}`", f"load_balance_targets.{index}.sla_cutoff"


class RoutingRule(RoutingPlan):
    """`operations`: the kinds of call it serves, None for all (a virtual model says them)."""

    id: Name
    when: When

    @property
    def operations(self) -> frozenset[str] | None:
        return None


class RoutingConfig(Document):
    type: Literal["gateway-load-balancing-config"]
    name: Name
    rules: tuple[RoutingRule, ...]


# --- further targets for whatever was routed -----------------------------------------------------


class FallbackWhen(When):
    """`response_status_codes`: what leads to the fallback models, besides what led on already."""

    response_status_codes: Annotated[tuple[StatusCode, ...], Field(min_length=1)] | None = None


class FallbackTarget(Document):
    target: str
    override_params: OverrideParams = Field(default_factory=dict)


class FallbackRule(Document):
    id: Name
    when: FallbackWhen
    fallback_models: tuple[FallbackTarget, ...] = Field(min_length=1)


class FallbackConfig(Document):
    type: Literal["gateway-fallback-config"]
    name: Name
    rules: tuple[FallbackRule, ...]


class GlobalSettings(Document):
    """`retry_settings`: of every target of a rule that has no `retry_config` of its own."""

    type: Literal["gateway-global-settings"]
    name: Name
    retry_settings: RetryConfig | None = None
