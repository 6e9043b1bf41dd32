"""Erasure by destroying keys, told to all gateways; expiry of days; the commands."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from extproc.audit.content.announce import ErasureWatch, announce
from extproc.audit.content.desk import ContentDesk
from extproc.audit.content.erase import erase, holds, unrecorded
from extproc.audit.content.expire import expire
from extproc.audit.content.keys import KEYS, key_path
from extproc.audit.content.read import Erased, Expired
from extproc.audit.content.seal import Kek, tag_of
from extproc.audit.content.values import Tenant
from extproc.audit.values import AuditUnavailable
from extproc.cli.main import main
from tests.audit.content.kept import on_disk
from tests.audit.content.test_store import ACME, DAY_MS, OTHER, Gateway, entry, full
from tests.audit.gateway import NOON, logged, sequencer, spool
from tests.audit.gateway import entry as call_entry
from tests.ledger.conftest import PrivateStore

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    made = Gateway(tmp_path)
    yield made
    for store in made.open:
        store.release()


def erased(gateway: Gateway, tenant: Tenant = ACME, name: str = "e-1") -> Any:
    return erase(gateway.state.audit / KEYS, gateway.secret, tenant, erasure_id=name,
                 at_ms=gateway.now_ms, reason="asked for")  # fmt: skip


def test_what_was_erased_cannot_be_read(gateway: Gateway) -> None:
    """P4: not even with the wrapping key: the tenant's own is gone from the disk; others' stay."""
    kek = Kek(os.urandom(32))
    store = gateway.worker(kek=kek)
    mine = store.put("d-1", "request", b"mine", full())
    hers = store.put("d-2", "request", b"hers", full(OTHER))
    folder = gateway.state.audit / KEYS
    wrapped = json.loads(key_path(folder, mine["key_id"]).read_bytes())["wrapped"]
    done = erased(gateway)
    assert done.key_ids == (mine["key_id"],)
    with pytest.raises(Erased, match="erased on 2026-11-20 12:00 UTC"):
        gateway.read(entry(mine), kek=kek)
    assert gateway.read(entry(hers, "d-2"), kek=kek) == b"hers"
    assert (
        not on_disk(folder, wrapped, wrapped[8:40])
        and not key_path(folder, mine["key_id"]).exists()
    )
    assert not holds(folder, gateway.secret, ACME) and holds(folder, gateway.secret, OTHER)
    assert erased(gateway) is None and erased(gateway, name="e-2").key_ids == ()


def test_a_running_worker_uses_no_erased_key(gateway: Gateway) -> None:
    """P4: the very next call of that tenant gets a new key; the old number never comes again."""
    store = gateway.worker()
    first = store.put("d-1", "request", b"a", full())
    other = store.put("d-1", "request", b"a", full(OTHER))
    erased(gateway)
    second = store.put("d-2", "request", b"b", full())
    assert first["key_id"].endswith(".1") and second["key_id"].endswith(".2")
    assert gateway.read(entry(second, "d-2")) == b"b"
    assert store.put("d-3", "request", b"c", full(OTHER))["key_id"] == other["key_id"]
    erased(gateway, name="e-2")
    assert not gateway.worker("w0-2").ring.forget_erased()
    assert store.ring.forget_erased() is False, "and nothing is held while nobody calls"


def test_an_erasure_that_broke_off_goes_on(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: killed at any call, it is taken up again, and what is half destroyed is no key."""
    for number, call in enumerate(("unlink", "rename", "replace", "pwrite", "fsync")):
        tenant, name = Tenant("tenant", f"t{number}"), f"e-{number}"
        said = gateway.worker(f"w-{number}").put("d-1", "request", b"a", full(tenant))
        with monkeypatch.context() as broken:
            broken.setattr(os, call, _fails)
            broken.setattr(Path, "unlink", _fails)
            with pytest.raises(OSError, match="killed"):
                erased(gateway, tenant, name)
        done = erased(gateway, tenant, name)
        assert done.done and done.key_ids == (said["key_id"],)
        with pytest.raises(Erased):
            gateway.read(entry(said))


def _fails(*_: Any, **__: Any) -> Any:
    raise OSError("killed")


# --- several gateways ----------------------------------------------------------------------------


class EndOfTest(Exception):
    """Enough rounds were seen."""


