"""What is played to every product: calls of known cost against a budget.

A word costs OUTPUT_USD_PER_MTOK / 10^6 dollars and nothing else costs anything, so that no product
suffers from how it counts input. An answer of MAX_TOKENS words is the dearest: one cent, which is
also what every caller states as `max_tokens`. The budget has room for ROOM of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MODEL = "gpt-bench"
OUTPUT_USD_PER_MTOK = 200.0
MAX_TOKENS = 50
CALL_USD = MAX_TOKENS * OUTPUT_USD_PER_MTOK / 1e6
ROOM = 100
BUDGET_USD = ROOM * CALL_USD
CALLS = 500


@dataclass(frozen=True, slots=True)
class Scenario:
    """`calls` requests, spread evenly over `spread_s` seconds (0 = all at once).

    `words_least`: answers vary between this and MAX_TOKENS words. `delay_s`: until the provider
    answers at all. `frames`, `pause_s`: of a stream. `leave_every`: each n-th caller hangs up after
    `leave_after` frames with text (0 = none does).
    """

    name: str
    about: str
    calls: int = CALLS
    spread_s: float = 0.0
    words_least: int = MAX_TOKENS
    delay_s: float = 0.0
    stream: bool = False
    frames: int = 10
    pause_s: float = 0.0
    leave_every: int = 0
    leave_after: int = 0

    def leaves(self, index: int) -> bool:
        return self.leave_every > 0 and index % self.leave_every == 0

    def words(self, index: int) -> int:
        """The length of an answer; a fixed walk over the range, the same for every product."""
        return self.words_least + index * 7 % (MAX_TOKENS + 1 - self.words_least)

    def body(self, index: int, model: str) -> dict[str, Any]:
        """The request; the directives tell the provider stand-in how to answer."""
        directives = [f"[[tokens: {self.words(index)}]]"]
        if self.delay_s:
            directives.append(f"[[delay: {self.delay_s}]]")
        if self.stream:
            # A word of the stand-in has 4.6 characters on average, and a space.
            chars = max(1, round(self.words(index) * 5.6 / self.frames))
            directives += [f"[[chars: {chars}]]", f"[[pause: {self.pause_s}]]"]
        body: dict[str, Any] = {
            "model": model, "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": " ".join(directives)}],
        }  # fmt: skip
        return body | ({"stream": True} if self.stream else {})


SCENARIOS = (
    Scenario(
        "burst",
        f"{CALLS} calls at once, each costs exactly one cent, room for exactly {ROOM}",
        delay_s=0.5,
    ),
    Scenario(
        "leavers",
        f"{CALLS} streams over 15 s, each takes about 3 s, every third caller hangs up early",
        spread_s=15.0, stream=True, pause_s=0.3, leave_every=3, leave_after=3,
    ),
    Scenario(
        "late",
        f"{CALLS} calls over 10 s, usage known only after 2 s, answers of 25 to {MAX_TOKENS} words",
        spread_s=10.0, delay_s=2.0, words_least=25,
    ),
)  # fmt: skip


def bill_usd(output_tokens: int) -> float:
    """What the provider charges for so many words."""
    return output_tokens * OUTPUT_USD_PER_MTOK / 1e6
