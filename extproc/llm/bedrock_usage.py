"""Bedrock's `usage` object, read into disjoint buckets.

Wire (docs.aws.amazon.com, `TokenUsage`; user guide, "Prompt caching"): `inputTokens` are those
neither read from a cache nor written to one, which stand beside it in `cacheReadInputTokens` and
`cacheWriteInputTokens`; `cacheDetails` splits the written ones by lifetime. `outputTokens` include
reasoning. `totalTokens` is not billed; it is known with and without the cached ones.
"""

from __future__ import annotations

from typing import Any

from extproc.llm.token_counts import INCONSISTENT, MALFORMED, MISSHAPEN, count, fault, stated
from extproc.usage.usage import Reported, Usage


def read_bedrock_usage(usage: Any) -> Reported:
    """None when absent."""
    if usage is None:
        return None
    if not stated(usage, "inputTokens", "outputTokens"):
        return MISSHAPEN
    plain, output = count(usage, "inputTokens"), count(usage, "outputTokens")
    total, cached = count(usage, "totalTokens"), count(usage, "cacheReadInputTokens")
    written, hour = count(usage, "cacheWriteInputTokens"), 0
    if usage.get("cacheDetails"):
        written, hour = _split(usage["cacheDetails"], written)
    unsound = fault(plain, output, total, cached, written, hour)
    if unsound is not None:
        return unsound
    if usage.get("totalTokens") is not None and total < plain + output:
        return INCONSISTENT
    return Usage(plain, output, cached, written - hour, 0, hour)


def _split(details: Any, written: int) -> tuple[int, int]:
    """(all cache writes, those for an hour); of a sum and a split that differ the larger stands."""
    if type(details) is not list:
        return MALFORMED, 0
    counts = [(one.get("ttl") if type(one) is dict else "", count(one, "inputTokens"))
              for one in details]  # fmt: skip
    worst = min(tokens for _, tokens in counts)
    if min(worst, written) < 0:
        return min(worst, written), 0
    hour = sum(tokens for ttl, tokens in counts if ttl == "1h")
    return max(written, sum(tokens for _, tokens in counts)), hour
