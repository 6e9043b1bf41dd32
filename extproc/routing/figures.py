"""How each connection's models do: failures, rests, times. One worker owns it; workers share.

Promises: bounded memory; the newest facts count at once; what was bad is forgotten by itself.
Two failures within the window make a model ill; a key that was refused rests; averages are
taken over whole buckets of time. Pure: the time is a parameter (Unix, milliseconds).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from extproc.routing.track import LONG_MS, Seen, Track

Key = tuple[str, str]
"""(connection, model id)."""
FAILED_WITHIN_MS = 120_000
SAMPLES_MIN = 3
REFUSED_REST_MS, LIMITED_REST_MS, REST_MS_MAX = 300_000, 60_000, 3_600_000
TRACKS_MAX = 4_096
FAILURES = frozenset((401, 403, 408, 429))


@dataclass(frozen=True, slots=True)
class Averages:
    """Milliseconds over the last three minutes; None: too few samples to tell."""

    first_token_ms: float | None = None
    per_token_ms: float | None = None


class Figures:
    """`answered` and `failed` are told of every attempt; the rest is asked by the router."""

    def __init__(self) -> None:
        self._own: dict[Key, Track] = {}
        self._others: dict[Key, Track] = {}
        self._rests: dict[str, int] = {}
        self._their_rests: dict[str, int] = {}
        self._trouble_until_ms = 0
        self._flying: dict[str, int] = {}
        self._their_flying: dict[str, int] = {}
        self.window_ms = FAILED_WITHIN_MS
        """Within which two failures count; 0: nobody is ever ill."""

    # --- told -----------------------------------------------------------------------------------

    def answered(
        self, connection: str, model: str, status: int, ttft_ms: float | None,
        tpot_ms: float | None, now_ms: int, retry_after_s: int = 0,
    ) -> None:  # fmt: skip
        """An answer came. `ttft_ms`, `tpot_ms`: None where they cannot be told.

        `retry_after_s`: of a 429 or 503. A 401 is the key's own; its other models rest with it.
        """
        track = self._track(connection, model)
        if status >= 500 or status in FAILURES:
            track.fail(now_ms)
            self._expect_trouble(now_ms + self.window_ms)
        elif status < 400:
            track.sample(now_ms, ttft_ms, tpot_ms)
        if status == 401:
            self._rests[connection] = now_ms + REFUSED_REST_MS
            self._expect_trouble(now_ms + REFUSED_REST_MS)
        elif status == 429 or retry_after_s > 0:
            rest_ms = min(retry_after_s * 1000 or LIMITED_REST_MS, REST_MS_MAX)
            track.rest(now_ms + rest_ms, told=retry_after_s > 0)
            self._expect_trouble(now_ms + rest_ms)

    def failed(self, connection: str, model: str, now_ms: int) -> None:
        """No answer came: in time, or because the connection broke or could not be opened."""
        self._track(connection, model).fail(now_ms)
        self._expect_trouble(now_ms + self.window_ms)

    def left(self, connection: str) -> None:
        """A call is on its way."""
        self._flying[connection] = self._flying.get(connection, 0) + 1

    def back(self, connection: str) -> None:
        """It is over, however it ended."""
        flying = self._flying.get(connection, 0) - 1
        if flying > 0:
            self._flying[connection] = flying
        else:
            self._flying.pop(connection, None)

    # --- asked ----------------------------------------------------------------------------------

    def calm(self, now_ms: int) -> bool:
        """Whether nothing anywhere is ill or rests."""
        return now_ms >= self._trouble_until_ms

    def ill(self, key: Key, now_ms: int) -> bool:
        """Two failures within two minutes; or its provider said when to come back."""
        if not self.window_ms:
            return False
        own, other = self._own.get(key), self._others.get(key)
        times = (*(own.failures if own else ()), *(other.failures if other else ()))
        if len(times) > 1 and sorted(times)[-2] > now_ms - self.window_ms:
            return True
        return any(t.told and t.rest_until_ms > now_ms for t in (own, other) if t is not None)

    def in_flight(self, connections: Iterable[str]) -> int:
        """Calls on their way, those of other workers as they told last."""
        own, theirs = self._flying, self._their_flying
        return sum(own.get(name, 0) + theirs.get(name, 0) for name in connections)

    def rests(self, key: Key, now_ms: int) -> bool:
        """Whether this key of several is better left alone."""
        connection = key[0]
        if self._rests.get(connection, 0) > now_ms or self._their_rests.get(connection, 0) > now_ms:
            return True
        tracks = (self._own.get(key), self._others.get(key))
        return any(t.rest_until_ms > now_ms for t in tracks if t is not None)

    def averages(self, keys: Iterable[Key], now_ms: int) -> Averages:
        """Over the last three minutes, of all these together."""
        seen = Seen()
        for track in self._tracks(keys):
            seen.add(track.recent(now_ms))
        return Averages(
            _mean(seen.first_token_ms, seen.first_tokens), _mean(seen.per_token_ms, seen.per_tokens)
        )

    def per_token_ms(self, keys: Sequence[Key], now_ms: int) -> float | None:
        """Over the last two whole epochs of ten minutes, so that it stands still within one; over
        the running one too where those do not tell. None: too few samples."""
        epoch = now_ms // LONG_MS
        whole, running = Seen(), Seen()
        for track in self._tracks(keys):
            for start, seen in track.long.items():
                if start in (epoch - 1, epoch - 2):
                    whole.add(seen)
                elif start == epoch:
                    running.add(seen)
        if whole.per_tokens < SAMPLES_MIN:
            whole.add(running)
        return _mean(whole.per_token_ms, whole.per_tokens)

    # --- shared ---------------------------------------------------------------------------------

    def encode(self, now_ms: int) -> list[Any]:
        """What this worker itself has seen, as JSON-able rows."""
        rests = [[connection, until] for connection, until in self._rests.items() if until > now_ms]
        rows = [[*key, *track.encode(now_ms)] for key, track in self._own.items()]
        said = [row for row in rows if row[2] or row[3] or row[5] or row[6]]
        return [rests, said, list(self._flying.items())]

    def merge(self, told: Iterable[Any]) -> None:
        """What all OTHER workers see now (their `encode()`); replaces what they said before.

        Raises ValueError where it is none of these rows; then what was known stays.
        """
        tracks: dict[Key, Track] = {}
        rests: dict[str, int] = {}
        flying: dict[str, int] = {}
        try:
            for resting, rows, flights in told:
                for connection, until in resting:
                    rests[connection] = max(until, rests.get(connection, 0))
                for connection, model, *row in rows:
                    tracks.setdefault((connection, model), Track()).take_in(row)
                for connection, calls in flights:
                    flying[connection] = flying.get(connection, 0) + calls
        except TypeError:
            raise ValueError("these are no figures") from None
        self._others, self._their_rests, self._their_flying = tracks, rests, flying
        self._expect_trouble(max(rests.values(), default=0))
        for track in tracks.values():
            last = max(track.failures, default=0) + self.window_ms
            self._expect_trouble(max(last, track.rest_until_ms))

    # --- within ---------------------------------------------------------------------------------

    def _tracks(self, keys: Iterable[Key]) -> Iterable[Track]:
        for key in keys:
            for tracks in (self._own, self._others):
                if (track := tracks.get(key)) is not None:
                    yield track

    def _track(self, connection: str, model: str) -> Track:
        key = (connection, model)
        track = self._own.get(key)
        if track is None:
            if len(self._own) >= TRACKS_MAX:  # the oldest: a dict keeps its order
                del self._own[next(iter(self._own))]
            track = self._own[key] = Track()
        return track

    def _expect_trouble(self, until_ms: int) -> None:
        self._trouble_until_ms = max(self._trouble_until_ms, until_ms)


def _mean(total: float, number: int) -> float | None:
    return total / number if number >= SAMPLES_MIN else None
