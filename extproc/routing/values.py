"""A plan: the ordered targets of one request, and how each attempt ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from extproc.config.model import ModelSpec, ProviderAccount


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One model of one account that may serve the request. Known by identity: a rule may name the
    same model twice, with other overrides.

    `retries`: further attempts on this same target; `retry_codes` / `fallback_codes`: HTTP
    statuses that lead to them and to the next target.
    """

    account: ProviderAccount
    model: ModelSpec
    retries: int = 0
    retry_codes: tuple[int, ...] = ()
    fallback_codes: tuple[int, ...] = ()
    override_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.account.name}/{self.model.id}"

    @property
    def path_prefix(self) -> str:
        """What stands before the dialect's own path. Anthropic's already begins with `/v1`."""
        prefix = urlsplit(self.account.base_url).path.rstrip("/")
        return prefix.removesuffix("/v1") if self.account.dialect == "anthropic" else prefix


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
    """One attempt that was made. `slot`: its place in the plan, from 1; `status`: of its answer."""

    slot: int
    ending: Ending
    status: int = 0

    @property
    def silent(self) -> bool:
        """Nobody answered, and the provider may have worked: it may be billed, at its worst (P2).
        Providers do not bill answers with an error status."""
        return self.ending in (Ending.LATE, Ending.BROKEN)
