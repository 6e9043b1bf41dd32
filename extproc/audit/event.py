"""Entries that are not calls: what people and the gateway itself did (P3).

Promises: the same shape as a call's entry where both have a field, so that every question can be
asked of both; names and digests only, no content and no secret (P4). Pure.

    decision_id   `event-` and an id of its own
    kind          `event` (absent: a call)
    actor         {type, name}; type is one of ACTORS
    event         {action, target, ...details}; `action` is one of ACTIONS
    decision      {outcome}: done | refused | failed
"""

from __future__ import annotations

from typing import Any

from extproc.audit.entry import rfc3339
from extproc.audit.values import Entry
from extproc.config.audit_model import RecordClass

EVENT = "event"
ACTORS = ("gateway", "operator")
"""`operator`: whoever ran a command on a machine (its user's name)."""
ACTIONS = (
    "gateway.start", "gateway.stop", "config.load", "config.refuse", "policy.load",
    "policy.push", "key.create", "key.revoke", "key.rotate", "alert.send", "audit.export",
    "audit.pack", "audit.content.read", "audit.content.erase", "audit.content.expire",
    "audit.prune", "audit.key.rotate", "audit.log.begin", "policy.replay",
)  # fmt: skip
_LET_THROUGH = frozenset(("allowed", "answered", "upstream_error", "truncated", "aborted",
                          "blocked", "worker_lost"))  # fmt: skip


def event_entry(
    action: str,
    *,
    event_id: str,
    at_ms: int,
    actor: tuple[str, str],
    target: str = "",
    outcome: str = "done",
    environment: str = "",
    details: dict[str, Any] | None = None,
) -> Entry:
    """One event. `event_id`: unique, letters, digits and `-`. `actor`: (type, name)."""
    said: dict[str, Any] = {"action": action}
    if target:
        said["target"] = target
    entry: Entry = {
        "decision_id": f"event-{event_id}",
        "kind": EVENT,
        "at": rfc3339(at_ms),
        "actor": {"type": actor[0], "name": actor[1]},
        "event": said | (details or {}),
        "decision": {"outcome": outcome},
    }
    return entry | ({"environment": environment} if environment else {})


def record_class(entry: Entry) -> RecordClass:
    """The class of record an entry is of; see `config/audit_model.py`."""
    if entry.get("kind") == EVENT:
        return "admin"
    decision = entry.get("decision")
    outcome = decision.get("outcome") if isinstance(decision, dict) else None
    if outcome in ("refused", "unseen"):
        return "refusal"
    return "exchange" if outcome in _LET_THROUGH else "admin"
