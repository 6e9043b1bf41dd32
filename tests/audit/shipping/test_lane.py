"""One sink's way through the log: in order, at least once, past what the sink will never take."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.audit.log import Log
from extproc.audit.merkle import leaf_hash
from extproc.audit.shipping.backoff import REFUSED_IN_A_ROW_MAX
from extproc.audit.shipping.cursor import Cursor, Desk
from extproc.audit.shipping.sinks.objects import day, name_of
from extproc.audit.shipping.source import LogSource
from extproc.audit.shipping.values import (
    Again,
    Batch,
    Misconfigured,
    Outcome,
    Shape,
    Taken,
    Unacceptable,
)
from extproc.audit.tombstone import Tombstone
from tests.audit.gateway import entry
from tests.audit.shipping.road import Road, Steps, sink_of

SINK = sink_of("webhook", url="http://127.0.0.1:1/", hmac_secret={"env": "X"})
MISHAPS = ("again", "taken-unsaid", "half", "raise", "late", "closed", "refuse", "die", "die-after")


class Died(BaseException):
    """The process ended here."""


class Target:
    """A sink by a script of mishaps, one an attempt; when it is used up, everything is taken.

    `arrived`: indexes in the order in which they came. `objects`: by name, written once.
    """

    def __init__(
        self, script: list[str] | None = None, poison: Callable[[int], bool] = bool
    ) -> None:
        self.script, self.poison = list(script or []), poison
        self.arrived: list[int] = []
        self.objects: dict[str, list[int]] = {}
        self.batches: list[Batch] = []
        self.closed = 0

    async def __call__(self) -> Target:
        return self

    async def send(self, batch: Batch) -> Outcome:
        self.batches.append(batch)
        mishap = self.script.pop(0) if self.script else ""
        found = [item.index for item in batch.items]
        if mishap == "die":
            raise Died
        if mishap == "refuse" or any(map(self.poison, found)):
            return Unacceptable("http-400")
        if mishap in ("again", "raise", "late", "closed"):
            return _failure(mishap)
        if mishap == "half":
            self.arrived += found[: len(found) // 2]
            return Again("http-500")
        self.arrived += found
        self.objects.setdefault(name_of(batch, "jsonl"), found)
        if mishap == "die-after":
            raise Died
        return Again("http-502") if mishap == "taken-unsaid" else Taken()

    async def close(self) -> None:
        self.closed += 1


def _failure(mishap: str) -> Outcome:
    match mishap:
        case "raise":
            raise ConnectionResetError(errno.ECONNRESET, "a prompt that must not be logged")
        case "late":
            raise TimeoutError
        case "closed":
            return Misconfigured("http-403")
        case _:
            return Again("http-503")


def never(_: int) -> bool:
    return False


def firsts(arrived: list[int]) -> list[int]:
    """First arrivals, in order."""
    return list(dict.fromkeys(arrived))


class DyingDesk(Desk):
    """Its process dies at the saves that the script names, before or after the disk has it."""

    def __init__(self, folder: Path, sink: str, script: list[str]) -> None:
        super().__init__(folder, sink)
        self._script = script

    def save(self, log_id: str, cursor: Cursor) -> None:
        mishap = self._script.pop(0) if self._script else ""
        if mishap == "before":
            raise Died
        super().save(log_id, cursor)
        if mishap == "after":
            raise Died


@pytest.fixture(scope="module", autouse=True)
def _processes_die_and_power_stays() -> Iterator[None]:
    """Syncs cost most of the time here and change nothing that a dying process leaves behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@settings(max_examples=25, deadline=None)
