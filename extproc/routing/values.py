"""What is asked of the router, what it says, and how each attempt ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.config.routing_model import Shadow, Timeouts


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One model of one account that may serve the request. Known by identity: a rule may name the
    same model twice, with other overrides.

    `retries`: further attempts on this same target; `retry_codes` / `fallback_codes`: HTTP
    statuses that lead to them and to the next target. `key`: the name of one of several keys of
    the account. `headers_set`, `headers_remove`: of what goes to the provider. `unkeyed`: what this
    is with one key of several; it and its siblings are the same model asked in the same words.
    """

    account: ProviderAccount
    model: ModelSpec
    retries: int = 0
    retry_codes: tuple[int, ...] = ()
    fallback_codes: tuple[int, ...] = ()
    override_params: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    headers_set: Mapping[str, str] = field(default_factory=dict)
    headers_remove: tuple[str, ...] = ()
    retry_delay_ms: int = 0
    unkeyed: Target | None = None

    @property
    def base(self) -> Target:
        """The same without a key: what a plan was made of."""
        return self.unkeyed or self

    @property
    def name(self) -> str:
        return f"{self.account.name}/{self.model.id}"

    @property
    def connection(self) -> str:
        """Whose connection it takes: every key of an account has its own."""
        return f"{self.account.name}.key.{self.key}" if self.key else self.account.name


def _nobody(_name: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as far as routing goes.

    `draw`: in [0, 1). `now_ms`: Unix time. `caller_id`: whose calls stay together. `in_scope`:
    whether the key may call a model (`account/model`). `operation`: '' = whatever it is.
    """

    model: str
    subjects: frozenset[str]
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    draw: float = 0.0
    now_ms: int = 0
    caller_id: str = ""
    in_scope: Callable[[str], bool] = _nobody
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """Targets in the order in which they are tried; none: what was asked for does not offer this.

    `rule_id`: '' for a concrete model. `fallback_id`: of the rule that added targets to it.
    `sticky`: the first was chosen by the session.
    """

    rule_id: str
    targets: tuple[Target, ...]
    fallback_id: str = ""
    sticky: bool = False
    timeouts: Timeouts | None = None
    shadow: Shadow | None = None


class Ending(StrEnum):
    """How an attempt ended, as far as anybody can tell.

    `LATE`: no answer in time. `BROKEN`: the connection ended after something was sent. `UNSENT`: no
    byte of the request reached the provider.
    """

    ANSWERED = "answered"
    LATE = "late"
    BROKEN = "broken"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Ended:
    """One attempt that was made. `slot`: its place in the plan, from 1; `status`: of its answer.
    `retry_after_s`: what a provider that is asked too often said, 0 = nothing."""

    slot: int
    ending: Ending
    status: int = 0
    retry_after_s: int = 0

    @property
    def silent(self) -> bool:
        """Nobody answered, and the provider may have worked: it may be billed, at its worst (P2).
        Providers do not bill answers with an error status."""
        return self.ending in (Ending.LATE, Ending.BROKEN)