class Recorded:
    """A journal that may be out of order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, Any]] = []
        self.broken = False

    def __call__(self, action: str, *, target: str, outcome: str, details: Any) -> None:
        if self.broken:
            raise AuditUnavailable("no")
        self.events.append((action, target, details))


async def test_every_gateway_erases_its_own(
    gateway: Gateway, tmp_path: Path, store: PrivateStore
) -> None:
    """P4: told through the store, each gateway destroys its keys and records that, once."""
    other = Gateway(tmp_path / "other")
    client = Redis.from_url(store.url)
    await client.flushall()
    journals, watches, said = [Recorded(), Recorded()], [], []
    for one, journal in zip((gateway, other), journals, strict=True):
        folder = one.state.audit / KEYS
        watches.append(ErasureWatch(client, folder, one.secret, journal, lambda: NOON))
        said.append(one.worker().put("d-1", "request", b"a", full()))
    assert [await watch.take() for watch in watches] == [0, 0]
    await announce(client, ACME, erasure_id="e-1", at_ms=NOON, reason="asked for")
    await client.zadd("{envelope}:erasures", {"nonsense": 1})
    assert [await watch.take() for watch in watches] == [1, 1]
    assert [await watch.take() for watch in watches] == [0, 0]
    for one, journal, reference in zip((gateway, other), journals, said, strict=True):
        with pytest.raises(Erased):
            one.read(entry(reference))
        key_id = reference["key_id"]
        details = {"key_ids": [key_id], "count": 1, "reason": "asked for"}
        assert journal.events == [
            ("audit.content.erase", tag_of(one.secret, ACME), details)]  # fmt: skip
        assert not on_disk(one.state.audit, "acme")
        reference = one.worker("w0-9").put("d-2", "request", b"new", full())
        again = ErasureWatch(client, one.state.audit / KEYS, one.secret, journal, lambda: NOON)
        assert await again.take() == 0 and one.read(entry(reference, "d-2")) == b"new"
        assert len(journal.events) == 1
    await client.aclose()


async def test_what_was_not_recorded_is_recorded_later(
    gateway: Gateway, store: PrivateStore
) -> None:
    """P3: a command that died behind its erasure, or a log that was full: the event comes."""
    client, journal = Redis.from_url(store.url), Recorded()
    await client.flushall()
    gateway.worker().put("d-1", "request", b"a", full())
    folder = gateway.state.audit / KEYS
    erased(gateway)
    watch = ErasureWatch(client, folder, gateway.secret, journal, lambda: gateway.now_ms)
    await watch.take()
    assert not journal.events and unrecorded(folder), "its command may still do it"
    gateway.now_ms += 60_000
    journal.broken = True
    with pytest.raises(AuditUnavailable):
        await watch.take()
    journal.broken = False
    await watch.take()
    await watch.take()
    assert len(journal.events) == 1 and not unrecorded(folder)
    await client.aclose()


# --- expiry --------------------------------------------------------------------------------------


def test_days_that_are_over_go(gateway: Gateway) -> None:
    """Audit: a day's folder goes when its own days are over, no other; reading says so."""
    store = gateway.worker()
    gateway.now_ms = 1_700_000_000_000  # long ago: reading compares with today
    said = {days: store.put("d-1", "request", b"a", full(days=days)) for days in (1, 30, None)}
    folder = gateway.state.audit / "content"
    (folder / "days-1" / "notes").mkdir()
    assert expire(folder, gateway.now_ms + DAY_MS) == []
    (gone,) = expire(folder, gateway.now_ms + 2 * DAY_MS)
    assert (gone.folder, gone.files, gone.bytes) == ("days-1/2023-11-14", 1, 29)
    assert [gone.folder for gone in expire(folder, gateway.now_ms + 40 * DAY_MS)] == [
        "days-30/2023-11-14"]  # fmt: skip
    assert expire(folder, gateway.now_ms + 4000 * DAY_MS) == []
    assert expire(folder / "none", gateway.now_ms) == []
    assert gateway.read(entry(said[None])) == b"a"
    for days in (1, 30):
        with pytest.raises(Expired, match=f"kept for {days} days"):
            gateway.read(entry(said[days]))
    assert (folder / "days-1" / "notes").is_dir()


# --- commands ------------------------------------------------------------------------------------


@pytest.fixture
def log(gateway: Gateway) -> Gateway:
    """A log of one call with both its halves kept, under the team of the same name as a tenant."""
    store, audit = gateway.worker(), gateway.state.audit
    kept = {
        "request": store.put("d-1", "request", b'{"ask": 1}', full()),
        "response": store.put("d-1", "response", b"said", full(Tenant("team", "sales"))),
    }
    writer = spool(audit)
    writer.close(call_entry(1, content=kept))
    writer.close(call_entry(2))
    with sequencer(audit) as worker:
        worker.poll(NOON)
        writer.release()
        worker.poll(NOON)
    return gateway


