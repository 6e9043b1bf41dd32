"""`config` of a `length` guardrail: how long each text, and all of them together, may be.

Promises: a guardrail without a bound, and bounds that no text could meet, are mistakes.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complain, complaint

LENGTH_MAX = 100_000_000
Bound = Annotated[int, Field(ge=0, le=LENGTH_MAX)]
UNITS = ("chars", "words", "tokens")


class LengthBounds(Document):
    """Both ends are allowed lengths. Characters are Unicode code points, words what stands between
    white space (a Chinese sentence is one), tokens an estimate (see `checks/length.py`).
    """

    min_chars: Bound | None = None
    max_chars: Bound | None = None
    min_words: Bound | None = None
    max_words: Bound | None = None
    min_tokens: Bound | None = None
    max_tokens: Bound | None = None

    def of(self, unit: str) -> tuple[int | None, int | None]:
        """The least and the most of a unit."""
        return getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        bounds = {unit: self.of(unit) for unit in UNITS}
        if all(one is None for pair in bounds.values() for one in pair):
            raise complaint("needs at least one bound")
        complain(
            (f"is above `max_{unit}`", f"min_{unit}")
            for unit, (least, most) in bounds.items()
            if least is not None and most is not None and least > most
        )
        return self


class LengthSettings(Document):
    """`each`: for every text by itself. `total`: for all texts of the hook together."""

    each: LengthBounds | None = None
    total: LengthBounds | None = None

    @model_validator(mode="after")
    def _something_is_bound(self) -> Self:
        if self.each is None and self.total is None:
            raise complaint("needs 'each' or 'total'")
        return self
