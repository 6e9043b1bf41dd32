"""Syslog against a receiver that reads RFC 5424 strictly: TLS, TCP, UDP; the texts themselves."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.audit.shipping.severity import severity
from extproc.audit.shipping.sinks import syslog
from extproc.audit.shipping.sinks.syslog_text import cef, rfc5424
from extproc.audit.shipping.values import Item
from tests.audit.gateway import entry
from tests.audit.shipping.receiver import Datagrams, certificate, read_message, receiving
from tests.audit.shipping.road import ORIGIN, Road, Steps, sink_of


def sink(port: int, **more: Any) -> Any:
    return sink_of("syslog", host="127.0.0.1", port=port, **more)


async def test_tls(tmp_path: Path) -> None:
    """Audit: octet counting, priority, structured data and the entry, over verified TLS."""
    road = Road(tmp_path)
    road.write(5)
    road.write_entries({**entry(5), "decision": {"outcome": "refused", "code": "no"}})
    ca_file, context = certificate(tmp_path)
    with receiving(context) as receiver:
        await road.shipped(sink(receiver.port, ca_file=str(ca_file), facility=16))
    assert receiver.indexes == list(range(6))
    first, last = receiver.messages[0], receiver.messages[-1]
    assert (first.priority, last.priority) == (16 * 8 + 6, 16 * 8 + 4)
    assert (first.app_name, first.message_id) == ("envelope", "call")
    assert first.timestamp == "2026-11-20T12:00:00.000Z"
    assert first.parameters == {
        "index": "0", "origin": ORIGIN, "decision_id": "d-0", "outcome": "allowed",
        "principal": "support-bot", "team": "support-ai", "model": "prod/assistant",
    }  # fmt: skip
    assert orjson.loads(first.text)["decision_id"] == "d-0"


async def test_tls_verifies(tmp_path: Path) -> None:
    """P4: a receiver with another certificate, or another name, gets nothing."""
    road = Road(tmp_path)
    road.write(1)
    (tmp_path / "other").mkdir()
    trusted, _ = certificate(tmp_path / "other")
    elsewhere, context = certificate(tmp_path, "127.0.0.2")
    for ca_file in (str(trusted), None, str(elsewhere)):
        with receiving(context) as receiver:
            pace = Steps(lambda: len(pace.rests) > 2)  # noqa: B023 - asked in this turn
            more = {} if ca_file is None else {"ca_file": ca_file}
            lane = road.lane(sink(receiver.port, **more), pace)
            await lane.run()
        assert (receiver.messages, lane.figures.next) == ([], 0)
        assert pace.rests[1] >= 45_000


@pytest.mark.parametrize("encrypted", [True, False])
async def test_through_every_failure(tmp_path: Path, encrypted: bool) -> None:
    """Audit: connections that break before, in the middle or never end lose nothing."""
    road = Road(tmp_path)
    road.write(20, padding="x" * 3_000)
    ca_file, context = certificate(tmp_path)
    more = {"ca_file": str(ca_file)} if encrypted else {"transport": "tcp"}
    with receiving(context if encrypted else None) as receiver:
        receiver.script = ["dies", "refuse", "hold", "silent", "dies", "refuse"]
        lane = await road.shipped(sink(receiver.port, timeout_ms=300, **more))
    assert list(dict.fromkeys(receiver.indexes)) == list(range(20))
    assert lane.figures.entries["failed"] > 0


async def test_bytes_that_nobody_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audit: a receiver that closed before it had everything has not taken the batch."""
    left = [5, 5, 5, 0]
    monkeypatch.setattr(syslog, "_unacknowledged", lambda _: left.pop(0) if left[0] else 0)
    road = Road(tmp_path)
    road.write(1)
    with receiving() as receiver:
        await road.shipped(sink(receiver.port, transport="tcp"))
        assert left == [0]
        monkeypatch.setattr(syslog, "_unacknowledged", lambda _: 5)
        road.write(1)
        pace = Steps(lambda: len(pace.rests) > 2)
        lane = road.lane(sink(receiver.port, transport="tcp", timeout_ms=100), pace)
        await lane.run()
    assert (lane.figures.next, lane.figures.up) == (1, False)


