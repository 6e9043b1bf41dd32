"""Object storage: a real S3 server, stand-ins for Google's and Azure's API, a folder, DuckDB."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import duckdb
import orjson
import pytest
from aiohttp import web
from moto.server import ThreadedMotoServer

from extproc.audit.columns import COLUMNS
from extproc.audit.merkle import leaf_hash
from extproc.audit.read import lines_from
from extproc.audit.shipping.sinks.objects import safe
from tests.audit.gateway import entry
from tests.audit.shipping.road import Road, Steps, secret, sink_of
from tests.audit.shipping.stand_in import StandIn, standing_in

SAFE = safe("gw.example.com/audit")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def bucket(url: str, name: str, **more: Any) -> Any:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket=name, **more)
    return client


def s3_sink(url: str, folder: Path, location: str, **more: Any) -> Any:
    keys = {"access_key_id": secret(folder, "id", "AKIACANARY"),
            "secret_access_key": secret(folder, "key", "canary-key")}  # fmt: skip
    return sink_of("object-storage", location=location, endpoint=url, credentials=keys, **more)


def contents(client: Any, name: str) -> dict[str, bytes]:
    found = client.list_objects_v2(Bucket=name).get("Contents", [])
    return {o["Key"]: client.get_object(Bucket=name, Key=o["Key"])["Body"].read() for o in found}


def ids(objects: dict[str, bytes]) -> list[str]:
    """Decision ids, in the order of the objects' names."""
    return [orjson.loads(line)["decision_id"] for name in sorted(objects)
            for line in gzip.decompress(objects[name]).splitlines()]  # fmt: skip


async def test_s3_json_lines(tmp_path: Path, s3: str) -> None:
    """Audit: path and content; the line is the leaf, so that its proof holds."""
    road = Road(tmp_path)
    road.write(6)
    client = bucket(s3, "first")
    await road.shipped(s3_sink(s3, tmp_path, "s3://first/audit/logs"))
    objects = contents(client, "first")
    folder = f"audit/logs/origin={SAFE}/date=2026-11-20/"
    assert [name.rpartition("-")[0] for name in objects] == [
        f"{folder}000000000000-000000000003", f"{folder}000000000004-000000000005",
    ]  # fmt: skip
    assert all(name.endswith(".jsonl.gz") for name in objects)
    assert ids(objects) == [f"d-{n}" for n in range(6)]
    shipped = gzip.decompress(next(iter(objects.values()))).splitlines()[1]
    assert leaf_hash(shipped) == leaf_hash(next(lines_from(road.log_folder, 1)))


async def test_an_object_is_never_written_twice(tmp_path: Path, s3: str) -> None:
    """Audit: with the cursor's last step lost the same object comes again, and stays as it was."""
    road = Road(tmp_path)
    road.write(4)
    client = bucket(s3, "once", ObjectLockEnabledForBucket=True)
    sink = s3_sink(s3, tmp_path, "s3://once")
    before = road.lane(sink, Steps())
    await road.shipped(sink)
    cursor = orjson.loads((road.folder / "s.json").read_bytes())
    (road.folder / "s.json").write_bytes(orjson.dumps(cursor | {"next": 0, "last": 3}))
    lane = await road.shipped(sink)
    assert lane.figures.entries["shipped"] == 4
    assert before.figures.entries["shipped"] == 0
    versions = client.list_object_versions(Bucket="once")["Versions"]
    assert len(versions) == 1


async def test_two_logs_of_one_name_do_not_meet(tmp_path: Path, s3: str) -> None:
    """Audit: gateways that forgot to name their logs apart still lose nothing."""
    first, second = Road(tmp_path / "a"), Road(tmp_path / "b")
    first.write(3)
    second.write_entries(*({**entry(n), "decision_id": f"e-{n}"} for n in range(3)))
    client = bucket(s3, "shared")
    for road in (first, second):
        await road.shipped(s3_sink(s3, tmp_path, "s3://shared"))
    assert sorted(ids(contents(client, "shared"))) == ["d-0", "d-1", "d-2", "e-0", "e-1", "e-2"]