@given(
    mishaps=st.lists(st.sampled_from(MISHAPS[:6] + MISHAPS[7:]), max_size=8),
    deaths=st.lists(st.sampled_from(("", "", "before", "after")), max_size=12),
    more=st.lists(st.integers(1, 6), max_size=3),
)
async def test_whatever_fails_every_entry_arrives_in_order(
    tmp_path_factory: pytest.TempPathFactory, mishaps: list[str], deaths: list[str],
    more: list[int],
) -> None:  # fmt: skip
    """Audit: any failures, any deaths of the process: each entry at least once, in order; what is
    named after its batch exactly once."""
    road = Road(tmp_path_factory.mktemp("road"))
    road.write(9)
    target = Target(mishaps, never)
    while True:
        try:
            await road.shipped(
                SINK, open_sender=target, desk=DyingDesk(road.folder, SINK.name, deaths)
            )
        except Died:
            if more:
                road.write(more.pop())
            continue
        break
    assert firsts(target.arrived) == list(range(road.written))
    kept = [index for found in target.objects.values() for index in found]
    assert sorted(kept) == list(range(road.written))


@settings(max_examples=15, deadline=None)
@given(
    poison=st.sets(st.integers(0, 20), max_size=4),
    mishaps=st.lists(
        st.sampled_from(("", "again", "taken-unsaid", "die", "die-after")), max_size=6
    ),
)
async def test_what_is_never_taken_stops_nothing(
    tmp_path_factory: pytest.TempPathFactory, poison: set[int], mishaps: list[str]
) -> None:
    """Audit: exactly the entries that the sink refuses are set aside, by place and reason; all
    others arrive in order, in object stores exactly once."""
    road = Road(tmp_path_factory.mktemp("road"))
    road.write(21)
    target = Target(mishaps, poison.__contains__)
    sink = SINK.model_copy(update={"batch_entries_max": 8})
    while True:
        try:
            await road.shipped(sink, open_sender=target)
        except Died:
            continue
        break
    rest = [n for n in range(21) if n not in poison]
    assert firsts(target.arrived) == rest
    assert sorted(i for found in target.objects.values() for i in found) == rest
    assert {line["index"] for line in aside(road)} == poison


def aside(road: Road) -> list[dict[str, Any]]:
    path = road.folder / "s.refused.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def test_what_is_set_aside_says_nothing_of_the_entry(tmp_path: Path) -> None:
    """P4: the place of a refused entry and a reason code, and counted."""
    road = Road(tmp_path)
    road.write(3)
    lane = await road.shipped(SINK, open_sender=Target(poison=lambda n: n == 1))
    assert [set(line) for line in aside(road)] == [{"index", "code", "at"}]
    assert (aside(road)[0]["index"], aside(road)[0]["code"]) == (1, "http-400")
    assert (lane.figures.entries["shipped"], lane.figures.entries["refused"]) == (2, 1)


async def test_a_sink_that_refuses_everything_loses_little(tmp_path: Path) -> None:
    """Audit: after ten refusals with nothing taken between, at most one entry a minute."""
    road = Road(tmp_path)
    road.write(REFUSED_IN_A_ROW_MAX + 3)
    pace = Steps()
    lane = road.lane(SINK, pace, open_sender=Target(poison=lambda _: True))
    pace.until = lambda: len(pace.rests) > 3
    await lane.run()
    slow = [ms for ms in pace.rests if ms >= 45_000]
    assert len(aside(road)) - REFUSED_IN_A_ROW_MAX == len(slow) > 0
    assert not lane.figures.up


async def test_a_closed_door_skips_nothing(tmp_path: Path) -> None:
    """Audit: 401, 403, 404 are the operator's: tried again slowly, nothing set aside."""
    road = Road(tmp_path)
    road.write(2)
    target = Target(["closed"] * 5, never)
    pace = Steps(lambda: target.arrived != [])
    await road.lane(SINK, pace, open_sender=target).run()
    assert firsts(target.arrived) == [0, 1]
    assert [ms for ms in pace.rests if ms >= 45_000] == pace.rests[1:6]
    assert aside(road) == []


