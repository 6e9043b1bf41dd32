"""Every decision made again under the digests it names, and held against what was recorded (P6).

Promises: "the same" means all that the entry says of the decision: who refused and why, the policy
on each target, each counter, cap and clamp, each guardrail's outcome. What cannot be made again is
counted by its reason, beside what is the same and never in it. Entries come one by one: a log of
any length fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from extproc.audit.values import Entry
from extproc.exchange.entry import closing_entry
from extproc.replay.candidates import NotFound
from extproc.replay.library import Library, Unavailable
from extproc.replay.recorded import Reason, Recorded, read, section
from extproc.replay.recorded_ledger import RecordedLedger
from extproc.replay.walk import Given, walk

SECTIONS = ("decision", "policy", "routing", "limits", "guardrails", "plan")
DECIDED = frozenset(
    ("unknown_route", "invalid_api_key", "permission_denied", "metadata_contract_violation",
     "request_cap_exceeded", "rate_limit_exceeded", "budget_exceeded", "guardrail_blocked",
     "guardrail_unavailable")
)  # fmt: skip
"""Codes that are a decision of the gateway's; the others tell what became of a call."""
DIFFERENCES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two entries of one decision differ. `path`: dotted; None: it is not there."""

    decision_id: str
    path: str
    recorded: Any
    now: Any


@dataclass(slots=True)
class Report:
    """`same` of `decided` came out as recorded. `parts`: of each section, how many there were and
    how many are the same. `refusals`: recorded code -> how many were decided again."""

    calls: int = 0
    decided: int = 0
    same: int = 0
    events: int = 0
    left_out: Counter[Reason] = field(default_factory=Counter)
    parts: dict[str, list[int]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)

    def add(self, call: Recorded, found: list[Difference], present: Iterable[str]) -> None:
        """One call that was decided again."""
        self.decided += 1
        self.same += not found
        self.refusals[call.code if call.code in DECIDED else ""] += 1
        wrong = {difference.path.partition(".")[0] for difference in found}
        for name in present:
            part = self.parts.setdefault(name, [0, 0])
            part[0] += 1
            part[1] += name not in wrong
        self.differing += bool(found)
        self.differences += found[: max(0, DIFFERENCES_KEPT - len(self.differences))]

    def to_json(self) -> dict[str, Any]:
        return {
            "mode": "recorded_digests",
            "calls": self.calls,
            "decided": self.decided,
            "same": self.same,
            "left_out": dict(self.left_out),
            "parts": {n: {"decided": p[0], "same": p[1]} for n, p in self.parts.items()},
            "by_code": {code or "let_through": n for code, n in self.refusals.items()},
            "differences": [
                {"decision_id": d.decision_id, "path": d.path, "recorded": d.recorded,
                 "now": d.now} for d in self.differences
            ],
        }  # fmt: skip


Progress = Callable[[int], None]


async def decide_again(
    entries: Iterable[Entry], library: Library, progress: Progress | None = None
) -> Report:
    """Every entry's decision once more. `library`: strict. `progress`: told how many are done."""
    report = Report()
    for done, entry in enumerate(entries, 1):
        if progress is not None:
            progress(done)
        call = read(entry)
        if call == "event":
            report.events += 1
            continue
        report.calls += 1
        if isinstance(call, str):
            report.left_out[call] += 1
            continue
        try:
            found = await compared(call, library)
        except Unavailable as error:
            report.left_out[error.reason] += 1
        except NotFound:
            report.left_out["routing_not_found"] += 1
        else:
            if isinstance(found, str):
                report.left_out[found] += 1
            else:
                report.add(call, found, [name for name in SECTIONS if name in entry])
    return report


async def compared(call: Recorded, library: Library) -> list[Difference] | Reason:
    """Where the decision comes out otherwise; empty: nowhere. Raises Unavailable, NotFound."""
    if call.code == "guardrail_unavailable" and not call.rule_id:
        return "content_needed"  # a stream that held back too much
    given = Given(library.as_it_was(call), RecordedLedger(call))
    walked = await walk(call, given)
    if not walked.carried:
        return "target_could_not_carry"
    now = orjson.loads(orjson.dumps(closing_entry(walked.record)))
    pairs = {name: (_said(call.entry, name), _said(now, name)) for name in SECTIONS}
    return [
        Difference(call.decision_id, path, was, is_now)
        for name, (recorded, again) in pairs.items()
        for path, was, is_now in _differing(name, recorded, again)
    ]


def _said(entry: Entry, name: str) -> Any:
    """A section of an entry, as far as it tells of the decision."""
    match name:
        case "decision":
            return _decision(entry)
        case "policy":
            kept = ("bundle_digest", "allow", "reasons", "targets")
            return {key: value for key, value in section(entry, name).items() if key in kept}
        case "limits":
            found = section(entry, name).items()
            return {key: value for key, value in found if key != "reservation_id"}
        case "guardrails":
            return _guardrails(section(entry, name))
        case "plan":
            return entry.get("plan", []) if _let_through(entry) else []
        case _:
            return section(entry, name)


def _decision(entry: Entry) -> dict[str, Any]:
    said = section(entry, "decision")
    code = said.get("code", "")
    if code not in DECIDED:
        return {"through": True}
    return {"through": False, "code": code, "rule_id": said.get("rule_id", "")}


def _let_through(entry: Entry) -> bool:
    return section(entry, "decision").get("code", "") not in DECIDED


def _guardrails(said: Mapping[str, Any]) -> dict[str, Any]:
    """Who was to look, and what each of them came to; findings are given, not judged."""
    found = {
        hook: {"outcomes": one["outcomes"]} for hook, one in said.items() if hook.startswith("llm_")
    }
    return found | ({"selected": said["selected"]} if "selected" in said else {})


def _differing(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """The deepest places that differ."""
    if was == now:
        return
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _differing(f"{path}.{key}", was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for n, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differing(f"{path}.{n}", one, other)
    else:
        yield path, was, now
