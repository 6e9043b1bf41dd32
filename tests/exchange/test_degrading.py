"""A budget that has steps: something smaller instead of a refusal, and said so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from extproc.errors import Code
from tests.exchange.stage import IN, OUT, Json, Stage, account, budgets, model, rates
from tests.ledger.conftest import PrivateStore

TEN_WORDS = 17
BIG = TEN_WORDS * IN + 1000 * OUT
"""Worst case of the stage's default request, in nano-USD."""
TINY = {"at_percent": 50, "model": "small/tiny"}
TEMPLATE = {"at_percent": 90, "template": "Come back tomorrow."}


def budget(*steps: Json, limit: int = 100 * OUT, name: str = "b", **more: Json) -> Json:
    return budgets({"id": name, "limit_to": limit / 1e9, "unit": "cost_total",
                    "degrade": list(steps), **more})  # fmt: skip


# --- another model ---------------------------------------------------------------------------


async def test_a_cheaper_model_from_a_percentage_on(stage: Stage) -> None:
    """Degrade: below the percentage nothing changes; from it on the cheaper model serves."""
    await stage.open(budget(TINY))
    await stage.spend(40)
    assert (await stage.say(max_tokens=5)).targets == ["big/large"]
    await stage.spend(20)
    said = await stage.say(max_tokens=5)
    assert said.targets == ["small/tiny"] and said.sent[0]["model"] == "tiny"
    headers = said.answer()
    assert headers["x-tfy-resolved-model"] == "small/tiny"
    assert "b" in json.loads(headers["x-tfy-applied-configurations"])
    entry = await said.over()
    assert entry["limits"]["degraded"] == [
        {"rule_id": "b", "at_percent": 50, "action": "model",
         "from_model": "big/large", "to_model": "small/tiny"},
    ]  # fmt: skip


async def test_a_cheaper_model_where_the_asked_one_has_no_room(stage: Stage) -> None:
    """Degrade: nothing is spent yet, but the worst case does not fit: the next step is taken."""
    await stage.open(budget(TINY, limit=BIG - 1))
    said = await stage.say()
    assert said.targets == ["small/tiny"]
    held = await stage.counter("b")
    assert held.reserved == BIG // 10
    said.answer((17, 3))
    await said.over()
    assert (await stage.counter("b")).spent == (TEN_WORDS * IN + 3 * OUT) // 10


async def test_the_budget_goes_on_counting_what_it_made_cheaper(stage: Stage) -> None:
    """P2: a budget on one model does not lose sight of its callers by sending them elsewhere."""
    await stage.open(budget(TINY, when={"models": ["big/large"]}))
    await stage.spend(60)
    before = (await stage.counter("b")).spent
    said = await stage.say(max_tokens=100)
    said.answer((10, 50))
    await said.over()
    assert said.targets == ["small/tiny"]
    assert (await stage.counter("b")).spent == before + 10 * IN // 10 + 50 * OUT // 10


async def test_a_key_gets_no_model_by_a_budgets_step(stage: Stage) -> None:
    """P1: the key's scope holds; a step out of it is not there."""
    await stage.open(budget(TINY), grants=("big/*",))
    await stage.spend(60)
    assert (await stage.say(max_tokens=5)).targets == ["big/large"]
    said = await stage.say(max_tokens=100)
    assert said.refused.refusal.code is Code.BUDGET_EXCEEDED
    assert "degraded" not in said.entry["limits"]


async def test_a_step_out_of_scope_leads_to_the_next(stage: Stage) -> None:
    """Degrade: what cannot be taken is skipped, not the rest with it."""
    await stage.open(budget(TINY, {"at_percent": 60, "max_tokens": 7}), grants=("big/*",))
    await stage.spend(70)
    said = await stage.say(max_tokens=20)
    assert (said.targets, said.sent[0]["max_tokens"]) == (["big/large"], 7)


