"""Events: what people and the gateway do is in the log, whoever does it and whoever is alive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from extproc.audit.announced import GROUP, STREAM, Announced
from extproc.audit.checkpoint import load_verifier
from extproc.audit.event import event_entry, record_class
from extproc.audit.journal import Journal, record_action
from extproc.audit.sequencer import LOG
from extproc.audit.values import AuditUnavailable, Entry
from extproc.audit.verify import verify
from extproc.identity.key_store import KeyStore
from extproc.server.audit_watch import refusing
from extproc.state import StateDir
from tests.audit.gateway import NOON, entry, logged, sequencer, spool
from tests.identity.conftest import client, private_store

__all__ = ["client", "private_store"]


def state_with_log(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path)
    writer = spool(state.audit)
    writer.close(entry(1))
    writer.release()
    with sequencer(state.audit) as worker:
        worker.drain(NOON)
    return state


def test_a_command_is_in_the_log_when_it_ends(tmp_path: Path) -> None:
    """P3: with no gateway running, what an operator did is recorded, signed and verifiable."""
    state = state_with_log(tmp_path)
    recorded = record_action(state, "audit.export", target="all", details={"entries": 1})
    (_, event) = logged(state.audit)
    assert event["decision_id"] == recorded and event["kind"] == "event"
    assert event["event"] == {"action": "audit.export", "target": "all", "entries": 1}
    assert event["actor"]["type"] == "operator" and event["actor"]["name"]
    assert record_class(event) == "admin"
    report = verify(state.audit / LOG, load_verifier(state.audit / "verifier.pub"))
    assert report.intact and report.covered == 2


def test_beside_a_gateway_the_gateway_brings_it_in(tmp_path: Path) -> None:
    """P3: one sequencer at a time: the command leaves its event for the one that runs."""
    state = state_with_log(tmp_path)
    with sequencer(state.audit) as gateway:
        recorded = record_action(state, "audit.pack")
        assert len(logged(state.audit)) == 1
        gateway.poll(NOON)
        assert logged(state.audit)[1]["decision_id"] == recorded


def test_what_cannot_be_recorded_is_said(tmp_path: Path) -> None:
    """P3: a command learns that its event could not be written, before it goes on."""
    state = state_with_log(tmp_path)
    spools = state.audit / "spool"
    spools.rmdir()
    spools.write_text("in the way")
    with pytest.raises(AuditUnavailable):
        record_action(state, "audit.content.read")


def test_a_folder_without_a_log_records_nothing(tmp_path: Path) -> None:
    """Audit: an auditor's own machine has no log; asking questions there makes none."""
    state = StateDir(tmp_path / "none")
    assert record_action(state, "audit.export") == ""
    assert not state.root.exists()


async def test_a_key_change_and_its_event_are_one_step(client: Redis, tmp_path: Path) -> None:
    """P3, P4: each change of a key announces who did what; no secret and no hash with it."""
    keys = KeyStore(client, actor=("operator", "mei"))
    key, record = await keys.create("bot", "first", NOON)
    await keys.rotate(key.id, NOON, 0)
    await keys.revoke(key.id, NOON)
    taken: list[Entry] = []
    desk = Announced(client, "g-1", taken.append)
    await desk.take()  # makes the group
    assert await desk.take() == 3 and await desk.take() == 0
    assert [e["event"]["action"] for e in taken] == ["key.create", "key.rotate", "key.revoke"]
    assert all(e["actor"] == {"type": "operator", "name": "mei"} for e in taken)
    assert all(e["event"]["target"] == key.id for e in taken)
    assert key.text[12:55] not in str(taken) and record.sha256 not in str(taken)
    assert await client.xlen(STREAM) == 0


async def test_an_event_stays_until_it_is_written_down(client: Redis) -> None:
    """P3: a gateway whose disk is full, or that dies with it, leaves the event to the next."""
    await KeyStore(client).create("bot", "first", NOON)

    def full(_: Entry) -> None:
        raise AuditUnavailable("no room")

    dying = Announced(client, "g-1", full)
    await dying.take()
    with pytest.raises(AuditUnavailable):
        await dying.take()
    pending = await client.xpending_range(STREAM, GROUP, "-", "+", 10)
    # What another has held for FORSAKEN_MS is taken over: the store is told it was that long.
    await client.xclaim(STREAM, GROUP, "g-1", 0, [pending[0]["message_id"]], idle=60_000)
    taken: list[Entry] = []
    assert await Announced(client, "g-2", taken.append).take() == 1
    assert taken[0]["event"]["action"] == "key.create"


async def test_strangers_in_the_stream_are_left_out(client: Redis) -> None:
    """P3: whoever can write into the store cannot put a call's entry into the log."""
    await client.xadd(STREAM, {"entry": b'{"decision_id":"d-1"}'})
    await client.xadd(STREAM, {"entry": b"no json"})
    await client.xadd(STREAM, {"else": b"x"})
    taken: list[Entry] = []
    desk = Announced(client, "g-1", taken.append)
    await desk.take()
    assert await desk.take() == 3 and taken == []


def test_a_gateways_own_events(tmp_path: Path) -> None:
    """P3: the gateway's own name and environment stand in its events."""
    journal = Journal(tmp_path, "gateway-1", environment="production")
    journal.record("gateway.start", details={"workers": 2})
    journal.release()
    with sequencer(tmp_path) as worker:
        worker.drain(NOON)
    (event,) = logged(tmp_path)
    assert event["environment"] == "production" and event["actor"]["type"] == "gateway"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"decision": {"outcome": "allowed"}}, "exchange"),
        ({"decision": {"outcome": "blocked"}}, "exchange"),
        ({"decision": {"outcome": "worker_lost"}}, "exchange"),
        ({"decision": {"outcome": "refused"}}, "refusal"),
        ({"decision": {"outcome": "unseen"}}, "refusal"),
        ({"decision": {"outcome": "spool_damaged"}}, "admin"),
        ({}, "admin"),
        (event_entry("key.create", event_id="1", at_ms=0, actor=("gateway", "x")), "admin"),
    ],
)
def test_classes_of_record(entry: dict[str, Any], expected: str) -> None:
    """Contract 2: retention and sinks go by class; what is of no known kind is kept as `admin`."""
    assert record_class(entry) == expected


HEALTHY = b'{"refusing":"","at_ms":1000}'


@pytest.mark.parametrize(
    ("content", "now_ms", "standard", "strict"),
    [
        (HEALTHY, 1_000, "", ""),
        (HEALTHY, 20_000, "", "the audit log's keeper has not been heard of"),
        (b'{"refusing":"too much","at_ms":1000}', 1_000, "too much", "too much"),
        (b"", 1_000, "", "nobody keeps the audit log"),
        (b"[]", 1_000, "", "nobody keeps the audit log"),
        (None, 1_000, "", "nobody keeps the audit log"),
    ],
)
def test_when_workers_refuse(
    tmp_path: Path, content: bytes | None, now_ms: int, standard: str, strict: str
) -> None:
    """P3: strict fails closed where nobody vouches for the log; standard does what it is told."""
    file = tmp_path / "audit-health.json"
    if content is not None:
        file.write_bytes(content)
    assert refusing(file, strict=False, now_ms=now_ms) == standard
    assert refusing(file, strict=True, now_ms=now_ms) == strict
