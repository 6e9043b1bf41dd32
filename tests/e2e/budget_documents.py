"""The configuration behind `test_budget_rules.py`: every kind of budget, each with its own callers.

Each call costs `COST`, so that a limit is a number of calls. No budget is met by two tests, but
`org`, which has room for all.
"""

from __future__ import annotations

import secrets
from typing import Any

import yaml

from extproc.identity.keys import RANDOM_BYTES, mint
from tests.e2e.documents import PRODUCTION, Documents, Json, priced

FLAT, OTHER = "flat/gpt-flat", "flat/gpt-other"
OUTPUT, COST = 100, 1_000_000
"""Output tokens of each call, and what they cost in nano-USD: input is free, so that the worst
case and the real cost are the same number."""
LEVELS = ("key", "account", "user", "team", "customer", "run")
TIGHT, WIDE, CLUB_CALLS = 2, 1_000, 3


def usd(calls: int) -> float:
    """What so many calls cost."""
    return calls * COST / 1_000_000_000


def documents(provider_url: str) -> Documents:
    """All of it."""
    made = Documents().add("gateway-config", "gateway", environment="production")
    made.provider("flat", f"{provider_url}/v1", [priced("gpt-flat", 0, 10),
                                                 priced("gpt-other", 0, 10)])  # fmt: skip
    made.add("gateway-budget-config", "budgets", rules=[
        {"id": "org", "when": {}, "limit_to": usd(10 * WIDE), "unit": "cost_per_quarter"},
        *levels(), *modes(),
    ])  # fmt: skip
    for level in LEVELS:
        caller_of(made, level)
    second_version(made)
    for team in ("audited", "softly", "both", "crowd", "moving"):
        made.add("team", team)
        made.bot(f"{team}-bot", team=team, models=["flat/*"])
    made.files["moving.yaml"] = moving(3)
    return made


def levels() -> list[Json]:
    """One counter for each key, customer and run of the teams of `caller_of`."""
    when = {"subjects": [f"team:{level}-team" for level in LEVELS]}
    unit: Json = {"when": when, "limit_to": usd(WIDE), "unit": "cost_per_day"}
    return [
        {"id": "key", **unit, "limit_to": usd(TIGHT), "budget_applies_per": ["key"],
         "when": {"subjects": ["virtualaccount:key"]}},
        {"id": "customer", **unit, "budget_applies_per": ["metadata.tenant_id"],
         "overrides": [{"metadata_values": ["customer-tenant"], "limit_to": usd(TIGHT)}]},
        {"id": "run", **unit, "budget_applies_per": ["metadata.run_id"],
         "overrides": [{"metadata_values": ["run-run"], "limit_to": usd(TIGHT)}]},
    ]  # fmt: skip


def caller_of(made: Documents, level: str) -> None:
    """A caller of whom one level alone is tight: its account, its team, its customer, its run."""
    minted = [mint(secrets.token_bytes(RANDOM_BYTES)) for _ in range(2)]
    made.keys[level], made.keys[f"{level}-second"] = (key.text for key in minted)

    def own(owner: str) -> Json:
        return {"limit_to": usd(TIGHT if owner == level else WIDE), "unit": "cost_per_day"}

    fields: Json = {
        "tags": {**PRODUCTION, "tenant_id": f"{level}-tenant"}, "models": ["flat/*"],
        "keys": [{"name": name, "sha256": key.sha256}
                 for name, key in zip(("first", "second"), minted, strict=True)],
    }  # fmt: skip
    made.add("team", f"{level}-team", budget=own("team"))
    if level == "user":
        made.add("user", level, teams=[f"{level}-team"], budget=own("user"), **fields)
    else:
        made.add("virtual-account", level, team=f"{level}-team", budget=own("account"), **fields)


def second_version(made: Documents) -> None:
    """Tenants, all but a few; a club."""
    made.add(
        "tenant-budget-config", "acme",
        when={"subjects": {"teams": {"in": ["tenants"]},
                           "virtual_accounts": {"not_in": ["spared"]}},
              "models": {"not_in": [OTHER]},
              "metadata": {"tenant_id": {"not_in": ["internal"]}}},
        limits={"cost_per_day": usd(TIGHT), "cost_per_month": usd(WIDE)},
        applies_to={"type": "metadata", "metadata": "tenant_id", "overrides": [
            {"metadata_values": ["acme-emea"], "limits": {"cost_per_day": usd(TIGHT + 2)}},
        ]},
    )  # fmt: skip
    # Room for `CLUB_CALLS` with a few tokens of input each, and for no further one.
    made.add("team-budget-config", "club", team_name="club", when={},
             limits={"tokens_per_day": CLUB_CALLS * OUTPUT + OUTPUT - 1})  # fmt: skip
    made.add("team", "tenants").add("team", "club")
    for name, team in (("renter", "tenants"), ("spared", "tenants"), ("member", "club")):
        made.bot(name, team=team, models=["flat/*"])


def modes() -> list[Json]:
    """One team for each way of not refusing, and one with two budgets."""

    def of(team: str, calls: int, **fields: Any) -> Json:
        return {"when": {"subjects": [f"team:{team}"]}, "limit_to": usd(calls),
                "unit": "cost_per_day", **fields}  # fmt: skip

    return [
        {"id": "only-watched", **of("audited", 1, audit_mode=True)},
        {"id": "soft-limit", **of("softly", WIDE, soft_limit_to=usd(1))},
        {"id": "soft-1", **of("both", 1, mode="soft_enforce")},
        {"id": "soft-3", **of("both", 3, mode="soft_enforce")},
        {"id": "crowd-small", **of("crowd", 10, budget_applies_per=["metadata.run_id"])},
        {"id": "crowd-large", **of("crowd", 25)},
    ]


def moving(calls: int) -> str:
    """The one rule that changes, as a file of its own."""
    rule = {"id": "moving", "when": {"subjects": ["team:moving"]}, "limit_to": usd(calls),
            "unit": "cost_per_day"}  # fmt: skip
    return yaml.safe_dump({"type": "gateway-budget-config", "name": "moving", "rules": [rule]})