def said(capture: Capture, gateway: Gateway, *words: str) -> tuple[int, str, str]:
    code = main(["audit", *words, "--state", str(gateway.state.root)])
    out, err = capture.readouterr()
    return code, out, err


def test_showing_is_recorded_first(log: Gateway, capsys: Capture) -> None:
    """P3: who read which half of which call stands in the log; what cannot be recorded is not
    shown."""
    code, out, err = said(capsys, log, "content", "d-1")
    assert (code, out) == (0, '{"ask": 1}') and "support-bot" in err
    assert said(capsys, log, "content", "d-1", "--part", "response")[:2] == (0, "said")
    events = [one for one in logged(log.state.audit) if one.get("kind") == "event"]
    assert [one["event"]["part"] for one in events] == ["request", "response"]
    assert {one["event"]["action"] for one in events} == {"audit.content.read"}
    assert events[0]["event"]["target"] == "d-1" and events[0]["actor"]["type"] == "operator"
    assert said(capsys, log, "content", "d-2")[:2] == (1, "")
    assert said(capsys, log, "content", "d-9")[:2] == (1, "")
    assert said(capsys, log, "verify")[0] == 0


def test_nothing_is_shown_that_cannot_be_recorded(
    log: Gateway, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: a full disk keeps content from being read."""
    real = os.write

    def full_disk(fd: int, data: bytes) -> int:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "write", full_disk)
    code, out, err = said(capsys, log, "content", "d-1")
    monkeypatch.setattr(os, "write", real)
    assert (code, out) == (1, "") and "cannot be recorded" in err


def test_erase_command(log: Gateway, capsys: Capture) -> None:
    """P4: one tenant's content is gone, the event says so without its name, the log verifies."""
    code, _, err = said(capsys, log, "erase", "--tenant", "acme", "--reason", "ticket 7")
    assert code == 0 and "1 keys destroyed" in err
    code, out, err = said(capsys, log, "content", "d-1")
    assert (code, out) == (1, "") and "erased on" in err
    assert said(capsys, log, "content", "d-1", "--part", "response")[:2] == (0, "said")
    (event,) = [one for one in logged(log.state.audit)
                if one.get("event", {}).get("action") == "audit.content.erase"]  # fmt: skip
    assert event["event"]["reason"] == "ticket 7" and event["event"]["count"] == 1
    assert "acme" not in json.dumps(event)
    assert said(capsys, log, "verify")[0] == 0
    assert said(capsys, log, "erase", "--tenant", "acme")[0] == 1


def test_erase_asks_which_is_meant(log: Gateway, capsys: Capture) -> None:
    """Contract: a name that several kinds of tenant have is not guessed; exit code 2."""
    log.worker("w0-2").put("d-3", "request", b"x", full(Tenant("tenant", "sales")))
    code, _, err = said(capsys, log, "erase", "--tenant", "sales")
    assert code == 2 and "tenant:sales, team:sales" in err
    assert said(capsys, log, "erase", "--tenant", "team:sales")[0] == 0
    code, _, err = said(capsys, log, "erase", "--tenant", "sales")
    assert code == 0, err


async def test_expiry_is_recorded(gateway: Gateway, store: PrivateStore) -> None:
    """P3: each day that went has its event, also where the log was away when it did."""
    client, journal = Redis.from_url(store.url), Recorded()
    for owner in ("w0-1", "w0-2"):
        gateway.worker(owner).put("d-1", "request", b"a", full(days=1))
    gateway.now_ms += 3 * DAY_MS
    desk = ContentDesk(client, gateway.state.audit, gateway.secret, journal, lambda: gateway.now_ms)
    journal.broken = True
    with pytest.raises(AuditUnavailable):
        await desk.once()
    journal.broken = False
    await desk.once()
    await desk.once()
    folder = "days-1/2026-11-20"
    details = {"folder": folder, "files": 2, "bytes": 58}
    assert journal.events == [("audit.content.expire", folder, details)]
    await client.aclose()


async def test_the_desk_goes_on_after_errors(gateway: Gateway, store: PrivateStore) -> None:
    """P4: a store that is away, a log that is full: both are tried again."""
    client, journal = Redis.from_url("unix:///nowhere/store.sock"), Recorded()
    desk = ContentDesk(client, gateway.state.audit, gateway.secret, journal, lambda: NOON)
    rounds = 0

    async def turn(_: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds > 6:
            raise EndOfTest
        await asyncio.sleep(0)

    with pytest.raises(EndOfTest):
        await desk.run(turn)