async def test_failures_are_told_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """P4: a line when the sink goes, a line when it is back, and nothing that a driver said."""
    caplog.set_level(logging.DEBUG)
    road = Road(tmp_path)
    road.write(1)
    target = Target(["raise", "again", "late"], never)
    lane = await road.shipped(SINK, open_sender=target)
    assert [r.getMessage() for r in caplog.records if r.name == "envelope.shipping"] == [
        "audit sink s does not take entries: cannot be reached (ConnectionResetError)",
        "audit sink s is back",
    ]
    assert lane.figures.entries == {"failed": 3, "shipped": 1, "pruned": 0}
    assert target.closed == 4, "each failure opens a new way, with its secrets read again"


async def test_waits_grow_up_to_a_minute(tmp_path: Path) -> None:
    """Audit: a dead sink is asked less and less often, about once a minute in the end."""
    road = Road(tmp_path)
    road.write(1)
    target = Target(["again"] * 12, never)
    pace = Steps(lambda: target.arrived != [])
    await road.lane(SINK, pace, open_sender=target).run()
    waits = pace.rests[1:13]
    assert 250 <= waits[0] <= 500
    assert all(30_000 <= wait <= 60_000 for wait in waits[-4:])
    assert all(later > earlier / 2 for earlier, later in pairwise(waits))


async def test_a_batch_waits_for_company(tmp_path: Path) -> None:
    """Audit: a batch goes when it is full or has waited, not before."""
    road = Road(tmp_path)
    road.write(2)
    target = Target(poison=never)
    sink = SINK.model_copy(update={"batch_wait_ms": 1_000})
    pace = Steps(lambda: target.arrived != [])
    await road.lane(sink, pace, open_sender=target).run()
    assert 1_000 <= sum(pace.rests) <= 1_300
    road.write(4)
    await road.shipped(sink, open_sender=target)
    assert [b.size for b in target.batches] == [2, 4]


async def test_only_its_classes(tmp_path: Path) -> None:
    """Audit: `classes` decides; what is left out counts as passed."""
    road = Road(tmp_path)
    refused = {"decision": {"outcome": "refused"}}
    road.write_entries(entry(0), {**entry(1), **refused}, entry(2), {**entry(3), **refused})
    sink = SINK.model_copy(update={"classes": ("refusal",)})
    target = Target(poison=never)
    lane = await road.shipped(sink, open_sender=target)
    assert (target.arrived, lane.figures.next) == ([1, 3], 4)


async def test_batches_keep_to_bytes_and_days(tmp_path: Path) -> None:
    """Audit: a batch ends where its bytes or its day do; the largest entry still goes."""
    road = Road(tmp_path)
    days = ("2026-11-19T23:59:59.999Z", "2026-11-20T00:00:00.000Z")
    road.write_entries(*({**entry(n), "at": days[n > 1]} for n in range(4)))
    target = Target(poison=never)
    await road.shipped(SINK, open_sender=target, shape=Shape(together=day))
    assert [(b.first, b.last) for b in target.batches] == [(0, 1), (2, 3)]
    road.write(2)
    await road.shipped(SINK, open_sender=target, shape=Shape(bytes_max=10))
    assert [(b.first, b.last) for b in target.batches[2:]] == [(4, 4), (5, 5)]


async def test_a_fixed_range_is_read_whole(tmp_path: Path) -> None:
    """Audit: what was on its way goes again as it was, however much lies between its entries."""
    road = Road(tmp_path)
    refused = {"decision": {"outcome": "refused"}}
    road.write_entries({**entry(0), **refused})
    road.write(30, padding="x" * 3_000)
    sink, target = SINK.model_copy(update={"classes": ("refusal",)}), Target(poison=never)
    Desk(road.folder, "s").save(LogSource(road.log_folder).log_id(), Cursor(0, 25))
    await road.shipped(sink, open_sender=target, shape=Shape(bytes_max=8_000))
    assert [(b.first, b.last) for b in target.batches] == [(0, 25)]


