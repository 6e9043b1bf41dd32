"""Token usage of one exchange, in disjoint buckets (a token is counted in one of them only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. Buckets are disjoint: `input_tokens` excludes cached reads and cache writes.

    `reasoning_tokens` is informational: it is already inside `output_tokens` (as OpenAI and
    Anthropic both report it). `source` says whose count this is.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    source: Literal["provider", "counted"] = "provider"

    @property
    def total_tokens(self) -> int:
        return (
            self.input_tokens
            + self.cached_input_tokens
            + self.cache_write_tokens
            + self.output_tokens
        )
