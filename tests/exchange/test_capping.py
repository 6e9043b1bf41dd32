"""Caps of a single request: refused with what would fit, or made to fit."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.errors import Code
from tests.exchange.stage import IN, OUT, Json, Said, Stage, budgets, caps

TEN_WORDS = 17
"""Input tokens of the stage's default request, as the gateway counts them."""


def code(said: Said) -> Code:
    return said.refused.refusal.code


async def test_too_many_tokens_are_refused(stage: Stage) -> None:
    """Caps: 400 `request_cap_exceeded` names the rule and what would fit; nothing is reserved."""
    await stage.open(
        caps({"id": "short", "max_tokens": 50}),
        budgets({"id": "all", "limit_to": 1, "unit": "cost_total"}),
    )
    said = await stage.say(max_tokens=51)
    refusal = said.refused.refusal
    assert (refusal.code, refusal.status) == (Code.REQUEST_CAP_EXCEEDED, 400)
    assert (refusal.rule_id, refusal.param) == ("short", "max_tokens")
    assert refusal.detail == "Rule: short. A maximum of 50 output tokens would fit."
    assert not said.exchange.holds_reservation
    assert (await stage.say(max_tokens=50)).sent[0]["max_tokens"] == 50


async def test_a_missing_maximum_is_the_models_own(stage: Stage) -> None:
    """P2: whoever states no maximum asks for all there is."""
    await stage.open(caps({"id": "short", "max_tokens": 999}))
    assert code(await stage.say()) is Code.REQUEST_CAP_EXCEEDED
    await stage.use(caps({"id": "short", "max_tokens": 1000}))
    assert "max_completion_tokens" not in (await stage.say()).sent[0]


async def test_all_choices_count(stage: Stage) -> None:
    """P2: `n` answers are `n` times as long; so is an override's `n`."""
    await stage.open(caps({"id": "short", "max_tokens": 50}))
    assert code(await stage.say(max_tokens=26, n=2)) is Code.REQUEST_CAP_EXCEEDED
    assert (await stage.say(max_tokens=25, n=2)).sent[0]["max_tokens"] == 25
    await stage.use(caps({"id": "short", "max_tokens": 50}), override(n=2))
    assert code(await stage.say(model="prod/it", max_tokens=26)) is Code.REQUEST_CAP_EXCEEDED


async def test_a_clamp_lowers_what_is_sent(stage: Stage) -> None:
    """P2: the number that was judged is the one that is reserved and the one that is sent."""
    await stage.open(
        caps({"id": "short", "max_tokens": 50, "on_excess": "clamp"}),
        budgets({"id": "all", "limit_to": 1000, "unit": "tokens_total"}),
    )
    said = await stage.say(max_tokens=400)
    assert said.sent[0]["max_tokens"] == 50
    assert (await stage.counter("all")).reserved == TEN_WORDS + 50
    said.answer()
    entry = await said.over()
    assert entry["limits"]["clamped"] == [{"rule_id": "short", "from": 400, "to": 50}]
    assert entry["limits"]["caps"] == {"max_tokens": {"limit": 50, "rule_id": "short"}}


async def test_a_clamp_states_a_maximum_where_there_was_none(stage: Stage) -> None:
    """P2: an unstated maximum is lowered like a stated one."""
    await stage.open(caps({"id": "short", "max_tokens": 50, "on_excess": "clamp"}))
    assert (await stage.say()).sent[0]["max_completion_tokens"] == 50


async def test_a_default_is_sent_where_none_was_stated(stage: Stage) -> None:
    """Caps: `default_max_tokens` goes to the provider and is what is reserved (P2)."""
    await stage.open(
        caps({"id": "given", "default_max_tokens": 60}),
        budgets({"id": "all", "limit_to": 1000, "unit": "tokens_total"}),
    )
    said = await stage.say()
    assert said.sent[0]["max_completion_tokens"] == 60
    assert (await stage.counter("all")).reserved == TEN_WORDS + 60
    assert said.entry["limits"]["clamped"] == [{"rule_id": "given", "from": None, "to": 60}]
    assert (await stage.say(max_tokens=500)).sent[0]["max_tokens"] == 500


async def test_a_default_fits_the_cap(stage: Stage) -> None:
    """Caps: a caller that stated nothing is not refused for a default it never saw."""
    await stage.open(caps({"id": "one", "default_max_tokens": 60}, {"id": "two", "max_tokens": 40}))
    assert (await stage.say(n=2)).sent[0]["max_completion_tokens"] == 20


async def test_too_long_an_input_is_refused_even_by_a_clamp(stage: Stage) -> None:
    """Caps: what a caller wrote cannot be made shorter for it."""
    short = {
        "id": "brief",
        "max_input_tokens": TEN_WORDS - 1,
        "max_tokens": 9,
        "on_excess": "clamp",
    }
    await stage.open(caps(short))
    said = await stage.say()
    assert code(said) is Code.REQUEST_CAP_EXCEEDED
    assert said.refused.refusal.detail.endswith("at most 16 tokens would fit.")
    await stage.use(caps({**short, "max_input_tokens": TEN_WORDS}))
    assert (await stage.say()).allowed


def usd(nano: int) -> float:
    return nano / 1_000_000_000


