"""Anchors: each kind keeps what it was given, and tells when it keeps something else."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from aiohttp import web
from moto.server import ThreadedMotoServer

from extproc.audit.anchoring.check import saved_notes
from extproc.audit.anchoring.kept_files import append_to_file, keep_in, put_in_folder
from extproc.audit.anchoring.object_storage import bucket_of, key_of, open_bucket
from extproc.audit.anchoring.values import Again, Conflict, Delivered
from extproc.audit.checkpoint import Checkpoint
from extproc.audit.note import Signer
from extproc.config.audit_model import Anchor, CloudCredentials
from extproc.config.base import SecretRef
from tests.audit.anchoring.conftest import Clock, GrowingLog, desk_of, forge, row
from tests.audit.gateway import NOON

HEADER = "x-envelope-signature"


def bucket_anchor(url: str, **more: Any) -> Anchor:
    keys = CloudCredentials(
        access_key_id=SecretRef(env="TEST_ANCHOR_ID"), secret_access_key=SecretRef(env="TEST_KEY")
    )
    return Anchor(
        name="bucket", type="object-storage", location="s3://locked/audit/prod", endpoint=url,
        region="us-east-1", credentials=keys, **more,
    )  # fmt: skip


# --- files ------------------------------------------------------------------------------------


async def test_a_file_grows(log: GrowingLog, clock: Clock, tmp_path: Path) -> None:
    """P3: one line for each checkpoint, private, readable as the log's own history is."""
    path = tmp_path / "anchored"
    desk = desk_of(log, clock, Anchor(name="file", type="file", path=str(path)))
    notes = []
    for size in (4, 7):
        notes.append(log.grow(size).note)
        await desk.once()
    assert list(saved_notes(path)) == notes
    assert path.stat().st_mode & 0o777 == 0o600
    assert row(desk, "file").outcomes == {"sent": 2, "failed": 0, "conflict": 0}
    await desk.close()


async def test_a_folder_gets_a_file_each(log: GrowingLog, clock: Clock, tmp_path: Path) -> None:
    """P3: named by size, the note as it is, nothing left beside it."""
    folder = tmp_path / "worm"
    folder.mkdir()
    desk = desk_of(log, clock, Anchor(name="folder", type="file", path=str(folder)))
    notes = []
    for size in (4, 7):
        notes.append(log.grow(size).note)
        await desk.once()
    assert sorted(os.listdir(folder)) == [f"{size:020}.checkpoint" for size in (4, 7)]
    assert list(saved_notes(folder)) == notes
    await desk.close()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_same_again_is_fine(log: GrowingLog, tmp_path: Path, kind: str) -> None:
    """Audit: what was written but not noted is not written twice."""
    place = tmp_path / "kept"
    if kind == "folder":
        place.mkdir()
    head = log.grow(4)
    for _ in range(2):
        assert keep_in(place, head, lambda _: head.checkpoint.root) == Delivered()
    assert len(list(saved_notes(place))) == 1


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("size", [4, 9])
async def test_another_history_is_a_conflict(
    log: GrowingLog, clock: Clock, tmp_path: Path, kind: str, size: int
) -> None:
    """P3: what is kept stays as it is, also when this machine has forgotten that it sent it.

    A folder shows it for the same size; for another one the copies differ (`anchors verify`).
    """
    place = tmp_path / "kept"
    if kind == "folder":
        place.mkdir()
    anchor = Anchor(name="kept", type="file", path=str(place))
    first = desk_of(log, clock, anchor)
    log.grow(4)
    await first.once()
    before = list(saved_notes(place))
    forge(log, size)
    known, forgotten = desk_of(log, clock, anchor), desk_of(log, clock, anchor)
    await known.once()
    assert (row(known, "kept").conflict, list(saved_notes(place))) == (1, before)
    (log.root / "anchors" / "anchor-kept.json").unlink()
    await forgotten.once()
    if kind == "file" or size == 4:
        assert row(forgotten, "kept").conflict == 1
        assert list(saved_notes(place)) == before
    else:
        assert list(saved_notes(place))[:1] == before
    for desk in (first, known, forgotten):
        await desk.close()


