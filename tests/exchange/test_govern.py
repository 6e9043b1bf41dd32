"""The walk, from the request to its settlement, on the real store."""

from __future__ import annotations

import pytest

from extproc.errors import Code
from extproc.exchange.values import ResponseHead
from extproc.routing.values import Ended, Ending
from tests.exchange.stage import IN, OUT, Json, Stage, budgets, delta, rates, told

TEN_WORDS = 17
WORST = TEN_WORDS * IN + 100 * OUT
ALL = {"id": "all", "limit_to": 1, "unit": "cost_total"}
ANSWERED = Ended(2, Ending.ANSWERED, 200)


def fallback(*codes: str) -> Json:
    """`prod/it`: `big/large`, then `small/tiny` where the first ends with one of these."""
    return {"type": "gateway-load-balancing-config", "name": "r", "rules": [
        {"id": "it", "type": "priority-based-routing", "when": {"models": ["prod/it"]},
         "load_balance_targets": [
            {"target": "big/large", "priority": 0, "fallback_status_codes": list(codes)},
            {"target": "small/tiny", "priority": 1},
         ]}]}  # fmt: skip


async def test_reserve_then_settle(stage: Stage) -> None:
    """P2: the worst case is held while the call runs, and replaced by what was used."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    held = await stage.counter("all")
    assert (held.spent, held.reserved) == (0, WORST)
    said.answer((12, 34))
    entry = await said.over()
    settled = await stage.counter("all")
    assert (settled.spent, settled.reserved) == (12 * IN + 34 * OUT, 0)
    assert entry["cost_nano_usd"] == settled.spent
    assert said.exchange.sent
    assert said.exchange.actual() == {
        "requests": 1, "tokens": 46, "cost": settled.spent, "slots": 0,
    }  # fmt: skip


async def test_an_earlier_attempt_that_timed_out_is_paid_too(stage: Stage) -> None:
    """P2: both worst cases are held; the one nobody saw the end of is paid in full, and flagged."""
    await stage.open(budgets(ALL), fallback("504"))
    said = await stage.say(model="prod/it", max_tokens=100)
    assert said.targets == ["big/large", "small/tiny"]
    assert (await stage.counter("all")).reserved == WORST + WORST // 10
    said.answer((12, 30), attempts=(Ended(1, Ending.LATE), ANSWERED))
    entry = await said.over()
    paid = WORST + (12 * IN + 30 * OUT) // 10
    assert entry["cost_nano_usd"] == (await stage.counter("all")).spent == paid
    assert entry["usage"]["flags"] == ["earlier_attempt_timed_out"]
    assert entry["earlier_attempts"] == [
        {"model": "big/large", "provider": "openai", "input_tokens": TEN_WORDS,
         "output_tokens": 100, "cost_nano_usd": WORST},
    ]  # fmt: skip
    assert said.exchange.actual()["tokens"] == TEN_WORDS + 100 + 42


@pytest.mark.parametrize(
    "first", [Ended(1, Ending.ANSWERED, 503), Ended(1, Ending.UNSENT)], ids=["answered", "unsent"]
)
async def test_an_earlier_attempt_that_failed_is_free(stage: Stage, first: Ended) -> None:
    """P2: an error is not billed, nor is what no provider has seen."""
    await stage.open(budgets(ALL), fallback("503"))
    said = await stage.say(model="prod/it", max_tokens=100)
    headers = said.answer((10, 30), attempts=(first, ANSWERED))
    assert headers["x-tfy-resolved-model"] == "small/tiny"
    entry = await said.over()
    assert entry["cost_nano_usd"] == (10 * IN + 30 * OUT) // 10
    assert "earlier_attempts" not in entry and "flags" not in entry["usage"]


async def test_what_is_reserved_without_time_outs_is_the_dearest_attempt(stage: Stage) -> None:
    """P2: a plan whose failures cost nothing holds one worst case."""
    await stage.open(budgets(ALL), fallback("429", "500"))
    await stage.say(model="prod/it", max_tokens=100)
    assert (await stage.counter("all")).reserved == WORST


@pytest.mark.parametrize(("ending", "paid"), [(Ending.LATE, TEN_WORDS * IN), (Ending.UNSENT, 0)])
async def test_nobody_answered(stage: Stage, ending: Ending, paid: int) -> None:
    """P2: the input of the last attempt is paid where its provider has had it."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    head = ResponseHead(504, "", 1, "upstream_timeout", True, attempts=(Ended(1, ending),))
    said.exchange.on_head(head)
    await said.over()
    assert (await stage.counter("all")).spent == paid


async def test_a_caller_that_left_pays_the_input(stage: Stage) -> None:
    """P2: the provider has had it; nobody will see more."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    entry = await said.over(complete=False)
    assert entry["usage"]["flags"] == ["answer_not_seen"]
    assert (await stage.counter("all")).spent == TEN_WORDS * IN


async def test_the_price_is_that_of_the_reservation(stage: Stage) -> None:
    """P2: a reload in the middle of a call does not change what it costs."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    dear = {"type": "provider-account", "name": "other", "provider": "openai", "region": "eu",
            "base_url": "http://127.0.0.1:9/v1", "models": []}  # fmt: skip
    await stage.use(budgets(ALL), {**dear, "models": [{"id": "x", "price": {
        "input_per_mtok": 9, "output_per_mtok": 9}}]})  # fmt: skip
    said.answer((10, 10))
    assert (await said.over())["cost_nano_usd"] == 10 * IN + 10 * OUT


