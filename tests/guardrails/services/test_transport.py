"""The connections: kept, bounded, and never led elsewhere."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from extproc.guardrails.services.transport import REPLY_BYTES_MAX, Transport
from extproc.guardrails.values import GuardrailFault
from tests.alerts.smtp_target import make_certificate
from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn


class Echo(StandIn):
    size = 0

    def answer(self, asked: Asked) -> Answer:
        return 200, "x" * self.size if self.size else asked.body.decode()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with Echo() as running:
        assert isinstance(running, Echo)
        yield running


async def fault(transport: Transport, url: str) -> str:
    with pytest.raises(GuardrailFault) as raised:
        await transport.post(url, b"{}", {})
    return raised.value.fault


async def test_connections_are_kept_and_used_again(transport: Transport, echo: Echo) -> None:
    """P5: twenty questions in a row, one connection."""
    for number in range(20):
        reply = await transport.post(f"{echo.url}/a", str(number).encode(), {"x-n": "1"})
        assert (reply.status, reply.body) == (200, f'"{number}"'.encode())
    assert len(echo.connections) == 1
    assert echo.asked[0].headers["x-n"] == "1"
    assert "content-type" in reply.headers


async def test_questions_at_once_have_connections_of_their_own(
    transport: Transport, echo: Echo
) -> None:
    """P5: a slow answer does not hold up another question."""
    echo.faults.append("hang")
    slow = asyncio.create_task(transport.post(echo.url, b"slow", {}))
    await echo.arrived.wait()
    replies = await asyncio.gather(*(transport.post(echo.url, b"x", {}) for _ in range(30)))
    assert {reply.status for reply in replies} == {200}
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    await echo.gone.wait()  # the service sees that nobody waits any more
    assert (await transport.post(echo.url, b"x", {})).status == 200


async def test_a_kept_connection_that_was_just_closed_is_not_a_fault(
    transport: Transport, echo: Echo
) -> None:
    """P5: it is asked again on another one; a service that always closes is unreachable."""
    await transport.post(echo.url, b"first", {})
    echo.faults.append("drop")
    assert (await transport.post(echo.url, b"second", {})).body == b'"second"'
    assert [asked.body for asked in echo.asked] == [b"first", b"second", b"second"]
    echo.faults.extend(["drop"] * 10)
    assert await fault(transport, echo.url) == "unreachable"


async def test_a_new_connection_that_is_closed_is_a_fault_at_once(
    transport: Transport, echo: Echo
) -> None:
    """P5: only what was kept is tried again."""
    echo.faults.append("drop")
    assert await fault(transport, echo.url) == "unreachable"
    assert len(echo.asked) == 1


async def test_an_answer_that_breaks_off_is_not_asked_for_again(
    transport: Transport, echo: Echo
) -> None:
    """P5: half an answer is none."""
    await transport.post(echo.url, b"first", {})
    echo.faults.append("reset")
    assert await fault(transport, echo.url) == "unreachable"
    assert len(echo.asked) == 2


async def test_an_answer_is_read_up_to_a_bound(transport: Transport, echo: Echo) -> None:
    """P5: no service fills our memory, with or without a length."""
    echo.size = REPLY_BYTES_MAX - 2
    assert len((await transport.post(echo.url, b"", {})).body) == REPLY_BYTES_MAX
    echo.size += 1
    assert await fault(transport, echo.url) == "too_large"
    echo.faults.append("huge")
    assert await fault(transport, echo.url) == "too_large"


async def test_no_redirect_is_followed_and_no_proxy_believed(
    transport: Transport, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: texts go where the configuration says, nowhere else."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    echo.faults.append("redirect")
    assert (await transport.post(echo.url, b"{}", {})).status == 307
    assert [asked.path for asked in echo.asked] == ["/"]


async def test_the_path_leaves_as_it_was_written(transport: Transport, echo: Echo) -> None:
    """A signature covers it, byte for byte."""
    await transport.post(f"{echo.url}/a%3Ab%2Fc/%7E", b"", {})
    assert echo.asked[0].path == "/a%3Ab%2Fc/%7E"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1", "ftp://x/", "http:///"])
async def test_who_cannot_be_reached_is_unreachable(transport: Transport, url: str) -> None:
    """P5: a fault of the closed set, whatever went wrong."""
    assert await fault(transport, url) == "unreachable"


async def test_names_are_resolved(
    transport: Transport, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: in threads of our own; a name that does not exist is unreachable."""
    url = echo.url.replace("127.0.0.1", "localhost")
    resolve, threads = socket.getaddrinfo, []

    def noted(host: str, *rest: Any) -> Any:
        threads.append(threading.current_thread().name)
        if host != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return resolve(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    assert (await transport.post(url, b"", {})).status == 200
    assert await fault(transport, "http://nowhere.example/") == "unreachable"
    assert threads and all(name.startswith("guardrail-names") for name in threads)


async def test_a_certificate_that_is_not_trusted_is_shown_no_text(
    transport: Transport, tmp_path: Path
) -> None:
    """P4: whoever answers under a false name gets nothing."""
    certificate = make_certificate(tmp_path)
    async with Echo(certificate.server_context()) as false:
        assert false.url.startswith("https://")
        assert await fault(transport, false.url) == "unreachable"
        assert false.asked == []


async def test_a_header_that_is_none_is_not_sent(transport: Transport, echo: Echo) -> None:
    """P1: nothing can be smuggled in behind a line end."""
    with pytest.raises(GuardrailFault):
        await transport.post(echo.url, b"", {"x": "a\r\ny: b"})
    assert not echo.asked


async def test_closing_ends_it_and_the_next_question_opens_it_again(echo: Echo) -> None:
    """P5: nothing is left behind."""
    transport = Transport()
    await transport.close()
    await transport.post(echo.url, b"", {})
    await transport.close()
    await transport.post(echo.url, b"", {})
    await transport.close()
    assert len(echo.connections) == 2
