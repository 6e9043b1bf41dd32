"""The rate limit sample that the product's description prints, as it is printed (contract)."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import yaml

from extproc.config.limit_model import RateLimitConfig, RateLimitRule
from extproc.identity.principal import Principal
from extproc.limits.match import LimitMatcher
from tests.limits.configured import charges, matcher

SAMPLE = """
name: ratelimiting-config
type: gateway-rate-limiting-config
rules:
  # 1. Specific override: bob's runaway script gets a hard 1k requests/day on gpt4
  - id: "bob-gpt4-day-cap"
    when:
      subjects: ["user:bob@example.com"]
      models: ["openai-main/gpt4"]
    limit_to: 1000
    unit: requests_per_day
  # 2. Team-level token cap on a costly model
  - id: "backend-team-gpt4-tpm"
    when:
      subjects: ["team:backend"]
      models: ["openai-main/gpt4"]
    limit_to: 20000
    unit: tokens_per_minute
  # 3. Fairness floor: every user gets their own 1M-token/day budget on any model
  - id: "user-daily-token-cap"
    when: {}
    limit_to: 1000000
    unit: tokens_per_day
    rate_limit_applies_per: ["user"]
  # 4. Project-level cap based on metadata in the request header
  - id: "project-hourly-cap"
    when: {}
    limit_to: 50000
    unit: tokens_per_hour
    rate_limit_applies_per: ["metadata.project_id"]
"""

BOB = Principal("user", "bob", "k", team="backend", teams=("backend",), email="bob@example.com")
EVE = Principal("user", "eve", "k", team="backend", teams=("backend",), email="eve@example.com")
SAM = Principal("user", "sam", "k", email="sam@example.com")
CI = Principal("virtual-account", "ci", "k", team="backend")
GPT4, OTHER = ("openai-main/gpt4", "openai-main/gpt4"), ("openai-main/gpt5", "openai-main/gpt5")
PROJECT = {"project_id": "apollo"}


def rules(text: str) -> tuple[RateLimitRule, ...]:
    return RateLimitConfig.model_validate_json(json.dumps(yaml.safe_load(text))).rules


def charged(
    limits: LimitMatcher, who: Principal, models: tuple[str, ...], metadata: Mapping[str, str]
) -> str:
    found = [(c.counter, c.measure, c.limit, c.window.label) for c in
             charges(limits, who, models, metadata)]  # fmt: skip
    return " ".join(f"{counter} {limit} {unit}/{per}" for counter, unit, limit, per in found)


@pytest.mark.parametrize(
    ("who", "models", "counter"),
    [
        (BOB, GPT4, "rate:bob-gpt4-day-cap: 1000 requests/day"),
        (BOB, ("prod/smart", "openai-main/gpt4"), "rate:bob-gpt4-day-cap: 1000 requests/day"),
        (EVE, GPT4, "rate:backend-team-gpt4-tpm: 20000 tokens/minute"),
        (CI, GPT4, "rate:backend-team-gpt4-tpm: 20000 tokens/minute"),
        (SAM, GPT4, "rate:user-daily-token-cap:sam@example.com 1000000 tokens/day"),
        (BOB, OTHER, "rate:user-daily-token-cap:bob@example.com 1000000 tokens/day"),
        (CI, OTHER, "rate:user-daily-token-cap: 1000000 tokens/day"),
    ],
)
def test_the_sample_as_it_is_printed(who: Principal, models: tuple[str, ...], counter: str) -> None:
    """Contract: specific rules first; the first that matches is the only one that counts."""
    assert charged(matcher(rules(SAMPLE)), who, models, PROJECT) == counter


def test_the_project_cap_counts_where_it_comes_first() -> None:
    """Contract: a counter for each project; calls without a project share one."""
    first = rules(SAMPLE)[3:]
    limits = matcher(first)
    assert charged(limits, SAM, GPT4, PROJECT) == (
        "rate:project-hourly-cap:apollo 50000 tokens/hour"
    )
    assert charged(limits, CI, OTHER, {"project_id": "gemini"}) == (
        "rate:project-hourly-cap:gemini 50000 tokens/hour"
    )
    assert charged(limits, CI, OTHER, {}) == "rate:project-hourly-cap: 50000 tokens/hour"


EVERYBODY = """
name: everybody
type: gateway-rate-limiting-config
rules:
  - {id: people, when: {subjects: ["team:everyone"]}, limit_to: 60, unit: requests_per_minute,
     rate_limit_applies_per: [user, model]}
  - {id: rest, when: {subjects: ["*"]}, limit_to: 600, unit: requests_per_minute,
     rate_limit_applies_per: [virtualaccount]}
"""


@pytest.mark.parametrize(
    ("who", "counter"),
    [
        (BOB, "rate:people:bob@example.com:openai-main/gpt4 60 requests/minute"),
        (SAM, "rate:people:sam@example.com:openai-main/gpt4 60 requests/minute"),
        (CI, "rate:rest:ci 600 requests/minute"),
    ],
)
def test_everyone_is_every_user_and_a_star_is_everybody(who: Principal, counter: str) -> None:
    """Contract: `team:everyone` is every user and no virtual account; `*` is all of them."""
    assert charged(matcher(rules(EVERYBODY)), who, GPT4, {}) == counter
