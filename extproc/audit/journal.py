"""Writing down what people and the gateway itself do (`event.py`), through a spool like any other.

Promises: when `record` returns, the event survives this process; a command's event is in the log
when the command ends, also where no gateway runs. Raises AuditUnavailable when it cannot be
written: then what it is about must not happen, or must be undone.
"""

from __future__ import annotations

import os
import pwd
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from extproc.audit.event import event_entry
from extproc.audit.sequencer import SPOOL
from extproc.audit.spool import Spool
from extproc.audit.values import AuditUnavailable, Entry
from extproc.state import StateDir

_TRIES, _AGAIN_S = 25, 0.02
Actor = tuple[str, str]
GATEWAY: Actor = ("gateway", "envelope")


class Journal:
    """One process's events. `owner`: as for a spool. Call `release` at the end."""

    def __init__(
        self, audit_folder: Path, owner: str, *, actor: Actor = GATEWAY, environment: str = ""
    ) -> None:
        self._spool = Spool(audit_folder / SPOOL, owner)
        self._actor, self.environment = actor, environment

    @property
    def taken_away(self) -> bool:
        """Whether its file is gone for good; another journal must go on."""
        return self._spool.taken_away

    def record(
        self,
        action: str,
        *,
        target: str = "",
        outcome: str = "done",
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Write an event down; returns its decision id. Raises AuditUnavailable."""
        entry = self.event(action, target=target, outcome=outcome, details=details)
        self.write(entry)
        return str(entry["decision_id"])

    def event(
        self,
        action: str,
        *,
        target: str = "",
        outcome: str = "done",
        details: Mapping[str, Any] | None = None,
    ) -> Entry:
        """An event of this process, now; nothing is written."""
        return event_entry(
            action, event_id=secrets.token_hex(12), at_ms=time.time_ns() // 1_000_000,
            actor=self._actor, target=target, outcome=outcome, environment=self.environment,
            details=dict(details or {}),
        )  # fmt: skip

    def write(self, entry: Entry) -> None:
        """Write down an entry that is already made; raises AuditUnavailable."""
        self._spool.close(entry)

    def release(self) -> None:
        self._spool.release()


def operator() -> Actor:
    """Who runs this command, as this machine knows them: not as their environment says it
    (LOGNAME, USER), which anybody sets as they like."""
    try:
        return "operator", pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):
        return "operator", f"uid-{os.getuid()}"


def record_action(
    state: StateDir,
    action: str,
    *,
    target: str = "",
    outcome: str = "done",
    details: Mapping[str, Any] | None = None,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> str:
    """Record what a command does, in the log of this state folder; returns the decision id.

    Raises AuditUnavailable when it cannot be recorded. Where the folder has no log ('' is
    returned) there is nothing to record it in.
    """
    if not state.audit.is_dir():
        return ""
    # Two in one millisecond, also of processes that cannot see each other, are two.
    owner = f"cli-{clock_ms()}-{os.getpid()}-{secrets.token_hex(4)}"
    journal = Journal(state.audit, owner, actor=operator())
    try:
        recorded = journal.record(action, target=target, outcome=outcome, details=details)
    finally:
        journal.release()
    for _ in range(_TRIES):  # whoever holds the log may be another command, about to end
        if bring_in(state, clock_ms()) or not (state.audit / SPOOL / f"{owner}.jsonl").exists():
            break
        time.sleep(_AGAIN_S)
    return recorded


def bring_in(state: StateDir, now_ms: int) -> bool:
    """Move what waits in the spools into the log, where no gateway is there to do it.

    Raises AuditUnavailable where the log cannot take it; then it waits in the spools.
    """
    from extproc.audit.checkpoint import SIGNING_KEY, KeyRefused
    from extproc.audit.log import LogRefused
    from extproc.audit.note import NoteInvalid, Signer
    from extproc.audit.sequencer import Sequencer

    key = state.audit / SIGNING_KEY
    if not key.exists():
        return False
    try:
        sequencer = Sequencer(state.audit, origin=Signer.parse(key.read_text()).name)
    except AuditUnavailable:
        return False  # a gateway runs: it brings the event in
    except (KeyRefused, NoteInvalid, ValueError) as error:
        raise AuditUnavailable(f"the audit log cannot be signed: {error}") from None
    try:
        sequencer.drain(now_ms)
    except LogRefused as error:
        raise AuditUnavailable(f"the audit log takes no entries: {error}") from None
    finally:
        sequencer.close()
    return True
