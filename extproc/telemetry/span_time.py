"""One exchange's clock: its monotonic times as Unix times, none outside the exchange. Pure."""

from __future__ import annotations

from extproc.exchange.record import Record


class Clock:
    """Nanoseconds. The exchange began at a whole millisecond of Unix time; the rest follows."""

    __slots__ = ("_ended_ns", "_offset_ns", "_started_ns")

    def __init__(self, record: Record) -> None:
        self._started_ns = record.started_ns
        self._ended_ns = max(record.started_ns, record.ended_ns)
        self._offset_ns = record.started_at_ms * 1_000_000 - record.started_ns

    def at(self, moment_ns: int) -> int:
        """A moment of the exchange. What lies outside it is moved to its edge."""
        if moment_ns < self._started_ns:
            moment_ns = self._started_ns
        elif moment_ns > self._ended_ns:
            moment_ns = self._ended_ns
        return moment_ns + self._offset_ns

    @property
    def end(self) -> int:
        return self._ended_ns + self._offset_ns
