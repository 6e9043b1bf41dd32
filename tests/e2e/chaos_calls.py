"""Two thousand calls made of one seed: what each asks for, what goes wrong, when its caller leaves.

Every call has a name. It stands in the prompt, where the provider's record shows it; in the
metadata, where the audit entry shows it; and a budget counts for each name, so that the ledger
shows what it charged for this one call.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass

import httpx2

from tests.e2e.documents import Documents, Json, priced, rule
from tests.e2e.harness import DECISION_ID, GatewayUnderTest
from tests.e2e.provider_child import ProviderUnderTest

BOT = "chaos-bot"
MOST = 150
"""`max_tokens` of every call."""
WORDS_MAX = 120
EACH, ALL, FLIGHT = "each-call", "all-calls", "in-flight"
"""Rule ids: a budget for each call, one for all of them, and the calls in flight."""
IN_FLIGHT = 20
PRICES = {
    "gpt-spend": (3000, 7000), "claude-sonnet": (3000, 15000),
    "gpt-busy": (100, 200), "gpt-weak": (2000, 1000), "gpt-drop": (4000, 5000),
}  # fmt: skip
"""Nano-USD per token, input and output, by the provider's name of the model."""
PLANS: dict[str, tuple[str, ...]] = {
    "openai-main/gpt-spend": ("gpt-spend",),
    "claude/claude-sonnet": ("claude-sonnet",),
    "prod/busy-first": ("gpt-busy", "gpt-spend"),
    "prod/weak-first": ("gpt-weak", "claude-sonnet"),
    "prod/drop-first": ("gpt-drop", "gpt-spend"),
    "openai-main/gpt-unknown": (),
}
"""Model as asked for -> who may serve it, in this order. Only the last of a plan ever answers."""
UNSEEN = {"gpt-drop"}
"""Whose attempt may be billed though nobody sees how it ended: reserved besides the others."""
ABOVE = "[[usage: in=400,out=300]]"
STORMS = {
    "": 40, "[[pause: 0.01]]": 8, "[[delay: 0.2]]": 4, "[[ttft: 0.1]] [[pause: 0.005]]": 8,
    "[[status: 500]]": 5, "[[status: 429]]": 3,
    "[[cut: {n}]]": 4, "[[pause: 0.01]] [[cut: {n}]]": 4, "[[stream-error: {n}]]": 3,
    "[[usage: none]]": 4, "[[usage: negative]]": 3, '[[usage: {{"prompt_tokens": "many"}}]]': 3,
    '[[usage: {{"prompt_tokens": 9000000000, "completion_tokens": 1}}]]': 3, ABOVE: 3,
}  # fmt: skip
"""What the provider is told to do, and how often of about a hundred calls. `ABOVE`: to report more
than was reserved for the call, which is only known to who sees the report: its caller stays."""


@dataclass(frozen=True, slots=True)
class Call:
    """`leave_after`: words after which the caller leaves; `leave_in_s`: after so long."""

    name: str
    gateway: int
    model: str
    stream: bool
    prompt: str
    words: int
    leave_after: int | None = None
    leave_in_s: float | None = None

    @property
    def paced(self) -> bool:
        """Whether its provider takes time over each word."""
        return "[[pause" in self.prompt


@dataclass(slots=True)
class Told:
    """What the caller got. Status 0: nothing at all. `words`: of the answer."""

    status: int = 0
    decision_id: str = ""
    words: int = 0


def calls(seed: int, count: int) -> list[Call]:
    """The same calls for the same seed."""
    dice = random.Random(seed)
    return [_call(dice, f"call{n:05}") for n in range(count)]


def _call(dice: random.Random, name: str) -> Call:
    model = dice.choices(list(PLANS), (40, 20, 12, 12, 12, 4))[0]
    storm = dice.choices(list(STORMS), list(STORMS.values()))[0]
    words, stream = dice.randint(1, WORDS_MAX), dice.random() < 0.6
    storm = storm.format(n=dice.randint(0, words))
    leaves = dice.choices(("", "after", "in"), (78, 12, 10))[0] if storm != ABOVE else ""
    return Call(
        name=name,
        gateway=dice.randrange(2),
        model=model,
        stream=stream,
        prompt=f"{name} please [[tokens: {words}]] {storm}",
        words=words,
        leave_after=dice.randint(0, words) if leaves == "after" and stream else None,
        leave_in_s=dice.uniform(0.0, 0.25) if leaves == "in" else None,
    )


