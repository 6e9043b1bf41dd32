"""Webhook, Splunk HEC and OTLP against receivers that check, and that break in every way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import os
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from extproc.audit.shipping.sinks.table import Surroundings, opening
from extproc.telemetry import names
from tests.audit.gateway import NOON, entry
from tests.audit.shipping.road import ORIGIN, Road, Steps, secret, sink_of
from tests.audit.shipping.stand_in import Got, StandIn, standing_in
from tests.telemetry.collector import plain

MISHAPS: tuple[int | str, ...] = (500, 429, "cut", 408, "half", 401, 403, 404, 302, "hang")


def webhook(receiver: StandIn, folder: Path, **more: Any) -> Any:
    reference = secret(folder, "hmac", "canary-hmac\n")
    return sink_of("webhook", url=f"{receiver.url}/in", hmac_secret=reference, **more)


def entries_of(got: list[Got]) -> list[int]:
    return [each["index"] for request in got for each in orjson.loads(request.body)]


async def test_a_webhook_gets_signed_entries(tmp_path: Path) -> None:
    """Audit: index, origin, entry; signature and key as docs/audit-shipping.md says."""
    road = Road(tmp_path)
    road.write(6)
    async with standing_in() as receiver:
        await road.shipped(webhook(receiver, tmp_path))
    assert entries_of(receiver.got) == list(range(6))
    first = receiver.got[0]
    told = orjson.loads(first.body)[1]
    assert (told["index"], told["origin"], told["entry"]["decision_id"]) == (1, ORIGIN, "d-1")
    headers = first.headers
    signed = f"{headers['x-envelope-timestamp']}.".encode() + first.body
    good = hmac.new(b"canary-hmac", signed, hashlib.sha256).hexdigest()
    assert headers["x-envelope-signature"] == f"v1={good}"
    assert headers["idempotency-key"].startswith(f"{ORIGIN}/0-3-")


async def test_a_webhook_through_every_failure(tmp_path: Path) -> None:
    """Audit: statuses, broken connections, half answers, silence: nothing lost, nothing skipped,
    and a batch that comes again has the same key."""
    road = Road(tmp_path)
    road.write(9)
    async with standing_in() as receiver:
        receiver.script = list(MISHAPS)
        lane = await road.shipped(webhook(receiver, tmp_path, timeout_ms=200))
    assert entries_of(receiver.got) == list(range(9))
    keys = [request.headers["idempotency-key"] for request in receiver.seen]
    assert len(set(keys[: len(MISHAPS) + 1])) == 1
    assert lane.figures.entries["refused"] == 0


async def test_down_at_the_start(tmp_path: Path) -> None:
    """Audit: a receiver that is not there yet gets everything once it is."""
    road = Road(tmp_path)
    road.write(5)
    async with standing_in() as receiver:
        port, sink = receiver.port, webhook(receiver, tmp_path)
    pace = Steps(lambda: len(pace.rests) > 4)
    lane = road.lane(sink, pace)
    await lane.run()
    assert (lane.figures.up, lane.figures.entries["shipped"]) == (False, 0)
    async with standing_in(port=port) as receiver:
        await road.shipped(sink)
    assert entries_of(receiver.got) == list(range(5))


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_one_entry_that_the_webhook_refuses(tmp_path: Path, status: int) -> None:
    """Audit: it alone is set aside."""
    road = Road(tmp_path)
    road.write(7)

    async def picky(_: web.Request, body: bytes) -> web.StreamResponse:
        return web.Response(status=status if b'"d-2"' in body else 204)

    async with standing_in(picky) as receiver:
        lane = await road.shipped(webhook(receiver, tmp_path))
    taken = [got for got in receiver.got if b'"d-2"' not in got.body]
    assert entries_of(taken) == [0, 1, 3, 4, 5, 6]
    assert lane.figures.entries["refused"] == 1
    assert orjson.loads((road.folder / "s.refused.jsonl").read_bytes())["code"] == f"http-{status}"


async def test_a_rotated_secret_is_found(tmp_path: Path) -> None:
    """P4: after a failure the secret is read again; no restart is needed."""
    road = Road(tmp_path)
    road.write(2)

    async def checks(request: web.Request, body: bytes) -> web.StreamResponse:
        stamp = request.headers["x-envelope-timestamp"].encode()
        good = hmac.new(b"rotated", stamp + b"." + body, hashlib.sha256).hexdigest()
        right = request.headers["x-envelope-signature"] == f"v1={good}"
        if not right:
            (tmp_path / "hmac").write_text("rotated")
        return web.Response(status=200 if right else 401)

    async with standing_in(checks) as receiver:
        lane = await road.shipped(webhook(receiver, tmp_path))
    assert lane.figures.entries["shipped"] == 2


async def test_a_missing_secret_waits(tmp_path: Path) -> None:
    """P4: nothing is sent unsigned, and nothing is skipped."""
    road = Road(tmp_path)
    road.write(2)
    async with standing_in() as receiver:
        sink = webhook(receiver, tmp_path)
        (tmp_path / "hmac").unlink()
        pace = Steps(lambda: len(pace.rests) > 3)
        await road.lane(sink, pace).run()
        assert receiver.seen == []
        (tmp_path / "hmac").write_text("back")
        await road.shipped(sink)
    assert entries_of(receiver.got) == [0, 1]


# --- Splunk ------------------------------------------------------------------------------------


class Splunk:
    """The collector's contract: token, channel, gzip, codes; indexes on the second question."""

    def __init__(self, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.indexed: list[dict[str, Any]] = []
        self.forgets = 0
        self._waiting: dict[int, list[dict[str, Any]]] = {}
        self._ids = itertools.count()
        self._asked: set[int] = set()

    async def __call__(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if request.headers.get("authorization") != "Splunk canary-token":
            return web.json_response({"text": "Invalid token", "code": 4}, status=403)
        if request.path == "/services/collector/ack":
            return self._ack(request, body)
        assert request.path == "/services/collector/event"
        events = [orjson.loads(line) for line in body.splitlines()]
        if any(event["event"].get("poison") for event in events):
            return web.json_response({"text": "Invalid data format", "code": 6}, status=400)
        if any(event.get("index") == "wrong" for event in events):
            return web.json_response({"text": "Incorrect index", "code": 7}, status=400)
        if not self.acknowledges:
            self.indexed += events
            return web.json_response({"text": "Success", "code": 0})
        number = next(self._ids)
        self._waiting[number] = events
        return web.json_response({"text": "Success", "code": 0, "ackId": number})

    def _ack(self, request: web.Request, body: bytes) -> web.Response:
        assert request.query["channel"] == request.headers["x-splunk-request-channel"]
        found = {}
        for number in orjson.loads(body)["acks"]:
            if number in self._asked and self.forgets == 0:
                self.indexed += self._waiting.pop(number, [])
            found[str(number)] = number in self._asked and self.forgets == 0
            self._asked.add(number)
            if len(self._asked) > 1 or self.forgets == 0:
                self.forgets = 0
        return web.json_response({"acks": found})


def splunk(receiver: StandIn, folder: Path, **more: Any) -> Any:
    token = secret(folder, "token", "canary-token")
    return sink_of("splunk-hec", url=receiver.url, token=token, **more)


async def test_splunk_events(tmp_path: Path) -> None:
    """Audit: time, source, sourcetype, index, fields and the entry; through failures."""
    road, collector = Road(tmp_path), Splunk(acknowledges=False)
    road.write(5)
    async with standing_in(collector) as receiver:
        receiver.script = [503, "cut"]
        await road.shipped(splunk(receiver, tmp_path, index="ai"))
    assert [event["event"]["index"] for event in collector.indexed] == list(range(5))
    first = collector.indexed[0]
    assert (first["time"], first["source"]) == (f"{NOON / 1000:.3f}", ORIGIN)
    assert (first["sourcetype"], first["index"]) == ("envelope:audit", "ai")
    assert first["fields"] == {"audit_index": "0", "decision_id": "d-0", "outcome": "allowed",
                               "model": "prod/assistant"}  # fmt: skip


async def test_splunk_counts_what_is_indexed(tmp_path: Path) -> None:
    """Audit: with `acknowledged` a batch counts when Splunk has indexed it; one whose
    acknowledgement never comes goes again."""
    road, collector = Road(tmp_path), Splunk()
    collector.forgets = 1
    road.write(3)
    async with standing_in(collector) as receiver:
        lane = await road.shipped(splunk(receiver, tmp_path, acknowledged=True, timeout_ms=500))
    assert [event["event"]["index"] for event in collector.indexed] == [0, 1, 2]
    sent = [got for got in receiver.got if got.path.endswith("/event")]
    assert len(sent) == 2
    assert lane.figures.entries["shipped"] == 3


async def test_splunk_tells_entries_from_settings(tmp_path: Path) -> None:
    """Audit: an event that it cannot read is set aside; a wrong index, a wrong token, missing
    acknowledgement are the operator's, and skip nothing."""
    road, collector = Road(tmp_path), Splunk(acknowledges=False)
    road.write_entries(entry(0), {**entry(1), "poison": True}, entry(2))
    async with standing_in(collector) as receiver:
        lane = await road.shipped(splunk(receiver, tmp_path))
        assert [event["event"]["index"] for event in collector.indexed] == [0, 2]
        assert lane.figures.entries["refused"] == 1
        road.write(1)
        (tmp_path / "t2").write_text("wrong")
        for wrong in ({"index": "wrong"}, {"acknowledged": True}, {"token": tmp_path / "t2"}):
            reference = {"token": {"file": str(wrong.pop("token"))}} if "token" in wrong else {}
            sink = splunk(receiver, tmp_path, **wrong).model_dump(exclude_unset=True) | reference
            pace = Steps(lambda: len(pace.rests) > 2)  # noqa: B023 - asked in this turn
            lane = road.lane(sink_of("splunk-hec", **_fields(sink)), pace)
            await lane.run()
            assert pace.rests[1] >= 45_000
            assert (lane.figures.next, lane.figures.entries["refused"]) == (3, 0)


def _fields(dumped: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in dumped.items() if key != "type"}


# --- OTLP --------------------------------------------------------------------------------------


def records(receiver: StandIn) -> list[Any]:
    found = []
    for got in receiver.got:
        message = ExportLogsServiceRequest.FromString(got.body)
        found += [r for each in message.resource_logs for s in each.scope_logs
                  for r in s.log_records]  # fmt: skip
    return found


async def test_otlp_records(tmp_path: Path) -> None:
    """Audit: body, attributes, severity, time and trace of an entry; headers are secrets."""
    road = Road(tmp_path)
    identity = "0192f0c1-2345-7abc-8def-0123456789ab"
    served = {"model": "prod/gpt", "provider": "openai"}
    road.write_entries({**entry(0), "decision_id": identity, "served": served},
                       {**entry(1), "decision": {"outcome": "refused"}})  # fmt: skip
    sink_headers = {"Authorization": secret(tmp_path, "auth", "Bearer canary-otlp")}
    async with standing_in() as receiver:
        receiver.script = [503, "half"]
        await road.shipped(sink_of("otlp", url=receiver.url, headers=sink_headers))
    first, second = records(receiver)
    told = plain(first.attributes)
    assert receiver.got[0].path == "/v1/logs"
    assert receiver.got[0].headers["content-encoding"] == "gzip"
    assert receiver.got[0].headers["authorization"] == "Bearer canary-otlp"
    assert orjson.loads(first.body.string_value)["index"] == 0
    assert (first.trace_id.hex(), second.trace_id) == (identity.replace("-", ""), b"")
    assert (first.time_unix_nano, first.event_name) == (NOON * 1_000_000, "envelope.audit")
    assert (first.severity_text, second.severity_text) == ("INFO", "WARN")
    assert told[names.DECISION_ID] == identity
    assert (told[names.PROVIDER_NAME], told[names.OPERATION_NAME]) == ("openai", "chat")
    assert (told[names.USAGE_INPUT_TOKENS], told[names.USAGE_OUTPUT_TOKENS]) == (10, 3)
    assert (told["envelope.audit.index"], told["envelope.audit.origin"]) == (0, ORIGIN)


async def test_a_header_cannot_begin_another(tmp_path: Path) -> None:
    """P4: a secret with a line end inside is not sent."""
    road = Road(tmp_path)
    road.write(1)
    bad = {"Authorization": secret(tmp_path, "auth", "Bearer x\r\nX-Other: y")}
    async with standing_in() as receiver:
        pace = Steps(lambda: len(pace.rests) > 2)
        await road.lane(sink_of("otlp", url=receiver.url, headers=bad), pace).run()
    assert receiver.seen == []
    assert pace.rests[1] >= 45_000


async def test_otlp_partial_success_is_counted(tmp_path: Path) -> None:
    """Audit: what the collector rejects it is not asked again (OTLP, partial success)."""
    road = Road(tmp_path)
    road.write(3)
    answer = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=1)
    )

    async def partly(_: web.Request, __: bytes) -> web.StreamResponse:
        return web.Response(body=answer.SerializeToString())

    async with standing_in(partly) as receiver:
        lane = await road.shipped(sink_of("otlp", url=receiver.url))
    assert len(receiver.got) == 1
    assert (lane.figures.entries["shipped"], lane.figures.entries["refused"]) == (2, 1)


async def test_a_secret_on_a_mount_that_hangs_holds_up_one_sink(tmp_path: Path) -> None:
    """P8: its file is read beside the loop that all sinks share."""
    pipe = tmp_path / "slow"
    os.mkfifo(pipe)
    sink = sink_of("webhook", url="http://127.0.0.1:9/in", hmac_secret={"file": str(pipe)})
    around, served = Surroundings("", tmp_path, lambda: NOON), threading.Event()
    alone = threading.Event()

    def write_at_last() -> None:
        if served.wait(2):
            alone.set()
        pipe.write_bytes(b"canary-hmac")

    writer = threading.Thread(target=write_at_last)
    writer.start()
    way = asyncio.create_task(opening(sink, around)())
    await asyncio.sleep(0)
    served.set()
    await (await way).close()
    writer.join()
    assert alone.is_set()
