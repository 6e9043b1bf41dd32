"""Our own count, where a provider tells nothing, or tells it in another unit than it bills.

Promises: never more than was reserved; never nothing where the price bills something. A transcript
by the minute whose answer tells tokens, a rerank by the token whose answer tells search units: what
is missing is taken from the reservation. Chat, which has no units, never comes here (P2).
"""

from __future__ import annotations

from dataclasses import replace

from extproc.usage.price import Price, Reach, UnitRates
from extproc.usage.usage import NO_UNITS, Units, Usage


def counted_whole(ours: Usage, output_bound: int, reach: Reach) -> Usage:
    """A count of words, and what no such count can tell: sound, pictures, units.

    `output_bound`: tokens reserved; 0 for an operation that has no output, whatever words its
    answer holds.
    """
    match reach.unseen:
        case "audio":
            ours = replace(ours, output_tokens=0, audio_output_tokens=output_bound)
        case "image":
            ours = replace(ours, output_tokens=0, image_output_tokens=output_bound)
        case _ if not output_bound and ours.output_tokens:
            ours = replace(ours, output_tokens=0)
    if reach.units is NO_UNITS:
        return ours
    if reach.units.audio_ms and reach.audio_input:
        ours = replace(ours, input_tokens=0, audio_input_tokens=ours.input_tokens)
    return replace(ours, units=reach.units)


def lacks(usage: Usage, price: Price, reach: Reach) -> bool:
    """Whether the price bills what this report does not tell."""
    by_token = bool(price.base.input or price.base.output)
    return (by_token and not usage.total_tokens) or any(_unit_gaps(usage.units, price.units, reach))


def completed(usage: Usage, ours: Usage, price: Price, reach: Reach) -> Usage:
    """The report, and of our own count what the price bills and the report lacks."""
    images, characters, audio_ms, searches = _unit_gaps(usage.units, price.units, reach)
    told, most = usage.units, reach.units
    units = Units(
        most.images if images else told.images,
        most.characters if characters else told.characters,
        most.audio_ms if audio_ms else told.audio_ms,
        most.searches if searches else told.searches,
    )
    source = ours if not usage.total_tokens and price.base.input + price.base.output else usage
    return replace(source, units=units)


def _unit_gaps(told: Units, rates: UnitRates, reach: Reach) -> tuple[bool, bool, bool, bool]:
    most = reach.units
    return (
        bool(rates.image and most.images and not told.images),
        bool(rates.mchar and most.characters and not told.characters),
        bool(rates.audio_hour and most.audio_ms and not told.audio_ms),
        bool(rates.search and most.searches and not told.searches),
    )
