"""The observer of one worker: never in the way, published about once a second and at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from extproc.config.model import Telemetry
from extproc.telemetry import catalog
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.observer import WorkerObserver, build_observer
from extproc.telemetry.series import Key
from extproc.telemetry.snapshot import SnapshotFile, read
from tests.telemetry.records import changed, refused, served


class Ticks:
    """A sleep that ends when the test says so."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._go = asyncio.Event()

    async def sleep(self, _: float) -> None:
        self._asked.set()
        await self._go.wait()
        self._go.clear()

    async def tick(self) -> None:
        """Let the loop run once more, from one sleep to the next."""
        await self._asked.wait()
        self._asked.clear()
        self._go.set()
        await self._asked.wait()


def _requests(path: Path) -> dict[Key, int]:
    rows: dict[Key, int] = read(path)[catalog.REQUESTS.name].rows
    return rows


def _observer(folder: Path, ticks: Ticks) -> WorkerObserver:
    return WorkerObserver(Metrics(), SnapshotFile(folder, "w"), "w", sleep=ticks.sleep)


async def test_publishes_while_it_runs(tmp_path: Path) -> None:
    """Contract 3, `/metrics`: figures come out while the worker works, not only at its end."""
    ticks = Ticks()
    observer = _observer(tmp_path, ticks)
    running = asyncio.create_task(observer.run())
    observer.exchange_closed(served())
    await ticks.tick()
    assert sum(_requests(tmp_path / "w.json").values()) == 1
    observer.exchange_closed(refused())
    await ticks.tick()
    assert sum(_requests(tmp_path / "w.json").values()) == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_idle_worker_does_not_write(tmp_path: Path) -> None:
    """P8: nothing happened, nothing is written."""
    ticks = Ticks()
    running = asyncio.create_task(_observer(tmp_path, ticks).run())
    await ticks.tick()
    (tmp_path / "w.json").unlink()
    await ticks.tick()
    assert not (tmp_path / "w.json").exists()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_close_publishes_the_last_of_it(tmp_path: Path) -> None:
    """P2: what was counted after the last tick is not lost when a worker drains."""
    observer = build_observer(Telemetry(), tmp_path / "metrics", "w3")
    observer.exchange_closed(served())
    await observer.close()
    assert sum(_requests(tmp_path / "metrics" / "w3.json").values()) == 1


async def test_record_that_cannot_be_read_harms_no_exchange(tmp_path: Path) -> None:
    """P3: observing must not keep an exchange from being closed, and the gap is counted."""
    observer = build_observer(Telemetry(), tmp_path, "w")
    observer.exchange_closed(changed(served(), phases_ns=None))
    observer.exchange_closed(served())
    await observer.close()
    faults = read(tmp_path / "w.json")[catalog.FAULTS.name].rows
    assert faults == {("AttributeError",): 1}
    assert sum(_requests(tmp_path / "w.json").values()) == 2


async def test_full_disk_costs_figures_not_the_worker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """P8: publishing goes on as soon as the disk does, and says once that it could not."""
    ticks = Ticks()
    folder = tmp_path / "metrics"
    folder.write_text("a file where the folder should be")
    observer = _observer(folder, ticks)
    running = asyncio.create_task(observer.run())
    observer.exchange_closed(served())
    await ticks.tick()
    await ticks.tick()
    assert caplog.text.count("metrics cannot be written") == 1
    folder.unlink()
    await ticks.tick()
    assert sum(_requests(folder / "w.json").values()) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_without_otlp_nothing_heavy_is_imported() -> None:
    """P8: neither the exporters nor the Prometheus client are on a worker's path."""
    code = (
        "import sys, pathlib, extproc.telemetry.observer as o;"
        "from extproc.config.model import Telemetry;"
        "o.build_observer(Telemetry(), pathlib.Path('.'), 'w');"
        "print([m for m in ('prometheus_client', 'opentelemetry.sdk', 'requests')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
