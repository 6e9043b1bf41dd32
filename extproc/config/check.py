"""Cross references: what one document says about another.

Promises: every name that a rule, a grant or a target uses exists; nothing that must be unique
stands twice, and the mistake names both places; what this version cannot enforce does not load. Two
tables say what is checked. They read trees, not models, so that they also work on documents with
other mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from extproc.config.kinds import GATEWAY, KINDS, ROUTING
from extproc.config.match import is_pattern
from extproc.config.mistake import Mistake, did_you_mean
from extproc.config.pages import EACH, Names, Page, Path, nodes, texts
from extproc.config.yaml_tree import Node

RULES = tuple(kind for kind in KINDS if "rules" in KINDS[kind].model_fields)
GRANTEES = ("team", "user", "virtual-account")


def check(pages: Sequence[Page], names: Names) -> list[Mistake]:
    """Every mistake between documents; order is the caller's business."""
    found = [*_repeats(pages), *_gateways(pages), *_unsupported(pages)]
    if names.complete:
        found += [*_dangling(pages, names), *_no_accounts(pages)]
    return found


# --- references ------------------------------------------------------------------------------

Judge = Callable[[str, Names], str]


def _model(value: str, names: Names) -> str:
    """'' when `value` is a pattern, an `account/model` or a virtual model."""
    account, slash, model = value.partition("/")
    if is_pattern(value) or value in names.virtual_models:
        return ""
    if not slash or account not in names.models:
        return f"no model or virtual model '{value}'{did_you_mean(value, _all_models(names))}"
    known = names.models[account]
    if known is None or model in known:
        return ""
    return f"account '{account}' has no model '{model}'{did_you_mean(model, known)}"


def _target(value: str, names: Names) -> str:
    if value in names.virtual_models:
        return f"'{value}' is a virtual model; a target must be an `account/model`"
    if is_pattern(value):
        return f"'{value}' is a pattern; a target must be one `account/model`"
    return _model(value, names)


def _team(value: str, names: Names) -> str:
    # Without any `team` document teams are implicit: naming one makes it.
    if not names.teams or value in names.teams:
        return ""
    return f"no team '{value}'{did_you_mean(value, names.teams)}"


def _subject(value: str, names: Names) -> str:
    kind, _, name = value.partition(":")
    if kind == "team" and name != "everyone":
        return _team(name, names)
    if kind == "virtualaccount" and name not in names.virtual_accounts:
        return f"no virtual-account '{name}'{did_you_mean(name, names.virtual_accounts)}"
    return ""


def _selector(value: str, names: Names) -> str:
    if value in names.guardrails:
        return ""
    return f"no guardrail '{value}' (group/name){did_you_mean(value, names.guardrails)}"


def _all_models(names: Names) -> Iterator[str]:
    yield from names.virtual_models
    for account, known in names.models.items():
        yield from (f"{account}/{model}" for model in known or ())


REFERENCES: tuple[tuple[tuple[str, ...], Path, Judge], ...] = (
    ((ROUTING,), ("rules", EACH, "load_balance_targets", EACH, "target"), _target),
    (RULES, ("rules", EACH, "when", "models", EACH), _model),
    (RULES, ("rules", EACH, "when", "subjects", EACH), _subject),
    (GRANTEES, ("models", EACH), _model),
    (("virtual-account",), ("team",), _team),
    (("user",), ("teams", EACH), _team),
    (("gateway-guardrails-config",), ("rules", EACH, "llm_input_guardrails", EACH), _selector),
    (("gateway-guardrails-config",), ("rules", EACH, "llm_output_guardrails", EACH), _selector),
)


def _dangling(pages: Sequence[Page], names: Names) -> Iterator[Mistake]:
    for page in pages:
        for kinds, path, judge in REFERENCES:
            if page.kind in kinds:
                for node in texts(page.tree, path):
                    if problem := judge(node.value, names):
                        yield page.mistake(node, problem)


# --- uniqueness ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unique:
    """Texts at `path` in documents of `kinds` stand once: in each document, or in all of them."""

    kinds: tuple[str, ...]
    path: Path
    what: str
    in_each: bool = False
    secret: bool = False


UNIQUE = (
    *(Unique((kind,), ("name",), f"{kind} name") for kind in KINDS if kind != GATEWAY),
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
    place = f"{page.file}:{node.line} ({page.kind} '{page.name}')"
    taken = first.setdefault((scope, value), place)
    if taken is not place:
        what = "this key" if rule.secret else f"{rule.what} '{value}'"
        yield page.mistake(node, f"{what} stands here again; first at {taken}")


# --- the rest --------------------------------------------------------------------------------


def _gateways(pages: Sequence[Page]) -> Iterator[Mistake]:
    """At most one; none means its defaults."""
    found = [page for page in pages if page.kind == GATEWAY]
    for page in found[1:]:
        place = f"{found[0].file}:{found[0].tree.line}"
        yield page.mistake(page.tree, f"a second {GATEWAY}; the first is at {place}")


def _no_accounts(pages: Sequence[Page]) -> Iterator[Mistake]:
    if pages and not any(page.kind == "provider-account" for page in pages):
        yield pages[0].mistake(
            pages[0].tree, "no provider-account anywhere: every call would be refused"
        )


def _unsupported(pages: Sequence[Page]) -> Iterator[Mistake]:
    """MCP tool calls are not governed yet, so a rule for them would protect nothing."""
    hooks = ("mcp_tool_pre_invoke_guardrails", "mcp_tool_post_invoke_guardrails")
    for page in pages:
        for hook in hooks if page.kind == "gateway-guardrails-config" else ():
            for node in nodes(page.tree, ("rules", EACH, hook)):
                if node.children:
                    message = f"`{hook}` is not supported by this version; leave it empty"
                    yield page.mistake(node, message)
        if page.kind == "team" and page.name == "everyone":
            yield page.mistake(page.tree, "team 'everyone' is reserved: it means every user")
