"""Writing down in the log itself that somebody took records out of it (P3)."""

from __future__ import annotations

from typing import Any

from extproc.audit.checkpoint import SIGNING_KEY
from extproc.cli.audit.options import say
from extproc.state import StateDir


def record(state: StateDir, action: str, target: str, details: dict[str, Any]) -> None:
    """Before the records are handed out; raises AuditUnavailable: then they are not.

    A copy of a log, which has no signing key, is not written to; that is said.
    """
    if not (state.audit / SIGNING_KEY).exists():
        say(f"{action} is not recorded: this is a copy of a log, without its signing key")
        return
    from extproc.audit.journal import record_action

    record_action(state, action, target=target, details=details)
