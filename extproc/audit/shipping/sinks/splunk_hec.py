"""Splunk's HTTP Event Collector: one event per entry, gzip.

With `acknowledged` a batch counts only when Splunk says that it is indexed (`/ack`); until then it
is sent again, under the same channel.
Source: Splunk, "HTTP Event Collector REST API endpoints" and "About HTTP Event Collector Indexer
Acknowledgment"; codes: "Possible error codes" there.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from extproc.audit.columns import first_text, instant, text
from extproc.audit.shipping.http import Answer, Http, judged
from extproc.audit.shipping.values import (
    Again,
    Batch,
    Item,
    Misconfigured,
    Outcome,
    Taken,
    Unacceptable,
)

COLLECTOR = "/services/collector"
ACK_EVERY_S = 0.2
_OF_ONE_EVENT = frozenset((5, 6, 12, 13, 15))
"""Codes of a 400 that are about the events: no data, invalid data format, event field missing or
blank, error in handling indexed fields. Others are about the token, the index or the channel."""


@dataclass(frozen=True, slots=True)
class Hec:
    """How this collector wants it. `channel`: a GUID of this process's own."""

    url: str
    token: str
    index: str | None
    sourcetype: str
    acknowledged: bool
    channel: str


class SplunkHec:
    """`clock_ms`: Unix time."""

    def __init__(self, http: Http, hec: Hec, clock_ms: Callable[[], int]) -> None:
        self._http, self._hec, self._clock_ms = http, hec, clock_ms
        base = hec.url.rstrip("/").removesuffix("/event").removesuffix(COLLECTOR)
        self._base = base + COLLECTOR
        self._headers = {"authorization": f"Splunk {hec.token}",
                         "x-splunk-request-channel": hec.channel}  # fmt: skip

    async def send(self, batch: Batch) -> Outcome:
        content = gzip.compress(body(batch, self._hec), 6, mtime=0)
        headers = {**self._headers, "content-type": "application/json", "content-encoding": "gzip"}
        answer = await self._http.post(f"{self._base}/event", content, headers, self._clock_ms())
        if not isinstance(answer, Answer):
            return answer
        outcome = _judged(answer)
        if not isinstance(outcome, Taken) or not self._hec.acknowledged:
            return outcome
        ack_id = _answer(answer).get("ackId")
        if type(ack_id) is not int:
            return Misconfigured("it acknowledges nothing: turn that on for this token")
        return await self._acknowledged(ack_id)

    async def _acknowledged(self, ack_id: int) -> Outcome:
        """Ask until it says so; the attempt's own time limit ends this."""
        url = f"{self._base}/ack?channel={self._hec.channel}"
        headers = {**self._headers, "content-type": "application/json"}
        while True:
            question = orjson.dumps({"acks": [ack_id]})
            answer = await self._http.post(url, question, headers, self._clock_ms())
            if not isinstance(answer, Answer):
                return answer
            if not 200 <= answer.status < 300:
                judgement = judged(answer)
                # The events are there: what it thinks of the question says nothing about them.
                return Again(f"http-{answer.status}") if _is_refusal(judgement) else judgement
            acks = _answer(answer).get("acks")
            if isinstance(acks, dict) and acks.get(str(ack_id)) is True:
                return Taken()
            await asyncio.sleep(ACK_EVERY_S)

    async def close(self) -> None:
        await self._http.close()


def body(batch: Batch, hec: Hec) -> bytes:
    """Events one behind the other, as the collector wants them."""
    return b"\n".join(_event(item, batch.origin, hec) for item in batch.items)


def _event(item: Item, origin: str, hec: Hec) -> bytes:
    entry = item.entry
    event: dict[str, Any] = {"source": origin, "sourcetype": hec.sourcetype}
    at = instant(entry)
    if at is not None:
        event["time"] = f"{at.timestamp():.3f}"
    if hec.index is not None:
        event["index"] = hec.index
    event["fields"] = fields(item)
    # The entry as its leaf's exact bytes.
    return orjson.dumps(event)[:-1] + b',"event":%b}' % item.line


def fields(item: Item) -> Mapping[str, str]:
    """Indexed fields, so that a search need not read the event."""
    entry = item.entry
    found = {
        "audit_index": str(item.index),
        "decision_id": text(entry, "decision_id"),
        "outcome": text(entry, "decision", "outcome"),
        "model": first_text(entry, ("served", "model"), ("request", "model")),
    }
    return {name: value for name, value in found.items() if value}


def _judged(answer: Answer) -> Outcome:
    outcome = judged(answer)
    if not _is_refusal(outcome) or answer.status == 413:
        return outcome
    code = _answer(answer).get("code")
    if code in _OF_ONE_EVENT:
        return Unacceptable(f"hec-{code}")
    return Misconfigured(f"http-{answer.status}, code {code}" if type(code) is int else
                         f"http-{answer.status}")  # fmt: skip


def _is_refusal(outcome: Outcome) -> bool:
    return isinstance(outcome, Unacceptable)


def _answer(answer: Answer) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
