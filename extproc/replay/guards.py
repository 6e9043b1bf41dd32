"""Guardrails judged again from what they found: whose finding refuses, under which strategy.

Promises: the real strategy table decides (`guardrails/tally.py`), over recorded findings, faults
and outcomes. Nothing is looked for again: content is not kept in entries. A guardrail that did not
look at a call, or is set to look otherwise now, is named as not judged and never counted as passed
(P3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from extproc.guardrails.gate import Gate
from extproc.guardrails.selection import Selection
from extproc.guardrails.tally import Tally
from extproc.guardrails.values import Hook, HookResult, Opinion, Remark
from extproc.replay.recorded import Recorded, section


@dataclass(frozen=True, slots=True)
class Judged:
    """`result` of one hook; `unjudged`: guardrails that nothing is known of, for this call."""

    result: HookResult
    unjudged: tuple[str, ...] = ()


def ran(call: Recorded, hook: Hook) -> bool:
    """Whether this hook's guardrails looked at the call."""
    return hook in section(call.entry, "guardrails")


def rejudge(
    call: Recorded, hook: Hook, selection: Selection, changed: Collection[str] = ()
) -> Judged:
    """`changed`: guardrails that look otherwise than those that were asked."""
    said = dict(section(dict(section(call.entry, "guardrails")), hook))
    outcomes, faults = section(said, "outcomes"), section(said, "faults")
    tally, unjudged = Tally(selection), list[str]()
    for gate in selection.gates:
        name = gate.selector
        outcome = outcomes.get(name, "")
        if name in changed or outcome in ("", "pending"):
            unjudged += [name] if gate.strategy != "audit" else []
        if name not in changed:
            _tell(tally, gate, said, outcome, faults.get(name, ""))
    tally.changed = "mutate" in outcomes.values()
    return Judged(tally.result(), tuple(unjudged))


def _tell(tally: Tally, gate: Gate, said: Mapping[str, Any], outcome: str, fault: str) -> None:
    """What one guardrail found, as it told the tally then."""
    found = [one for one in said.get("findings", ()) if one["guardrail"] == gate.selector]
    remarks = tuple(Remark(one["label"], one["path"], one.get("score")) for one in found)
    if outcome != "pending" or remarks:
        tally.heard(gate, Opinion(remarks), ())
    if fault:
        tally.fail((gate,), fault)  # type: ignore[arg-type]
    if outcome == "block" and gate.operation == "mutate":
        tally.cannot_redact(gate)
