"""How the audit log does: one small file in the run folder, written by the gateway's own process.

Workers read it to know whether calls may begin, the admin process for readiness and metrics.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from extproc.audit.anchoring.lane import Row

FILE = "audit-health.json"
NOT_BEGUN = "not begun"


@dataclass(slots=True)
class Health:
    """`why`: '' while the log takes entries. `counts`: of the sequencer. `anchors`: a row for each
    place that checkpoints go to."""

    why: str = NOT_BEGUN
    backlog_bytes: int = 0
    log_size: int = 0
    covered: int = 0
    signed_at_ms: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    anchors: list[Row] = field(default_factory=list)

    def to_json(self, refusing: str, at_ms: int) -> dict[str, Any]:
        """`refusing`: why workers must not begin a call now. `at_ms`: Unix time."""
        return {
            "ok": not (self.why or refusing),
            "why": self.why or refusing,
            "refusing": refusing,
            "backlog_bytes": self.backlog_bytes,
            "log_size": self.log_size,
            "covered": self.covered,
            "signed_at_ms": self.signed_at_ms,
            "at_ms": at_ms,
            **self.counts,
            "anchors": [asdict(row) for row in self.anchors],
        }
