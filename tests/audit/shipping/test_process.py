"""The shipping process itself: killed, reloaded, ended; what it shows and what it never shows."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import Collector

from extproc.audit.disk import try_lock
from extproc.audit.shipping import figures
from extproc.audit.shipping.families import families
from extproc.audit.shipping.figures import Figures
from extproc.audit.shipping.process import _alone
from extproc.audit.shipping.spec import Spec
from extproc.config.sources import Source, sources_to_json
from tests.audit.gateway import NOON
from tests.audit.shipping.road import Road, secret
from tests.audit.shipping.stand_in import StandIn, standing_in

WITHIN_S = 15
LEAVE_MS = 400


class Gateway:
    """A state folder, a configuration, and the command that a gateway starts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.road = Road(root / "audit")
        self.errors = root / "stderr"
        self.store_url = "unix:///nowhere"

    def configure(self, *sinks: dict[str, Any]) -> None:
        quick = {"batch_entries_max": 20, "batch_wait_ms": 10, "timeout_ms": 2_000}
        document = {"type": "gateway-config", "name": "g", "audit": {
            "origin": "gw.example.com", "sinks": [quick | sink for sink in sinks]}}  # fmt: skip
        account = {"type": "provider-account", "name": "a", "provider": "openai",
                   "base_url": "http://127.0.0.1:1", "auth": {"api_key": {"env": "A_KEY"}},
                   "models": [{"id": "m"}]}  # fmt: skip
        sources = [Source(f"{n}.yaml", json.dumps(each), str(self.root))
                   for n, each in enumerate((document, account))]  # fmt: skip
        aside = self.root / "config.json.new"
        aside.write_text(sources_to_json(sources))
        aside.replace(self.root / "config.json")

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        spec = {"audit_folder": str(self.root / "audit"), "store_url": self.store_url,
                "origin": "gw", "config_file": str(self.root / "config.json"),
                "leave_within_ms": LEAVE_MS}  # fmt: skip
        path = self.root / "shipping.json"
        path.write_text(json.dumps(spec))
        command = [sys.executable, "-m", "extproc.audit.shipping.process", str(path)]
        with self.errors.open("ab") as errors, subprocess.Popen(command, stderr=errors) as running:
            try:
                yield running
            finally:
                running.kill()


async def until(done: Callable[[], bool]) -> None:
    """Poll a real process, with a deadline."""
    async with asyncio.timeout(WITHIN_S):
        while not done():
            await asyncio.sleep(0.01)


async def ended(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait, WITHIN_S)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def hook(receiver: StandIn, gateway: Gateway, name: str = "hook", **more: Any) -> dict[str, Any]:
    reference = secret(gateway.root, "hmac", "canary-hmac-secret")
    return {"name": name, "type": "webhook", "url": f"{receiver.url}/{name}",
            "hmac_secret": reference, **more}  # fmt: skip


def indexes(receiver: StandIn) -> list[int]:
    return [each["index"] for got in receiver.got for each in orjson.loads(got.body)]


async def test_killed_in_the_middle(gateway: Gateway) -> None:
    """Audit: kill -9 while it ships: every entry arrives, in order, in a folder exactly once."""
    target = gateway.root / "objects"
    gateway.road.write(400)
    async with standing_in() as receiver:
        folder = {"name": "folder", "type": "object-storage", "location": target.as_uri()}
        gateway.configure(hook(receiver, gateway), folder)
        (gateway.road.folder / ".parquet-left").mkdir()
        with gateway.process() as process:
            await until(lambda: len(receiver.got) >= 3)
            assert not (gateway.road.folder / ".parquet-left").exists()
            process.send_signal(signal.SIGKILL)
            await ended(process)
        assert len(set(indexes(receiver))) < 400, "it was not killed in the middle"
        with gateway.process() as process:
            await until(lambda: len(set(indexes(receiver))) == 400)
            await until(lambda: kept(target) == list(range(400)))
            process.terminate()
            assert await ended(process) == 0
    assert list(dict.fromkeys(indexes(receiver))) == list(range(400))


def kept(folder: Path) -> list[int]:
    names = sorted(folder.rglob("*.jsonl.gz"), key=lambda path: path.name)
    return [orjson.loads(line)["index"] for name in names
            for line in gzip.decompress(name.read_bytes()).splitlines()]  # fmt: skip


async def test_reload_and_leave(gateway: Gateway) -> None:
    """Audit: SIGHUP takes sinks up and drops them, SIGTERM sends what waits and ends in time."""
    gateway.road.write(2)
    async with standing_in() as receiver:
        receiver.script = ["hang"]
        gateway.configure(hook(receiver, gateway, "first", timeout_ms=300_000))
        with gateway.process() as process:
            await until(lambda: len(receiver.seen) == 1)
            gateway.configure(hook(receiver, gateway, "second", batch_wait_ms=3_400_000))
            process.send_signal(signal.SIGHUP)
            cursor = gateway.road.folder / "first.json"
            await until(lambda: "second" in shown(gateway) and "first" not in shown(gateway))
            assert receiver.got == []
            process.terminate()
            assert await ended(process) == 0
        assert [got.path for got in receiver.got] == ["/second"]
        assert orjson.loads(cursor.read_bytes())["last"] == 1, "its batch goes again one day"
        assert shown(gateway)["second"]["lag_entries"] == 0


def shown(gateway: Gateway) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((gateway.road.folder / figures.NAME).read_bytes())
    except FileNotFoundError:
        return {}
    return dict(found["sinks"])


