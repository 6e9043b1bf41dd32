"""What is known of one request while it is governed; the steps fill it in, the answer reads it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from extproc.exchange.record import Record
from extproc.exchange.selected import Selected
from extproc.exchange.values import Attempt, Incoming
from extproc.exchange.world import World
from extproc.identity.principal import Principal
from extproc.limits.values import Charge
from extproc.llm.call import Dialect, Family, Json, LlmCall, Operation
from extproc.routing.values import Target


@dataclass(slots=True)
class Request:
    """Belongs to one exchange and one task. `sent`: the verdict was to go on."""

    world: World
    incoming: Incoming
    record: Record
    family: Family = "openai"
    operation: Operation = "chat"
    model_id: str | None = None
    caller: Dialect | None = None
    principal: Principal | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    call: LlmCall | None = None
    asked_for_usage: bool = False
    service_tier: str | None = None
    targets: tuple[Target, ...] = ()
    max_output_tokens: int | None = None
    """The caller's own maximum, or a lower one that a policy obliged."""
    guards: Selected = field(default_factory=Selected)
    extra_guards: tuple[str, ...] = ()
    input_tokens: int = 0
    charges: list[Charge] = field(default_factory=list)
    reserving: asyncio.Task[Any] | None = None
    attempts: tuple[Attempt, ...] = ()
    sent: bool = False

    @property
    def model_names(self) -> tuple[str, ...]:
        """Every name a rule may know this call by: as asked for, then its candidate targets."""
        assert self.call is not None
        return (self.call.model, *(t.name for t in self.targets))
