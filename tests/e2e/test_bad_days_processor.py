"""A processor that closes, fails, hangs or lies at every point: the data plane holds by itself.

Envoy reads a clean end of the processor's stream as "go on without it" (design, fact 2). These
tests run Envoy exactly as the gateway renders it, with a processor broken on purpose.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from extproc.exchange.values import BodyReply, HeadReply
from extproc.server import ext_proc_pb2 as pb
from extproc.server import wire
from tests.e2e.broken_processor import (
    PATHS,
    BrokenGateway,
    Fault,
    How,
    Point,
    allow,
    request_body,
)
from tests.e2e.faults import CUT, Streamed, refusal
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

MARK = "quetzal"
"""Each word of the answers: where it is seen, an answer got through."""
REPLY = f"[[reply: {' '.join([MARK] * 20)}]]"
OVERLOADED = (503, "overloaded")
OPENAI, ANTHROPIC = PATHS["openai-main"], PATHS["claude"]


@pytest.fixture(scope="module")
def broken_process(place: Path, provider_process: ProviderUnderTest) -> Iterator[BrokenGateway]:
    folder = Path(tempfile.mkdtemp(prefix="broken-", dir=place)) / "run"
    provider = provider_process
    running = BrokenGateway(folder, provider.url, provider.openai_key, provider.anthropic_key)
    asyncio.run(running.envoy.wait_ready())
    yield running
    asyncio.run(running.stop())


@pytest.fixture
def broken(broken_process: BrokenGateway, provider: ProviderUnderTest) -> BrokenGateway:
    """In front of an empty provider, with a processor that behaves until told otherwise."""
    broken_process.processor.fault = None
    broken_process.processor.heard.clear()
    return broken_process


async def ask(
    broken: BrokenGateway, fault: Fault | None, path: str = OPENAI, prompt: str = REPLY
) -> httpx2.Response:
    broken.processor.fault = fault
    async with broken.client() as client:
        return await client.post(path, json=request_body(prompt))


async def ask_for_stream(broken: BrokenGateway, fault: Fault | None, prompt: str) -> Streamed:
    broken.processor.fault = fault
    seen = Streamed()
    try:
        async with (
            broken.client() as client,
            client.stream("POST", OPENAI, json=request_body(prompt, stream=True)) as got,
        ):
            seen.status = got.status_code
            async for line in got.aiter_lines():
                seen.lines.append(line)
    except CUT:
        seen.clean = False
    return seen


def other(kind: str) -> pb.ProcessingResponse:
    """An answer to a message that was not asked."""
    if kind == "response_headers":
        return wire.head_reply(HeadReply(streamed=False, status=200))
    return wire.body_reply(BodyReply(b"{}"), 1)


def without_plan() -> pb.ProcessingResponse:
    """`verdict: allow`, and nothing that says where to."""
    reply = pb.ProcessingResponse(dynamic_metadata=wire._fields({"envelope": {"verdict": "allow"}}))
    reply.request_body.response.clear_route_cache = True
    return reply


def denied() -> pb.ProcessingResponse:
    """A whole plan under another verdict."""
    reply = allow("openai-main")
    reply.dynamic_metadata = reply.dynamic_metadata + wire._fields(
        {"envelope": {"verdict": "deny"}}
    )
    return reply


def elsewhere() -> pb.ProcessingResponse:
    return allow("no-such-account")


def empty() -> pb.ProcessingResponse:
    return pb.ProcessingResponse()


def silent_allow() -> pb.ProcessingResponse:
    """`go on`, with no verdict at all."""
    reply = pb.ProcessingResponse()
    reply.request_body.response.SetInParent()
    return reply


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
async def test_a_processor_that_behaves_lets_calls_through(
    broken: BrokenGateway, path: str
) -> None:
    """P1: the other tests of this file would notice a call that gets through."""
    answer = await ask(broken, None, path)
    assert answer.status_code == 200 and answer.text.count(MARK) == 20
    seen = await ask_for_stream(broken, None, REPLY)
    assert seen.clean and seen.finished and seen.text.count(MARK) == 20


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("how", ["end", "abort"])
@pytest.mark.parametrize("at", ["open", "request"])
async def test_gone_before_the_verdict(
    broken: BrokenGateway, provider: ProviderUnderTest, at: Point, how: How, path: str
) -> None:
    """P1: no verdict, no passage, however politely the processor leaves."""
    async with provider.untouched():
        answer = await ask(broken, Fault(at, how), path)
    assert refusal(answer) == OVERLOADED
    assert answer.headers["x-envelope-decision-id"] in answer.text


async def test_silent_before_the_verdict(
    broken: BrokenGateway, provider: ProviderUnderTest
) -> None:
    """P1: a processor that never answers is given up after the message timeout."""
    async with provider.untouched():
        answer = await ask(broken, Fault("request", "hang"))
    assert refusal(answer) == OVERLOADED


@pytest.mark.parametrize(
    "reply",
    [
        without_plan(), denied(), elsewhere(), empty(), silent_allow(), b"\xff\xfe no message",
        other("response_headers"), other("response_body"), wire.go_on_with_headers(),
    ],
    ids=["no-plan", "denied", "unknown-cluster", "empty", "no-verdict", "garbage",
         "answers-a-head", "answers-an-answer", "answers-request-headers"],
)  # fmt: skip
async def test_a_lie_instead_of_a_verdict(
    broken: BrokenGateway, provider: ProviderUnderTest, reply: How
) -> None:
    """P1: whatever is not an allow with a plan that Envoy can follow reaches no provider."""
    async with provider.untouched():
        answer = await ask(broken, Fault("request", reply))
    assert refusal(answer) == OVERLOADED


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("how", ["end", "abort"])
@pytest.mark.parametrize("at", ["allowed", "head", "body"])
async def test_gone_before_the_answer_is_judged(
    broken: BrokenGateway, at: Point, how: How, path: str
) -> None:
    """P1, P5: an answer that nobody judged does not leave; the caller's dialect says why not."""
    answer = await ask(broken, Fault(at, how), path)
    assert MARK not in answer.text and answer.status_code == 503
    assert refusal(answer) == OVERLOADED
    assert answer.headers["x-envelope-decision-id"] in answer.text
    assert (answer.json().get("type") == "error") is (path == ANTHROPIC)


