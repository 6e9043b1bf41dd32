"""Four books of one call, held against each other: caller, audit log, ledger, provider.

For a call that ended, the ledger charged what its entry says, and that is what the provider billed:
tokens times price. It differs in these cases, and by no more than this:

* An earlier attempt nobody saw the end of is charged in full, as the entry says; one that was
  refused is not.
* A usage that is missing or absurd is replaced by our count, which is never below the provider's
  here (a word is at least one token).
* A call whose end the gateway did not see (its caller left, its answer was cut) is charged the
  words that the gateway saw, at least those that the caller got. What the provider made beyond them
  is not charged: `LATE_WORDS` of a stream whose words take their time, else all of the answer. It
  may have been on its way as a whole, and Envoy drops what it holds when an answer breaks.
* A usage above what was reserved, but possible, is charged as it is.
* A call that died with its worker is charged in full if a provider may have had it, else nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.e2e.chaos_calls import MOST, PLANS, PRICES, UNSEEN, Call, Told
from tests.e2e.harness import Entry
from tests.e2e.provider_child import Seen

LATE_WORDS = 60
"""The most that a provider streams, some 100 to 200 words a second, before it hears that nobody
listens any more."""


@dataclass(slots=True)
class Case:
    """One call in four books. `charged`: nano-USD, by the ledger. `seen`: attempts, in order."""

    call: Call
    told: Told
    charged: int = 0
    entries: list[Entry] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    @property
    def entry(self) -> Entry:
        return self.entries[0]

    @property
    def outcome(self) -> str:
        """As the entry says; `none` without one."""
        return str(self.entry["decision"]["outcome"]) if self.entries else "none"

    @property
    def cost(self) -> int:
        return int(self.entry.get("cost_nano_usd", 0)) if self.entries else 0

    @property
    def earlier(self) -> int:
        """Charged for attempts before the last one."""
        return sum(a["cost_nano_usd"] for a in self.entry.get("earlier_attempts", ()))

    @property
    def flags(self) -> list[str]:
        return list(self.entry.get("usage", {}).get("flags", ()))

    @property
    def words(self) -> int:
        """Output tokens of the last attempt, as the entry has them."""
        return int(self.entry.get("usage", {}).get("output_tokens", 0))

    @property
    def full(self) -> frozenset[int]:
        """What may have been reserved: the dearest of the plan, and besides it what nobody may see
        end; all of it, where a target that failed often was put last: the others' default statuses
        then lead on without an answer, too."""
        tokens = self.entry["request"].get("input_tokens", 0)
        worst = {m: price(m, tokens, MOST) for m in PLANS[self.call.model]}
        beside = sum(cost for model, cost in worst.items() if model in UNSEEN)
        first = beside + max((c for m, c in worst.items() if m not in UNSEEN), default=0)
        return frozenset((first, sum(worst.values())))

    @property
    def lost(self) -> bool:
        """Charged in full: its worker died, at the latest between the log and the slate."""
        return bool(self.entries) and self.charged in self.full and self.charged > self.cost


def price(model: str, input_tokens: int, output_tokens: int) -> int:
    per_input, per_output = PRICES[model]
    return input_tokens * per_input + output_tokens * per_output


def complaints(cases: Sequence[Case]) -> Iterator[str]:
    """What does not agree, one line each."""
    for case in cases:
        for text in _wrong(case):
            yield f"{text}: {case.call} {case.told}, charged {case.charged}, {_brief(case)}"


def _brief(case: Case) -> str:
    names = ("decision_id", "decision", "usage", "cost_nano_usd", "earlier_attempts", "served")
    entries = [{name: e[name] for name in names if name in e} for e in case.entries]
    seen = [(s.model, s.outcome, s.input_tokens, s.output_tokens) for s in case.seen]
    return f"provider {seen}, log {entries}"


def _wrong(case: Case) -> Iterator[str]:
    if len(case.entries) > 1:
        yield "more than one entry"
        return
    match case.outcome:
        case "none" | "refused":
            if case.seen or case.charged or case.cost:
                yield "sent or charged, though nobody allowed it"
        case "worker_lost":
            if case.charged not in (0, *case.full):
                yield "a lost call is charged in full or not at all"
            elif case.seen and not case.charged:
                yield "a provider had it, and it was free"
        case _:
            yield from _wrong_end(case)


def _wrong_end(case: Case) -> Iterator[str]:
    if case.charged != case.cost and not case.lost:
        yield "the ledger and the entry differ"
    if case.cost > max(case.full) and "above_reservation" not in case.flags:
        yield "more than was reserved"
    yield from _wrong_earlier(case)
    if not case.seen:
        if case.cost and "aborted" not in case.outcome:
            yield "paid for what nobody saw"
        return
    last, paid = case.seen[-1], case.cost - case.earlier
    if last.outcome == "refused":
        if paid and case.outcome != "aborted":
            yield "paid for a provider's error"
    elif _both_saw_it_end(case, last):
        if paid != price(last.model, last.input_tokens, last.output_tokens):
            yield "not what the provider billed"
    else:
        yield from _wrong_estimate(case, last, paid)


def _wrong_earlier(case: Case) -> Iterator[str]:
    tokens = case.entry["request"]["input_tokens"]
    for attempt in case.entry.get("earlier_attempts", ()):
        model = attempt["model"].rpartition("/")[2]
        if model not in UNSEEN or attempt["cost_nano_usd"] != price(model, tokens, MOST):
            yield "an earlier attempt is not charged as it ended"


def _both_saw_it_end(case: Case, last: Seen) -> bool:
    told = case.entry.get("usage", {})
    ended = last.outcome == "completed" and case.outcome == "allowed"
    return ended and told.get("source") == "provider"


def _wrong_estimate(case: Case, last: Seen, paid: int) -> Iterator[str]:
    if case.words < case.told.words:
        yield "less than the caller got"
    late = max(0, last.output_tokens - case.words)
    if late > _late_words(case):
        yield f"{late} words more were billed"
    if paid < price(last.model, last.input_tokens, last.output_tokens - late):
        yield "less than the gateway saw"


def _late_words(case: Case) -> int:
    """How many words the provider may have made that the gateway never saw."""
    if case.outcome == "allowed":
        return 0
    return LATE_WORDS if case.call.stream and case.call.paced else case.call.words
