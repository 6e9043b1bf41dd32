"""The rate limits of the product's description, and calls in flight, through real Envoy (P2)."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest

from extproc.identity.keys import RANDOM_BYTES, mint
from tests.e2e.documents import PRODUCTION, Documents, Json, priced
from tests.e2e.faults import gateway_of, refusal
from tests.e2e.harness import ROOT, GatewayUnderTest
from tests.e2e.processes import until
from tests.e2e.provider_child import ProviderUnderTest

pytestmark = pytest.mark.e2e

SAMPLE = ROOT / "tests" / "config" / "vectors" / "ok" / "seed-rate-limits" / "20-limits.yaml"
"""As the description prints it, its line breaks put back."""
GPT4, GPT5 = "openai-main/gpt4", "openai-main/gpt5"
BOB_CAP, BACKEND_CAP = "bob-gpt4-day-cap", "backend-team-gpt4-tpm"
USER_CAP, PROJECT_CAP = "user-daily-token-cap", "project-hourly-cap"
BOB_CALLS, BACKEND_TOKENS, PROJECT_TOKENS, USER_TOKENS = 1_000, 20_000, 50_000, 1_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
FLIGHT, AT_ONCE = "at-once", 2


def documents(provider_url: str) -> Documents:
    """The sample beside everybody it is about. What is in `more.yaml` stands before it."""
    made = Documents().add("gateway-config", "gateway", environment="production")
    made.files["sample.yaml"] = SAMPLE.read_text()
    made.provider("openai-main", f"{provider_url}/v1", [
        priced("gpt4", 1, 1, most=2_000_000), priced("gpt5", 1, 1, most=2_000_000),
    ])  # fmt: skip
    for name, teams in (("bob", ["backend"]), ("eve", ["backend"]), ("sam", []), ("zoe", []),
                        ("pat", [])):  # fmt: skip
        user(made, name, teams)
    for name, team in (("ci", "backend"), ("vera", "v"), ("viktor", "v"), ("apollo", "projects"),
                       ("flyer", "flight")):  # fmt: skip
        made.bot(name, team=team, models=["openai-main/*"])
    return made.add("gateway-rate-limiting-config", "own", rules=[
        {"id": "project-first", "when": {"subjects": ["team:projects"]}, "unit": "tokens_per_hour",
         "limit_to": PROJECT_TOKENS, "rate_limit_applies_per": ["metadata.project_id"]},
        {"id": FLIGHT, "when": {"subjects": ["team:flight"]}, "limit_to": AT_ONCE,
         "unit": "concurrent_requests"},
    ])  # fmt: skip


def user(made: Documents, name: str, teams: list[str]) -> None:
    key = mint(secrets.token_bytes(RANDOM_BYTES))
    made.keys[name] = key.text
    made.add("user", name, email=f"{name}@example.com", teams=teams, models=["openai-main/*"],
             tags=PRODUCTION, keys=[{"name": "first", "sha256": key.sha256}])  # fmt: skip


@pytest.fixture(scope="module")
def limited(place: Path, provider_process: ProviderUnderTest) -> Iterator[GatewayUnderTest]:
    with gateway_of(documents(provider_process.url), provider_process, place) as running:
        yield running
    running.settle_accounts()


@pytest.fixture
async def gateway(
    limited: GatewayUnderTest, provider: ProviderUnderTest
) -> AsyncIterator[GatewayUnderTest]:
    yield limited
    await limited.close_clients()


async def uses(
    gateway: GatewayUnderTest, who: str, tokens: int, model: str = GPT4, **metadata: str
) -> list[str]:
    """A call through the SDK that may use `tokens` of output, and does: the rules that applied."""
    answer = await gateway.openai(who).chat.completions.with_raw_response.create(
        model=model, max_tokens=tokens, extra_headers=said(metadata),
        messages=[{"role": "user", "content": f"[[usage: in=1,out={tokens}]]"}],
    )  # fmt: skip
    applied: list[str] = json.loads(answer.headers["x-tfy-applied-configurations"])
    return applied


def said(metadata: Json) -> dict[str, str]:
    return {"x-tfy-metadata": json.dumps(metadata)} if metadata else {}


async def refused(
    gateway: GatewayUnderTest, who: str, tokens: int, rule_id: str, model: str = GPT4,
    **metadata: str,
) -> openai.RateLimitError:  # fmt: skip
    """The same call finds no room: nobody is called, and the error names the rule."""
    async with gateway.provider.untouched():
        with pytest.raises(openai.RateLimitError) as caught:
            await uses(gateway, who, tokens, model, **metadata)
    assert caught.value.code == "rate_limit_exceeded"
    assert f"Rule: {rule_id}." in caught.value.message
    return caught.value


async def spent(gateway: GatewayUnderTest, counter: str) -> int:
    """What a counter has used, once nothing is reserved."""
    await gateway.reserved_is_zero()
    return sum(c.spent for c in await gateway.limits() if c.counter == counter)


# --- the sample --------------------------------------------------------------------------------


async def test_rule_1_bobs_thousand_calls(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2, contract 2: exactly 1,000 calls a day, of bob, to gpt4; his team's rule is not asked."""
    http = gateway.http()
    answers = []
    for _ in range(5):
        calls = (gateway.chat("bob", "[[tokens: 1]]", model=GPT4, max_tokens=1, http=http)
                 for _ in range(202))  # fmt: skip
        answers += await asyncio.gather(*calls)
    assert Counter(a.status_code for a in answers) == {200: BOB_CALLS, 429: len(answers) - 1_000}
    assert await provider.count() == BOB_CALLS
    last = await gateway.chat("bob", "x", model=GPT4, max_tokens=1, http=http)
    assert refusal(last) == (429, "rate_limit_exceeded") and BOB_CAP in last.text
    assert 0 < int(last.headers["retry-after"]) <= DAY_S + DAY_S // 60
    assert last.headers["ratelimit-policy"] == f'"{BOB_CAP}";q={BOB_CALLS};w={DAY_S}'
    assert last.headers["ratelimit"].startswith(f'"{BOB_CAP}";r=0;t=')
    assert await uses(gateway, "bob", 1, GPT5) == [USER_CAP]
    assert await spent(gateway, f"rate:{BOB_CAP}:") == BOB_CALLS
    assert await spent(gateway, f"rate:{BACKEND_CAP}:") == 0


