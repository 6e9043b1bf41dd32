"""Whether a provider's usage is charged, or our own count instead (P2).

Two mistakes are possible, and both cost money: to charge what was never billed, and to lose what
was. A limit is a promise about real money, so the rule is: what a provider could possibly bill is
believed, what it could not is not.

- *Absent or unsound* (`Unsound`: misshapen, negative, contradicting itself): our count.
- *Zero*: no input at all, or no output where words were seen. Nobody bills that; servers that do
  not count report it. Our count.
- *Above what was reserved, and possible*: charged as reported, flagged `above_reservation`. It is
  real money: other tokenizers make more tokens than ours, some servers hide a system prompt, ignore
  a maximum or keep reasoning outside it. Not to charge it would keep `spent <= limit` on paper
  only; the flag tells an operator which provider does not keep to its maximum.
- *Impossible*: our count, flagged `provider_usage_absurd`. Input: o200k makes a token of about four
  bytes, and no tokenizer makes more than one of a byte, so beyond `INPUT_TIMES` our bound (which
  holds images at their dearest) and a hidden prompt (`INPUT_SLACK_TOKENS`) it cannot be. Only where
  the size is the provider's to know, `open_ended` (hosted tools, files named by id), as much is
  believed as the longest contexts hold. Output: the provider was told `output_bound`, reasoning
  included. Beyond `OUTPUT_TIMES` that and the longest reasoning that any model is sold with
  (`OUTPUT_SLACK_TOKENS`) it cannot be. A lie can so cost one call a bounded sum, never a budget.
- *Doubled*: cannot reach this place; the dialects take the largest of a stream's running totals and
  never add two of them up.

What has no tokens follows the same rules: `Units` that a provider tells are believed as far as they
can be; where it tells nothing, or in another unit than it bills, what was reserved is charged
(`untold.py`).

One impossible number voids the whole report: who is wrong about one bucket is not asked for others.
"""

from __future__ import annotations

from collections.abc import Callable

from extproc.usage.price import ANYTHING, Price, Reach
from extproc.usage.untold import completed, counted_whole, lacks
from extproc.usage.usage import NO_UNITS, Reported, Units, Unsound, Usage, UsageFlag

INPUT_TIMES, INPUT_SLACK_TOKENS = 4, 16_384
OUTPUT_TIMES, OUTPUT_SLACK_TOKENS = 4, 131_072
OPEN_ENDED_TOKENS = 10_000_000
SEARCHES_MAX = 1_000
UNITS_TIMES = 4
UNITS_SLACK = Units(images=100, characters=100_000, audio_ms=3_600_000, searches=1_000)


def checked(
    reported: Reported,
    counted: Callable[[], Usage],
    *,
    input_bound: int,
    output_bound: int,
    open_ended: bool = False,
    reach: Reach = ANYTHING,
    price: Price | None = None,
) -> tuple[Usage, tuple[UsageFlag, ...]]:
    """What to charge, and what was wrong with the report.

    `counted`: our own count, asked for only when needed (it reads the whole answer).
    `input_bound`, `output_bound`: tokens reserved for the attempt, all choices together.
    `open_ended`: the request can make the provider read what we cannot see. `reach`: the buckets
    that were reserved for. `price`: of the model that answered, see `untold.py`.
    """
    if reported is None:
        return counted_whole(counted(), output_bound, reach), ("provider_usage_missing",)
    if isinstance(reported, Unsound):
        return counted_whole(counted(), output_bound, reach), (reported.flag,)
    told_input, told_output = reported.total_input_tokens, reported.total_output_tokens
    if (
        ((not told_input and input_bound) or not told_output)
        and reported.units is NO_UNITS
        and (input_bound or output_bound)
    ):
        ours = counted_whole(counted(), output_bound, reach)
        if ours.total_output_tokens > told_output or not told_input:
            return ours, ("provider_usage_zero",)
    within = told_input <= input_bound and told_output <= output_bound
    if within and not _beyond(reported, reach):
        if reach.units is NO_UNITS or price is None or not lacks(reported, price, reach):
            return reported, ()
        ours = counted_whole(counted(), output_bound, reach)
        return completed(reported, ours, price, reach), ("provider_usage_missing",)
    if _impossible(reported, input_bound, output_bound, open_ended, reach.units):
        return counted_whole(counted(), output_bound, reach), ("provider_usage_absurd",)
    return reported, ("above_reservation",)


def _impossible(
    usage: Usage, input_bound: int, output_bound: int, open_ended: bool, units: Units
) -> bool:
    most_input = INPUT_TIMES * input_bound + INPUT_SLACK_TOKENS
    if open_ended:
        most_input = max(most_input, OPEN_ENDED_TOKENS)
    most_output = OUTPUT_TIMES * output_bound + OUTPUT_SLACK_TOKENS
    return (
        usage.total_input_tokens > most_input
        or usage.total_output_tokens > most_output
        or usage.web_searches > SEARCHES_MAX
        or not usage.units.within(_believable(units))
    )


def _believable(reserved: Units) -> Units:
    return Units(*(
        UNITS_TIMES * getattr(reserved, name) + getattr(UNITS_SLACK, name)
        for name in ("images", "characters", "audio_ms", "searches")
    ))  # fmt: skip


def _beyond(usage: Usage, reach: Reach) -> bool:
    """Whether a dearer bucket than was reserved for holds anything."""
    return (
        usage.web_searches > reach.web_searches
        or (usage.cache_write_1h_tokens > 0 and not reach.cache_write_1h)
        or (usage.audio_input_tokens > 0 and not reach.audio_input)
        or (usage.audio_output_tokens > 0 and not reach.audio_output)
        or (usage.image_input_tokens > 0 and not reach.image_input)
        or not (usage.units is NO_UNITS or usage.units.within(reach.units))
    )
