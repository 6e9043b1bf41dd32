"""The provider stand-in on the wire: framing, clients that leave, faults, the control API."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from extproc.demo.provider import Provider, start

HEADERS = {"authorization": "Bearer sk-test", "content-type": "application/json"}
CHAT = "/v1/chat/completions"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start()
    yield running
    await running.stop()


@pytest.fixture
async def session(provider: Provider) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(provider.url, headers=HEADERS) as http:
        yield http


def ask(text: str, model: str = "gpt-4o", **fields: object) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


async def raw_exchange(provider: Provider, body: dict) -> bytes:
    """All bytes of one answer, HTTP framing included."""
    reader, writer = await asyncio.open_connection(provider.host, provider.port)
    content = json.dumps(body).encode()
    writer.write(
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-test\r\n"
        f"connection: close\r\ncontent-length: {len(content)}\r\n\r\n".encode()
        + content
    )
    answer = await reader.read()
    writer.close()
    return answer


def chunks(answer: bytes) -> list[bytes]:
    """The chunks of a chunked body, the empty last one included."""
    rest, found = answer.split(b"\r\n\r\n", 1)[1], []
    while rest:
        size, rest = rest.split(b"\r\n", 1)
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return found


async def test_one_frame_one_chunk(provider: Provider) -> None:
    """P5: each event is a chunk of its own and the stream ends with [DONE] and an empty chunk."""
    parts = chunks(await raw_exchange(provider, ask("[[tokens: 4]]", stream=True)))
    assert parts[-1] == b""
    assert parts[-2] == b"data: [DONE]\n\n"
    assert all(part.startswith(b"data: ") and part.endswith(b"\n\n") for part in parts[:-1])
    assert len(parts) == 1 + 4 + 1 + 1 + 1


@pytest.mark.parametrize("size", [1, 7])
async def test_split_writes_pieces(provider: Provider, size: int) -> None:
    """P5: any split of the bytes is the same stream."""
    parts = chunks(
        await raw_exchange(provider, ask(f"[[reply: é ü]][[split: {size}]]", stream=True))
    )
    assert {len(part) for part in parts} <= set(range(size + 1))
    events = [line for line in b"".join(parts).split(b"\n\n") if line]
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "é ü"


async def test_a_client_that_leaves_is_billed_what_was_generated(
    provider: Provider, session: aiohttp.ClientSession
) -> None:
    """P2: an aborted stream is noticed and billed up to where it stopped."""
    body = ask("[[tokens: 500]][[pause: 0.05]]", stream=True)
    async with session.post(CHAT, json=body) as response:
        for _ in range(3):
            await response.content.readuntil(b"\n\n")
        response.close()
    await asyncio.wait_for(provider.ledger.settled(), 10)
    billed = provider.ledger.totals["gpt-4o"]
    assert (billed.requests, billed.aborted, billed.completed) == (1, 1, 0)
    assert 2 <= billed.output_tokens < 500


async def test_headers_come_before_the_first_frame(
    provider: Provider, session: aiohttp.ClientSession
) -> None:
    """P2: a client that leaves before the first token is billed its prompt alone."""
    async with session.post(CHAT, json=ask("hi [[ttft: 600]]", stream=True)) as response:
        assert response.status == 200
        assert provider.ledger.open_count == 1
        response.close()
    await asyncio.wait_for(provider.ledger.settled(), 10)
    billed = provider.ledger.totals["gpt-4o"]
    assert (billed.aborted, billed.input_tokens, billed.output_tokens) == (1, 3, 0)


@pytest.mark.parametrize("directive", ["[[hang]]", "[[delay: 600]]"])
async def test_silence_lasts_until_the_client_gives_up(
    provider: Provider, session: aiohttp.ClientSession, directive: str
) -> None:
    """P2: a silent exchange holds up no other, and nothing of it is billed."""
    silent = asyncio.create_task(session.post(CHAT, json=ask(directive)))
    async with session.get("/_control/requests?busy=1") as response:
        assert (await response.json())["open"] == 1
    async with session.post(CHAT, json=ask("hi", "other")) as response:
        assert response.status == 200
    assert not silent.done()
    silent.cancel()
    await asyncio.wait_for(provider.ledger.settled(), 10)
    billed = provider.ledger.totals["gpt-4o"]
    assert (billed.aborted, billed.input_tokens, billed.output_tokens) == (1, 0, 0)


async def test_faults_hit_the_next_requests_of_a_model(session: aiohttp.ClientSession) -> None:
    """P2: fallbacks are tested without touching the prompt: two failures, then it works again."""
    fault = {"model": "gpt-*", "count": 2, "status": 503, "retry_after": 7}
    async with session.post("/_control/faults", json=fault) as response:
        assert response.status == 200
    seen = []
    for model in ("gpt-4o", "other", "gpt-4o", "gpt-4o"):
        async with session.post(CHAT, json=ask("hi", model)) as response:
            seen.append((model, response.status, response.headers.get("retry-after")))
    assert seen == [
        ("gpt-4o", 503, "7"),
        ("other", 200, None),
        ("gpt-4o", 503, "7"),
        ("gpt-4o", 200, None),
    ]


async def test_a_fault_without_count_lasts_until_deleted(session: aiohttp.ClientSession) -> None:
    """Contract (demo): a provider can be taken down and brought back."""
    await session.post("/_control/faults", json={"cut": 0})
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await session.post(CHAT, json=ask("hi"))
    await session.delete("/_control/faults")
    async with session.post(CHAT, json=ask("hi")) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "fault", [[], {}, {"statsu": 500}, {"status": 9}, {"status": 500, "count": 0}, {"model": 1}]
)
async def test_an_unreadable_fault_is_refused(
    session: aiohttp.ClientSession, fault: object
) -> None:
    """P7 (in spirit): a fault that would do nothing is a mistake."""
    async with session.post("/_control/faults", json=fault) as response:
        assert response.status == 400
    async with session.get("/_control/faults") as response:
        assert await response.json() == {"faults": []}


async def test_requests_are_on_record(session: aiohttp.ClientSession) -> None:
    """P1: what reached the provider can be read back: nothing else did."""
    await session.post(f"{CHAT}?beta=true", json=ask("hi é"), headers={"X-Extra": "1"})
    await session.post("/v1/nowhere", data=b"\xff")
    async with session.get("/_control/requests?settled=1") as response:
        seen = await response.json()
    chat, other = seen["requests"]
    assert seen["count"] == 2
    assert (chat["method"], chat["path"], chat["target"]) == ("POST", CHAT, f"{CHAT}?beta=true")
    assert chat["headers"]["authorization"] == "Bearer sk-test"
    assert chat["headers"]["x-extra"] == "1"
    assert json.loads(chat["body"]) == ask("hi é")
    assert (chat["status"], chat["outcome"], chat["output_tokens"]) == (200, "completed", 4)
    assert (other["status"], other["outcome"], other["model"]) == (404, "refused", "")
    await session.delete("/_control/requests")
    async with session.get("/_control/requests") as response:
        assert await response.json() == {"count": 0, "open": 0, "requests": []}


async def test_totals_by_model(session: aiohttp.ClientSession) -> None:
    """P2: what a gateway charges can be held against what the provider billed."""
    for model in ("a", "b", "a"):
        await session.post(CHAT, json=ask("[[usage: in=10,out=3]]", model))
    async with session.get("/_control/totals") as response:
        totals = await response.json()
    a = totals["models"]["a"]
    assert (a["requests"], a["input_tokens"], a["output_tokens"]) == (2, 20, 6)
    assert (totals["all"]["requests"], totals["all"]["input_tokens"]) == (3, 30)
    await session.delete("/_control/totals")
    async with session.get("/_control/totals") as response:
        assert (await response.json())["models"] == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model": 1}', b"\xff", b"NaN"])
async def test_a_malformed_body_is_refused(session: aiohttp.ClientSession, body: bytes) -> None:
    """P1: what cannot be read is 400 in OpenAI's shape, never 500."""
    async with session.post(CHAT, data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "fields",
    [
        {"stop": 5},
        {"stream_options": "x"},
        {"tools": "x", "tool_choice": "required"},
        {"messages": [{"role": ["user"], "content": "x"}]},
        {"messages": [None]},
    ],
)
async def test_ill_typed_fields_are_refused(session: aiohttp.ClientSession, fields: dict) -> None:
    """P1: a field of the wrong type is 400, never 500."""
    async with session.post(CHAT, json=ask("hi", **fields)) as response:
        assert response.status == 400


async def test_its_own_process(tmp_path: Path) -> None:
    """Contract (demo): `python -m extproc.demo.provider` says where it listens and ends cleanly."""
    ready = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "extproc.demo.provider", "--port", "0", "--ready-file", str(ready)),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        assert line.startswith(b"ready ")
        where = json.loads(ready.read_text())
        assert where["pid"] == process.pid
        async with aiohttp.ClientSession(where["url"], headers=HEADERS) as http:
            body = ask("[[tokens: 3]][[cut: 2]]", stream=True)
            async with http.post(CHAT, json=body) as response:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await response.read()
            async with http.post(CHAT, json=ask("hi")) as response:
                assert (await response.json())["usage"]["total_tokens"] == 4
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