async def test_rule_2_the_teams_tokens(gateway: GatewayUnderTest) -> None:
    """P2, contract 2: one pool of 20,000 tokens a minute for all of the team that call gpt4."""
    assert await uses(gateway, "eve", 9_000) == [BACKEND_CAP]
    assert await uses(gateway, "ci", 9_000) == [BACKEND_CAP]
    used = await spent(gateway, f"rate:{BACKEND_CAP}:")
    assert used == 2 * 9_001
    for who in ("eve", "ci"):
        error = await refused(gateway, who, 2_000, BACKEND_CAP)
        policy = f'"{BACKEND_CAP}";q={BACKEND_TOKENS};w={MINUTE_S}'
        assert error.response.headers["ratelimit-policy"] == policy
        assert f";r={BACKEND_TOKENS - used};" in error.response.headers["ratelimit"]
        assert 0 < int(error.response.headers["retry-after"]) <= MINUTE_S + 1
    assert await spent(gateway, f"rate:{BACKEND_CAP}:") == used
    assert await uses(gateway, "eve", 9_000, GPT5) == [USER_CAP]
    assert await uses(gateway, "sam", 9_000) == [USER_CAP]


async def test_rule_3_each_user_has_a_million_tokens(gateway: GatewayUnderTest) -> None:
    """P2, contract 2: a counter for each user; applications share that of nobody."""
    assert await uses(gateway, "zoe", 900_000) == [USER_CAP]
    error = await refused(gateway, "zoe", 100_000, USER_CAP)
    assert error.response.headers["ratelimit-policy"] == f'"{USER_CAP}";q={USER_TOKENS};w={DAY_S}'
    await refused(gateway, "zoe", 100_000, USER_CAP, GPT5)
    assert await uses(gateway, "pat", 900_000) == [USER_CAP]
    assert await uses(gateway, "vera", 600_000) == [USER_CAP]
    await refused(gateway, "viktor", 600_000, USER_CAP)
    assert await spent(gateway, f"rate:{USER_CAP}:zoe@example.com") == 900_001
    assert await spent(gateway, f"rate:{USER_CAP}:pat@example.com") == 900_001


