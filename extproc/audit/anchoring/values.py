"""What became of sending a checkpoint somewhere. Values only.

`Delivered`, `Again` and `Refused` are those of alerts; a checkpoint knows one more.
"""

from __future__ import annotations

from dataclasses import dataclass

from extproc.alerts.values import Again, Delivered, Refused


@dataclass(frozen=True, slots=True)
class Conflict:
    """The target holds something that this log does not extend: one of the two was changed."""

    why: str


Outcome = Delivered | Again | Refused | Conflict

__all__ = ["Again", "Conflict", "Delivered", "Outcome", "Refused"]
