"""Warnings: a configuration that is valid and probably not what its author meant.

Promises: warnings never stop anything. They share the shape of mistakes, with file and line.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from extproc.config.files import place
from extproc.config.kinds import ROUTING
from extproc.config.match import compile_models, is_pattern
from extproc.config.mistake import Mistake
from extproc.config.model import Config, RateLimitRule, RoutingRule, When
from extproc.config.pages import virtual_models


def advice(config: Config) -> list[Mistake]:
    """All warnings."""
    found = (_gateway, _unreachable, _unbound, _inert, _plaintext, _keyless)
    return [warning for source in found for warning in source(config)]


def _at(config: Config, key: str, message: str) -> Mistake:
    return Mistake(*place(config, key), message)


def _gateway(config: Config) -> Iterator[Mistake]:
    key = f"gateway-config/{config.gateway.name}"
    if key not in config.places:
        file = min((file for file, _ in config.places.values()), default="configuration")
        yield Mistake(file, 1, "no gateway-config: its defaults hold, with no metadata contract")


def _unreachable(config: Config) -> Iterator[Mistake]:
    """First match wins in these lists: what stands behind a broader rule never runs."""
    lists: tuple[tuple[str, Sequence[RateLimitRule | RoutingRule]], ...] = (
        ("gateway-rate-limiting-config", config.rate_limits),
        (ROUTING, config.routing),
    )
    for kind, rules in lists:
        for index, rule in enumerate(rules):
            broad = next((one for one in rules[:index] if one.when == When()), None)
            if broad is not None:
                message = f"rule '{rule.id}' never runs: '{broad.id}' before it matches everything"
                yield _at(config, f"{kind}#{rule.id}", message)


def _unbound(config: Config) -> Iterator[Mistake]:
    """Rules that match nothing that can happen."""
    users = {f"user:{user.email or user.name}" for user in config.users.values()}
    known = {f"{a.name}/{m.id}" for a in config.accounts.values() for m in a.models}
    listed = (name for rule in config.routing for name in rule.when.models or ())
    known |= virtual_models(listed, config.accounts)
    for kind, rule_id, when in _rules(config):
        for subject in when.subjects or ():
            if subject.startswith(("serviceaccount:", "external-identity:")) or (
                users and subject.startswith("user:") and subject not in users
            ):
                yield _at(config, f"{kind}#{rule_id}", f"nobody here is '{subject}'")
        for pattern in filter(is_pattern, when.models or ()):
            if not any(map(compile_models([pattern]), known)):
                yield _at(config, f"{kind}#{rule_id}", f"no model matches '{pattern}'")


def _inert(config: Config) -> Iterator[Mistake]:
    for rule in config.guardrail_rules:
        if not rule.llm_input_guardrails and not rule.llm_output_guardrails:
            key = f"gateway-guardrails-config#{rule.id}"
            yield _at(config, key, f"rule '{rule.id}' names no guardrail")


def _plaintext(config: Config) -> Iterator[Mistake]:
    for name, account in config.accounts.items():
        parts = urlsplit(account.base_url)
        if account.auth and parts.scheme == "http" and not _loopback(parts.hostname or ""):
            message = f"the credential of '{name}' travels unencrypted (http)"
            yield _at(config, f"provider-account/{name}", message)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keyless(config: Config) -> Iterator[Mistake]:
    """Defaults deny: an account without models can call nothing."""
    for name, account in config.virtual_accounts.items():
        if not account.models:
            yield _at(
                config, f"virtual-account/{name}", f"'{name}' lists no models: it may call none"
            )


def _rules(config: Config) -> Iterator[tuple[str, str, When]]:
    for kind, rules in (
        ("gateway-rate-limiting-config", config.rate_limits),
        ("gateway-budget-config", config.budgets),
        (ROUTING, config.routing),
        ("gateway-guardrails-config", config.guardrail_rules),
    ):
        for rule in rules:
            yield kind, rule.id, rule.when
