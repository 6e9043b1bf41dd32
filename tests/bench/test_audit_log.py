"""The benchmark of the audit log measures what it says."""

from __future__ import annotations

from pathlib import Path

from bench.audit_log import measure, table


def test_every_step_is_measured(tmp_path: Path) -> None:
    """P8: a log of a few entries, so that it ends at once; no step is free, the log holds more than
    the entries, and the figures are in the table."""
    figures = measure(50, tmp_path)
    assert min(figures.floor_us, figures.record_us, figures.sequence_us, figures.verify_us) > 0
    assert figures.spool_bytes > 2 * figures.entry_bytes > 2_000
    assert figures.log_bytes > figures.entry_bytes
    assert "| verify |" in table(figures) and "strict" in table(figures)