def test_a_file_that_knows_more_is_a_conflict(log: GrowingLog, tmp_path: Path) -> None:
    """P3: a log cut short shows beside the file's last line."""
    short, path = log.grow(4), tmp_path / "kept"
    long = log.grow(9)
    assert append_to_file(path, long, lambda _: long.checkpoint.root) == Delivered()
    found = append_to_file(path, short, lambda _: short.checkpoint.root)
    assert found == Conflict("it keeps a checkpoint of 9 entries, the latest has 4")


def test_what_a_crash_left_is_not_joined_with_the_next(log: GrowingLog, tmp_path: Path) -> None:
    """Audit: an append-only file cannot be cut, so the unfinished line stays a line of its own."""
    path = tmp_path / "kept"
    path.write_bytes(b'"envelope\\n4')
    head = log.grow(4)
    append_to_file(path, head, lambda _: head.checkpoint.root)
    assert list(saved_notes(path)) == [None, head.note]


def test_a_file_of_several_logs(log: GrowingLog, tmp_path: Path) -> None:
    """Audit: each is compared with its own last line."""
    path, head = tmp_path / "kept", log.grow(4)
    other = Checkpoint("other", 99, bytes(32)).signed(Signer("other", b"o" * 32))
    path.write_text(json.dumps(other) + "\n")
    assert append_to_file(path, head, lambda _: head.checkpoint.root) == Delivered()
    assert append_to_file(path, log.grow(5), lambda _: head.checkpoint.root) == Delivered()


def test_a_rotated_key_signs_the_same_tree(log: GrowingLog, tmp_path: Path) -> None:
    """Audit: another signature under the same statement is no conflict."""
    head, folder = log.grow(4), tmp_path / "worm"
    folder.mkdir()
    again = head.checkpoint.signed(Signer("envelope", b"n" * 32))
    (folder / f"{4:020}.checkpoint").write_text(again)
    assert put_in_folder(folder, head) == Delivered()
    (folder / f"{4:020}.checkpoint").write_text("something else")
    assert isinstance(put_in_folder(folder, head), Conflict)
    assert (folder / f"{4:020}.checkpoint").read_text() == "something else"


async def test_a_missing_mount_is_not_written_under(
    log: GrowingLog, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Audit: no folder is made where one is missing; the log names no path (P4)."""
    log.grow(4)
    place = tmp_path / "mount" / "anchored"
    local = f"file://{tmp_path}/mount"
    desk = desk_of(
        log, clock, Anchor(name="file", type="file", path=str(place)),
        Anchor(name="local", type="object-storage", location=local),
    )  # fmt: skip
    await desk.once()
    assert [one.failed for one in desk.rows()] == [1, 1]
    assert str(tmp_path) not in caplog.text
    place.parent.mkdir()
    await desk.once()
    assert [one.sent for one in desk.rows()] == [1, 1]
    assert (tmp_path / "mount" / "envelope" / f"{4:020}.checkpoint").read_text() == log.head.note
    await desk.close()


async def test_a_full_disk_heals(log: GrowingLog, clock: Clock, tmp_path: Path) -> None:
    """Audit: an anchor that cannot be written is tried again."""
    log.grow(4)
    path = tmp_path / "anchored"
    path.symlink_to("/dev/full")
    desk = desk_of(log, clock, Anchor(name="file", type="file", path=str(path)))
    await desk.once()
    assert row(desk, "file").failed == 1
    path.unlink()
    await desk.once()
    assert (row(desk, "file").sent, row(desk, "file").behind) == (1, False)
    await desk.close()


# --- object storage ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, Any]]:
    """A stand-in S3 with a bucket that locks every object for a day; its URL and a client."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="id", aws_secret_access_key="key",  # noqa: S106
    )  # fmt: skip
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    yield url, client
    server.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ANCHOR_ID", "id")
    monkeypatch.setenv("TEST_KEY", "a-secret-of-the-bucket")


