"""The gateway's desk for the log: what hangs or fails there ends nothing and is told."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from extproc.audit.checkpoint import load_verifier
from extproc.audit.sequencer import LOG, Sequencer
from extproc.audit.verify import verify
from extproc.cli.main import main as audit_main
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import Source
from extproc.server import audit_desk
from extproc.server.audit_desk import AuditDesk, for_ever
from extproc.state import StateDir
from tests.audit.gateway import entry, ids, logged, spool

ACCOUNT = {"type": "provider-account", "name": "a", "provider": "openai",
           "models": [{"id": "m", "max_output_tokens": 9,
                       "price": {"input_per_mtok": 1, "output_per_mtok": 1}}]}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> AuditDesk:
    gateway = {"type": "gateway-config", "name": "g", "audit": {"durability": "strict"}}
    config = load([Source("g.yaml", yaml.safe_dump_all([gateway, ACCOUNT]), "/etc/envelope")])
    assert isinstance(config, Config)
    (tmp_path / "run").mkdir()
    return AuditDesk(StateDir(tmp_path), tmp_path / "run", config)


def test_sinks_ship_under_the_name_that_the_log_has_now(desk: AuditDesk, tmp_path: Path) -> None:
    """Audit: a log that was begun again is `<origin>/2` for receivers too: under the old name its
    indexes would be taken for repeats, and a Redis stream would shut it out for good."""
    desk._sequencer.close()
    assert audit_main(["audit", "begin", "--state", str(tmp_path), "--reason", "lost"]) == 0
    again = AuditDesk(StateDir(tmp_path), tmp_path / "run", desk._config)
    again._shipper._start()
    assert orjson.loads((tmp_path / "run" / "shipping.json").read_bytes())["origin"] == "envelope/2"
    assert again._shipper._child is not None
    again._shipper._child.signal(signal.SIGKILL)
    again._sequencer.close()


async def test_policies_that_change_are_told_by_their_digest(
    desk: AuditDesk, tmp_path: Path
) -> None:
    """P3, P6: the same configuration with another text of its policies is an event of its own; the
    same text is none."""
    rego = tmp_path / "p.rego"
    policy = desk._config.gateway.policy.model_copy(update={"rego": (str(rego),)})
    gateway = desk._config.gateway.model_copy(update={"policy": policy})
    config = desk._config.model_copy(update={"gateway": gateway})
    rego.write_text("package envelope.authz\n\nallow := true\n")
    before = await desk.policy_changed(config)
    await desk.note_load(config.digest, config)
    rego.write_text("package envelope.authz\n\nallow := false\n")
    await desk.note_load(config.digest, config)
    desk._journal.release()
    desk._sequencer.drain(0)
    desk._sequencer.close()
    (event,) = logged(tmp_path / "audit")
    assert event["event"]["action"] == "policy.load" and event["event"]["before"] == before
    assert len(event["event"]["target"]) == 64 and event["event"]["target"] != before


def test_what_waits_in_a_spool_is_not_unseen(desk: AuditDesk, tmp_path: Path) -> None:
    """P3: while the log's disk is full, what a worker recorded of a call is its entry to be; one
    from Envoy's log would come before it and take its place, cost and all."""
    folder = tmp_path / "audit"
    first = spool(folder)
    first.close(entry(1))
    desk._sequencer.drain(0)
    first.close(entry(2))
    first.intent(entry(3))
    due = {f"d-{n}": entry(n) for n in range(1, 5)}
    assert desk._logged(due) == {"d-1", "d-2", "d-3"}
    first.release()
    desk._journal.release()
    desk._sequencer.close()


class Gate:
    """The disk, while a step of the sequencer has read the spools and written nothing yet."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self.inside = self.most = 0
        self._real = Sequencer._advance
        patch.setattr(Sequencer, "_advance", lambda *words: self._step(*words))

    def _step(self, *words: object) -> object:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.reached.set()
        try:
            self.open.wait(20)
            return self._real(*words)  # type: ignore[arg-type]
        finally:
            self.inside -= 1


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open.set()


async def begun(desk: AuditDesk, gate: Gate) -> None:
    desk._keep(desk._sequence)
    assert await asyncio.to_thread(gate.reached.wait, 10)


async def test_the_last_step_waits_for_the_one_before(
    desk: AuditDesk, gate: Gate, tmp_path: Path
) -> None:
    """P3: a gateway that stops while a step is at work begins no second one beside it: both would
    write entries with the same index, and nobody could tell the log from a forged one."""
    writer = spool(tmp_path / "audit")
    for n in range(3):
        writer.close(entry(n))
    await begun(desk, gate)
    closing = asyncio.create_task(desk.close())
    asyncio.get_running_loop().call_later(0.1, gate.open.set)
    await closing
    writer.release()
    assert gate.most == 1
    assert [i for i in ids(tmp_path / "audit") if i.startswith("d-")] == ["d-0", "d-1", "d-2"]
    key = load_verifier(tmp_path / "audit" / "verifier.pub")
    assert verify(tmp_path / "audit" / LOG, key).intact


async def test_a_disk_that_hangs_does_not_hold_up_the_end(
    desk: AuditDesk, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P3: closing is bounded and says what is left; the files stay open, for the thread that
    hangs would write into whatever gets their numbers."""
    monkeypatch.setattr(audit_desk, "LAST_ENTRIES_S", 0.1)
    closed = []
    monkeypatch.setattr(Sequencer, "close", lambda worker: closed.append(worker))
    await begun(desk, gate)
    async with asyncio.timeout(10):
        await desk.close()
    assert closed == [] and "does not answer" in caplog.text


async def test_a_step_that_hangs_is_told(
    desk: AuditDesk, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: strict does not go on beside a log that takes nothing, also where no error comes."""
    monkeypatch.setattr(audit_desk, "STUCK_S", 0.0)
    await begun(desk, gate)
    desk._keep(desk._tell_health)
    async with asyncio.timeout(10):
        while "does not answer" not in desk.refusing():
            await asyncio.sleep(0.01)
        gate.open.set()
        while desk.refusing():
            await asyncio.sleep(0.01)
    await desk.close()


async def test_no_error_ends_a_task_for_good(caplog: pytest.LogCaptureFixture) -> None:
    """P3: a defect costs one turn, and is told by its kind alone (P4)."""
    turns: list[float] = []

    async def work() -> None:
        raise RuntimeError("secret words")

    async def sleep(pause_s: float) -> None:
        turns.append(pause_s)
        if len(turns) == 8:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await for_ever(work, sleep)
    assert turns == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "RuntimeError" in caplog.text and "secret words" not in caplog.text


async def test_health_is_told_whatever_cannot_be_seen(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P3: strict workers hear of their keeper also while its looks fail."""

    def fail() -> None:
        raise PermissionError

    told = asyncio.Event()
    monkeypatch.setattr(desk, "_look", fail)
    monkeypatch.setattr(desk, "_write_health", told.set)
    desk._keep(desk._tell_health)
    await asyncio.wait_for(told.wait(), 10)
    assert "PermissionError" in caplog.text
    await desk.close()
