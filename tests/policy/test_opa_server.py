"""A policy server that is away, slow, wrong or changing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from extproc.policy.opa_server import ANSWER_BYTES_MAX, OpaEngine
from extproc.policy.values import Decision, PolicyUnavailable
from tests.policy.opa_process import OpaProcess, free_port

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}",
             "content-type: application/json", "connection: close", *headers]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[str]:
    """Says `answer` to every decision (None: never answers), and lists no policies."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /v1/policies"):
                writer.write(http("200 OK", b'{"result": []}'))
            elif answer is None:
                await reader.read()
            else:
                writer.write(answer)
            await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def ask(url: str, timeout_ms: int = 2_000) -> Decision:
    engine = OpaEngine(url, timeout_ms)
    try:
        (found,) = await engine.decide([{}])
        return found
    finally:
        await engine.close()


async def test_a_well_formed_answer_is_taken() -> None:
    """Contract, policies: the fixture below can allow, so the refusals after it mean something."""
    async with server(http("200 OK", b'{"result": {"allow": true}}')) as url:
        assert await ask(url) == Decision(True)


TRUE = b'{"result": {"allow": true}}'


@pytest.mark.parametrize("answer", [
    http("200 OK", b"<html>ok</html>"),
    http("200 OK", b"[]"), http("200 OK", b"true"), http("200 OK", b""),
    http("200 OK", TRUE[:-3]),
    http("200 OK", TRUE, length=500),
    http("200 OK", TRUE + b"}"),
    http("200 OK", b'{"result": {"allow": true}, "pad": "' + b"x" * ANSWER_BYTES_MAX + b'"}'),
    http("201 Created", TRUE), http("204 No Content", b""), http("404 Not Found", TRUE),
    http("500 Internal Server Error", TRUE),
    http("500 Internal Server Error", b'{"code": "internal_error", "message": "storage"}'),
    http("302 Found", TRUE, "location: /elsewhere"),
    http("200 OK", TRUE, "content-encoding: gzip")[:40],
    b"SSH-2.0-OpenSSH\r\n", b"",
])  # fmt: skip
async def test_nonsense_is_no_decision(answer: bytes) -> None:
    """P1: whatever is not an OPA's answer is PolicyUnavailable, never allow."""
    async with server(answer) as url:
        with pytest.raises(PolicyUnavailable):
            await ask(url)


@pytest.mark.parametrize("body,fault", [
    (b"{}", "undefined"),
    (b'{"result": {}}', "allow_undefined"),
    (b'{"result": {"allow": "true"}}', "allow_not_boolean"),
    (b'{"result": {"allow": 1}}', "allow_not_boolean"),
    (b'{"result": true}', "not_an_object"),
    (b'{"result": null}', "not_an_object"),
    (b'{"result": [{"allow": true}]}', "not_an_object"),
])  # fmt: skip
async def test_an_answer_that_is_not_true_denies(body: bytes, fault: str) -> None:
    """Contract, policies: anything but the boolean true is a refusal."""
    async with server(http("200 OK", body)) as url:
        assert await ask(url) == Decision(False, faults=(fault,))


async def test_a_server_that_never_answers_is_cut_off() -> None:
    """P1: the operator's timeout ends the wait; no decision is no permission."""
    async with server(None) as url:
        with pytest.raises(PolicyUnavailable):
            await ask(url, timeout_ms=50)


async def test_an_absent_server_is_no_decision(tmp_path: Path) -> None:
    """P1: nothing listens, on TCP or on the socket."""
    for url in (f"http://127.0.0.1:{free_port()}", f"unix://{tmp_path}/none"):
        with pytest.raises(PolicyUnavailable):
            await ask(url)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8181", "ftp://opa", "unix://", "http://h?x=1"])
def test_a_bad_address_is_a_mistake(url: str) -> None:
    """P7: found when the configuration loads."""
    with pytest.raises(ValueError, match=r"policy\.opa\.url"):
        OpaEngine(url, 100)


async def test_one_bad_answer_of_several_spoils_all() -> None:
    """P1: a plan with a target nobody judged is no plan."""
    answers = [http("200 OK", TRUE), http("200 OK", b"{")]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        listing = head.startswith(b"GET")
        writer.write(http("200 OK", b'{"result": []}') if listing else answers.pop(0))
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        engine = OpaEngine(f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", 2_000)
        with pytest.raises(PolicyUnavailable):
            await engine.decide([{}, {}])
        await engine.close()


# --- a real one --------------------------------------------------------------------------------


async def test_decisions_come_in_the_order_of_the_inputs(opa: OpaProcess) -> None:
    """P6: each decision belongs to its input, however the answers overtake each other."""
    opa.clear()
    opa.call("PUT", "/v1/policies/p", b"package envelope.authz\nallow if input.n % 2 == 0\n"
             b"obligations.n := input.n")  # fmt: skip
    engine = OpaEngine(opa.url, 5_000)
    found = await engine.decide([{"n": n} for n in range(40)])
    await engine.close()
    assert [(d.allow, d.obligations["n"]) for d in found] == [(n % 2 == 0, n) for n in range(40)]


async def test_the_digest_follows_the_policy(opa: OpaProcess) -> None:
    """P6: another policy on the server is another digest, and the same one the same again."""
    digests = []
    for text in (b"allow := true", b"allow := false", b"allow := true"):
        opa.clear()
        opa.call("PUT", "/v1/policies/p", b"package envelope.authz\n" + text)
        engine = OpaEngine(f"unix://{opa.socket}", 5_000)
        await engine.start()
        assert engine.reports_policies
        digests.append(engine.bundle_digest)
        await engine.close()
    assert digests[0] == digests[2] != digests[1]
    assert all(len(d) == 64 for d in digests)


async def test_a_running_engine_notices_a_new_policy(opa: OpaProcess) -> None:
    """P6: the digest is kept fresh while the gateway runs."""
    opa.clear()
    opa.call("PUT", "/v1/policies/p", b"package envelope.authz\nallow := true")
    engine = OpaEngine(opa.url, 5_000, refresh_seconds=0.01)
    assert await engine.decide([{}]) == [Decision(True)]
    before = engine.bundle_digest
    opa.call("PUT", "/v1/policies/p", b"package envelope.authz\nallow := false")
    async with asyncio.timeout(10):
        while engine.bundle_digest == before:
            await asyncio.sleep(0)
    assert await engine.decide([{}]) == [Decision(False)]
    await engine.close()


async def test_a_bundle_revision_moves_the_digest_at_once() -> None:
    """P6: the revision comes with the very answer that the new bundle gave."""
    engine = OpaEngine("http://127.0.0.1:1", 100)
    digests = set()
    for revision in (b"1", b"2", b"1"):
        bundles = b'{"bundles": {"b": {"revision": "' + revision + b'"}}}'
        answer = b'{"result": {}, "provenance": ' + bundles + b"}"
        async with server(http("200 OK", answer)) as url:
            engine = OpaEngine(url, 2_000)
            await engine.decide([{}])
            digests.add(engine.bundle_digest)
            await engine.close()
    assert len(digests) == 2
