"""A `budget` on a team, a user or a virtual account is a budget like any other.

Promises: it counts all calls of that team, user or account, beside every rule that matches, under
the id of its subject: `team:NAME`, `user:NAME`, `virtualaccount:NAME`. The id of a user is its
name, also where rules name it by its e-mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from extproc.config import model as m
from extproc.config.kinds import GRANTEES
from extproc.config.limit_model import BudgetAmount, BudgetRule, LimitWhen


def budget_id(kind: str, name: str) -> str:
    """Id of the own budget of a document of type `kind`."""
    return f"{GRANTEES[kind]}:{name}"


def own_budgets(documents: Iterable[m.Document]) -> Iterator[BudgetRule]:
    """The budgets of all accounts, as rules."""
    for document in documents:
        match document:
            case (
                m.Team(budget=BudgetAmount() as budget)
                | m.User(budget=BudgetAmount() as budget)
                | m.VirtualAccount(budget=BudgetAmount() as budget)
            ):
                yield _rule(document, budget)


def _rule(owner: m.Team | m.User | m.VirtualAccount, budget: BudgetAmount) -> BudgetRule:
    # Nothing is judged again: an e-mail may be longer than what a rule may name.
    when = LimitWhen.model_construct(subjects=(_subject(owner),))
    rule_id = budget_id(owner.type, owner.name)
    return BudgetRule.model_construct(**dict(budget), id=rule_id, when=when)


def _subject(owner: m.Team | m.User | m.VirtualAccount) -> str:
    name = owner.email or owner.name if isinstance(owner, m.User) else owner.name
    return f"{GRANTEES[owner.type]}:{name}"
