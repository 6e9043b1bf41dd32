"""What this gateway has noticed of each counter, so that it asks the store only about news.

Promises: bounded memory (the counters touched last); forgetting costs a question to the store,
never a second message: "once" is kept by `claims.py`. Pure but for its own memory; time is a
parameter.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from extproc.alerts.evaluate import due
from extproc.alerts.forecast import History, can_forecast, exhausted_ms, horizon_ms
from extproc.alerts.values import Alert, Terms
from extproc.limits.values import CounterReading

COUNTERS_MAX = 10_000
Key = tuple[str, str, str, str]


class _Seen:
    """One counter in one window. `noticed`: name of an alert -> until when it is old news (ms)."""

    __slots__ = ("history", "noticed", "window_id")

    def __init__(self, window_id: str) -> None:
        self.window_id = window_id
        self.noticed: dict[str, int] = {}
        self.history: History | None = None


class Watch:
    """Turns readings into news. `terms`: rule id -> what it wants told."""

    def __init__(self, counters_max: int = COUNTERS_MAX) -> None:
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()
        self._max = counters_max
        self.terms: Mapping[str, Terms] = {}
        self.environment = ""

    def look(self, reading: CounterReading, now_ms: int) -> list[Alert]:
        """The alerts this reading calls for and that were not noticed before, in this window."""
        terms = self.terms.get(reading.rule_id)
        if terms is None or reading.kind != "budget" or reading.shape == "flight":
            return []
        seen = self._recall(reading)
        exhausted = self._forecast(reading, terms, seen, now_ms)
        news: list[Alert] = []
        for found in due(reading, terms.alerts, exhausted):
            if seen.noticed.get(found.name, 0) <= now_ms:
                alert = Alert(found, reading, now_ms, terms.zone, self.environment, exhausted)
                news.append(alert)
                names = (found.name, *found.lower)
                seen.noticed.update(dict.fromkeys(names, alert.remembered_until_ms + 1_000))
        return news

    def _recall(self, reading: CounterReading) -> _Seen:
        key = (reading.rule_id, reading.counter, reading.measure, reading.window)
        seen = self._seen.get(key)
        if seen is None or seen.window_id != reading.window_id:
            seen = self._seen[key] = _Seen(reading.window_id)
        self._seen.move_to_end(key)
        if len(self._seen) > self._max:
            self._seen.popitem(last=False)
        return seen

    @staticmethod
    def _forecast(reading: CounterReading, terms: Terms, seen: _Seen, now_ms: int) -> int | None:
        if not terms.alerts.forecast or not can_forecast(reading):
            return None
        if seen.history is None:
            seen.history = History()
        seen.history.add(now_ms, reading.spent, horizon_ms(reading))
        return exhausted_ms(reading, seen.history, now_ms)
