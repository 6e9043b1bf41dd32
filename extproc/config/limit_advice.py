"""Warnings about limits: valid, and probably not what their author meant.

Promises: cheap enough for ten thousand rules. Nothing here is guessed: a rule that is said never to
run never runs, a budget that is said to stay at zero does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from extproc.config.files import told_at
from extproc.config.kinds import BUDGETS, CHANNEL, RATES, ROUTING
from extproc.config.limit_fields import OPERATIONS
from extproc.config.limit_model import (
    Alerts,
    RateLimitRule,
    TenantBudgetConfig,
    TenantRateLimitConfig,
)
from extproc.config.match import compile_models
from extproc.config.mistake import Mistake
from extproc.config.model import Config, ModelSpec, ProviderAccount
from extproc.config.reach import Earlier

# Kinds of call that this version's endpoints carry.
SERVED = frozenset(OPERATIONS) - {"tool"}


def limit_advice(config: Config) -> Iterator[Mistake]:
    """All of them."""
    for source in (_unreachable, _not_served, _costless, _untold, _unused):
        yield from source(config)


def tenants(config: Config) -> Iterator[TenantBudgetConfig | TenantRateLimitConfig]:
    """Every limit of the second version."""
    yield from config.tenant_budgets
    yield from config.tenant_rate_limits


# --- first match wins --------------------------------------------------------------------------


def _unreachable(config: Config) -> Iterator[Mistake]:
    """What stands behind a rule that matches the same calls, and more, never runs."""
    routes = Earlier()
    for rule in config.routing:
        if before := routes.covering(rule.when):
            yield _never(config, ROUTING, rule.id, before)
        else:
            routes.add(rule.id, rule.when)
    flights = [rule for rule in config.rate_limits if rule.unit == "concurrent_requests"]
    windows = [rule for rule in config.rate_limits if rule.unit != "concurrent_requests"]
    yield from _unreachable_rates(config, windows)
    yield from _unreachable_rates(config, flights)


def _unreachable_rates(config: Config, rules: Iterable[RateLimitRule]) -> Iterator[Mistake]:
    """An audit hides further audits alone: trying a rule out switches no other off."""
    enforced, audited = Earlier(), Earlier()
    for rule in rules:
        before = enforced.covering(rule.when)
        if before is None and rule.audit_mode:
            before = audited.covering(rule.when)
        if before is not None:
            yield _never(config, RATES, rule.id, before)
        else:
            (audited if rule.audit_mode else enforced).add(rule.id, rule.when)


def _never(config: Config, kind: str, rule_id: str, before: str) -> Mistake:
    text = f"rule '{rule_id}' never runs: '{before}' before it matches all that it matches"
    return told_at(config, f"{kind}#{rule_id}", text)


# --- limits that cannot count --------------------------------------------------------------------


def _not_served(config: Config) -> Iterator[Mistake]:
    named = [(f"{RATES}#{rule.id}", rule.when.operations) for rule in config.rate_limits]
    named += [(f"{BUDGETS}#{rule.id}", rule.when.operations) for rule in config.budgets]
    named += [
        (f"gateway-request-caps-config#{cap.id}", cap.when.operations)
        for cap in config.request_caps
    ]
    for document in tenants(config):
        named.append((f"{document.type}/{document.name}", document.when.operations))
    for key, operations in named:
        for operation in operations or ():
            if operation not in SERVED:
                yield told_at(config, key, f"no call here is of the kind '{operation}' yet")


def _costless(config: Config) -> Iterator[Mistake]:
    """Budgets in USD over models that cost nothing."""
    free = {
        f"{account.name}/{model.id}"
        for account in config.accounts.values()
        for model in account.models
        if _is_free(account, model)
    }
    if not free:
        return
    served_by = _served_by(config)
    for key, patterns in _cost_budgets(config):
        matches = compile_models(patterns or ("*",))
        targets = {one for name, ends in served_by.items() if matches(name) for one in ends}
        if targets and targets <= free:
            text = "counts nothing: every model it is about is without a price"
            yield told_at(config, key, text)


def _is_free(account: ProviderAccount, model: ModelSpec) -> bool:
    """Surely free: a list price is never that of a machine of one's own."""
    if model.price is not None:
        return not any(rate for _, rate in model.price)
    return account.unpriced == "allow" and account.kind == "self_hosted"


def _served_by(config: Config) -> Mapping[str, set[str]]:
    """Every name that a call can ask for -> the models that may answer it."""
    found = {f"{a.name}/{m.id}": {f"{a.name}/{m.id}"} for a in config.accounts.values()
             for m in a.models}  # fmt: skip
    for rule in config.routing:
        for name in rule.when.models or ():
            targets = (target.target for target in rule.load_balance_targets)
            found.setdefault(name, set()).update(targets)
    return found


def _cost_budgets(config: Config) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    for rule in config.budgets:
        if rule.measure == "cost":
            yield f"{BUDGETS}#{rule.id}", rule.when.models
    for document in config.tenant_budgets:
        if all(unit.startswith("cost") for unit in document.limits.given()):
            models = document.when.models
            yield f"{document.type}/{document.name}", models.in_ if models else None


# --- alerts ----------------------------------------------------------------------------------


def _alerts(config: Config) -> Iterator[tuple[str, Alerts]]:
    for rule in config.budgets:
        if rule.alerts is not None:
            yield f"{BUDGETS}#{rule.id}", rule.alerts
    for document in config.tenant_budgets:
        if document.alerts is not None:
            yield f"{document.type}/{document.name}", document.alerts


def _untold(config: Config) -> Iterator[Mistake]:
    for key, alerts in _alerts(config):
        if not alerts.notification_target:
            text = "its alerts have no `notification_target`: they show in log and metrics alone"
            yield told_at(config, key, text)


def _unused(config: Config) -> Iterator[Mistake]:
    used = {t.notification_channel for _, alerts in _alerts(config)
            for t in alerts.notification_target}  # fmt: skip
    for name in config.channels:
        if name not in used:
            yield told_at(config, f"{CHANNEL}/{name}", f"no alert goes to '{name}'")