async def test_a_policy_is_asked_about_the_cheaper_model(stage: Stage) -> None:
    """P1: a target the policy refuses is not reached through a budget."""
    elsewhere = account("us", model("tiny", 0.1, 1), region="us")
    await stage.open(budget({"at_percent": 50, "model": "us/tiny"}), elsewhere)
    await stage.spend(60)
    assert (await stage.say(max_tokens=5)).targets == ["us/tiny"]
    personal = await stage.say(max_tokens=5, metadata={"data_class": "customer_pii"})
    assert personal.targets == ["big/large"]
    assert "degraded" not in personal.entry["limits"]
    assert personal.entry["limits"]["rule_ids"] == ["b"]


async def test_a_model_that_cannot_say_it_is_not_taken(stage: Stage) -> None:
    """Degrade: a caller is not refused for what another provider's dialect cannot carry."""
    await stage.open(budget({"at_percent": 50, "model": "claude/sonnet"}))
    await stage.spend(60)
    assert (await stage.say(max_tokens=5)).targets == ["claude/sonnet"]
    assert (await stage.say(max_tokens=5, logit_bias={"50256": -100})).targets == ["big/large"]


async def test_one_budgets_step_may_meet_anothers(stage: Stage) -> None:
    """Degrade: the cheaper model's own budgets hold, with steps of their own."""
    mine = budget(TINY)
    theirs = {**budget({"at_percent": 1, "max_tokens": 3}, name="tiny", limit=OUT,
                       when={"models": ["small/tiny"]}), "name": "other"}  # fmt: skip
    await stage.open(mine, theirs)
    await stage.spend(60)
    await stage.spend(1, model="small/tiny")
    said = await stage.say(max_tokens=5)
    assert (said.targets, said.sent[0]["max_tokens"]) == (["small/tiny"], 3)
    assert [s["rule_id"] for s in said.entry["limits"]["degraded"]] == ["b", "tiny"]


# --- a shorter answer ------------------------------------------------------------------------


async def test_a_shorter_answer(stage: Stage) -> None:
    """Degrade: the lowered maximum is what is reserved and what is sent (P2)."""
    await stage.open(budget({"at_percent": 50, "max_tokens": 9}, limit=BIG))
    await stage.spend(600)
    said = await stage.say()
    assert said.sent[0]["max_completion_tokens"] == 9
    assert (await stage.counter("b")).reserved == TEN_WORDS * IN + 9 * OUT
    assert said.entry["limits"]["degraded"] == [
        {"rule_id": "b", "at_percent": 50, "action": "max_tokens", "from_model": "big/large",
         "max_tokens": 9},
    ]  # fmt: skip


async def test_a_step_that_changes_nothing_is_not_told(stage: Stage) -> None:
    """P3: the entry tells what was done, not what a rule says."""
    await stage.open(budget({"at_percent": 50, "max_tokens": 9}))
    await stage.spend(60)
    said = await stage.say(max_tokens=5)
    assert said.sent[0]["max_tokens"] == 5 and "degraded" not in said.entry["limits"]


# --- a template ------------------------------------------------------------------------------


async def test_a_template_calls_nobody(stage: Stage) -> None:
    """Degrade: the caller gets the text, no limit is touched, and the log has it."""
    await stage.open(budget(TEMPLATE), rates({"id": "r", "limit_to": 9,
                                              "unit": "requests_per_minute"}))  # fmt: skip
    await stage.spend(95)
    before = [(c.spent, c.reserved) for c in await stage.world.ledger.counters()]
    said = await stage.say(max_tokens=1)
    body = json.loads(said.answered.body)
    assert body["choices"][0]["message"]["content"] == "Come back tomorrow."
    headers = said.answered.headers
    assert headers["x-tfy-resolved-model"] == "template"
    assert "b" in json.loads(headers["x-tfy-applied-configurations"])
    assert not said.exchange.holds_reservation and not said.exchange.sent
    entry = await said.over()
    assert entry["decision"] == {"outcome": "answered", "http_status": 200}
    assert entry["limits"]["degraded"] == [
        {"rule_id": "b", "at_percent": 90, "action": "template", "from_model": "big/large"},
    ]  # fmt: skip
    assert entry["response"]["content_digest"] == hashlib.sha256(said.answered.body).hexdigest()
    assert said.exchange.actual() == {"requests": 0, "tokens": 0, "cost": 0, "slots": 0}
    assert [(c.spent, c.reserved) for c in await stage.world.ledger.counters()] == before


