"""Cross references: what one document says about another.

Promises: every name that a rule, a grant or a target uses exists (`references.py`); nothing that
must be unique stands twice, and the mistake names both places; what this version cannot enforce
does not load. It reads trees, not models, so that it also works on documents with other mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extproc.config.account_budgets import budget_id
from extproc.config.kinds import (
    BUDGETS,
    GATEWAY,
    GRANTEES,
    KINDS,
    PROMPT,
    RATES,
    ROUTING,
    SETTINGS,
    TENANT_BUDGETS,
    TENANT_RATES,
    VIRTUAL_MODEL,
)
from extproc.config.mistake import Mistake
from extproc.config.pages import (
    EACH,
    Names,
    Page,
    Path,
    below_account,
    nodes,
    own_names,
    prompt_names,
    texts,
)
from extproc.config.references import RULES, dangling
from extproc.config.routing_model import AUTO
from extproc.config.yaml_tree import Node


def check(pages: Sequence[Page], names: Names) -> list[Mistake]:
    """Every mistake between documents; order is the caller's business."""
    found = [*_repeats(pages), *_shared_ids(pages), *_singles(pages), *_reserved_team(pages)]
    found += [*_virtual_names(pages, names), *_prompts(pages)]
    if names.complete:
        found += [*dangling(pages, names), *_no_accounts(pages)]
    return found


# --- uniqueness ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unique:
    """Texts at `path` in documents of `kinds` stand once: in each document, or in all of them."""

    kinds: tuple[str, ...]
    path: Path
    what: str
    in_each: bool = False
    secret: bool = False


SINGLE = (GATEWAY, SETTINGS)
UNIQUE = (
    *(Unique((k,), ("name",), f"{k} name") for k in KINDS if k not in (*SINGLE, PROMPT)),
    *(Unique((kind,), ("rules", EACH, "id"), "rule id") for kind in RULES),
    Unique(("provider-account",), ("models", EACH, "id"), "model id", in_each=True),
    Unique(("guardrail-config-group",), ("guardrails", EACH, "name"), "guardrail", in_each=True),
    Unique(("user", "virtual-account"), ("keys", EACH, "name"), "key name", in_each=True),
    Unique(("user", "virtual-account"), ("keys", EACH, "sha256"), "key", secret=True),
    Unique(("user",), ("email",), "email"),
)


def _repeats(pages: Sequence[Page]) -> Iterator[Mistake]:
    for rule in UNIQUE:
        first: dict[tuple[int, str], str] = {}
        for index, page in enumerate(pages):
            if page.kind in rule.kinds:
                scope = index if rule.in_each else -1
                for node in texts(page.tree, rule.path):
                    yield from _repeat(rule, page, node, scope, first)


def _repeat(
    rule: Unique, page: Page, node: Node, scope: int, first: dict[tuple[int, str], str]
) -> Iterator[Mistake]:
    value = node.value.lower() if rule.secret else node.value
    place = _place(page, node)
    taken = first.setdefault((scope, value), place)
    if taken is not place:
        what = "this key" if rule.secret else f"{rule.what} '{value}'"
        yield page.mistake(node, f"{what} stands here again; first at {taken}")


def _place(page: Page, node: Node) -> str:
    return f"{page.file}:{node.line} ({page.kind} '{page.name}')"


def _shared_ids(pages: Sequence[Page]) -> Iterator[Mistake]:
    """Ids of limits that come from different kinds of documents: each must name one limit."""
    for family in ((BUDGETS, *TENANT_BUDGETS, *GRANTEES), (RATES, TENANT_RATES)):
        first: dict[str, tuple[Page, Node]] = {}
        for page in sorted((page for page in pages if page.kind in family), key=_last_rules):
            for limit_id, node in _limit_ids(page):
                known, at = first.setdefault(limit_id, (page, node))
                if known.kind != page.kind:
                    text = f"id '{limit_id}' is that of another limit at {_place(known, at)}"
                    yield page.mistake(node, text)


def _last_rules(page: Page) -> bool:
    """A rule can be given another id most easily."""
    return page.kind in RULES


def _limit_ids(page: Page) -> Iterator[tuple[str, Node]]:
    """Every id that the limits of one document go by, in refusals, alerts and figures."""
    if page.kind in RULES:
        yield from ((node.value, node) for node in texts(page.tree, ("rules", EACH, "id")))
    elif page.kind in GRANTEES:
        yield from ((budget_id(page.kind, page.name), n) for n in nodes(page.tree, ("budget",)))
    else:
        for path in (("limits",), ("applies_to", "overrides", EACH, "limits")):
            for limits in nodes(page.tree, path):
                units = limits.children if isinstance(limits.children, dict) else {}
                yield from ((f"{page.name}:{unit}", node) for unit, node in units.items())


# --- the rest --------------------------------------------------------------------------------


def _singles(pages: Sequence[Page]) -> Iterator[Mistake]:
    """At most one; none means its defaults."""
    for kind in SINGLE:
        found = [page for page in pages if page.kind == kind]
        for page in found[1:]:
            place = f"{found[0].file}:{found[0].tree.line}"
            yield page.mistake(page.tree, f"a second {kind}; the first is at {place}")


def _virtual_names(pages: Sequence[Page], names: Names) -> Iterator[Mistake]:
    """A virtual model's names are its own: no account's, no rule's, no other virtual model's."""
    first = {
        node.value: f"the id of a rule at {_place(page, node)}"
        for page in pages
        if page.kind == ROUTING
        for node in texts(page.tree, ("rules", EACH, "id"))
    }
    for page in (page for page in pages if page.kind == VIRTUAL_MODEL and page.name):
        if page.name in names.models:
            text = f"'{page.name}' is the name of a provider-account"
            yield page.mistake(page.tree.at(("name",)), text)
            continue
        for name, node in own_names(page):
            if name == AUTO or below_account(name, names.models):
                owner = "reserved" if name == AUTO else "the name of a model of an account"
                yield page.mistake(node, f"'{name}' is {owner}")
            elif name in first:
                yield page.mistake(node, f"'{name}' is {first[name]}")
            first.setdefault(name, f"the name of a virtual model at {_place(page, node)}")


def _prompts(pages: Sequence[Page]) -> Iterator[Mistake]:
    """A prompt has each of its versions once."""
    first: dict[str, str] = {}
    for page in (page for page in pages if page.kind == PROMPT):
        for name, node in prompt_names(page):
            if name in first:
                yield page.mistake(
                    node, f"prompt '{name}' stands here again; first at {first[name]}"
                )
            first.setdefault(name, _place(page, node))


def _no_accounts(pages: Sequence[Page]) -> Iterator[Mistake]:
    if pages and not any(page.kind == "provider-account" for page in pages):
        yield pages[0].mistake(
            pages[0].tree, "no provider-account anywhere: every call would be refused"
        )


def _reserved_team(pages: Sequence[Page]) -> Iterator[Mistake]:
    for page in pages:
        if page.kind == "team" and page.name == "everyone":
            yield page.mistake(page.tree, "team 'everyone' is reserved: it means every user")
