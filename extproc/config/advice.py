"""Warnings: a configuration that is valid and probably not what its author meant.

Promises: warnings never stop anything. They share the shape of mistakes, with file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from extproc.config.fields import is_loopback
from extproc.config.files import told_at
from extproc.config.kinds import BUDGETS, FALLBACK, RATES, ROUTING
from extproc.config.limit_advice import limit_advice, tenants
from extproc.config.match import compile_models, is_pattern
from extproc.config.mistake import Mistake
from extproc.config.model import (
    BudgetRule,
    Config,
    GuardrailRule,
    RateLimitRule,
    RequestCap,
    RoutingRule,
    When,
)
from extproc.config.pages import virtual_models
from extproc.config.routing_advice import routing_advice
from extproc.config.routing_model import AUTO, FallbackRule

Rule = RateLimitRule | BudgetRule | RequestCap | RoutingRule | FallbackRule | GuardrailRule


def advice(config: Config) -> list[Mistake]:
    """All warnings."""
    found = (
        _gateway, limit_advice, routing_advice, _nobody, _nothing, _inert, _plaintext, _keyless,
    )  # fmt: skip
    return [warning for source in found for warning in source(config)]


def _gateway(config: Config) -> Iterator[Mistake]:
    key = f"gateway-config/{config.gateway.name}"
    if key not in config.places:
        file = min((file for file, _ in config.places.values()), default="configuration")
        yield Mistake(file, 1, "no gateway-config: its defaults hold, with no metadata contract")


def _nobody(config: Config) -> Iterator[Mistake]:
    """Callers that are none here. Without any `user` document users may come by other ways."""
    users = {f"user:{user.email or user.name}" for user in config.users.values()}
    for key, subject in _subjects(config):
        if subject.startswith(("serviceaccount:", "external-identity:")) or (
            users and subject.startswith("user:") and subject not in users
        ):
            yield told_at(config, key, f"nobody here is '{subject}'")


def _subjects(config: Config) -> Iterator[tuple[str, str]]:
    for key, when in _rules(config):
        yield from ((key, subject) for subject in when.subjects or ())
    for rule in config.budgets:
        names = (name for override in rule.overrides for name in override.users)
        yield from ((f"{BUDGETS}#{rule.id}", f"user:{name}") for name in names)
    for document in tenants(config):
        users = document.when.subjects.users
        listed = [*(users.in_ or ()), *users.not_in] if users else []
        for override in document.applies_to.overrides:
            listed += override.users
        yield from ((f"{document.type}/{document.name}", f"user:{name}") for name in listed)


def _nothing(config: Config) -> Iterator[Mistake]:
    """Patterns that match no model."""
    known = {f"{a.name}/{m.id}" for a in config.accounts.values() for m in a.models}
    listed = (name for rule in config.routing for name in rule.when.models or ())
    known |= {AUTO, *virtual_models(listed, config.accounts)}
    matched: dict[str, bool] = {}
    for key, pattern in _patterns(config):
        if pattern not in matched:
            matched[pattern] = any(map(compile_models([pattern]), known))
        if not matched[pattern]:
            yield told_at(config, key, f"no model matches '{pattern}'")


def _patterns(config: Config) -> Iterator[tuple[str, str]]:
    for key, when in _rules(config):
        yield from ((key, name) for name in filter(is_pattern, when.models or ()))
    for document in tenants(config):
        models = document.when.models
        listed = [*(models.in_ or ()), *models.not_in] if models else []
        yield from ((f"{document.type}/{document.name}", one) for one in filter(is_pattern, listed))


def _inert(config: Config) -> Iterator[Mistake]:
    for rule in config.guardrail_rules:
        key = f"gateway-guardrails-config#{rule.id}"
        for_tools = rule.mcp_tool_pre_invoke_guardrails or rule.mcp_tool_post_invoke_guardrails
        if for_tools:
            message = f"rule '{rule.id}' is about tool calls, which this version does not serve"
            yield told_at(config, key, message)
        elif rule.unscanned == "allow" and not (
            rule.llm_input_guardrails or rule.llm_output_guardrails
        ):
            yield told_at(config, key, f"rule '{rule.id}' names no guardrail")


def _plaintext(config: Config) -> Iterator[Mistake]:
    for name, account in config.accounts.items():
        parts = urlsplit(account.url)
        if account.auth and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            message = f"the credential of '{name}' travels unencrypted (http)"
            yield told_at(config, f"provider-account/{name}", message)


def _keyless(config: Config) -> Iterator[Mistake]:
    """Defaults deny: an account without models can call nothing."""
    for name, account in config.virtual_accounts.items():
        if not account.models:
            yield told_at(
                config, f"virtual-account/{name}", f"'{name}' lists no models: it may call none"
            )


def _rules(config: Config) -> Iterator[tuple[str, When]]:
    """The key of the place and the `when` of every rule of the first version."""
    lists: tuple[tuple[str, Sequence[Rule]], ...] = (
        (RATES, config.rate_limits),
        (BUDGETS, config.budgets),
        ("gateway-request-caps-config", config.request_caps),
        (ROUTING, config.routing),
        (FALLBACK, config.fallbacks),
        ("gateway-guardrails-config", config.guardrail_rules),
    )
    for kind, rules in lists:
        for rule in rules:
            yield f"{kind}#{rule.id}", rule.when
