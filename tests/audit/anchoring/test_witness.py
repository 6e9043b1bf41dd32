"""Witnesses, against a stand-in that keeps to C2SP tlog-witness: what they sign, and what not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from extproc.audit.anchoring.cosignature import WitnessKey
from extproc.audit.anchoring.cosigned import COSIGNED, append, cosigned_notes, cosigned_sizes
from extproc.audit.note import Signer, Verifier, open_note
from tests.audit.anchoring.conftest import (
    Clock,
    GrowingLog,
    desk_of,
    forge,
    row,
    witness_of,
)
from tests.audit.anchoring.witness_server import StandInWitness, cosign, serving

SIZE = "text/x.tlog.size"


@pytest.fixture
async def witness(log: GrowingLog) -> AsyncIterator[StandInWitness]:
    """It knows the log, which has four entries under a checkpoint."""
    log.grow(4)
    async with serving(StandInWitness(trusted={"envelope": (log.verifier,)})) as running:
        yield running


def sizes(log: GrowingLog, witness: StandInWitness) -> tuple[int, ...]:
    return cosigned_sizes(log.folder, [WitnessKey.parse(witness.key)])[witness.name]


@asynccontextmanager
async def hanging() -> AsyncIterator[str]:
    """The URL of somebody who accepts and says nothing."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in held:
            writer.close()