@pytest.mark.usefixtures("keys")
async def test_a_locked_bucket_keeps_each_checkpoint_for_good(
    log: GrowingLog, clock: Clock, s3: tuple[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """P3: an object each, created and never written over; another history is an alarm."""
    url, client = s3
    desk = desk_of(log, clock, bucket_anchor(url))
    log.grow(4)
    await desk.once()
    note = log.grow(7).note
    await desk.once()
    key = f"audit/prod/envelope/{7:020}.checkpoint"
    kept = client.get_object(Bucket="locked", Key=key)
    assert (kept["Body"].read().decode(), kept["ObjectLockMode"]) == (note, "COMPLIANCE")
    await desk.close()

    cursor = log.root / "anchors" / "anchor-bucket.json"
    cursor.unlink()
    again = desk_of(log, clock, bucket_anchor(url))
    await again.once()
    assert row(again, "bucket").outcomes == {"sent": 1, "failed": 0, "conflict": 0}
    cursor.unlink()
    forge(log, 7)
    thief = desk_of(log, clock, bucket_anchor(url))
    await thief.once()
    assert row(thief, "bucket").outcomes == {"sent": 0, "failed": 0, "conflict": 1}
    assert client.get_object(Bucket="locked", Key=key)["Body"].read().decode() == note
    assert "CONFLICT: it keeps another checkpoint of 7 entries" in caplog.text
    for one in (again, thief):
        await one.close()


@pytest.mark.usefixtures("keys")
async def test_a_bucket_that_is_not_there(
    log: GrowingLog, clock: Clock, s3: tuple[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Audit: told once, in words without address or key (P4)."""
    log.grow(4)
    anchor = bucket_anchor(s3[0]).model_copy(update={"location": "s3://nobodys"})
    desk = desk_of(log, clock, anchor)
    await desk.once()
    assert row(desk, "bucket").failed == 1
    assert "the bucket is not there" in caplog.text
    assert s3[0] not in caplog.text and "a-secret-of-the-bucket" not in caplog.text
    await desk.close()


@pytest.mark.usefixtures("keys")
async def test_a_store_that_is_away(
    log: GrowingLog, clock: Clock, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Audit: one attempt, bounded, and nothing of the library's text in the log (P4)."""
    log.grow(4)
    desk = desk_of(log, clock, bucket_anchor(f"http://127.0.0.1:{unused_tcp_port}"))
    await desk.once()
    assert row(desk, "bucket").failed == 1
    assert str(unused_tcp_port) not in caplog.text
    await desk.close()


async def test_a_secret_that_is_missing(log: GrowingLog, clock: Clock) -> None:
    """P4: no attempt without it, and no word of which."""
    log.grow(4)
    desk = desk_of(log, clock, bucket_anchor("http://127.0.0.1:9"))
    await desk.once()
    assert row(desk, "bucket").failed == 1
    await desk.close()


def _reveal(ref: SecretRef) -> bytes:
    return f"value of {ref.env}".encode()


@pytest.mark.parametrize(
    ("location", "credentials", "where", "options"),
    [
        ("s3://b/p/q/", {"access_key_id": {"env": "I"}, "secret_access_key": {"env": "K"}},
         ("s3", "b", "p/q"), {"access_key_id": "value of I", "secret_access_key": "value of K",
                              "endpoint": "http://e", "region": "r",
                              "checksum_algorithm": "sha256"}),
        ("gs://b", {"service_account_file": "/sa.json"},
         ("gs", "b", ""), {"service_account": "/sa.json", "base_url": "http://e"}),
        ("az://c/p", {"account_name": "acc", "account_key": {"env": "K"}},
         ("az", "c", "p"), {"account_name": "acc", "account_key": "value of K",
                            "endpoint": "http://e"}),
        ("file:///a/b/", {}, ("file", "/a/b", ""), {}),
    ],
)  # fmt: skip
def test_the_configuration_in_the_words_of_the_library(
    location: str, credentials: dict[str, Any], where: tuple[str, ...], options: dict[str, Any]
) -> None:
    """Contract, `audit.anchors`: every kind of store gets what it was configured with."""
    found = bucket_of(
        location, _reveal, endpoint="http://e", region="r",
        credentials=CloudCredentials.model_validate(credentials),
    )  # fmt: skip
    assert (found.scheme, found.bucket, found.prefix) == where
    assert found.options == options
    assert "value of" not in repr(found)


@pytest.mark.parametrize(
    ("location", "credentials"),
    [("gs://bucket/p", None), ("s3://bucket", None),
     ("az://container/p", CloudCredentials(account_name="acc", account_key=SecretRef(env="K")))],
)  # fmt: skip
def test_the_library_takes_these_settings(
    location: str, credentials: CloudCredentials | None
) -> None:
    """Contract, `audit.anchors`: what is not configured is left to the library's own chain."""
    found = bucket_of(location, lambda _: b"a2V5", credentials=credentials)
    assert type(open_bucket(found, 1_000, {})).__name__ in ("GCSStore", "S3Store", "AzureStore")


@pytest.mark.parametrize(
    ("origin", "folder"),
    [("envelope", "envelope"), ("example.com/log", "example.com/log"), ("../up", "_2e_2e/up"),
     ("a//b", "a/_/b"), ("é_", "_c3_a9_5f"), ("envelope/2", "envelope/2")],
)  # fmt: skip
def test_an_origin_leads_nowhere_else(log: GrowingLog, origin: str, folder: str) -> None:
    """Audit: the key stays below its prefix whatever the log is called."""
    head = log.grow(4)
    named = type(head)(head.note, Checkpoint(origin, 4, bytes(32)))
    assert key_of(named) == f"{folder}/{4:020}.checkpoint"


# --- webhook ----------------------------------------------------------------------------------


class Receiver:
    """Keeps what it gets; `status`: what it says."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"location": "/elsewhere"})


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[str, Receiver]]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/in", receiver.handle)
    app.router.add_post("/elsewhere", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in", receiver
    finally:
        await runner.cleanup()


async def test_a_webhook_gets_a_signed_checkpoint(
    log: GrowingLog, clock: Clock, tmp_path: Path
) -> None:
    """P3: the whole note, signed as alerts are, the same idempotency key for each attempt."""
    (tmp_path / "secret").write_text("hush\n")
    head = log.grow(4)
    async with receiving() as (url, receiver):
        secret = SecretRef(file=str(tmp_path / "secret"))
        desk = desk_of(log, clock, Anchor(name="hook", type="webhook", url=url, hmac_secret=secret))
        receiver.status = 500
        await desk.once()
        receiver.status = 302
        await desk.once()
        receiver.status = 204
        await desk.once()
        await desk.close()
    assert row(desk, "hook").outcomes == {"sent": 1, "failed": 2, "conflict": 0}
    assert len({headers["idempotency-key"] for headers, _ in receiver.got}) == 1
    headers, body = receiver.got[-1]
    stamp = str(NOON // 1000)
    wanted = hmac.new(b"hush", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert (headers["x-envelope-timestamp"], headers[HEADER]) == (stamp, f"v1={wanted}")
    said = head.checkpoint
    assert json.loads(body) == {
        "origin": "envelope", "size": 4, "root": said.root_base64, "checkpoint": head.note,
    }  # fmt: skip


def test_another_process_at_the_file(log: GrowingLog, tmp_path: Path) -> None:
    """Audit: two gateways that share a file do not write into one another's lines."""
    import fcntl

    head, path = log.grow(4), tmp_path / "kept"
    with path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert isinstance(append_to_file(path, head, lambda _: head.checkpoint.root), Again)
    assert path.read_bytes() == b""
