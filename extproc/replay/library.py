"""The grounds of recorded decisions, by the digests that entries name: from the archive, made once.

Promises: a text that is missing or damaged is a reason, never a guess. Keeps a few grounds at a
time: a log has few configurations beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from extproc.audit.archive import Archive, NotArchived
from extproc.config.model import Config
from extproc.policy.bundle import Bundle
from extproc.policy.embedded import engine_of
from extproc.policy.values import Decision, PolicyEngine, PolicyUnavailable
from extproc.replay.ground import Ground, ground
from extproc.replay.recorded import Reason, Recorded, section
from extproc.usage.prices import PriceTable

GROUNDS_MAX = 8
T = TypeVar("T")
_REASONS: Mapping[str, Reason] = {
    "config": "config_not_archived",
    "policy": "policy_not_archived",
    "prices": "prices_not_archived",
}


class Unavailable(Exception):
    """There is no ground for this call."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Instead:
    """What is tried in the place of what was: a configuration, a bundle, or both."""

    config: Config | None = None
    policy: PolicyEngine | None = None


class NobodyAsked:
    """The engine of calls that ended before the policy was asked."""

    bundle_digest = ""

    async def decide(self, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
        raise PolicyUnavailable("the policy was not asked")

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class RecordedPolicy:
    """What the policy said then: for another configuration's sake, where its bundle is elsewhere.
    It answers for the calls of one digest."""

    def __init__(self, bundle_digest: str) -> None:
        self.bundle_digest = bundle_digest
        self.call: Recorded | None = None

    async def decide(self, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """Raises PolicyUnavailable for a target that nobody asked about."""
        assert self.call is not None
        said = section(dict(section(self.call.entry, "policy")), "targets")
        try:
            return [_decision(said[one["resource"]["model"]]) for one in inputs]
        except KeyError:
            raise PolicyUnavailable("the policy was not asked about this target") from None

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def _decision(said: Mapping[str, Any]) -> Decision:
    return Decision(said["allow"], tuple(said["reasons"]), said.get("obligations", {}))


class Library:
    """Grounds by digest. `strict`: a policy has to be there to be asked again."""

    def __init__(self, archive: Archive, *, strict: bool) -> None:
        self._archive, self._strict = archive, strict
        self._configs: dict[str, Config | Reason] = {}
        self._engines: dict[str, PolicyEngine | Reason] = {}
        self._prices: dict[str, PriceTable | Reason] = {}
        self._grounds: dict[tuple[str, ...], Ground] = {}

    def as_it_was(self, call: Recorded) -> Ground:
        """What it was decided by. Raises Unavailable."""
        return self._ground(
            self._config(call), self._engine(call), self._table(call), call.config_digest
        )

    def instead(self, call: Recorded, other: Instead) -> Ground:
        """The same with something else in its place. Raises Unavailable."""
        config = other.config or self._config(call)
        engine = other.policy or self._engine(call)
        prices = self._table(call) if other.config is None else self._resolved(other.config)
        return self._ground(config, engine, prices, config.digest)

    def tell(self, call: Recorded) -> None:
        """Whose turn it is, for engines that repeat what was said."""
        engine = self._engines.get(call.policy_digest)
        if isinstance(engine, RecordedPolicy):
            engine.call = call

    def _ground(
        self, config: Config, engine: PolicyEngine, prices: PriceTable, digest: str
    ) -> Ground:
        key = (digest, engine.bundle_digest, prices.digest, type(engine).__name__)
        found = self._grounds.get(key)
        if found is None:
            if len(self._grounds) >= GROUNDS_MAX:
                del self._grounds[next(iter(self._grounds))]
            try:
                found = self._grounds[key] = ground(config, engine, prices)
            except (ValueError, OSError):
                raise Unavailable("config_not_archived") from None
        return found

    def _config(self, call: Recorded) -> Config:
        wanted = call.config_digest
        if wanted not in self._configs:
            self._configs[wanted] = _loaded(self._archive.load_config, wanted)
        return _have(self._configs[wanted])

    def _table(self, call: Recorded) -> PriceTable:
        wanted = call.prices_digest
        if wanted not in self._prices:
            self._prices[wanted] = _loaded(self._archive.load_prices, wanted)
        return _have(self._prices[wanted])

    def _resolved(self, config: Config) -> PriceTable:
        key = f"of {config.digest}"
        if key not in self._prices:
            self._prices[key] = PriceTable.of(config)
        return _have(self._prices[key])

    def _engine(self, call: Recorded) -> PolicyEngine:
        wanted = call.policy_digest
        if not wanted:
            return NobodyAsked()
        if wanted not in self._engines:
            self._engines[wanted] = self._new_engine(call)
        return _have(self._engines[wanted])

    def _new_engine(self, call: Recorded) -> PolicyEngine | Reason:
        elsewhere = section(call.entry, "policy").get("engine") != "embedded"
        found: Bundle | Reason = "policy_elsewhere"
        if not elsewhere:
            found = _loaded(self._archive.load_policy, call.policy_digest)
        if isinstance(found, Bundle):
            return engine_of(found)
        return found if self._strict else RecordedPolicy(call.policy_digest)


def _loaded(load: Callable[[str], T], wanted: str) -> T | Reason:
    try:
        return load(wanted)
    except NotArchived as error:
        return _REASONS[error.kind]


def _have(found: T | Reason) -> T:
    if isinstance(found, str):
        raise Unavailable(cast(Reason, found))
    return found
