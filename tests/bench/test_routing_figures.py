"""The benchmarks of translation and routing measure what they say."""

from __future__ import annotations

from bench.routing_scale import measure as measure_routing
from bench.translation import measure as measure_translation
from extproc.llm.translate import CHAT_CALLERS, CHAT_PROVIDERS


def test_every_pair_is_measured() -> None:
    """P8: no translation is left out of the table."""
    rows = {(row.caller, row.provider): row for row in measure_translation(rounds=1)}
    wanted = {(c, p) for c in CHAT_CALLERS for p in CHAT_PROVIDERS if c != p}
    assert rows.keys() == wanted
    both = {pair for pair, row in rows.items() if row.frame is not None and row.answer is not None}
    assert both == {(c, p) for c, p in wanted if p in CHAT_CALLERS}


def test_every_kind_of_decision_is_measured() -> None:
    """P8: a configuration of a few models, so that it ends at once."""
    size = measure_routing(4, 2, rounds=1)
    assert size.decisions_us.keys() == {"concrete", "priority", "weight", "unknown", "auto"}
    assert min(size.decisions_us.values()) > 0
    assert size.seconds.keys() == {"load", "router", "clusters"}
