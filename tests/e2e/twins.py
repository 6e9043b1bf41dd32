"""Two gateways on one store: the same configuration, state folders and workers of their own.

    with OwnStore(place) as store, twins(documents, provider, place) as pair:
        answers = await at_once(pair, 500, "some-bot")

Both are told the same store by `documents`; nothing else connects them. When they end, every
decision that a caller heard of has exactly one audit entry in the log of the gateway that made it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from extproc.ledger.epoch import EPOCH_KEY
from tests.e2e.documents import Documents
from tests.e2e.faults import gateway_of
from tests.e2e.harness import Entry, GatewayUnderTest
from tests.e2e.processes import until
from tests.e2e.provider_child import ProviderUnderTest

Pair = tuple[GatewayUnderTest, GatewayUnderTest]


@contextmanager
def twins(made: Documents, provider: ProviderUnderTest, place: Path) -> Iterator[Pair]:
    """Both gateways, two workers each. For fixtures: they may not end while an event loop runs."""
    with (
        gateway_of(made, provider, place, workers=2) as one,
        gateway_of(made, provider, place, workers=2) as two,
    ):
        yield one, two
        for gateway in (one, two):
            gateway.settle_accounts()


def started(pair: Pair, count: int, account: str, **fields: Any) -> list[asyncio.Task[Any]]:
    """`count` calls under way at once, every other one at the other gateway."""
    https = [gateway.http() for gateway in pair]
    return [
        asyncio.create_task(pair[n % 2].chat(account, "x", http=https[n % 2], **fields))
        for n in range(count)
    ]


async def at_once(pair: Pair, count: int, account: str, **fields: Any) -> list[httpx2.Response]:
    """The answers of that many calls at once, in order: even ones from the first gateway."""
    return await asyncio.gather(*started(pair, count, account, **fields))


async def entries_of(pair: Pair, answers: list[httpx2.Response]) -> list[Entry]:
    """The one audit entry of each of these answers of `at_once`."""
    return [await pair[n % 2].entry_of(answer) for n, answer in enumerate(answers)]


# --- the copy that each gateway keeps ----------------------------------------------------------


async def copied(*gateways: GatewayUnderTest) -> bytes:
    """Wait until the gateways' copies are as new as the store is now; the epoch that runs."""
    async with gateways[0].store() as client:
        epoch, seq = await client.hmget(EPOCH_KEY, "id", "seq")

    def known() -> bool:
        copies = [_copy_of(gateway) for gateway in gateways]
        return all(e == epoch.decode() and n >= int(seq) for e, n in copies)

    await until(known, "the gateways' copies are new")
    return bytes(epoch)


def _copy_of(gateway: GatewayUnderTest) -> tuple[str, int]:
    """The epoch and seq that a gateway's copy of the ledger has reached."""
    text = (gateway.state / "ledger" / "marks.jsonl").read_bytes()
    whole, _, _ = text.rpartition(b"\n")  # the last line may be being written
    found = [json.loads(line) for line in whole.splitlines() if line.count(b",") == 1]
    return (found[-1][0], found[-1][1]) if found else ("", 0)
