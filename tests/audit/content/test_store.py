"""Kept bodies on disk: encryption, keys of tenants, faults, and what a killed process leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extproc.audit.content.keys import KEYS, KeyRing, numbers
from extproc.audit.content.read import Damaged, NotKept, WrongKey, read_content
from extproc.audit.content.seal import KEY_DAYS, Kek, configured_kek, own_kek, tag_of
from extproc.audit.content.store import ContentStore
from extproc.audit.content.values import CaptureDecision, ContentLost, Part, Tenant
from extproc.audit.values import Entry
from extproc.identity.internal_key import secret_at
from extproc.state import StateDir
from tests.audit.content.kept import on_disk
from tests.audit.gateway import NOON

ACME, OTHER = Tenant("tenant", "acme"), Tenant("tenant", "other")
DAY_MS = 86_400_000
Clock = Callable[[], int]


def full(tenant: Tenant = ACME, days: int | None = None) -> CaptureDecision:
    return CaptureDecision("full", tenant, days)


class Gateway:
    """One gateway's state folder; `worker` opens a store as one of its processes does."""

    def __init__(self, root: Path) -> None:
        self.state = StateDir(root).prepare()
        self.secret = secret_at(self.state.secrets)
        self.now_ms = NOON
        self.open: list[ContentStore] = []

    def worker(self, owner: str = "w0-1", kek: Kek | None = None) -> ContentStore:
        ring = KeyRing(self.state.audit / KEYS, self.secret, kek or own_kek(self.secret))
        store = ContentStore(self.state.audit, owner, ring, lambda: self.now_ms)
        self.open.append(store)
        return store

    def read(self, entry: Entry, part: Part = "request", kek: Kek | None = None) -> bytes:
        return read_content(self.state, entry, part, kek=kek)


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    made = Gateway(tmp_path)
    yield made
    for store in made.open:
        store.release()


def entry(reference: dict[str, Any], name: str = "d-1", part: Part = "request") -> Entry:
    return {"decision_id": name, "content": {part: reference}}


def test_what_is_kept_comes_back(gateway: Gateway) -> None:
    """Audit: encrypted under the tenant's key, found by what the entry says, in its day."""
    store = gateway.worker()
    first = store.put("d-1", "request", b"one canary", full())
    second = store.put("d-1", "response", b"two canary", full(days=30))
    third = store.put("d-2", "request", b"", full(OTHER))
    assert (first["file"], first["offset"]) == ("kept/2026-11-20/w0-1.bin", 0)
    assert second["file"] == "days-30/2026-11-20/w0-1.bin"
    assert third["offset"] == first["bytes"] == len(b"one canary") + 28
    assert first["key_id"] == second["key_id"] != third["key_id"]
    assert gateway.read(entry(first)) == b"one canary"
    assert gateway.read(entry(second, part="response"), "response") == b"two canary"
    folders = [one for one in gateway.state.audit.rglob("*") if one.is_dir()]
    assert {one.stat().st_mode & 0o777 for one in folders} == {0o700}, "P4: private, every one"
    assert gateway.read(entry(third, "d-2")) == b""
    assert not on_disk(gateway.state.root, "canary", "acme")


@pytest.mark.parametrize("what", ["id", "part", "key", "byte", "offset", "file", "digest", "path"])
def test_only_as_what_it_was_sealed_as(gateway: Gateway, what: str) -> None:
    """P3: another call's record, the other half, another key, a flipped bit: none opens."""
    store = gateway.worker()
    mine = store.put("d-1", "request", b"mine", full())
    other = store.put("d-2", "request", b"hers", full(OTHER))
    gateway.read(entry(mine)), gateway.read(entry(other, "d-2"))
    shown: tuple[Entry, Part] = (entry(mine), "request")
    path = gateway.state.audit / "content" / mine["file"]
    match what:
        case "id":
            shown = (entry(mine, "d-2"), "request")
        case "part":
            shown = (entry(mine, part="response"), "response")
        case "key":
            shown = (entry(mine | {"key_id": other["key_id"]}), "request")
        case "offset":
            shown = (entry(mine | {"offset": other["offset"], "sha256": other["sha256"]}),
                     "request")  # fmt: skip
        case "digest":
            shown = (entry(mine | {"sha256": other["sha256"]}), "request")
        case "path":
            shown = (entry(mine | {"file": "../../secrets/guardrail-key"}), "request")
        case "file":
            path.unlink()
        case "byte":
            data = bytearray(path.read_bytes())
            data[20] ^= 1
            path.write_bytes(data)
    with pytest.raises(Damaged):
        gateway.read(*shown)


