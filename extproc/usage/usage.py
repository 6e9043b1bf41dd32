"""Usage of one exchange: tokens in disjoint buckets (a token is counted in one of them only), and
what is billed by other units than tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UsageFlag = Literal[
    "provider_usage_missing", "provider_usage_malformed", "provider_usage_negative",
    "provider_usage_inconsistent", "provider_usage_zero", "provider_usage_absurd",
    "above_reservation",
]  # fmt: skip
"""What may be wrong with a provider's usage; `checked.py` says what follows from each."""


@dataclass(frozen=True, slots=True)
class Units:
    """What is billed and is no token. Chat has none of it, so that it costs chat nothing.

    `images`: made. `characters`: of a text to be spoken. `audio_ms`: length of what was listened
    to. `searches`: Cohere's search units (a query with up to 100 documents).
    """

    images: int = 0
    characters: int = 0
    audio_ms: int = 0
    searches: int = 0

    def within(self, most: Units) -> bool:
        """Whether each of them is at most that of `most`."""
        return (
            self.images <= most.images
            and self.characters <= most.characters
            and self.audio_ms <= most.audio_ms
            and self.searches <= most.searches
        )


NO_UNITS = Units()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. Buckets are disjoint: their sum is `total_tokens`.

    `input_tokens`: plain input, in none of the other input buckets. `cache_write_tokens`: written
    for five minutes, or for a time nobody stated; `cache_write_1h_tokens`: for an hour.
    `output_tokens`: text, reasoning and rejected predictions; `audio_output_tokens` and
    `image_output_tokens` are beside it. Video in counts as images.
    Informational, already inside `output_tokens`: `reasoning_tokens`, `accepted_prediction_tokens`,
    `rejected_prediction_tokens`. No tokens: `web_searches`, a number of searches, and `units`.
    `source` says whose count this is.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0
    web_searches: int = 0
    source: Literal["provider", "counted"] = "provider"
    image_output_tokens: int = 0
    units: Units = NO_UNITS

    @property
    def images(self) -> int:
        return self.units.images

    @property
    def characters(self) -> int:
        return self.units.characters

    @property
    def audio_ms(self) -> int:
        return self.units.audio_ms

    @property
    def searches(self) -> int:
        return self.units.searches

    @property
    def total_input_tokens(self) -> int:
        return (
            self.input_tokens
            + self.cached_input_tokens
            + self.cache_write_tokens
            + self.cache_write_1h_tokens
            + self.audio_input_tokens
            + self.image_input_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        return self.output_tokens + self.audio_output_tokens + self.image_output_tokens

    @property
    def total_tokens(self) -> int:
        return self.total_input_tokens + self.total_output_tokens


@dataclass(frozen=True, slots=True)
class Unsound:
    """A usage that a provider did report and that cannot be true. `flag`: what is wrong with it."""

    flag: UsageFlag


Reported = Usage | Unsound | None
"""What a provider's answer says it used; None: nothing."""


def sound(reported: Reported) -> Usage | None:
    """The usage, if there is one that can be read."""
    return reported if isinstance(reported, Usage) else None