async def test_s3_away_and_without_the_bucket(tmp_path: Path, s3: str) -> None:
    """Audit: nobody there, no such bucket: nothing is skipped, and it goes on by itself."""
    road = Road(tmp_path)
    road.write(3)
    for url in ("http://127.0.0.1:1", s3):
        pace = Steps(lambda: len(pace.rests) > 2)  # noqa: B023 - asked in this turn
        lane = road.lane(s3_sink(url, tmp_path, "s3://later"), pace)
        await lane.run()
        assert (lane.figures.next, lane.figures.up) == (0, False)
    client = bucket(s3, "later")
    await road.shipped(s3_sink(s3, tmp_path, "s3://later"))
    assert ids(contents(client, "later")) == ["d-0", "d-1", "d-2"]


async def test_s3_through_failures(tmp_path: Path) -> None:
    """Audit: statuses, broken connections, silence; a write whose answer is lost is there once.
    Each has the checksum that buckets with a lock demand."""
    road, kept = Road(tmp_path), {}

    async def server(request: web.Request, body: bytes) -> web.StreamResponse:
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256")
        checksum = base64.b64decode(request.headers["x-amz-checksum-sha256"])
        assert checksum == hashlib.sha256(body).digest()
        if request.headers.get("if-none-match") == "*" and request.path in kept:
            return web.Response(status=412)
        kept[request.path] = body
        if len(kept) == 1 and len(receiver.got) == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(headers={"etag": '"x"'})

    road.write(6)
    async with standing_in(server) as receiver:
        receiver.script = [500, "cut", 503, 403, "half", 404, "hang"]
        await road.shipped(s3_sink(receiver.url, tmp_path, "s3://b/p", timeout_ms=300))
    assert ids(kept) == [f"d-{n}" for n in range(6)]
    assert len(receiver.got) > len(kept)