# --- what a provider says it used --------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "flag"),
    [((10**9, 10**9), "provider_usage_absurd"), ((-1, 5), "provider_usage_negative"),
     ((0, 0), "provider_usage_zero")],
)  # fmt: skip
async def test_a_usage_that_cannot_be_is_replaced(
    stage: Stage, used: tuple[int, int], flag: str
) -> None:
    """P2: our own count is charged, and the entry says why."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    said.answer(used)
    entry = await said.over()
    assert (entry["usage"]["flags"], entry["usage"]["source"]) == ([flag], "counted")
    assert (await stage.counter("all")).spent == TEN_WORDS * IN + 1 * OUT


async def test_a_usage_above_the_reservation_is_real_money(stage: Stage) -> None:
    """P2: what a provider can have billed is charged, and flagged."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100)
    said.answer((17, 150))
    assert (await said.over())["usage"]["flags"] == ["above_reservation"]
    assert (await stage.counter("all")).spent == 17 * IN + 150 * OUT


async def test_a_stream_is_charged_as_its_provider_says(stage: Stage) -> None:
    """P2: the usage of the last chunk, whatever we counted."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100, stream=True)
    assert said.sent[0]["stream_options"] == {"include_usage": True}
    out = said.stream(delta("one two"), {**delta(""), "choices": [], "usage": told((9, 8))}, None)
    assert b"usage" not in out  # nobody asked for it
    await said.over()
    assert (await stage.counter("all")).spent == 9 * IN + 8 * OUT


async def test_a_cut_stream_is_charged_for_the_words_that_were_seen(stage: Stage) -> None:
    """P2: no usage came; our own count is charged."""
    await stage.open(budgets(ALL))
    said = await stage.say(max_tokens=100, stream=True)
    said.stream(delta("one two three"), delta(" four five"), last=False)
    entry = await said.over(complete=False)
    assert entry["usage"]["flags"] == ["provider_usage_missing"]
    assert entry["usage"]["output_tokens"] == 5
    assert (await stage.counter("all")).spent == TEN_WORDS * IN + 5 * OUT


# --- refusals of limits ----------------------------------------------------------------------


async def test_calls_in_flight(stage: Stage) -> None:
    """Limits: no slot is 429 `rate_limit_exceeded`, again in a second; it has no window to show."""
    await stage.open(rates({"id": "one", "limit_to": 1, "unit": "concurrent_requests"}))
    first = await stage.say()
    second = await stage.say()
    assert second.refused.refusal.code is Code.RATE_LIMIT_EXCEEDED
    assert second.refused.headers == {"retry-after": "1"}
    assert not second.exchange.holds_reservation
    first.answer()
    await first.over()
    assert (await stage.counter("one")).reserved == 0
    assert (await stage.say()).allowed


async def test_ratelimit_headers_tell_the_window(stage: Stage) -> None:
    """Contract 3: quota, window and what is left of rate limits; budgets stay unseen (P4)."""
    await stage.open(rates({"id": "r", "limit_to": 5, "unit": "requests_per_minute"}), budgets(ALL))
    headers = (await stage.say()).answer()
    assert headers["ratelimit-policy"] == '"r";q=5;w=60'
    assert headers["ratelimit"].startswith('"r";r=4;t=')


async def test_the_first_rule_without_room_decides(stage: Stage) -> None:
    """Contract 4: rate limits are asked before budgets, and the code says which it was."""
    full = budgets({"id": "none", "limit_to": 0, "unit": "cost_total"})
    await stage.open(rates({"id": "r", "limit_to": 1, "unit": "requests_per_minute"}), full)
    assert (await stage.say()).refused.refusal.code is Code.BUDGET_EXCEEDED
    await stage.use(rates({"id": "r", "limit_to": 0, "unit": "requests_per_minute"}), full)
    assert (await stage.say()).refused.refusal.code is Code.RATE_LIMIT_EXCEEDED


async def test_what_a_mode_let_pass_stands_in_the_entry(stage: Stage) -> None:
    """P3: what would have been refused, and what passed a soft limit, is told by name."""
    await stage.open(
        budgets(
            {"id": "tried", "limit_to": 0, "unit": "cost_total", "mode": "audit"},
            {**ALL, "id": "soft", "soft_limit_to": 0.0001},
        )
    )
    limits = (await stage.say(max_tokens=100)).entry["limits"]
    assert limits["over_in_audit_mode"] == ["tried"]
    assert limits["over_soft_limit"] == ["soft"]


async def test_what_is_refused_holds_nothing(stage: Stage) -> None:
    """P2: a refused call leaves every counter as it was, and nothing to settle."""
    await stage.open(
        rates({"id": "r", "limit_to": 5, "unit": "requests_per_minute"}),
        budgets({"id": "none", "limit_to": 0.0001, "unit": "cost_total"}),
    )
    said = await stage.say(max_tokens=100)
    assert said.refused.refusal.code is Code.BUDGET_EXCEEDED
    assert not said.exchange.holds_reservation
    assert said.exchange.actual() == {"requests": 0, "tokens": 0, "cost": 0, "slots": 0}
    assert not any(c.spent or c.reserved for c in await stage.world.ledger.counters())


async def test_a_call_that_cannot_be_counted_is_recorded_and_charged_in_full(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2, P3: a defect of ours while a call is closed loses neither its entry nor its money."""
    await stage.open(budgets(ALL), fallback("504"))
    said = await stage.say(model="prod/it", max_tokens=100)
    held = (await stage.counter("all")).reserved

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("extproc.exchange.billing.bill", broken)
    said.answer((12, 30))
    with pytest.raises(RuntimeError):
        said.exchange.close(complete=True)
    assert said.exchange.record.outcome == "aborted"
    assert said.exchange.record.usage_flags[-1] == "not_counted"
    await said.exchange.settle()
    counter = await stage.counter("all")
    assert (counter.spent, counter.reserved) == (held, 0)