async def test_through_segments(tmp_path: Path) -> None:
    """Audit: closed files of the log and the one that grows are one log."""
    road = Road(tmp_path)
    target = Target(poison=never)
    for count in (5, 3, 6):
        road.write(count)
        log = Log(road.log_folder)
        log.close_segment()
        log.close()
        await road.shipped(SINK, open_sender=target)
    road.write(2)
    Desk(road.folder, "s").save("another", Cursor(9))
    again = Target(poison=never)
    await road.shipped(SINK, open_sender=target)
    await road.shipped(SINK.model_copy(update={"name": "late"}), open_sender=again)
    assert firsts(target.arrived) == again.arrived == list(range(16))


async def test_what_retention_removed_is_counted(tmp_path: Path) -> None:
    """Audit: a sink that was too late is told by a number, and goes on behind the gap."""
    road = Road(tmp_path)
    road.write(4)
    path = road.log_folder / "entries.jsonl"
    lines = path.read_bytes().splitlines()
    lines[:2] = [Tombstone(n, leaf_hash(lines[n]), 3).line() for n in range(2)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    target = Target(poison=never)
    lane = await road.shipped(SINK, open_sender=target)
    assert (target.arrived, lane.figures.entries["pruned"]) == ([2, 3], 2)


async def test_a_line_that_is_no_entry_is_set_aside(tmp_path: Path) -> None:
    """Audit: a damaged log is `verify`'s matter; the entries behind the damage still arrive."""
    road = Road(tmp_path)
    road.write(3)
    path = road.log_folder / "entries.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'\n{"at"', b'\n?"at"', 1))
    target = Target(poison=never)
    await road.shipped(SINK, open_sender=target)
    assert target.arrived == [0, 2]
    assert [(line["index"], line["code"]) for line in aside(road)] == [(1, "unreadable")]


async def test_a_log_that_cannot_be_read_on_is_told(tmp_path: Path) -> None:
    """Audit: entries that are in the tree and not in the files: the sink shows as down."""
    road = Road(tmp_path)
    road.write(3)
    path = road.log_folder / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"at"', b'?"at"', 1))
    pace = Steps(lambda: len(pace.rests) > 3)
    lane = road.lane(SINK, pace, open_sender=Target(poison=never))
    await lane.run()
    assert not lane.figures.up


async def test_another_log_begins_anew(tmp_path: Path) -> None:
    """Audit: a cursor of a log that is gone does not skip entries of the new one."""
    first, second = Road(tmp_path / "a"), Road(tmp_path / "b")
    target = Target(poison=never)
    first.write(5)
    await first.shipped(SINK, open_sender=target)
    second.write_entries(*({**entry(n), "decision_id": f"other-{n}"} for n in range(7)))
    second.folder = first.folder
    await second.shipped(SINK, open_sender=target)
    assert target.arrived == [*range(5), *range(7)]


@pytest.mark.parametrize("text", [b"", b"{", b'{"next": -1}', b'{"log":"x","next":"y","last":3}'])
def test_an_unreadable_cursor_begins_anew(tmp_path: Path, text: bytes) -> None:
    """Audit: a damaged cursor may repeat entries and never skips one."""
    (tmp_path / "s.json").write_bytes(text)
    assert Desk(tmp_path, "s").load("x") == Cursor()


async def test_a_full_disk_sends_nothing_and_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Audit: a range that is not durable is not sent; afterwards all goes on by itself."""
    road = Road(tmp_path)
    road.write(6)
    target, full = Target(poison=never), [True] * 3
    checked: list[Cursor] = []

    async def send(batch: Batch, real: Any = target.send) -> Outcome:
        checked.append(Desk(road.folder, "s").load(batch.log_id))
        assert checked[-1] == Cursor(batch.first, batch.last)
        return Taken() if isinstance(await real(batch), Taken) else Again("")

    monkeypatch.setattr(target, "send", send)

    def save(self: Desk, log_id: str, cursor: Cursor, real: Any = Desk.save) -> None:
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "full")
        real(self, log_id, cursor)

    monkeypatch.setattr(Desk, "save", save)
    lane = await road.shipped(SINK, open_sender=target)
    assert target.arrived == list(range(6))
    assert lane.figures.up
    assert len(checked) == 2, "an attempt with a range that was not on the disk"
