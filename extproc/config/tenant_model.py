"""Limits of the second version: one document is one limit, over several windows at once.

Shapes, and what one document can be judged by alone. Every one that matches holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from extproc.config.alert_model import Alerts
from extproc.config.base import Document
from extproc.config.fields import (
    Fault,
    MetadataKey,
    Name,
    complain,
    complaint,
    not_empty,
)
from extproc.config.limit_fields import (
    Amount,
    Count,
    Operations,
    TimeZone,
    exact_name_fault,
    inexact,
    model_pattern_fault,
)
from extproc.config.overrides import OverrideNames, override_faults

Texts = Annotated[tuple[str, ...], AfterValidator(not_empty)]


class InOrNot(Document):
    """`in`: only these; `not_in`: all but these. Both: these but for those."""

    in_: Texts | None = Field(default=None, alias="in")
    not_in: Texts = ()


def _each(fault: Callable[[str], str]) -> AfterValidator:
    """Judge every entry of both lists; neither of them would be a part that says nothing."""

    def judge(lists: InOrNot) -> InOrNot:
        if lists.in_ is None and not lists.not_in:
            raise complaint("is empty: leave it out to match everything, or say `in` or `not_in`")
        complain(
            (text, f"{field}.{index}")
            for field, values in (("in", lists.in_ or ()), ("not_in", lists.not_in))
            for index, value in enumerate(values)
            if (text := fault(value))
        )
        return lists

    return AfterValidator(judge)


Names = Annotated[InOrNot, _each(exact_name_fault)]
Models = Annotated[InOrNot, _each(model_pattern_fault)]
Values = Annotated[InOrNot, _each(lambda _: "")]


class TenantSubjects(Document):
    """Whoever stands in any of the `in` lists is meant, less those in a `not_in`."""

    users: Names | None = None
    teams: Names | None = None
    virtual_accounts: Names | None = None


class TenantWhen(Document):
    """The second version's `when`: lists with `in` and `not_in`."""

    subjects: TenantSubjects = TenantSubjects()
    models: Models | None = None
    metadata: Mapping[MetadataKey, Values] = Field(default_factory=dict)
    operations: Operations | None = None


# --- how much --------------------------------------------------------------------------------


class Windows(Document):
    """Limits by window; each field is a unit of the first version."""

    def given(self) -> dict[str, float]:
        """Unit -> limit, for those that are set."""
        return {
            name: limit
            for name in type(self).model_fields
            if (limit := getattr(self, name)) is not None
        }

    @model_validator(mode="after")
    def _some(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        given = self.given()
        if not given:
            yield f"limits nothing: it needs e.g. `{next(iter(type(self).model_fields))}`", ""
        for name, limit in given.items():
            yield from inexact(name.partition("_")[0], limit, name)


class TenantLimits(Windows):
    """Several windows at once; USD for `cost_*`."""

    cost_per_hour: Amount | None = None
    cost_per_day: Amount | None = None
    cost_per_week: Amount | None = None
    cost_per_month: Amount | None = None
    cost_per_quarter: Amount | None = None
    cost_per_year: Amount | None = None
    cost_total: Amount | None = None
    tokens_per_day: Amount | None = None
    tokens_per_month: Amount | None = None


class TenantRateLimits(Windows):
    requests_per_minute: Count | None = None
    requests_per_hour: Count | None = None
    requests_per_day: Count | None = None
    tokens_per_minute: Count | None = None
    tokens_per_hour: Count | None = None
    tokens_per_day: Count | None = None
    concurrent_requests: Count | None = None


# --- counted by what -------------------------------------------------------------------------


class TenantOverride(OverrideNames):
    """May limit a window that the document itself does not."""

    limits: TenantLimits


class TenantRateOverride(TenantOverride):
    limits: TenantRateLimits  # type: ignore[assignment]


class AppliesTo(Document):
    """One counter, or one for each distinct value. `metadata`: the key, for that type alone."""

    type: Literal[
        "aggregate", "per-user", "per-team", "per-model", "per-virtual-account", "metadata"
    ]
    metadata: MetadataKey | None = None
    overrides: tuple[TenantOverride, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.type == "metadata" and self.metadata is None:
            yield "is missing: type 'metadata' needs its key", "metadata"
        if self.type != "metadata" and self.metadata is not None:
            yield f"is for type 'metadata', not for '{self.type}'", "metadata"
        yield from override_faults(self.overrides, self._per(), "applies_to.type", "overrides")

    def _per(self) -> tuple[str, ...]:
        """As the first version says it (`budget_applies_per`)."""
        match self.type:
            case "aggregate":
                return ()
            case "metadata":
                return (f"metadata.{self.metadata}",)
            case _:
                return (self.type.removeprefix("per-").replace("-", ""),)


class RateAppliesTo(AppliesTo):
    overrides: tuple[TenantRateOverride, ...] = ()


# --- the documents ---------------------------------------------------------------------------


class TenantBudgetConfig(Document):
    """A budget of the second version. `team_name`: of a `team-budget-config`; members alone."""

    type: Literal["tenant-budget-config", "team-budget-config"]
    name: Name
    team_name: str | None = None
    when: TenantWhen
    limits: TenantLimits
    applies_to: AppliesTo = AppliesTo(type="aggregate")
    timezone: TimeZone = "UTC"
    mode: Literal["enforce", "audit", "soft_enforce"] = "enforce"
    alerts: Alerts | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        team = self.type == "team-budget-config"
        if team and self.team_name is None:
            yield "is missing: a team-budget-config is about one team", "team_name"
        if team and self.when.subjects.teams is not None:
            yield "is for a tenant-budget-config; here `team_name` says it", "when.subjects.teams"
        if not team and self.team_name is not None:
            yield "is for a team-budget-config; here say `when.subjects.teams`", "team_name"
        if self.timezone != "UTC" and set(self.limits.given()) == {"cost_total"}:
            yield "is for windows of the calendar; this is no window", "timezone"


class TenantRateLimitConfig(Document):
    """Rate limits of the second version: every one that matches holds, in all its windows."""

    type: Literal["tenant-rate-limit-config/model"]
    name: Name
    when: TenantWhen
    limits: TenantRateLimits
    applies_to: RateAppliesTo = RateAppliesTo(type="aggregate")
    mode: Literal["enforce", "audit"] = "enforce"
