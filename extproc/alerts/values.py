"""What an alert is, and what became of sending it. Values only.

An alert is about one counter in one window: a threshold passed, the soft limit passed, or a
forecast that the limit will be used up before the window ends. Each happens once per window.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from extproc.config.alert_model import Alerts
from extproc.limits.values import CounterReading
from extproc.limits.window import DAY_MS, HOUR_MS, rolling

AlertKind = Literal["threshold", "soft_limit", "forecast"]
KEEP_MS_MAX = 400 * DAY_MS
"""How long it is remembered that an alert was sent, at most; only `total` windows are longer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one rule of the configuration wants told. `zone`: IANA name, for times in texts."""

    alerts: Alerts
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Due:
    """A condition that holds. `threshold`: percent, 0 for other kinds.

    `lower`: names of thresholds that were passed with it; this one speaks for them.
    """

    kind: AlertKind
    threshold: float = 0
    lower: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`threshold:75`, `soft_limit`, `forecast`."""
        return threshold_name(self.threshold) if self.kind == "threshold" else self.kind


def threshold_name(percent: float) -> str:
    return f"threshold:{percent:g}"


def width_ms(reading: CounterReading) -> int:
    """Of a rolling window: how long one occasion lasts."""
    return rolling(reading.window).width_ms


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. Times are Unix time in ms.

    `at_ms`: when it was noticed. `exhausted_ms`: when the limit will be used up at this rate;
    None: not before the window ends, or too early to say.
    """

    due: Due
    reading: CounterReading
    at_ms: int
    zone: str
    environment: str
    exhausted_ms: int | None = None

    @property
    def id(self) -> str:
        """The same for every delivery of this alert, from any gateway: receivers may drop twins."""
        rolls = self.reading.shape == "sliding"
        occasion = str(self.at_ms // width_ms(self.reading)) if rolls else ""
        return _digest(*_about(self.reading), self.due.name, occasion)

    @property
    def claim(self) -> str:
        """Names this alert in the store."""
        return _digest(*_about(self.reading), self.due.name)

    @property
    def lower_claims(self) -> tuple[str, ...]:
        return tuple(_digest(*_about(self.reading), name) for name in self.due.lower)

    @property
    def window_ends_ms(self) -> int:
        """0: a rolling window, or one that never ends."""
        calendar = self.reading.shape == "calendar" and self.reading.window != "total"
        return self.at_ms + self.reading.reset_ms if calendar else 0

    @property
    def remembered_until_ms(self) -> int:
        """A calendar window's end and a day; of a rolling one, its width.

        A rolling one is forgotten a second early: what notices it again then finds no claim.
        """
        if self.reading.shape == "sliding":
            return self.at_ms + width_ms(self.reading) - 1_000
        return self.at_ms + min(self.reading.reset_ms + DAY_MS, KEEP_MS_MAX)

    @property
    def stale_ms(self) -> int:
        """From here on nobody wants to read it: the window has ended; at least an hour."""
        return max(self.at_ms + HOUR_MS, self.remembered_until_ms - DAY_MS)


def _about(reading: CounterReading) -> tuple[str, ...]:
    window_id = reading.window_id if reading.shape == "calendar" else ""
    return (reading.rule_id, reading.counter, reading.measure, reading.window, window_id)


def _digest(*parts: str) -> str:
    # Lengths first: no part can pretend to be two.
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(framed.encode("utf-8", "surrogatepass")).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class HttpPost:
    """One POST. Its URL and headers are secrets, so they are not in its `repr` (P4)."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target has taken it. `note`: what an operator should know all the same."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """It may work later. `why` quotes no address and no answer (P4). `retry_after_ms`: 0 unsaid."""

    why: str
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not work like this: the address, the key or the settings are wrong."""

    why: str


Outcome = Delivered | Again | Refused
