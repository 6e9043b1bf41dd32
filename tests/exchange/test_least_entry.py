"""A defect in building an entry costs its details, never the entry."""

from __future__ import annotations

import orjson
import pytest

from extproc.exchange import exchange
from extproc.exchange.record import Record
from tests.exchange.stage import IN, OUT, Stage


async def test_a_defect_costs_the_details_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: whatever raises while the entry is made, one stands in the spool, with its cost, and the
    metrics know of the call."""
    await stage.open()
    seen: list[Record] = []
    monkeypatch.setattr(stage.world.observer, "exchange_closed", seen.append)

    def broken(_: Record) -> None:
        raise RecursionError("with the caller's words")

    said = await stage.say()
    said.answer((10, 5))
    monkeypatch.setattr(exchange, "closing_entry", broken)
    said.exchange.close(complete=True)
    (spool,) = (stage.folder / "spool").glob("*.jsonl")
    last = orjson.loads(spool.read_bytes().splitlines()[-1])
    assert last["kind"] == "close"
    entry = last["entry"]
    assert entry["defect"] == "RecursionError" and entry["principal"]["name"] == "bot"
    assert entry["cost_nano_usd"] == 10 * IN + 5 * OUT
    assert [record.decision_id for record in seen] == [entry["decision_id"]]