def test_another_wrapping_key_says_so(gateway: Gateway) -> None:
    """Audit: the wrong `audit.content.key` is told from damage; after a change of it content goes
    on under a new tenant key, and the old one opens with the old one."""
    first, second = Kek(os.urandom(32)), Kek(os.urandom(32))
    old = gateway.worker(kek=first).put("d-1", "request", b"old", full())
    new = gateway.worker("w0-2", kek=second).put("d-2", "request", b"new", full())
    assert gateway.read(entry(old), kek=first) == b"old"
    assert gateway.read(entry(new, "d-2"), kek=second) == b"new"
    for kek in (second, None):
        with pytest.raises(WrongKey, match="wrapped by another key"):
            gateway.read(entry(old), kek=kek)


@pytest.mark.parametrize("text", [b"", b"short", b"not base64 !", b"QUJD", b"A" * 44])
def test_a_bad_wrapping_key_is_refused(text: bytes) -> None:
    """P4: and not quoted."""
    with pytest.raises(ValueError, match="32 bytes in base64") as caught:
        configured_kek(text)
    assert not text or text.decode() not in str(caught.value)


def test_keys_are_left_in_time(gateway: Gateway) -> None:
    """Audit: a tenant's key is used for KEY_DAYS at most; the old one still opens its own."""
    store = gateway.worker()
    first = store.put("d-1", "request", b"a", full())
    gateway.now_ms += (KEY_DAYS + 1) * DAY_MS
    second = store.put("d-2", "request", b"b", full())
    assert first["key_id"].endswith(".1") and second["key_id"].endswith(".2")
    assert second["file"] != first["file"]
    assert gateway.worker("w0-2").put("d-3", "request", b"c", full())["key_id"] == second["key_id"]
    assert gateway.read(entry(first)) == b"a" and gateway.read(entry(second, "d-2")) == b"b"


_RACE = """
import sys
from pathlib import Path
from extproc.audit.content.keys import KeyRing
from extproc.audit.content.seal import own_kek
from extproc.audit.content.values import Tenant
from extproc.identity.internal_key import secret_at
root = Path(sys.argv[1])
secret = secret_at(root / "secrets")
ring = KeyRing(root / "audit" / "content-keys", secret, own_kek(secret))
print("ready", flush=True)
sys.stdin.readline()
print(" ".join(ring.key(Tenant("tenant", str(n)), 1).key_id for n in range(40)))
"""


def test_two_workers_make_one_key(gateway: Gateway) -> None:
    """Audit: processes that meet a tenant for the first time at once use one key for it."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(gateway.state.root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=20)[0].split() for racer in racers]
    assert said[0] == said[1] and len(said[0]) == 40
    for tag in (key_id.partition(".")[0] for key_id in said[0]):
        assert numbers(gateway.state.audit / KEYS / tag) == {1: False}


_KILLED = """
import json, os, sys
from pathlib import Path
from extproc.audit.content.keys import KeyRing
from extproc.audit.content.seal import own_kek
from extproc.audit.content.store import ContentStore
from extproc.audit.content.values import CaptureDecision, Tenant
from extproc.identity.internal_key import secret_at
root = Path(sys.argv[1])
secret = secret_at(root / "secrets")
ring = KeyRing(root / "audit" / "content-keys", secret, own_kek(secret))
store = ContentStore(root / "audit", "w9", ring, lambda: 1)
decision = CaptureDecision("full", Tenant("tenant", "acme"))
for n in range(1000000):
    said = store.put(f"d-{n}", "request", b"x" * 50000, decision)
    print(json.dumps(said), flush=True)
