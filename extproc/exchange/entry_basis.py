"""Basis -> the fields of an audit entry that a decision can be made again from (P6).

Promises: bounded by the configuration and by what an entry holds anyway; absent where it says
nothing. `audit/entry.py` documents the names, `replay/recorded.py` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from extproc.audit.values import Entry
from extproc.errors import Refusal
from extproc.exchange.basis import Basis, Shadowed
from extproc.exchange.record import Record
from extproc.guardrails.selection import read_header
from extproc.guardrails.values import Hook
from extproc.identity.principal import Principal
from extproc.limits.values import Charge, CounterState
from extproc.usage.input_bound import TEXT_ONLY, InputBound
from extproc.usage.price import Reach

_LANE = re.compile(r"[a-z0-9_-]{1,32}")
"""What a lane may be called; anything else is a caller's text, and names no lane (P4)."""
REASONS_KEPT, TARGETS_KEPT = 20, 50
"""Of one shadow bundle. Its author may give as many reasons as he likes."""


def add_basis(entry: Entry, record: Record) -> None:
    """Add to a closing entry what its decision was made of."""
    basis = record.basis
    if record.ended_ns:
        entry["duration_ms"] = (record.ended_ns - record.started_ns) // 1_000_000
    if record.principal is not None:
        entry["principal"] |= _further(record.principal)
    if record.call is not None:
        entry["request"] |= _asked(record, basis)
    if record.decisions:
        entry["routing"] = _routing(record, basis)
        _add_obligations(entry["policy"], record)
    if basis.shadows:
        entry.setdefault("policy", {})["shadow"] = [_shadow(one) for one in basis.shadows]
    if basis.charges or basis.dues:
        entry.setdefault("limits", {}).update(_limits(record, basis))
    if basis.selected is not None:
        _add_selection(entry, basis)


def _further(who: Principal) -> dict[str, Any]:
    """Beside its names. Claims are the caller's own words about itself, and few."""
    found: dict[str, Any] = {"email": who.email, "teams": list(who.teams),
                             "claims": dict(who.claims), "internal": who.internal}  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _asked(record: Record, basis: Basis) -> dict[str, Any]:
    assert record.call is not None
    found: dict[str, Any] = {}
    if record.call.choices != 1:
        found["choices"] = record.call.choices
    if basis.lane is not None and _LANE.fullmatch(basis.lane):
        found["lane"] = basis.lane
    if basis.retry is not None:
        found["retry"] = {"attempts": basis.retry[0], "on_status_codes": list(basis.retry[1])}
    if basis.bound is not None and (more := _bound(basis.bound)):
        found["bound"] = more
    return found


def _bound(bound: InputBound) -> dict[str, Any]:
    """What a bound says beside its tokens; nothing for plain text."""
    found: dict[str, Any] = {}
    if bound.more_output_tokens:
        found["more_output_tokens"] = bound.more_output_tokens
    if bound.open_ended:
        found["open_ended"] = True
    if bound.reach != TEXT_ONLY:
        found["reach"] = _reach(bound.reach)
    return found


def _reach(reach: Reach) -> dict[str, Any]:
    said = asdict(reach)
    said["units"] = {name: n for name, n in said["units"].items() if n}
    return {name: value for name, value in said.items() if value}


def _routing(record: Record, basis: Basis) -> dict[str, Any]:
    """The candidates in their order, and with which keys: chance and health had their say there."""
    found: dict[str, Any] = {"candidates": [name for name, _ in record.decisions]}
    if basis.rule_id:
        found["rule_id"] = basis.rule_id
    if basis.fallback_id:
        found["fallback_id"] = basis.fallback_id
    if any(target.key for target in basis.keyed):
        found["keys"] = [[target.name, target.key] for target in basis.keyed]
    return found


def _add_obligations(policy: dict[str, Any], record: Record) -> None:
    for name, decision in record.decisions:
        if decision.obligations:
            policy["targets"][name]["obligations"] = dict(decision.obligations)


def _shadow(one: Shadowed) -> dict[str, Any]:
    if one.fault:
        return {"bundle_digest": one.bundle_digest, "fault": one.fault}
    said: dict[str, Any] = {"bundle_digest": one.bundle_digest, "allow": one.allow,
                            "differs": one.differs}  # fmt: skip
    if one.reasons:
        said["reasons"] = list(one.reasons[:REASONS_KEPT])
    if one.targets:
        said["targets"] = dict(list(one.targets.items())[:TARGETS_KEPT])
    return said


def _limits(record: Record, basis: Basis) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if len(record.counters) == len(basis.charges):
        found["counters"] = [
            _counter(charge, state)
            for charge, state in zip(basis.charges, record.counters, strict=True)
        ]
    if basis.amounts is not None:
        found["asked"] = _amounts(basis)
    if basis.dues:
        found["due"] = [asdict(due) for due in basis.dues]
    return found


def _counter(charge: Charge, state: CounterState) -> dict[str, Any]:
    """One counter as the store answered. Its name is not kept: it follows from the rule and from
    what the entry says of the caller, and may be what an operator has masked."""
    said = {
        "rule_id": charge.rule_id,
        "kind": charge.kind,
        "measure": charge.measure,
        "window": charge.window.label,
        "limit": charge.limit,
        "amount": charge.amount,
        "spent": state.spent,
        "reserved": state.reserved,
        "left": state.left,
    }
    if state.taken != charge.amount:
        said["taken"] = state.taken
    return said


def _amounts(basis: Basis) -> dict[str, Any]:
    amounts = basis.amounts
    assert amounts is not None
    found = {"tokens": amounts.tokens, "input_tokens": amounts.input_tokens,
             "cost_nano_usd": amounts.cost_nano_usd}  # fmt: skip
    return found if basis.stated is None else {**found, "max_output_tokens": basis.stated}


def _add_selection(entry: Entry, basis: Basis) -> None:
    """Who was to look, whether or not it came to that."""
    assert basis.selected is not None
    sides = {"llm_input": basis.selected.input, "llm_output": basis.selected.output}
    named = {hook: list(side.selectors) for hook, side in sides.items() if side.gates}
    if not named and not basis.header:
        return
    guardrails = entry.setdefault("guardrails", {})
    if named:
        guardrails["selected"] = named
    if basis.header:
        guardrails["asked"] = _lists(basis.header)


def _lists(header: str) -> Mapping[str, Any]:
    """As it was read when it was heeded, and of a call's own hooks only: those names were looked
    up, those of other hooks are a caller's text (P4)."""
    lists = read_header(header)
    if isinstance(lists, Refusal):
        return {}
    hooks: tuple[Hook, ...] = ("llm_input", "llm_output")
    return {f"{hook}_guardrails": list(lists[hook]) for hook in hooks if hook in lists}