def documents(provider_url: str, gateway: Json) -> Documents:
    """One caller for all; two models, three virtual ones whose first target always fails."""
    made = Documents().add("gateway-config", "gateway", environment="production", **gateway)
    made.provider("openai-main", f"{provider_url}/v1", [
        _priced(name) for name in PRICES if name.startswith("gpt")
    ])  # fmt: skip
    made.provider("claude", provider_url, [_priced("claude-sonnet")], vendor="anthropic")
    made.add("gateway-load-balancing-config", "routing", rules=[
        _chain("busy", {"fallback_status_codes": ["429"]}),
        _chain("weak", {
            "retry_config": {"attempts": 1, "delay": 10, "on_status_codes": ["500"]},
            "fallback_status_codes": ["500"],
        }),
        _chain("drop", {"fallback_status_codes": ["502"]}),
    ])  # fmt: skip
    made.bot(BOT, team="chaos", models=[model for model, plan in PLANS.items() if plan])
    made.add("gateway-rate-limiting-config", "rates", rules=[
        {"id": FLIGHT, "when": {}, "limit_to": IN_FLIGHT, "unit": "concurrent_requests"},
    ])  # fmt: skip
    return made.add("gateway-budget-config", "budgets", rules=[
        {"id": ALL, "when": {}, "limit_to": 1000, "unit": "cost_per_month"},
        {"id": EACH, "when": {}, "limit_to": 1000, "unit": "cost_per_month",
         "budget_applies_per": ["metadata.call"]},
    ])  # fmt: skip


def _priced(name: str) -> Json:
    per_input, per_output = PRICES[name]
    return priced(name, per_input / 1000, per_output / 1000)


def _chain(first: str, settings: Json) -> Json:
    """The virtual model that asks `first` and, when that fails, the next of its plan."""
    virtual = f"prod/{first}-first"
    one, two = (f"{'claude' if 'claude' in m else 'openai-main'}/{m}" for m in PLANS[virtual])
    return rule(f"{first}-first", virtual, [
        {"target": one, "priority": 0, **settings}, {"target": two, "priority": 1},
    ])  # fmt: skip


async def break_the_first_ones(provider: ProviderUnderTest) -> None:
    """The first target of every virtual model fails, each in a way of its own."""
    await provider.fault("gpt-busy", status=429)
    await provider.fault("gpt-weak", status=500)
    await provider.fault("gpt-drop", cut=0)


# --- one call ----------------------------------------------------------------------------------


async def make(call: Call, gateway: GatewayUnderTest, http: httpx2.AsyncClient) -> Told:
    """Make one call as its caller would, up to where the caller leaves."""
    told = Told()
    try:
        async with asyncio.timeout(call.leave_in_s):
            await _read(call, gateway, http, told)
    except (TimeoutError, httpx2.TransportError):
        pass  # the caller has left, the stream has broken, or there is no gateway just now
    return told


async def _read(
    call: Call, gateway: GatewayUnderTest, http: httpx2.AsyncClient, told: Told
) -> None:
    body = {"model": call.model, "stream": call.stream, "max_tokens": MOST,
            "messages": [{"role": "user", "content": call.prompt}]}  # fmt: skip
    headers = {"authorization": f"Bearer {gateway.key(BOT)}",
               "x-tfy-metadata": json.dumps({"call": call.name})}  # fmt: skip
    where = f"{gateway.url}/v1/chat/completions"
    async with http.stream("POST", where, json=body, headers=headers) as answer:
        told.status, told.decision_id = answer.status_code, answer.headers.get(DECISION_ID, "")
        if not call.stream or answer.status_code != 200:
            await answer.aread()
            return
        async for line in answer.aiter_lines():
            if told.words == call.leave_after:
                return
            told.words += _is_word(line)


def _is_word(line: str) -> bool:
    """The provider sends one word a frame."""
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line[6:]).get("choices")
    return bool(choices and choices[0]["delta"].get("content"))
