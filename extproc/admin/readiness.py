"""Whether this gateway can govern a request right now, part by part.

Promises: every part is asked at once and bounded in time; a part that cannot be judged is missing
(defaults deny); a reason names no address, no path and no secret (P4).
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from redis.asyncio import Redis

from extproc.admin.audit_health import why_not
from extproc.admin.draining import flag_of
from extproc.admin.http_get import NoAnswer, get
from extproc.admin.policy_url import OpaUrl
from extproc.admin.spec import Spec
from extproc.audit import health
from extproc.store_client import StoreUnavailable, mapped_errors

CHECK_WITHIN_S = 1.5
PROBE_BYTES = 4_096
"""One block: an empty file can still be made on a full disk."""


STORE, LEDGER = "store", "ledger"


class Healthy(Protocol):
    """The part of `RedisLedger` that is needed."""

    async def health(self) -> str:
        """`ok`, or why calls are refused."""
        ...


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Missing:
    """One part that is not there, and why."""

    part: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"part": self.part, "why": self.why}


class Readiness:
    """Asks the parts that `spec` names. Nothing is remembered between two questions.

    `clock_ms`: Unix time.
    """

    def __init__(
        self,
        spec: Spec,
        store: Redis,
        ledger: Healthy,
        clock_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self._spec, self._store, self._ledger = spec, store, ledger
        self._clock_ms = clock_ms
        self._opa = OpaUrl(spec.config_file)

    async def missing(self) -> list[Missing]:
        """Empty when all are there, else every part that is not, in the order of a request."""
        checks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
            ("draining", self._draining),
            ("envoy", self._envoy),
            *((f"worker {n}", _Connect(path)) for n, path in enumerate(self._spec.sockets)),
            ("policy", self._policy),
            (STORE, self._ping),
            (LEDGER, self._refusing),
            ("audit", self._audit),
            ("audit log", self._audit_log),
        ]
        if not self._spec.sockets:
            checks.append(("workers", _no_workers))
        whys = await asyncio.gather(*(_bounded(check) for _, check in checks))
        found = [Missing(part, why) for (part, _), why in zip(checks, whys, strict=True) if why]
        # A ledger without its store says the same again.
        without_store = any(one.part == STORE for one in found)
        return [one for one in found if not (without_store and one.part == LEDGER)]

    async def _ping(self) -> str:
        try:
            with mapped_errors():
                await self._store.ping()
        except StoreUnavailable as error:
            return str(error)
        return ""

    async def _refusing(self) -> str:
        health = await self._ledger.health()
        return "" if health == "ok" else health

    async def _envoy(self) -> str:
        if not self._spec.envoy_socket:
            return ""
        status, text = await get(f"unix:{self._spec.envoy_socket}", "/ready")
        return "" if status == 200 and text.strip() == "LIVE" else "not live yet"

    async def _policy(self) -> str:
        url = await asyncio.to_thread(self._opa.read)
        if url is None:
            return ""
        status, _ = await get(url, "/health")
        return "" if status == 200 else f"the OPA server is not healthy ({status})"

    async def _audit(self) -> str:
        return await asyncio.to_thread(_write_probe, self._spec.audit_folder)

    async def _audit_log(self) -> str:
        path = self._spec.metrics_folder.parent / health.FILE
        return await asyncio.to_thread(why_not, path, self._clock_ms())

    async def _draining(self) -> str:
        told = await asyncio.to_thread(flag_of(self._spec).exists)
        return "it was told to take no new calls" if told else ""


async def _bounded(check: Callable[[], Awaitable[str]]) -> str:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except NoAnswer as error:
        return str(error)
    except Exception as error:
        return f"could not be checked ({type(error).__name__})"


@dataclass(frozen=True, slots=True)
class _Connect:
    """Whether a worker accepts a connection on its socket."""

    path: str

    async def __call__(self) -> str:
        try:
            _, writer = await asyncio.open_unix_connection(self.path)
        except OSError as error:
            return f"does not accept connections ({_name(error)})"
        writer.close()
        return ""


async def _no_workers() -> str:
    return "there is none"


def _write_probe(folder: Path) -> str:
    probe = folder / f".ready-{os.getpid()}"
    try:
        probe.write_bytes(bytes(PROBE_BYTES))
    except OSError as error:
        return f"cannot be written ({_name(error)})"
    finally:
        with suppress(OSError):
            probe.unlink()
    return ""


def _name(error: OSError) -> str:
    """`ENOSPC` and the like: the whole text would name the path."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
