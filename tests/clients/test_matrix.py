"""Every official SDK at every provider's model, through a real gateway: whole and streamed."""

from __future__ import annotations

import json

import pytest

from tests.clients.callers import CALLERS, RESULT
from tests.clients.cases import CALLS, CASES, FOLLOWED, Case, Heard
from tests.clients.conftest import Open
from tests.clients.stand_in import TARGETS, AllProviders

pytestmark = pytest.mark.e2e

SILENT = ("openai", "azure", "azure-deployments")
"""Whose chat dialect keeps the thoughts to itself (OpenAI tells them in its Responses alone)."""
ELSEWHERE = ("cohere",)
"""Who counts tokens of its own making among the input's."""
REFUSED: dict[tuple[str, str, str], str] = {}
"""(caller, provider, case) -> the field that a provider of this kind cannot carry. Empty: all of
these cases are carried everywhere. An entry needs a reason beside it."""

HINTS = {(caller, "cohere", "reasoning") for caller in ("openai-chat", "openai-responses")}
"""What is left out and reported: Cohere knows no efforts, only numbers of tokens."""

callers = pytest.mark.parametrize("caller", CALLERS)
targets = pytest.mark.parametrize("target", TARGETS)
streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@callers
@targets
@streams
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_any_sdk_reaches_any_model(
    provider: AllProviders, sdk: Open, caller: str, target: str, case: Case, stream: bool
) -> None:
    """Contract 3: an official SDK works after changing base URL and key alone, whatever the
    provider; the provider understands all that was asked."""
    call = sdk(caller).ask(TARGETS[target], case, stream=stream)
    if field := REFUSED.get((caller, target, case.name)):
        refused = await sdk(caller).refused(call)
        assert refused.status == 400 and field in refused.message
        return
    heard = await call
    judge(case, heard, caller, target)
    (understood,) = await provider.understood()
    assert understood["images"] == (case.image is not None)
    assert understood["schema"] == (case.schema is not None)
    assert tuple(understood["tools"]) == case.tools
    asked = understood["thinking"] or bool(understood["effort"])
    assert asked == case.effort or (caller, target, case.name) in HINTS
    assert understood["max_tokens"] == case.max_tokens


def judge(case: Case, heard: Heard, caller: str, target: str) -> None:
    match case.name:
        case "plain":
            assert (heard.text, heard.finish) == ("fine weather today", "stop")
            assert heard.output_tokens == 3
            assert target in ELSEWHERE or heard.input_tokens == 5
        case "tools":
            assert tuple(heard.calls) == CALLS
            assert (heard.text.strip(), heard.finish) in [
                ("", "tools"),
                ("I will use tools.", "tools"),
            ]
        case "structured":
            assert json.loads(heard.text) == FOLLOWED
        case "image":
            assert heard.text == "a dot"
        case "reasoning":
            assert heard.text == "four"
            assert heard.output_tokens == 4
            _judge_thought(heard, caller, target)
        case "short":
            assert (len(heard.text.split()), heard.finish) == (20, "length")


def _judge_thought(heard: Heard, caller: str, target: str) -> None:
    """Shown wherever the provider tells it and the caller's dialect has a place for it."""
    told = target not in SILENT or (caller == "openai-responses" and target != "azure-deployments")
    if told and caller != "openai-chat":
        assert heard.thought == "two and two"
    assert heard.thought in ("", "two and two")


@callers
@targets
@streams
async def test_the_agent_loop_ends(sdk: Open, caller: str, target: str, stream: bool) -> None:
    """Contract 3: what an SDK sends back (calls, thoughts, seals, results) is what the provider
    wants back."""
    heard = await sdk(caller).loop(TARGETS[target], stream=stream)
    assert heard.text.startswith("The tool said:") and RESULT in heard.text
    assert heard.finish == "stop"


@pytest.mark.parametrize(
    ("caller", "base"),
    [(name, base) for name, make in CALLERS.items() for base in range(len(make.bases))],  # type: ignore[attr-defined]
)
async def test_each_base_url_of_an_sdk(sdk: Open, caller: str, base: int) -> None:
    """Contract 3: the plain paths and those below the SDK's own prefix are the same."""
    heard = await sdk(caller, base=base).ask(TARGETS["openai"], CASES["plain"], stream=False)
    assert heard.text == "fine weather today"
