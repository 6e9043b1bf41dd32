"""The alert desk of one gateway: readings in, messages out. It runs beside the request path.

Promises: `observe` does no I/O and waits for nothing; each alert reaches each of its targets once
over all gateways on one store (`claims.py` says what a crash may do); a dead target delays no
other. An alert whose rule names no target becomes one line of the log, without the counter's name.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from redis.asyncio import Redis

from extproc.alerts.claims import Claims
from extproc.alerts.delivery import Delivery
from extproc.alerts.lane import Figures, Lane, Surroundings, Told, nobody_is_told
from extproc.alerts.message import title
from extproc.alerts.text import amount
from extproc.alerts.values import Alert, Delivered, Outcome, Terms
from extproc.alerts.watch import Watch
from extproc.config.alert_model import NotificationTarget
from extproc.config.model import Config
from extproc.limits.tenant import tenant_budget_rules
from extproc.limits.values import CounterReading

log = logging.getLogger("envelope")

LOG = "log"


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class AlertDesk:
    """`client`: the store all gateways share. `clock_ms`: Unix time. `sleep`: seconds.

    `timeout_s`: bounds one attempt (default: 10 s, e-mail 30 s). `figures`: by kind of channel.
    `told`: hears of each alert that was sent, or could not be.
    """

    def __init__(
        self,
        client: Redis,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
        timeout_s: float | None = None,
        told: Told = nobody_is_told,
    ) -> None:
        self.figures = Figures()
        self._watch = Watch()
        self._delivery = Delivery(clock_ms, timeout_s)
        claims = Claims(client, uuid.uuid4().hex)
        rng = chance or random.Random()
        self._around = Surroundings(claims, self.figures, clock_ms, sleep, rng, told)
        self._lanes: dict[str, Lane] = {}
        self._routes: Mapping[str, tuple[str, ...]] = {}
        self._changed = asyncio.Event()

    def use(self, config: Config) -> None:
        """Take the rules and channels of a configuration; what waits for a target stays."""
        self._watch.environment = config.gateway.environment or ""
        self._watch.terms = terms = dict(_terms(config))
        lanes: dict[str, Lane] = {}
        routes = {}
        for rule_id, wanted in terms.items():
            targets = wanted.alerts.notification_target
            routes[rule_id] = tuple(
                dict.fromkeys(self._lane(lanes, config, target) for target in targets)
            ) or (self._log_lane(lanes),)
        self._lanes, self._routes = lanes, routes
        self._changed.set()

    def observe(self, readings: Sequence[CounterReading], now_ms: int) -> None:
        """Look at counters that changed (at the start: at all of them). `now_ms`: Unix time."""
        for reading in readings:
            for alert in self._watch.look(reading, now_ms):
                for address in self._routes[reading.rule_id]:
                    self._lanes[address].put(alert)

    @property
    def waiting(self) -> int:
        """Alerts that are not delivered yet, counted once for each target."""
        return sum(lane.waiting for lane in self._lanes.values())

    async def idle(self) -> None:
        """Until nothing waits, not even for a later attempt."""
        for lane in list(self._lanes.values()):
            await lane.idle()

    async def run(self) -> None:
        """Deliver until cancelled."""
        running: dict[Lane, asyncio.Task[None]] = {}
        try:
            while True:
                self._changed.clear()
                wanted = set(self._lanes.values())
                for lane in wanted - running.keys():
                    running[lane] = asyncio.create_task(lane.run())
                for lane in running.keys() - wanted:
                    running.pop(lane).cancel()
                await self._changed.wait()
        finally:
            await _end(running.values())

    async def close(self) -> None:
        """Close connections; call it after `run` was cancelled."""
        await self._delivery.close()

    def _lane(self, lanes: dict[str, Lane], config: Config, target: NotificationTarget) -> str:
        channel = config.channels.get(target.notification_channel)
        if channel is None:
            log.error("alerts: there is no channel %r", target.notification_channel)
            return self._log_lane(lanes)
        address = _address(target)
        send = partial(self._delivery.send, channel, target)
        return self._keep(lanes, address, Lane(address, channel.name, channel.kind, send,
                                               self._around))  # fmt: skip

    def _log_lane(self, lanes: dict[str, Lane]) -> str:
        return self._keep(lanes, LOG, Lane(LOG, LOG, LOG, _write_log, self._around))

    def _keep(self, lanes: dict[str, Lane], address: str, new: Lane) -> str:
        """The lane that serves this address already, told how to send now; else the new one."""
        lane = lanes[address] = self._lanes.get(address, new)
        lane.send, lane.kind = new.send, new.kind
        return address


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel, and again where a driver swallowed it."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)


def _terms(config: Config) -> Iterator[tuple[str, Terms]]:
    for rule in config.budgets:
        if rule.alerts is not None:
            yield rule.id, Terms(rule.alerts, rule.timezone)
    for document in config.tenant_budgets:
        if document.alerts is not None:
            terms = Terms(document.alerts, document.timezone)
            yield from ((rule.rule_id, terms) for rule in tenant_budget_rules(document))


def _address(target: NotificationTarget) -> str:
    """Names a target in claims, the same on every gateway: the channel and who gets the mail."""
    named = "\n".join((target.notification_channel, *sorted(target.to_emails)))
    return hashlib.sha256(named.encode()).hexdigest()[:16]


async def _write_log(alert: Alert) -> Outcome:
    # A counter's name may hold an e-mail address; the log has other readers than an alert.
    spent = amount(alert.reading.measure, alert.reading.spent)
    log.warning("%s (%s); its rule names no notification_target", title(alert), spent)
    return Delivered()