async def test_too_dear_a_request_is_refused(stage: Stage) -> None:
    """Caps: the worst case counts; the text tells the maximum that would fit."""
    most = TEN_WORDS * IN + 30 * OUT
    await stage.open(caps({"id": "cheap", "max_cost_usd": usd(most)}))
    assert (await stage.say(max_tokens=30)).allowed
    said = await stage.say(max_tokens=31)
    assert said.refused.refusal.detail == "Rule: cheap. A maximum of 30 output tokens would fit."
    assert code(await stage.say()) is Code.REQUEST_CAP_EXCEEDED


@pytest.mark.parametrize("spare", [0, OUT - 1])
async def test_a_cost_clamp_leaves_the_most_that_fits(stage: Stage, spare: int) -> None:
    """P2: as much output as the money allows, not a token more."""
    most = TEN_WORDS * IN + 30 * OUT + spare
    await stage.open(
        caps({"id": "cheap", "max_cost_usd": usd(most), "on_excess": "clamp"}),
        budgets({"id": "all", "limit_to": 1, "unit": "cost_total"}),
    )
    said = await stage.say()
    assert said.sent[0]["max_completion_tokens"] == 30
    assert (await stage.counter("all")).reserved == TEN_WORDS * IN + 30 * OUT


async def test_an_input_that_is_too_dear_is_refused_even_by_a_clamp(stage: Stage) -> None:
    """Caps: where not one output token fits, nothing is sent."""
    most = TEN_WORDS * IN + OUT - 1
    await stage.open(caps({"id": "cheap", "max_cost_usd": usd(most), "on_excess": "clamp"}))
    said = await stage.say(max_tokens=10)
    assert code(said) is Code.REQUEST_CAP_EXCEEDED
    assert "Not even the shortest answer" in said.refused.refusal.detail


async def test_the_callers_own_cap(stage: Stage) -> None:
    """Contract 3: `max_cost_usd` of the metadata is a cap; a bad number breaks the contract."""
    await stage.open()
    said = await stage.say(max_tokens=100, metadata={"max_cost_usd": "0.0001"})
    assert said.refused.refusal.rule_id == "metadata.max_cost_usd"
    assert said.entry["limits"]["caps"]["max_cost_nano_usd"]["limit"] == 100_000
    assert (await stage.say(max_tokens=5, metadata={"max_cost_usd": "0.0001"})).allowed
    said = await stage.say(metadata={"max_cost_usd": "cheap"})
    assert code(said) is Code.METADATA_CONTRACT_VIOLATION


async def test_a_cap_makes_an_unknown_maximum_binding(stage: Stage) -> None:
    """P2: where nobody knows the model's own maximum, the one that was judged is sent."""
    await stage.open(caps({"id": "dear", "max_cost_usd": 1}))
    assert (await stage.say(model="small/unknown")).sent[0]["max_completion_tokens"] == 16_384
    await stage.use()
    assert "max_completion_tokens" not in (await stage.say(model="small/unknown")).sent[0]


def override(**params: Any) -> Json:
    target = {"target": "big/large", "priority": 0, "override_params": params}
    return {"type": "gateway-load-balancing-config", "name": "r", "rules": [
        {"id": "it", "type": "priority-based-routing", "when": {"models": ["prod/it"]},
         "load_balance_targets": [target]}]}  # fmt: skip


async def test_every_stated_maximum_is_lowered(stage: Stage) -> None:
    """P2: of two names for the maximum a provider may follow either; both are what is reserved."""
    await stage.open(
        override(max_tokens=70), budgets({"id": "all", "limit_to": 9999, "unit": "tokens_total"})
    )
    said = await stage.say(model="prod/it", max_completion_tokens=300)
    sent = said.sent[0]
    assert (sent["max_tokens"], sent["max_completion_tokens"]) == (70, 70)
    assert (await stage.counter("all")).reserved == TEN_WORDS + 70


async def test_a_latency_cap_is_the_routers_time_limit(stage: Stage) -> None:
    """Caps: what is left of `max_latency_ms` goes to Envoy, which ends the call by then."""
    await stage.open(caps({"id": "quick", "max_latency_ms": 60_000}))
    said = await stage.say()
    left = int(said.exchange.upstream_headers()["x-envoy-upstream-rq-timeout-ms"])
    assert 0 < left <= 60_000
    said = await stage.say(metadata={"max_latency_ms": "1"})
    assert said.exchange.upstream_headers()["x-envoy-upstream-rq-timeout-ms"] == "1"
    assert said.entry["limits"]["caps"]["max_latency_ms"] == {
        "limit": 1, "rule_id": "metadata.max_latency_ms",
    }  # fmt: skip


async def test_a_latency_cap_never_lengthens_the_listeners_limit(stage: Stage) -> None:
    """P8: a caller cannot hold a connection for longer than the operator lets it."""
    await stage.open()
    most = stage.world.config.gateway.listener.request_timeout_ms
    said = await stage.say(metadata={"max_latency_ms": str(min(most + 60_000, 3_600_000))})
    assert "x-envoy-upstream-rq-timeout-ms" not in said.exchange.upstream_headers()
    assert "x-envoy-upstream-rq-timeout-ms" not in (await stage.say()).exchange.upstream_headers()


async def test_the_answer_names_the_caps_that_applied(stage: Stage) -> None:
    """Contract 3: `x-tfy-applied-configurations` has the ids of the rules that held."""
    await stage.open(caps({"id": "short", "max_tokens": 50, "on_excess": "clamp"}))
    assert "short" in (await stage.say()).answer()["x-tfy-applied-configurations"]
