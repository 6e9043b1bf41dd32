"""What the core hands to the audit log."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

Entry = dict[str, Any]
"""One audit entry, JSON-ready. Keys are those of `entry.py`; no content, no secrets (P4)."""


class AuditUnavailable(Exception):
    """The entry could not be recorded: `audit_unavailable`; nothing may be sent."""


class AuditLog(Protocol):
    """A worker's side of the log: an intent before the provider, one entry at the end (P3)."""

    def intent(self, entry: Entry) -> None:
        """Record what is about to happen; survives the death of this process when it returns."""
        ...

    def durable(self) -> Awaitable[None] | None:
        """What to await before a provider may see a byte; None where the mode asks for nothing."""
        ...

    def close(self, entry: Entry) -> None:
        """Record what happened. Exactly one per decision id; the sequencer drops a second one."""
        ...
