"""What metrics and spans say of a record: its model, its team, what went wrong. Pure.

Promises: names from the configuration or from closed tables, never content (P4); what is not known
is `none`, a model that no target stands for is `other`.
"""

from __future__ import annotations

from typing import get_args

from extproc.errors import Code
from extproc.exchange.record import Record
from extproc.usage.usage import UsageFlag

NONE = "none"
OTHER = "other"
_CLASSES = (NONE, "1xx", "2xx", "3xx", "4xx", "5xx")
USAGE_FLAGS = frozenset(
    (*get_args(UsageFlag), "output_counted", "answer_not_seen", "earlier_attempt_timed_out",
     "earlier_attempt_broke", "unpriced", "not_counted")
)  # fmt: skip
_LIMIT_CODES = frozenset((Code.RATE_LIMIT_EXCEEDED, Code.BUDGET_EXCEEDED))
_WENT_WELL = frozenset({"allowed", "answered"})


def model(record: Record) -> str:
    """The target that served, else the first one considered; never what the caller wrote.

    A caller's text would be an unbounded label, and could be anything.
    """
    if record.served is not None:
        return record.served.name
    if record.plan:
        return record.plan[0]
    return record.decisions[0][0] if record.decisions else OTHER


def team(record: Record) -> str:
    """What the operator says whose it is; a caller's word counts among its own teams only."""
    who = record.principal
    if who is None:
        return NONE
    claimed = record.shown_metadata.get("team")
    theirs = claimed if claimed in who.teams else None
    return who.team or who.tags.get("team") or theirs or NONE


def status_class(status: int) -> str:
    hundreds = status // 100
    return _CLASSES[hundreds] if 1 <= hundreds <= 5 else NONE


def refused_by_limit(record: Record) -> bool:
    """Whether a rate limit or a budget refused: then nothing was let through, nothing taken."""
    return record.refusal is not None and record.refusal.code in _LIMIT_CODES


def usage_flag(flag: str) -> str:
    """A flag of the closed table; `other` for one that is not in it."""
    return flag if flag in USAGE_FLAGS else OTHER


def error_type(record: Record) -> str:
    """`error.type`: the refusal's code, the provider's status, the way it broke off; '' = none."""
    if record.refusal is not None:
        return record.refusal.code.value
    if record.status >= 400:
        return str(record.status)
    return "" if record.outcome in _WENT_WELL else record.outcome or "aborted"


def answered_ns(record: Record) -> int:
    """When the provider's answer had ended: a stream's with the exchange, a whole one when it had
    arrived. Monotonic, as the record's."""
    if record.first_token_ns or not record.provider_ns:
        return record.ended_ns
    return min(record.sent_ns + record.provider_ns, record.ended_ns)


def per_output_token_ns(record: Record) -> int | None:
    """Nanoseconds from token to token of a stream; None where there are not two."""
    if record.usage is None or record.usage.output_tokens < 2 or not record.first_token_ns:
        return None
    spent = record.last_token_ns - record.first_token_ns
    return spent // (record.usage.output_tokens - 1)