async def test_parquet_answers_questions(tmp_path: Path, s3: str) -> None:
    """Audit: the columns of `audit/columns.py`, read back by DuckDB with its partitions."""
    road = Road(tmp_path)
    metadata = {"data_class": "customer_pii", "project": "p1"}
    served = {"model": "prod/gpt", "provider": "openai", "region": "eu"}
    road.write_entries(
        {**entry(0), "metadata": metadata, "served": served},
        {**entry(1), "at": "2026-11-21T00:00:00.000Z"},
        {**entry(2), "usage": "odd", "metadata": {"n": 1}, "cost_nano_usd": 2**70 // 2**7},
    )
    target = tmp_path / "it's here"
    sink = sink_of("object-storage", location=target.as_uri(), format="parquet")
    await road.shipped(sink)
    files = sorted((file.name[:12], file.parent.name) for file in target.rglob("*.parquet"))
    assert [day for _, day in files] == ["date=2026-11-20", "date=2026-11-21", "date=2026-11-20"]
    glob = str(target).replace("'", "''") + "/**/*.parquet"
    database = duckdb.connect()
    table = f"read_parquet('{glob}', hive_partitioning = true)"
    described = database.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    types = {name: kind for name, kind, *_ in described}
    assert {name: types[name] for name in COLUMNS if name != "at"} == {
        name: kind for name, (kind, _) in COLUMNS.items() if name != "at"
    }
    assert types["at"] == "TIMESTAMP WITH TIME ZONE"
    rows = database.execute(
        "SELECT index, provider, region, metadata['project'], data_class, input_tokens,"
        f" cost_nano_usd, date::VARCHAR FROM {table} ORDER BY index"
    ).fetchall()
    assert rows == [
        (0, "openai", "eu", "p1", "customer_pii", 10, 0, "2026-11-20"),
        (1, None, None, None, None, 11, 1000, "2026-11-21"),
        (2, None, None, None, None, None, None, "2026-11-20"),
    ]
    whole = database.execute(f"SELECT entry FROM {table} WHERE index = 1").fetchone()
    assert whole is not None
    assert whole[0].encode() == next(lines_from(road.log_folder, 1))


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Audit: a full or missing disk behind the folder stops nothing but this sink, for a while."""
    road = Road(tmp_path)
    road.write(2)
    (tmp_path / "out").write_text("a file where the folder should be")
    sink = sink_of("object-storage", location=(tmp_path / "out").as_uri())
    pace = Steps(lambda: len(pace.rests) > 2)
    lane = road.lane(sink, pace)
    await lane.run()
    assert (lane.figures.next, lane.figures.up) == (0, False)
    (tmp_path / "out").unlink()
    await road.shipped(sink)
    assert len(list((tmp_path / "out").rglob("*.jsonl.gz"))) == 1


# --- Google's and Azure's API ------------------------------------------------------------------


class Objects:
    """Keeps what is created under a path; a second write is refused as each API does it."""

    def __init__(self, exists: int) -> None:
        self.kept: dict[str, bytes] = {}
        self._exists = exists

    async def __call__(self, request: web.Request, body: bytes) -> web.StreamResponse:
        conditional = (request.headers.get("if-none-match") == "*"
                       or request.headers.get("x-goog-if-generation-match") == "0")  # fmt: skip
        path = unquote(urlsplit(request.raw_path).path)
        assert request.method == "PUT"
        assert conditional, dict(request.headers)
        if path in self.kept:
            return web.Response(status=self._exists)
        self.kept[path] = body
        return web.Response(status=201, headers={"etag": '"x"', "x-goog-generation": "1"})


async def twice(road: Road, sink: Any, objects: Objects, receiver: StandIn) -> None:
    """Ship through two failures, then the same batch again."""
    road.write(3)
    receiver.script = [503, 401]
    await road.shipped(sink)
    cursor = orjson.loads((road.folder / "s.json").read_bytes())
    (road.folder / "s.json").write_bytes(orjson.dumps(cursor | {"next": 0, "last": 2}))
    await road.shipped(sink)
    assert ids(objects.kept) == ["d-0", "d-1", "d-2"]


async def test_google_cloud_storage(tmp_path: Path) -> None:
    """Audit: the bucket, the prefix, the precondition that an object is new."""
    road, objects = Road(tmp_path), Objects(exists=412)
    async with standing_in(objects) as receiver:
        account = {"gcs_base_url": receiver.url, "disable_oauth": True, "client_email": "",
                   "private_key": "", "private_key_id": ""}  # fmt: skip
        (tmp_path / "account.json").write_bytes(orjson.dumps(account))
        keys = {"service_account_file": str(tmp_path / "account.json")}
        sink = sink_of("object-storage", location="gs://evidence/audit", credentials=keys,
                       endpoint=receiver.url)  # fmt: skip
        await twice(road, sink, objects, receiver)
    [path] = objects.kept
    assert path.startswith(f"/evidence/audit/origin={SAFE}/date=2026-11-20/")


async def test_azure_blob_storage(tmp_path: Path) -> None:
    """Audit: the container, the prefix, the account's key as a signature and never in clear."""
    road, objects = Road(tmp_path), Objects(exists=409)
    key = base64.b64encode(b"canary-account-key").decode()
    async with standing_in(objects) as receiver:
        keys = {"account_name": "acme", "account_key": secret(tmp_path, "az", key)}
        sink = sink_of("object-storage", location="az://evidence/audit", credentials=keys,
                       endpoint=receiver.url)  # fmt: skip
        await twice(road, sink, objects, receiver)
    [path] = objects.kept
    assert f"/evidence/audit/origin={SAFE}/date=2026-11-20/" in path
    assert all("SharedKey acme:" in got.headers["authorization"] for got in receiver.seen)
    assert not any(key in str(got.headers) + got.path for got in receiver.seen)
    assert not any(parse_qs(urlsplit(got.path).query).get("sig") for got in receiver.seen)