async def test_down_at_the_start(tmp_path: Path) -> None:
    """Audit: nobody listens: nothing is skipped."""
    road = Road(tmp_path)
    road.write(2)
    with receiving() as receiver:
        port = receiver.port
    pace = Steps(lambda: len(pace.rests) > 3)
    lane = road.lane(sink(port, transport="tcp"), pace)
    await lane.run()
    assert (lane.figures.next, lane.figures.up) == (0, False)


async def test_udp(tmp_path: Path) -> None:
    """Audit: one datagram per entry; one that fits into none is set aside alone."""
    road = Road(tmp_path)
    road.write_entries(entry(0), {**entry(1), "padding": "x" * 66_000}, entry(2))
    loop = asyncio.get_running_loop()
    line, receiver = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    port = line.get_extra_info("sockname")[1]
    lane = await road.shipped(sink(port, transport="udp"))
    while len({m.parameters["index"] for m in receiver.messages}) < 2:
        await asyncio.sleep(0)
    line.close()
    assert {m.parameters["index"] for m in receiver.messages} == {"0", "2"}
    assert lane.figures.entries["refused"] == 1


async def test_cef(tmp_path: Path) -> None:
    """Audit: CEF as the text of the same messages."""
    road = Road(tmp_path)
    road.write_entries({**entry(0), "decision": {"outcome": "refused", "code": "a|b=c"}})
    with receiving() as receiver:
        receiver_lines: list[str] = []
        pace = Steps(lambda: bool(receiver.messages))
        await road.lane(sink(receiver.port, transport="tcp", format="cef"), pace).run()
        receiver_lines += [m.text for m in receiver.messages]
    head, told = read_cef(receiver_lines[0])
    assert head[1:3] == ["Envelope", "Envelope gateway"]
    assert head[4:] == ["call.refused", "call a|b=c", "5"]
    assert told["externalId"] == "d-0"
    assert (told["reason"], told["suser"], told["deviceExternalId"]) == (
        "a|b=c", "support-bot", ORIGIN
    )  # fmt: skip
    assert (told["cs2"], told["cs2Label"], told["cn1"], told["cn1Label"]) == (
        "prod/assistant", "model", "0", "auditIndex"
    )  # fmt: skip


def read_cef(text: str) -> tuple[list[str], dict[str, str]]:
    """Header fields and extension, without their escapes, as the standard reads them."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", text)
    head = [re.sub(r"\\([|\\])", r"\1", part) for part in parts[:7]]
    rest = "|".join(parts[7:])
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", rest))
    ends = [key.start() for key in keys[1:]] + [len(rest)]
    found = {
        key[1]: re.sub(r"\\([=\\])", r"\1", rest[key.end() : end])
        for key, end in zip(keys, ends, strict=True)
    }
    return head, found


NASTY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(max_examples=40)
@given(name=NASTY, origin=NASTY, hostname=NASTY, index=st.integers(0, 2**53))
def test_no_value_breaks_out(name: str, origin: str, hostname: str, index: int) -> None:
    """P4: whatever stands in an entry, a message is one message and its parameters are ours."""
    odd = {**entry(1), "index": index, "principal": {"name": name}, "event": {"action": name}}
    item = Item(index, orjson.dumps(odd), odd)
    message = read_message(rfc5424(item, origin, 13, hostname))
    clean = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", name)
    assert message.parameters["principal"] == clean
    assert set(message.parameters) == {"index", "origin", "decision_id", "outcome", "principal",
                                       "model"}  # fmt: skip
    assert orjson.loads(message.text) == odd
    assert not re.search(rb"[\x00-\x1f\x7f]", cef(item, origin, 13, hostname))


@pytest.mark.parametrize("outcome", ["refused", "worker_lost", "allowed", "something new", None])
def test_severity(outcome: str | None) -> None:
    """Audit: worse is more severe in each protocol; what nobody knows is a warning."""
    found = severity({"decision": {"outcome": outcome}})
    ranks = {"worker_lost": (3, 8, "ERROR"), "allowed": (6, 2, "INFO")}
    assert (found.syslog, found.cef, found.otlp[1]) == ranks.get(str(outcome), (4, 5, "WARN"))
