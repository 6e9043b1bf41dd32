"""The provider stand-in seen by the official SDKs, one case after the other, without a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from extproc.demo.provider import Provider, start
from tests.clients.callers import CALLERS, RESULT, Caller
from tests.clients.cases import CALLS, CASES, FOLLOWED, Case, Heard
from tests.demo.more_sdks import MORE

DIRECT: dict[str, tuple[Any, str, str, str]] = {
    "openai-chat": (CALLERS["openai-chat"], "/v1", "sk-test", "gpt-4o"),
    "openai-responses": (CALLERS["openai-responses"], "/v1", "sk-test", "gpt-5"),
    "compatible": (CALLERS["openai-chat"], "/compatible/v1", "any", "deepseek-chat"),
    "azure-v1": (MORE["azure-v1"], "/openai/v1", "any", "gpt-4o"),
    "azure": (MORE["azure"], "", "any", "gpt-4o"),
    "anthropic": (CALLERS["anthropic"], "", "sk-ant-test", "claude-sonnet"),
    "vertex-claude": (MORE["vertex-claude"], "", "ya29.any", "claude-sonnet-4-5@20250929"),
    "gemini-2": (CALLERS["google-genai"], "", "AIza-any", "gemini-2.5-flash"),
    "gemini-3": (CALLERS["google-genai"], "", "AIza-any", "gemini-3-pro-preview"),
    "vertex": (MORE["vertex"], "", "ya29.any", "gemini-2.5-flash"),
    "bedrock": (MORE["bedrock"], "", "any", "anthropic.claude-sonnet-4-5-v1:0"),
    "cohere": (MORE["cohere"], "", "any", "command-a-03-2025"),
}
HIDES_THOUGHT = {"openai-chat", "azure", "azure-v1"}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    running = await start()
    yield running
    await running.stop()


@pytest.fixture(params=DIRECT)
async def asked(
    request: pytest.FixtureRequest, provider: Provider
) -> AsyncIterator[tuple[str, Caller, str]]:
    """The name of an API, its SDK, a model."""
    make, path, key, model = DIRECT[request.param]
    caller = make(provider.url + path, key)
    yield request.param, caller, model
    await caller.close()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_an_sdk_hears_what_was_asked_for(
    provider: Provider, asked: tuple[str, Caller, str], case: Case, stream: bool
) -> None:
    """Contract, stand-in: an official SDK cannot tell it from the real API."""
    name, caller, model = asked
    heard = await caller.ask(model, case, stream=stream)
    _judge(case, heard, shows_thought=name not in HIDES_THOUGHT)
    understood = provider.ledger.exchanges[-1].understood
    assert understood["images"] == (case.image is not None)
    assert understood["schema"] == (case.schema is not None)
    assert tuple(understood["tools"]) == case.tools
    assert understood["thinking"] == case.effort


def _judge(case: Case, heard: Heard, shows_thought: bool) -> None:
    import json

    thinks = 3 if case.effort else 0
    match case.name:
        case "plain":
            assert (heard.text, heard.finish) == ("fine weather today", "stop")
            assert (heard.input_tokens, heard.output_tokens) == (5, 3)
        case "tools":
            assert tuple(heard.calls) == CALLS
            assert heard.finish == "tools"
        case "structured":
            assert json.loads(heard.text) == FOLLOWED
        case "image":
            assert heard.text == "a dot"
        case "reasoning":
            assert heard.text == "four"
            assert heard.output_tokens == thinks + 1
            assert heard.thought == ("two and two" if shows_thought else "")
        case "short":
            assert (len(heard.text.split()), heard.finish) == (20, "length")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_the_agent_loop_ends(asked: tuple[str, Caller, str], stream: bool) -> None:
    """Contract, stand-in: a tool's results go back in the form in which its SDK sends them."""
    _, caller, model = asked
    heard = await caller.loop(model, stream=stream)
    assert heard.text.startswith("The tool said:") and RESULT in heard.text
    assert heard.finish == "stop"