"""


def test_killed_while_writing(gateway: Gateway) -> None:
    """Audit: after kill -9 all that an entry could name is readable, and others go on."""
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(gateway.state.root)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.wait(timeout=20)
    path = gateway.state.audit / "content" / "kept/1970-01-01/w9.bin"
    with path.open("ab") as torn:
        torn.write(b"half a rec")
    kept = [json.loads(line) for line in lines if line.endswith("}\n")]
    assert len(kept) >= 20
    for number, said in enumerate(kept):
        assert gateway.read(entry(said, f"d-{number}")) == b"x" * 50_000
    more = gateway.worker().put("d-x", "request", b"more", full())
    assert gateway.read(entry(more, "d-x")) == b"more"


@pytest.mark.parametrize("call", ["open", "pwrite", "link", "mkdir"])
def test_a_disk_that_fails(gateway: Gateway, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: any failing call loses that content, by name and without a path, and it heals."""
    store = gateway.worker()
    real: Callable[..., Any] = getattr(os, call)

    def full_disk(*given: Any, **named: Any) -> Any:
        raise OSError(errno.ENOSPC, "secret path")

    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(ContentLost) as caught:
        store.put("d-1", "request", b"a", full())
    assert str(caught.value) == "ENOSPC"
    monkeypatch.setattr(os, call, real)
    said = store.put("d-2", "request", b"b", full())
    assert gateway.read(entry(said, "d-2")) == b"b"


def test_a_short_write_is_finished(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: the kernel may take less than it was given."""
    store, real = gateway.worker(), os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, bytes(data)[:7], at))
    said = store.put("d-1", "request", b"a" * 100, full())
    assert gateway.read(entry(said)) == b"a" * 100


def test_taken_away_under_us(gateway: Gateway) -> None:
    """Audit: a file that somebody deleted is not written into any longer."""
    store = gateway.worker()
    first = store.put("d-1", "request", b"a", full())
    (gateway.state.audit / "content" / first["file"]).unlink()
    said = store.put("d-2", "request", b"b", full())
    assert gateway.read(entry(said, "d-2")) == b"b"
    with pytest.raises(Damaged, match="does not hold"):
        gateway.read(entry(first))
    shutil.rmtree(gateway.state.audit / "content")
    store.sync()
    said = store.put("d-3", "request", b"c", full())
    store.sync()
    assert gateway.read(entry(said, "d-3")) == b"c"


def test_a_sync_that_failed_begins_anew(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: pages of a failed fsync are not believed: the next content goes into another file."""
    store = gateway.worker()
    first = store.put("d-1", "request", b"a", full())
    store.begin_anew()
    second = store.put("d-2", "request", b"b", full())
    store.sync()
    assert first["file"] != second["file"]
    assert gateway.read(entry(second, "d-2")) == b"b"


async def test_durable_is_synced(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit: what is awaited in strict mode has its file, its key and their names on the disk."""
    from extproc.audit.content.keeper import Keeping

    synced: list[int] = []
    real_data, real = os.fdatasync, os.fsync
    monkeypatch.setattr(os, "fdatasync", lambda fd: real_data(_noted(fd, synced)))
    monkeypatch.setattr(os, "fsync", lambda fd: real(_noted(fd, synced)))
    store = gateway.worker()
    said = store.put("d-1", "request", b"a", full())
    await Keeping(store).durable()
    audit, tag = gateway.state.audit, tag_of(gateway.secret, ACME)
    for path in (audit / "content" / said["file"], (audit / "content" / said["file"]).parent,
                 audit / "content" / "kept", audit / "content", audit / KEYS,
                 audit / KEYS / tag, audit / KEYS / tag / "1.json"):  # fmt: skip
        assert path.stat().st_ino in synced, path


def _noted(fd: int, synced: list[int]) -> int:
    synced.append(os.fstat(fd).st_ino)
    return fd


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "nothing was kept"),
        ({"content": {"request": {"capture": "full", "lost": "ENOSPC"}}}, "lost: ENOSPC"),
        ({"content": {"request": {"capture": "full", "omitted": "binary"}}}, "omitted: binary"),
        ({"content": {"request": {"capture": "full", "file": 7}}}, "names no record"),
    ],
)
def test_nothing_to_show(gateway: Gateway, said: dict[str, Any], why: str) -> None:
    """Audit: what is not there is told with its reason."""
    with pytest.raises(NotKept, match=why):
        gateway.read({"decision_id": "d-1", **said})
