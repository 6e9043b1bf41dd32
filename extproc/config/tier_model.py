"""Time-out tiers: how long calls of one kind may take, by name.

Shapes and the two tiers that are there from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.base import Document
from extproc.config.fields import complaint

DEFAULT = "default"


class Tier(Document):
    """In milliseconds; what is not said is as the listener's own.

    `request_timeout_ms`: all attempts together. `first_token_timeout_ms`: until the head of an
    attempt's answer (of one that is not streamed it comes with the whole); then another attempt may
    follow. `stream_idle_timeout_ms`: between two signs of life of a provider, the head included.
    """

    request_timeout_ms: int | None = Field(default=None, ge=100)
    first_token_timeout_ms: int | None = Field(default=None, ge=100)
    stream_idle_timeout_ms: int | None = Field(default=None, ge=100)


BUILT_IN: Mapping[str, Tier] = {
    "interactive": Tier(
        request_timeout_ms=120_000, first_token_timeout_ms=30_000, stream_idle_timeout_ms=30_000
    ),
    "batch": Tier(
        request_timeout_ms=3_600_000,
        first_token_timeout_ms=1_800_000,
        stream_idle_timeout_ms=1_800_000,
    ),
}


def _no_default(tiers: Mapping[str, Tier]) -> Mapping[str, Tier]:
    if DEFAULT in tiers:
        raise complaint(f"names `{DEFAULT}`, whose times are the listener's own fields")
    return tiers


TierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Tiers = Annotated[Mapping[TierName, Tier], AfterValidator(_no_default)]


def whole(own: Tier, said: Mapping[str, Tier]) -> Mapping[str, Tier]:
    """Every tier by name, no time in it None. `own`: the listener's times, named `default`."""
    named = {**BUILT_IN, **said}
    return {DEFAULT: own, **{name: _over(own, tier) for name, tier in named.items()}}


def _over(own: Tier, tier: Tier) -> Tier:
    return own.model_copy(update={name: value for name, value in tier if value is not None})
