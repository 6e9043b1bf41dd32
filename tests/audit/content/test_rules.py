"""Which rule decides what is kept, for how long, and under whose key."""

from __future__ import annotations

from typing import Any

import pytest

from extproc.audit.content.rules import CaptureRules, tenant_of
from extproc.config.audit_model import Content, Retention
from extproc.identity.principal import Principal

BOT = Principal("virtual-account", "bot", "k", team="sales")
EVE = Principal("user", "eve", "k")


def rules(*made: dict[str, Any], capture: str = "digests", **more: Any) -> CaptureRules:
    retention = more.pop("retention", {})
    content = {"capture": capture, "rules": [{"when": {}, **rule} for rule in made], **more}
    return CaptureRules(
        Content.model_validate(content, strict=False), Retention.model_validate(retention)
    )


def test_the_first_rule_that_fits_decides() -> None:
    """Audit: in order, by subject, model, metadata and environment; else the default."""
    made = rules(
        {"id": "eu", "when": {"metadata": {"region": "eu"}}, "capture": "none"},
        {"id": "prod", "environments": ["prod"], "capture": "redacted", "retention_days": 7},
        {"id": "sales", "when": {"subjects": ["team:sales"]}, "capture": "full"},
        {"id": "big", "when": {"models": ["big/*"]}, "capture": "redacted"},
    )

    def decided(who: Principal, model: str, environment: str = "", **metadata: str) -> str:
        said = made.decide(who, (model,), metadata, environment)
        return f"{said.rule_id}:{said.capture}:{said.days}"

    assert decided(BOT, "big/large", "prod", region="eu") == "eu:none:None"
    assert decided(BOT, "big/large", "prod") == "prod:redacted:7"
    assert decided(BOT, "big/large", "test") == "sales:full:None"
    assert decided(EVE, "big/large") == "big:redacted:None"
    assert decided(EVE, "small/tiny") == ":digests:None"


def test_an_unknown_model_gets_the_strictest_that_might_fit() -> None:
    """P4: a body that could not be read is kept no more than any model's rule allows."""
    made = rules(
        {"id": "secret", "when": {"models": ["secret/*"]}, "capture": "none"},
        {"id": "users", "when": {"subjects": ["user:eve"]}, "capture": "full"},
        capture="redacted",
    )
    assert made.decide(EVE, None, {}, "").capture == "none"
    assert made.decide(BOT, None, {}, "").capture == "none"
    first = rules(
        {"id": "users", "when": {"subjects": ["user:eve"]}, "capture": "full"},
        {"id": "secret", "when": {"models": ["secret/*"]}, "capture": "none"},
    )
    assert first.decide(EVE, None, {}, "").capture == "full"


def test_calls_on_behalf_of_another_keep_nothing() -> None:
    """P4: a judge's prompt holds a tenant's text, and would outlive that tenant's erasure."""
    judge = Principal("virtual-account", "judge", "k", internal=True)
    for capture, kept in (("full", "digests"), ("redacted", "digests"), ("none", "none")):
        assert rules(capture=capture).decide(judge, ("m",), {}, "").capture == kept


def test_how_long() -> None:
    """Audit: the policy that the call names, else the rule's days, else the class's."""
    retention = {"days": {"content": 30}, "policies": {"short": 1, "legal": 3650}}
    made = rules(
        {"id": "sales", "when": {"subjects": ["team:sales"]}, "capture": "full",
         "retention_days": 90},
        retention=retention,
    )  # fmt: skip

    def days(who: Principal, **metadata: str) -> int | None:
        return made.decide(who, ("m",), metadata, "").days

    assert (days(EVE), days(BOT), days(BOT, retention_policy="short")) == (30, 90, 1)
    assert days(EVE, retention_policy="legal") == 3650
    misspelt = made.decide(BOT, ("m",), {"retention_policy": "shrot"}, "")
    assert (misspelt.days, misspelt.note()["retention_policy"]) == (90, "unknown")
    assert "retention_policy" not in made.decide(BOT, ("m",), {}, "").note()


@pytest.mark.parametrize(
    ("key_per", "who", "metadata", "tenant"),
    [
        ("tenant", BOT, {"tenant_id": "acme"}, "tenant:acme"),
        ("tenant", BOT, {}, "team:sales"),
        ("tenant", EVE, {"tenant_id": ""}, "user:eve"),
        ("team", BOT, {"tenant_id": "acme"}, "team:sales"),
        ("team", EVE, {}, "user:eve"),
        ("principal", BOT, {"tenant_id": "acme"}, "virtualaccount:bot"),
        ("metadata.project", BOT, {"project": "p1"}, "metadata.project:p1"),
        ("metadata.project", BOT, {}, "team:sales"),
    ],
)
def test_whose_key(key_per: str, who: Principal, metadata: dict[str, str], tenant: str) -> None:
    """P4: content is encrypted per tenant; two kinds of tenant of one name are two."""
    assert str(tenant_of(key_per, who, metadata)) == tenant


def test_idle_only_where_digests_are_all() -> None:
    """P8: without capture the exchange asks nobody; keeping less than digests is no such case."""
    assert rules().idle and rules({"id": "a", "capture": "digests"}).idle
    assert not rules(capture="none").idle and not rules({"id": "a", "capture": "none"}).idle