async def test_rule_4_stands_behind_a_rule_for_everything(gateway: GatewayUnderTest) -> None:
    """Contract 2: the first match wins, so as it is printed the sample's last rule is never met."""
    for _ in range(2):
        assert await uses(gateway, "sam", 40_000, GPT5, project_id="helpdesk") == [USER_CAP]
    assert not any(c.rule_id == PROJECT_CAP for c in await gateway.limits())


async def test_its_like_before_that_rule_counts_per_project(gateway: GatewayUnderTest) -> None:
    """P2, contract 2: a counter for each `project_id`; calls without one share theirs."""
    rule_id = "project-first"
    for project in ({"project_id": "moon"}, {"project_id": "mars"}, {}):
        assert await uses(gateway, "apollo", 40_000, **project) == [rule_id]
        error = await refused(gateway, "apollo", 20_000, rule_id, **project)
        assert error.response.headers["ratelimit-policy"].endswith(f"q={PROJECT_TOKENS};w={HOUR_S}")
        assert await uses(gateway, "apollo", 9_000, **project) == [rule_id]
    for value in ("moon", "mars", ""):
        assert await spent(gateway, f"rate:{rule_id}:{value}") == 49_002


# --- calls in flight ---------------------------------------------------------------------------


async def test_slots_are_free_again_when_a_caller_leaves(
    gateway: GatewayUnderTest, provider: ProviderUnderTest
) -> None:
    """P2: two hang, a third is refused; whoever leaves makes room for exactly one."""
    client = gateway.openai("flyer")
    held = [asyncio.create_task(_ask(client, "[[hang]]")) for _ in range(AT_ONCE)]
    await until(lambda: _so_many(provider, AT_ONCE), "both slots are taken")
    error = await refused(gateway, "flyer", 5, FLIGHT)
    assert FLIGHT not in error.response.headers.get("ratelimit", "")
    assert error.response.headers["retry-after"] == "1"
    held[0].cancel()
    with suppress(asyncio.CancelledError):
        await held[0]
    await until(lambda: _flying(gateway, 1), "one slot is free")
    assert FLIGHT in await uses(gateway, "flyer", 5)
    await until(lambda: _flying(gateway, 1), "it is free once more")
    held.append(asyncio.create_task(_ask(client, "[[hang]]")))
    await until(lambda: _flying(gateway, AT_ONCE), "it is taken again")
    await refused(gateway, "flyer", 5, FLIGHT)
    for call in held:
        call.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    counter = await gateway.counter(FLIGHT)
    assert (counter.spent, counter.reserved, counter.left) == (0, 0, AT_ONCE)


async def test_a_stream_holds_its_slot_to_its_end(gateway: GatewayUnderTest) -> None:
    """P2: refused while two streams are open, however much of them was read; then not any more."""
    client = gateway.openai("flyer")
    prompt = "[[tokens: 40]] [[pause: 0.02]]"
    streams = [await _ask(client, prompt, stream=True) for _ in range(AT_ONCE)]
    first = [await anext(aiter(stream)) for stream in streams]
    assert len(first) == AT_ONCE
    await refused(gateway, "flyer", 5, FLIGHT)
    assert [len([c async for c in stream]) > 30 for stream in streams] == [True] * AT_ONCE
    assert (await gateway.counter(FLIGHT)).left == AT_ONCE
    assert FLIGHT in await uses(gateway, "flyer", 5)


async def _ask(client: openai.AsyncOpenAI, prompt: str, **fields: Any) -> Any:
    messages: Any = [{"role": "user", "content": prompt}]
    return await client.chat.completions.create(
        model=GPT4, max_tokens=50, messages=messages, **fields
    )


async def _so_many(provider: ProviderUnderTest, count: int) -> bool:
    return await provider.count() == count


async def _flying(gateway: GatewayUnderTest, count: int) -> bool:
    return [c.reserved for c in await gateway.limits() if c.rule_id == FLIGHT] == [count]
