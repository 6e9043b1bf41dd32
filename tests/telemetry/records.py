"""Closed exchanges, as the exchange leaves them behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extproc.config.model import ModelSpec, ProviderAccount
from extproc.errors import Code, Refusal
from extproc.exchange.record import Record, Span
from extproc.exchange.trace import begin
from extproc.guardrails.values import Finding, HookResult
from extproc.identity.principal import Principal
from extproc.limits.values import CounterState
from extproc.llm.call import LlmCall
from extproc.policy.values import Decision
from extproc.routing.values import Ended, Ending, Target
from extproc.usage.usage import Usage

DECISION = "01890a5d-ac96-774b-bcce-b302099a8057"
STARTED_MS = 1_800_000_000_000
MS = 1_000_000


def target(account: str = "openai-main", model: str = "gpt-4o-mini", provider: str = "openai",
           ) -> Target:  # fmt: skip
    spec = ModelSpec(id=model)
    document: Any = {"type": "provider-account", "name": account, "provider": provider,
                     "base_url": "http://127.0.0.1:9100/v1", "models": (spec,)}  # fmt: skip
    return Target(ProviderAccount(**document), spec)


OPENAI = target()
CLAUDE = target("anthropic-main", "claude-sonnet", "anthropic")
SUPPORT = Principal("virtual-account", "support-bot", "first", team="support-ai")
CALL = LlmCall("chat", "prod/assistant", True, 500, 1, ())


def served(**changes: Any) -> Record:
    """A stream that an OpenAI target served on the first attempt; 200 ms from start to end."""
    record = Record(
        decision_id=DECISION, method="POST", path="/v1/chat/completions",
        started_at_ms=STARTED_MS, started_ns=0, environment="production",
        principal=SUPPORT, metadata={"team": "support-ai", "cost_center": "cc-7"}, call=CALL,
        operation="chat", input_tokens=812, decisions=[(OPENAI.name, Decision(True))],
        rule_ids=["team-rpm"], reservation_id=DECISION,
        counters=(CounterState("team-rpm", "rate", "requests", 600, 599, 60_000),),
        input_guard=HookResult(
            outcomes={"global/pii": "mutate"},
            findings=(Finding("global/pii", "EMAIL", "messages[0].content", 2),),
        ),
        output_guard=HookResult(outcomes={"global/secrets": "pass"}),
        plan=(OPENAI.name, CLAUDE.name), served=OPENAI, attempts=1, status=200,
        usage=Usage(100, 21, 12, 0), cost_nano_usd=27_600, stream=True, outcome="allowed",
        phases_ns={"auth": 20_000, "policy": 60_000, "limits": 300_000},
        sent_ns=1 * MS, first_byte_ns=40 * MS, first_token_ns=50 * MS, last_token_ns=190 * MS,
        ended_ns=200 * MS, tried=((OPENAI, Ended(1, Ending.ANSWERED, 200)),),
        provider_ns=39 * MS, finish_reasons=("stop",), asked={"temperature": 0.5, "seed": 7},
        spans=[Span("auth", 0, 20_000, 20_000), Span("policy", 20_000, 80_000, 60_000),
               Span("limits", 80_000, 380_000, 300_000), Span("verdict", 380_000, MS, 620_000)],
    )  # fmt: skip
    found = changed(record, **changes)
    found.trace = found.trace or begin(found.traceparent, found.decision_id)
    return found


def refused(**changes: Any) -> Record:
    """A budget had no room: the request was routed, nothing was sent."""
    refusal = Refusal(Code.BUDGET_EXCEEDED, rule_id="team-day", retry_after_ms=1000)
    return served(
        refusal=refusal, status=429, outcome="refused", plan=(), served=None, attempts=0,
        usage=None, cost_nano_usd=0, input_guard=None, output_guard=None, first_byte_ns=0,
        first_token_ns=0, last_token_ns=0, tried=(), provider_ns=0, finish_reasons=(), **changes,
    )  # fmt: skip


def changed(record: Record, **changes: Any) -> Record:
    return replace(record, **changes)