async def test_each_new_checkpoint_is_signed(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """P3: from the first on, with a proof that the log only grew; the notes are kept whole."""
    desk = desk_of(log, clock, witness_of(witness))
    for size in (4, 5, 9, 16, 31):
        log.grow(size)
        await desk.once()
    assert sizes(log, witness) == (4, 5, 9, 16, 31)
    assert witness.asked == [0, 4, 5, 9, 16]
    notes = [note or "" for note in cosigned_notes(log.folder)]
    assert len(notes) == 5 and all(open_note(note, log.verifier) for note in notes)
    found = row(desk, "w1")
    assert (found.kind, found.sent, found.size, found.behind) == ("witness", 5, 31, False)
    await desk.close()


async def test_nothing_new_is_not_sent_again(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: not in this run, and not by the next one."""
    first = desk_of(log, clock, witness_of(witness))
    await first.once()
    await first.once()
    await first.close()
    second = desk_of(log, clock, witness_of(witness))
    await second.once()
    clock.now_ms += 5_000
    assert witness.asked == [0]
    assert (row(second, "w1").size, row(second, "w1").age_ms) == (4, 5_000)
    await second.close()


async def test_a_forgotten_cursor_is_found_again(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: 409 says where the witness stands, and it is asked once more from there."""
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    log.grow(7)
    (log.root / "anchors" / "witness-w1.json").unlink()
    after = desk_of(log, clock, witness_of(witness))
    await after.once()
    assert witness.asked == [0, 0, 4]
    assert sizes(log, witness) == (4, 7)
    for one in (desk, after):
        await one.close()


@pytest.mark.parametrize("size", [4, 9])
@pytest.mark.parametrize("cursor", ["kept", "removed"])
async def test_a_rewritten_and_resigned_log_is_refused(
    log: GrowingLog, witness: StandInWitness, clock: Clock, cursor: str, size: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """P3: whoever stole the key gets no witness for another history; the alarm is loud."""
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    await desk.close()
    forge(log, size)
    if cursor == "removed":
        (log.root / "anchors" / "witness-w1.json").unlink()
    after = desk_of(log, clock, witness_of(witness))
    await after.once()
    await after.close()
    assert row(after, "w1").conflict == 1
    assert witness.latest["envelope"][0] == 4
    assert sizes(log, witness) == ()
    assert "CONFLICT" in caplog.text


async def test_a_log_cut_short_is_refused(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """P3: the end cut off together with its checkpoints: the witness has seen more."""
    short = {p.name: p.read_bytes() for p in log.folder.iterdir()}
    log.grow(9)
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    for path in log.folder.iterdir():
        path.unlink()
    for name, data in short.items():
        (log.folder / name).write_bytes(data)
    await desk.once()
    (log.root / "anchors" / "witness-w1.json").unlink()
    after = desk_of(log, clock, witness_of(witness))
    await after.once()
    assert (row(desk, "w1").conflict, row(after, "w1").conflict) == (1, 1)
    for one in (desk, after):
        await one.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((200, "text/plain", b""), "not a signed note"),
        ((200, "text/plain", b"\n\n" + cosign("witness.example/w1", b"w" * 32, "x\n").encode()),
         "no signature of the configured key"),
        ((200, "text/plain", b"\xff\n"), "is not text"),
        ((200, "text/plain", b"thanks\n"), "not believed"),
        ((200, "text/plain", cosign("other", b"o" * 32, "x\n").encode()), "no signature of"),
        ((200, "text/plain", cosign("witness.example/w1", b"w" * 32, "x\n").encode()),
         "does not fit the checkpoint"),
        ((400, "text/plain", b""), "cannot read the checkpoint"),
        ((403, "text/plain", b""), "does not trust this log's key"),
        ((404, "text/plain", b""), "does not know this log's origin"),
        ((409, "text/plain", b"4\n"), "without saying its size"),
        ((409, SIZE, b"four\n"), "cannot be read"),
        ((409, SIZE, b"0\n"), "stands where it was asked from"),
        ((409, SIZE, b"3\n"), "stands where it was asked from"),
        ((418, "text/plain", b""), "answered 418"),
        ((302, "text/plain", b""), "answered 302"),
        ((503, "text/plain", b"x" * 200_000), "answered 503"),
    ],
)  # fmt: skip
async def test_answers_that_are_not_believed(
    log: GrowingLog, witness: StandInWitness, clock: Clock, said: tuple[int, str, bytes],
    why: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """P3: nothing is kept of them; the log says why, once, and not a word of the answer (P4)."""
    desk = desk_of(log, clock, witness_of(witness))
    witness.broken = said
    await desk.once()
    await desk.once()
    assert sizes(log, witness) == ()
    assert not (log.folder / COSIGNED).exists()
    assert (row(desk, "w1").failed, row(desk, "w1").behind) == (2, True)
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(errors) == 1 and why in errors[0]
    assert witness.url not in caplog.text and "thanks" not in caplog.text
    witness.broken = None
    await desk.once()
    assert sizes(log, witness) == (4,)
    assert "takes checkpoints again" in caplog.text
    await desk.close()


@pytest.mark.parametrize("status", [(409, SIZE, b"5\n"), (422, "text/plain", b"")])
async def test_answers_that_are_alarms(
    log: GrowingLog, witness: StandInWitness, clock: Clock, status: tuple[int, str, bytes]
) -> None:
    """P3: it has signed more than there is, or something that this log does not extend."""
    desk = desk_of(log, clock, witness_of(witness))
    witness.broken = status
    await desk.once()
    assert row(desk, "w1").outcomes == {"sent": 0, "failed": 0, "conflict": 1}
    await desk.close()


async def test_lines_of_other_keys_in_an_answer_are_not_kept(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: C2SP tlog-witness: a client ignores cosignatures of keys it does not know."""
    witness.stray = cosign("witness.example/w2", b"x" * 32, log.head.text)
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    (note,) = cosigned_notes(log.folder)
    assert note is not None and "witness.example/w2" not in note
    assert sizes(log, witness) == (4,)
    await desk.close()


async def test_a_witness_that_does_not_know_the_key(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: 403 and 404 by the stand-in's own rules."""
    witness.trusted = {"envelope": (Signer("envelope", b"f" * 32).verifier,)}
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    witness.trusted = {}
    await desk.once()
    assert row(desk, "w1").failed == 2
    await desk.close()


async def test_a_rotated_key_is_news_for_a_witness(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: the change itself is signed by both keys; then the witness must be told the new one,
    and takes up where it was."""
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    log.rotate()
    await desk.once()
    changed = log.head.size
    log.grow(8)
    await desk.once()
    assert (row(desk, "w1").sent, row(desk, "w1").failed) == (2, 1)
    witness.trusted = {"envelope": (log.verifier, log.newest_verifier)}
    await desk.once()
    assert sizes(log, witness) == (4, changed, log.head.size)
    await desk.close()


async def test_an_outage_is_waited_out(
    log: GrowingLog, clock: Clock, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    """Audit: waits grow and are bounded; what came meanwhile is signed at once when it is back."""
    log.grow(4)
    witness = StandInWitness(
        trusted={"envelope": (log.verifier,)}, url=f"http://127.0.0.1:{unused_tcp_port}/prefix"
    )
    desk = desk_of(log, clock, witness_of(witness, interval_ms=60_000))
    running = asyncio.create_task(desk.run())
    await clock.asleep.wait()
    for _ in range(6):
        await clock.tick()
    waits = clock.waits[:]
    assert [30 <= wait <= 60 for wait in waits[:1]] == [True]
    assert len(waits) > 5 and all(150 <= wait <= 300 for wait in waits[4:])
    log.grow(6)
    async with serving(witness, unused_tcp_port):
        await clock.tick()
    assert (sizes(log, witness), clock.waits[-1]) == ((6,), 60)
    assert sum(r.levelno >= logging.ERROR for r in caplog.records) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.close()


async def test_a_witness_that_hangs_is_left(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """Audit: an attempt ends within its time."""
    async with hanging() as url:
        target = witness_of(witness, timeout_ms=100).model_copy(update={"url": url})
        desk = desk_of(log, clock, target)
        await desk.once()
        assert row(desk, "w1").failed == 1
        await desk.close()


async def test_what_was_signed_is_kept_durably(log: GrowingLog) -> None:
    """P3: a line that a crash left unfinished is dropped, never joined with the next."""
    head = log.grow(4)
    append(log.folder, head, ())
    path = log.folder / COSIGNED
    whole = path.read_bytes()
    path.write_bytes(whole + b'"half')
    append(log.folder, log.grow(6), ())
    assert path.read_bytes().startswith(whole + b'"envelope')
    assert None not in list(cosigned_notes(log.folder))


async def test_the_disk_is_full_and_the_witness_signs_again(
    log: GrowingLog, witness: StandInWitness, clock: Clock
) -> None:
    """P3: a cosignature that could not be kept is asked for again; the witness gives it again."""
    (log.folder / COSIGNED).symlink_to("/dev/full")
    desk = desk_of(log, clock, witness_of(witness))
    await desk.once()
    assert (row(desk, "w1").failed, witness.latest["envelope"][0]) == (1, 4)
    (log.folder / COSIGNED).unlink()
    await desk.once()
    assert (sizes(log, witness), witness.asked) == ((4,), [0, 0, 4])
    await desk.close()


async def test_two_witnesses_at_once(log: GrowingLog, clock: Clock) -> None:
    """Audit: each has its own way, and both signatures are kept."""
    log.grow(4)
    trusted: dict[str, tuple[Verifier, ...]] = {"envelope": (log.verifier,)}
    one, two = (StandInWitness(f"w.example/{n}", bytes([n]) * 32, trusted) for n in (1, 2))
    async with serving(one), serving(two):
        other = witness_of(two).model_copy(update={"name": "w2"})
        desk = desk_of(log, clock, witness_of(one), other)
        for size in range(5, 12):
            log.grow(size)
            await desk.once()
        await desk.close()
    assert sizes(log, one) == sizes(log, two) == tuple(range(5, 12))
    assert [r.failed for r in desk.rows()] == [0, 0]
