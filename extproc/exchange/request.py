"""What is known of one request while it is governed; the steps fill it in, the answer reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from extproc.exchange.bounds import Demand
from extproc.exchange.pace import Pace
from extproc.exchange.record import Record
from extproc.exchange.selected import Selected
from extproc.exchange.values import Attempt, Due, Incoming, Shape
from extproc.exchange.world import World
from extproc.guardrails.hook import HookRun
from extproc.identity.principal import Principal
from extproc.limits import caps
from extproc.limits.values import Charge, Degrade, Exceeded, Reserved
from extproc.llm.call import Dialect, Family, Json, LlmCall, Operation
from extproc.llm.fields import least
from extproc.routing.attempts import Step
from extproc.routing.plan import Routed
from extproc.routing.values import Target
from extproc.usage.input_bound import InputBound

NOTHING_COUNTED = InputBound(0)
_ENDPOINTS = {"openai_completions": "completions", "openai_responses": "responses"}


@dataclass(slots=True)
class Request:
    """Belongs to one exchange and one task.

    `lane`: the provider's dearer or cheaper lane that the caller named. `sent`: the verdict was to
    go on. `flying`: the connection that counts its calls in flight. `cut`: the gateway itself ended
    an answer that the provider had begun. `patience` asks Envoy for more time. `pseudonyms`:
    placeholder -> the caller's own value; kept nowhere else.
    """

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
    prompt_variables: Any = None
    own_messages: list[Json] | None = None
    """Of a caller that named a prompt: what it said beside it."""
    renderings: dict[str, list[Json]] = field(default_factory=dict)
    """The messages of prompts that targets have of their own."""
    asked_for_usage: bool = False
    lane: str | None = None
    # What budgets made of it so far: the shape to try, the steps gone down, and the last of them.
    shape: Shape = field(default_factory=Shape)
    steps_taken: dict[str, int] = field(default_factory=dict)
    way_back: tuple[Due, Shape] | None = None
    pace: Pace = field(default_factory=Pace)
    counts_itself: bool = False
    # Found anew in every round.
    routed: Routed | None = None
    targets: tuple[Target, ...] = ()
    max_output_tokens: int | None = None
    """The caller's own maximum, or a lower one that a policy, a cap or a budget asks for."""
    extra_guards: tuple[str, ...] = ()
    guards: Selected = field(default_factory=Selected)
    bound: InputBound = NOTHING_COUNTED
    steps: tuple[Step, ...] = ()
    caps: caps.Caps = caps.NONE
    charges: list[Charge] = field(default_factory=list)
    reserving: asyncio.Task[Reserved | Exceeded | Degrade] | None = None
    attempts: tuple[Attempt, ...] = ()
    sent: bool = False
    flying: str = ""
    cut: bool = False
    patience: Callable[[int], Awaitable[None]] | None = None
    input_hook: HookRun | None = None
    output_hook: HookRun | None = None
    pseudonyms: dict[str, str] = field(default_factory=dict)

    def begin_round(self) -> None:
        """Forget what a policy, a cap or a limit made of the request in another shape."""
        assert self.call is not None
        self.max_output_tokens = least(self.call.max_output_tokens, self.shape.max_tokens)
        self.extra_guards = ()
        self.record.clamped = []
        self.record.rule_ids = [step.rule_id for step in self.record.degraded]

    @property
    def kind(self) -> str:
        """What limits know this call by: its operation, or the endpoint where there are several."""
        dialect = self.caller.name if self.caller is not None else ""
        return _ENDPOINTS.get(dialect, self.operation)

    @property
    def model(self) -> str:
        """The name to route by: the caller's, or the one a budget put in its place."""
        assert self.call is not None
        return self.shape.model or self.call.model

    @property
    def model_names(self) -> tuple[str, ...]:
        """Every name a rule may know this call by: as asked for, as degraded, then its targets.

        The name that was asked for stays: a budget goes on counting the calls it has made cheaper.
        """
        assert self.call is not None
        instead = () if self.shape.model is None else (self.shape.model,)
        return (self.call.model, *instead, *(t.name for t in self.targets))

    @property
    def input_tokens(self) -> int:
        return self.bound.input_tokens

    @property
    def demand(self) -> Demand:
        assert self.call is not None
        return Demand(
            self.call,
            self.world.prices,
            self.bound,
            self.max_output_tokens,
            self.lane,
        )
