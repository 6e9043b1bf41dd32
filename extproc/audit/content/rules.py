"""What is kept of a call: the first rule that fits, else the default; compiled at load.

Pure. Promises: of a call whose model nobody knows (its body could not be read) is kept what the
strictest rule that might have fit allows. Of a call that the gateway itself makes on behalf of
another (a judge's, a shadow's copy) no body is kept: it holds the other's text, and would outlive
the erasure of the other's tenant. A `retention_policy` that no policy names changes
nothing, and the entry says so: a misspelt word must neither fail a call nor shorten or lengthen
what the operator has set for calls that say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from extproc.audit.content.values import CaptureDecision, Tenant
from extproc.config.audit_model import CAPTURES_CONTENT, Capture, Content, ContentRule, Retention
from extproc.config.match import Matcher, compile_when
from extproc.identity.principal import Principal

RETENTION_POLICY = "retention_policy"
"""The metadata key by which a call names one of `audit.retention.policies`."""
TENANT_ID = "tenant_id"
_ORDER: tuple[Capture, ...] = ("none", "digests", "redacted", "full")


def tenant_of(key_per: str, principal: Principal, metadata: Mapping[str, str]) -> Tenant:
    """Whose key encrypts a call's content. Where `key_per` names nobody: the team, else the
    caller."""
    key = TENANT_ID if key_per == "tenant" else key_per.removeprefix("metadata.")
    if key_per not in ("team", "principal") and (name := metadata.get(key)):
        return Tenant("tenant" if key_per == "tenant" else key_per, name)
    if principal.team and key_per != "principal":
        return Tenant("team", principal.team)
    return Tenant("user" if principal.type == "user" else "virtualaccount", principal.name)


@dataclass(frozen=True, slots=True)
class _Rule:
    """`anyhow`: its conditions but for the model."""

    rule: ContentRule
    matcher: Matcher
    anyhow: Matcher

    def speaks_of(self, environment: str) -> bool:
        return not self.rule.environments or environment in self.rule.environments


class CaptureRules:
    """`audit.content` and `audit.retention`, ready to be asked."""

    def __init__(self, content: Content, retention: Retention) -> None:
        self._content, self._policies = content, retention.policies
        self._days = retention.days.get("content")
        matchers = [(rule, compile_when(rule.when)) for rule in content.rules]
        self._rules = [_Rule(r, m, replace(m, model=None)) for r, m in matchers]

    @property
    def idle(self) -> bool:
        """Digests of everything, as without any of this."""
        return {self._content.capture, *(r.capture for r in self._content.rules)} == {"digests"}

    def decide(
        self,
        principal: Principal,
        models: Collection[str] | None,
        metadata: Mapping[str, str],
        environment: str,
    ) -> CaptureDecision:
        """What is kept of this call, under whose key, for how long."""
        fitting = list(self._fitting(principal.subjects, models, metadata, environment))
        rule = min(fitting, key=lambda rule: _ORDER.index(self._capture(rule)))
        capture = self._capture(rule)
        if principal.internal and capture in CAPTURES_CONTENT:
            capture = "digests"
        tenant = tenant_of(self._content.key_per, principal, metadata)
        named = metadata.get(RETENTION_POLICY)
        days = self._days if rule is None or rule.retention_days is None else rule.retention_days
        known = named in self._policies
        return CaptureDecision(
            capture,
            tenant,
            days=self._policies[named] if named is not None and known else days,
            rule_id=rule.id if rule is not None else "",
            unknown_policy=named is not None and not known,
        )

    def _capture(self, rule: ContentRule | None) -> Capture:
        return self._content.capture if rule is None else rule.capture

    def _fitting(
        self,
        subjects: frozenset[str],
        models: Collection[str] | None,
        metadata: Mapping[str, str],
        environment: str,
    ) -> Iterator[ContentRule | None]:
        """The first that fits, None for the default; of an unknown model all that might."""
        for one in self._rules:
            if not one.speaks_of(environment):
                continue
            if models is not None:
                if one.matcher.matches(subjects, models, metadata):
                    yield one.rule
                    return
            elif one.anyhow.matches(subjects, (), metadata):
                yield one.rule
                if one.matcher.model is None:
                    return
        yield None