@pytest.mark.parametrize(
    "reply", [empty(), b"\xff\xfe no message", wire.go_on_with_headers()],
    ids=["empty", "garbage", "answers-the-request"],
)  # fmt: skip
@pytest.mark.parametrize("at", ["head", "body"])
async def test_a_lie_instead_of_a_judgement(broken: BrokenGateway, at: Point, reply: How) -> None:
    """P1, P5: the same for a processor that says something else."""
    answer = await ask(broken, Fault(at, reply))
    assert MARK not in answer.text
    assert refusal(answer) == OVERLOADED


@pytest.mark.parametrize("how", ["end", "abort"])
@pytest.mark.parametrize("at", ["allowed", "head"])
async def test_gone_before_a_stream_is_judged(broken: BrokenGateway, at: Point, how: How) -> None:
    """P1, P5: no frame of a stream whose head nobody judged."""
    seen = await ask_for_stream(broken, Fault(at, how), REPLY)
    assert MARK not in seen.text and seen.status == 503
    assert '"overloaded"' in seen.text


@pytest.mark.parametrize("how", ["end", "abort", b"\xff\xfe no message", empty()],
                         ids=["end", "abort", "garbage", "empty"])  # fmt: skip
@pytest.mark.parametrize("pieces", [0, 1, 5])
async def test_gone_in_the_middle_of_a_stream(
    broken: BrokenGateway, provider: ProviderUnderTest, pieces: int, how: How
) -> None:
    """P1, P5: only judged pieces leave, and the stream does not look finished."""
    prompt = f"{REPLY} [[pause: 0.02]]"
    seen = await ask_for_stream(broken, Fault("piece", how, pieces), prompt)
    # A piece is one frame here: the provider pauses between them. The first frame has no text.
    assert seen.text.count(MARK) <= pieces
    assert not seen.finished
    assert not seen.clean or '"error"' in seen.text