async def test_a_template_needs_no_store(own_store: PrivateStore, tmp_path: Path) -> None:
    """P8: spend that was seen once is known; nobody is asked again before the text is given."""
    stage = await Stage(tmp_path, own_store.url).open(budget(TEMPLATE))
    await stage.spend(95)
    own_store.stop()
    assert (await stage.say(max_tokens=1)).answered.body
    await stage.close()


async def test_a_template_instead_of_a_refusal(stage: Stage) -> None:
    """Degrade: with no room left the last step is taken whatever its percentage."""
    await stage.open(budget(TEMPLATE, limit=BIG - 1))
    assert (await stage.say()).answered.headers["x-tfy-resolved-model"] == "template"


async def test_a_streamed_template(stage: Stage) -> None:
    """Contract 3: a call that asked for a stream gets one."""
    await stage.open(budget(TEMPLATE, limit=BIG - 1))
    answered = (await stage.say(stream=True)).answered
    assert answered.headers["content-type"] == "text/event-stream"
    assert answered.body.endswith(b"data: [DONE]\n\n")


async def test_an_embedding_has_no_template(stage: Stage) -> None:
    """Degrade: a step that cannot be taken is not there; without room the budget refuses."""
    await stage.open(budget(TEMPLATE, limit=2 * IN))
    said = await stage.say({"model": "big/large", "input": "one two three"}, path="/v1/embeddings")
    assert said.refused.refusal.code is Code.BUDGET_EXCEEDED


# --- the end of it ---------------------------------------------------------------------------


async def test_when_all_steps_are_taken_the_budget_refuses(stage: Stage) -> None:
    """P2: a smaller request that still has no room is refused, by the rule and with its time."""
    await stage.open(budget(TINY, {"at_percent": 60, "max_tokens": 500}, limit=BIG // 100))
    said = await stage.say()
    refusal = said.refused.refusal
    assert (refusal.code, refusal.rule_id) == (Code.BUDGET_EXCEEDED, "b")
    assert 0 < int(said.refused.headers["retry-after"]) <= 365 * 86_400
    assert not said.exchange.holds_reservation
    assert (await said.over())["decision"]["outcome"] == "refused"
    assert [c for c in await stage.world.ledger.counters() if c.spent or c.reserved] == []


async def test_each_round_forgets_the_one_before(stage: Stage) -> None:
    """P3: only rules that held for what was sent are named, each once."""
    first = rates({"id": "only-big", "when": {"models": ["small/*"]}, "limit_to": 9,
                   "unit": "requests_per_minute"})  # fmt: skip
    await stage.open(budget(TINY), first)
    await stage.spend(60)
    said = await stage.say(max_tokens=5)
    assert sorted(said.entry["limits"]["rule_ids"]) == ["b", "only-big"]


async def test_a_rate_limit_refuses_as_ever(stage: Stage) -> None:
    """P2: a step of a budget makes no room in a rate limit; the first that refuses decides."""
    await stage.open(budget(TINY), rates({"id": "r", "limit_to": 1,
                                          "unit": "requests_per_minute"}))  # fmt: skip
    await stage.spend(60)
    said = await stage.say(max_tokens=5)
    assert said.refused.refusal.code is Code.RATE_LIMIT_EXCEEDED
    assert said.refused.refusal.rule_id == "r"
