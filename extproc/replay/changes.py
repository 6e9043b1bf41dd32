"""What would have come out otherwise, added up: by team, model and rule, with examples. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from extproc.replay.recorded import Reason, Recorded

Kind = Literal["newly_refused", "newly_allowed", "other_refusal", "other_target", "other_cost"]
KINDS: dict[Kind, str] = {
    "newly_refused": "let through, and would be refused",
    "newly_allowed": "refused, and would be let through",
    "other_refusal": "refused, and would be for another reason",
    "other_target": "served by one model, and would be by another",
    "other_cost": "the same model at another cost",
}
EXAMPLES_KEPT = 5


@dataclass(frozen=True, slots=True)
class End:
    """How a decision ended. `code`: '' where it went through; `target`: that serves it then.
    `paid`: a provider got it, though its answer was refused."""

    code: str = ""
    rule_id: str = ""
    target: str = ""
    paid: bool = False

    @property
    def through(self) -> bool:
        return not self.code

    def __str__(self) -> str:
        if self.through:
            return f"let through to {self.target}" if self.target else "let through"
        return f"refused: {self.code}" + (f" ({self.rule_id})" if self.rule_id else "")


@dataclass(frozen=True, slots=True)
class Change:
    """One call. `cost_delta_nano_usd`: None where nobody can tell; `exact`: nothing about it is
    assumed. `unjudged`: guardrails that did not look at the call and would have."""

    kind: Kind
    decision_id: str
    team: str
    model: str
    before: End
    after: End
    cost_delta_nano_usd: int | None = 0
    exact: bool = True
    unjudged: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What refuses now, or refused before."""
        end = self.after if not self.after.through else self.before
        return end.rule_id or end.code or "-"

    def to_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "decision_id": self.decision_id, "kind": self.kind, "team": self.team,
            "model": self.model, "before": str(self.before), "after": str(self.after),
            "cost_delta_nano_usd": self.cost_delta_nano_usd, "cost_is_exact": self.exact,
        }  # fmt: skip
        return said | ({"guardrails_not_judged": list(self.unjudged)} if self.unjudged else {})


@dataclass(slots=True)
class Sums:
    """Of some calls. Costs in nano-USD; `unknown`: calls whose cost nobody can tell."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    exact_nano_usd: int = 0
    estimated_nano_usd: int = 0
    unknown: int = 0

    def add(self, change: Change) -> None:
        self.kinds[change.kind] += 1
        if change.cost_delta_nano_usd is None:
            self.unknown += 1
        elif change.exact:
            self.exact_nano_usd += change.cost_delta_nano_usd
        else:
            self.estimated_nano_usd += change.cost_delta_nano_usd

    def to_json(self) -> dict[str, Any]:
        return {
            **{kind: self.kinds[kind] for kind in KINDS},
            "cost_delta_exact_nano_usd": self.exact_nano_usd,
            "cost_delta_estimated_nano_usd": self.estimated_nano_usd,
            "cost_unknown": self.unknown,
        }


@dataclass(slots=True)
class Changes:
    """`calls` of which `decided` could be decided again. `as_recorded`: of these, how many the
    replay decides as the log has it, before anything is changed: how far it can be believed."""

    calls: int = 0
    decided: int = 0
    as_recorded: int = 0
    rerouted: int = 0
    left_out: Counter[Reason] = field(default_factory=Counter)
    all: Sums = field(default_factory=Sums)
    by_team: dict[str, Sums] = field(default_factory=dict)
    by_model: dict[str, Sums] = field(default_factory=dict)
    by_rule: dict[str, Sums] = field(default_factory=dict)
    unjudged: Counter[str] = field(default_factory=Counter)
    every: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> int:
        return len(self.every)

    @property
    def examples(self) -> dict[Kind, list[Change]]:
        """A few of each kind, those in the order of time that came first."""
        found = {kind: [one for one in self.every if one.kind == kind] for kind in KINDS}
        return {kind: some[:EXAMPLES_KEPT] for kind, some in found.items() if some}

    def add(self, change: Change) -> None:
        self.all.add(change)
        for table, name in ((self.by_team, change.team), (self.by_model, change.model),
                            (self.by_rule, change.rule)):  # fmt: skip
            table.setdefault(name, Sums()).add(change)
        self.every.append(change)

    def to_json(self) -> dict[str, Any]:
        tables = {"by_team": self.by_team, "by_model": self.by_model, "by_rule": self.by_rule}
        return {
            "mode": "what_if",
            "calls": self.calls,
            "decided": self.decided,
            "as_recorded_before_the_change": self.as_recorded,
            "routed_anew": self.rerouted,
            "left_out": dict(self.left_out),
            "changed": self.changed,
            **self.all.to_json(),
            **{name: {key: sums.to_json() for key, sums in sorted(table.items())}
               for name, table in tables.items()},
            "guardrails_not_judged": dict(self.unjudged),
            "changes": [one.to_json() for one in self.every],
        }  # fmt: skip


def kind_of(before: End, after: End, cost_delta: int | None) -> Kind | None:
    """None: nothing is different."""
    match before.through, after.through:
        case True, False:
            return "newly_refused"
        case False, True:
            return "newly_allowed"
        case False, False:
            same = (before.code, before.rule_id) == (after.code, after.rule_id)
            return None if same else "other_refusal"
    if before.target and after.target and before.target != after.target:
        return "other_target"
    return "other_cost" if cost_delta else None


def who(call: Recorded) -> tuple[str, str]:
    """(team, model) under which a change is counted."""
    team = call.principal.get("team") or call.principal.get("name") or "-"
    return str(team), call.call.model if call.call is not None else "-"