async def test_it_leaves_a_sink_that_hangs(gateway: Gateway) -> None:
    """Audit: SIGTERM ends it within its bound, whatever a sink does."""
    gateway.road.write(1)
    async with standing_in() as receiver:
        receiver.script = ["hang"]
        gateway.configure(hook(receiver, gateway, timeout_ms=300_000))
        with gateway.process() as process:
            await until(lambda: len(receiver.seen) == 1)
            process.terminate()
            assert await asyncio.to_thread(process.wait, WITHIN_S) == 0


async def test_no_secret_is_shown_anywhere(gateway: Gateway) -> None:
    """P4: sinks that fail in every way: no credential in a log line, a metric, a file of ours, or
    the list of processes."""
    gateway.road.write(3)
    gateway.store_url = "redis://:canary-store-secret@127.0.0.1:1/0"
    root = gateway.root
    async with standing_in() as receiver:
        receiver.script = [401] * 1_000
        keys = {"access_key_id": secret(root, "id", "canary-id-secret"),
                "secret_access_key": secret(root, "key", "canary-key-secret")}  # fmt: skip
        url = receiver.url
        gateway.configure(
            hook(receiver, gateway),
            {"name": "hec", "type": "splunk-hec", "url": url,
             "token": secret(root, "token", "canary-token-secret")},
            {"name": "logs", "type": "otlp", "url": url,
             "headers": {"Authorization": secret(root, "auth", "canary-header-secret")}},
            {"name": "s3", "type": "object-storage", "location": "s3://b/p", "endpoint": url,
             "credentials": keys},
            {"name": "own", "type": "redis-stream"},
            {"name": "other", "type": "redis-stream",
             "store_url": "rediss://u:canary-url-secret@127.0.0.1:1/0"},
        )  # fmt: skip
        with gateway.process() as process:
            await until(lambda: len(shown(gateway)) == 6
                        and not any(sink["up"] for sink in shown(gateway).values()))  # fmt: skip
            listed = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            process.terminate()
            assert await ended(process) == 0
        assert len({got.path for got in receiver.seen}) >= 4
    page = exposition(gateway.root / "audit", NOON)
    files = [path.read_bytes() for path in gateway.road.folder.iterdir() if path.is_file()]
    lines = gateway.errors.read_bytes()
    assert b"does not take entries" in lines
    for place in (listed, page, lines, *files):
        assert b"canary" not in place
        assert b"of the receiver" not in place


def exposition(audit_folder: Path, now_ms: int) -> bytes:
    class Families(Collector):
        def collect(self) -> Any:
            return families(audit_folder, now_ms)

    return generate_latest(Families())


def test_figures_as_prometheus_shows_them(tmp_path: Path) -> None:
    """Audit: lag, age, up and counts by sink; a process that is gone takes nothing."""
    lane = Figures(next=7, oldest_ms=NOON - 2_500)
    lane.entries.update(shipped=7, failed=3)
    (tmp_path / "shipping").mkdir()
    figures.write(tmp_path / "shipping", figures.encode({"siem": lane}, 10, NOON))
    text = exposition(tmp_path, NOON).decode()
    for line in (
        'envelope_audit_sink_up{sink="siem"} 1.0',
        'envelope_audit_sink_lag_entries{sink="siem"} 3.0',
        'envelope_audit_sink_age_seconds{sink="siem"} 2.5',
        'envelope_audit_sink_entries_total{outcome="shipped",sink="siem"} 7.0',
        'envelope_audit_sink_entries_total{outcome="failed",sink="siem"} 3.0',
    ):
        assert line in text
    late = exposition(tmp_path, NOON + figures.STALE_MS + 1).decode()
    assert 'envelope_audit_sink_up{sink="siem"} 0.0' in late
    assert 'envelope_audit_sink_age_seconds{sink="siem"} 12.501' in late


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"at_ms":1,"sinks":{"a":{}}}'])
def test_unreadable_figures_are_none(tmp_path: Path, text: bytes) -> None:
    """Audit: a damaged file costs the figures, never the page."""
    (tmp_path / figures.NAME).write_bytes(text)
    assert figures.read(tmp_path, NOON) == []


def test_the_spec_hides_the_store(tmp_path: Path) -> None:
    """P4: a store's URL may hold a password."""
    path = tmp_path / "spec.json"
    path.write_text(
        json.dumps(
            {
                "audit_folder": "a",
                "config_file": "c",
                "store_url": "canary",
                "origin": "o",
                "leave_within_ms": 1,
            }
        )
    )
    assert "canary" not in repr(Spec.read(path))
    path.write_text("{}")
    with pytest.raises(ValueError, match="not a whole spec"):
        Spec.read(path)


async def test_two_never_ship_at_once(tmp_path: Path) -> None:
    """Audit: with one cursor for two processes, entries could be passed over."""
    stop = asyncio.Event()
    held = try_lock(tmp_path / ".lock")
    assert held is not None
    waiting = asyncio.create_task(_alone(tmp_path, stop))
    assert (await asyncio.wait({waiting}, timeout=0.2))[0] == set()
    stop.set()
    assert await waiting is False
    os.close(held)
    assert await _alone(tmp_path, asyncio.Event())


def test_it_needs_a_whole_spec(tmp_path: Path) -> None:
    """Audit: what it cannot start with it names, without a path of the machine."""
    command = [sys.executable, "-m", "extproc.audit.shipping.process", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr == "shipping: cannot start (No such file or directory)\n"
