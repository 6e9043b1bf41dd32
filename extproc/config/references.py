"""What one document says of another: a name that a rule, a grant or a target uses must exist.

One table says what is looked up, and where. It reads trees, not models, so that it also works on
documents with other mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from extproc.config.alert_model import CHANNEL_FIELDS
from extproc.config.kinds import (
    BUDGETS,
    FALLBACK,
    GRANTEES,
    KINDS,
    PROMPT,
    ROUTING,
    TENANT_BUDGETS,
    TENANT_RATES,
    VIRTUAL_MODEL,
)
from extproc.config.limit_fields import exact_name_fault, model_pattern_fault
from extproc.config.match import is_pattern
from extproc.config.mistake import Mistake, did_you_mean
from extproc.config.pages import EACH, Names, Page, Path, nodes, texts
from extproc.config.routing_model import PROMPT_VERSION

RULES = tuple(kind for kind in KINDS if "rules" in KINDS[kind].model_fields)
TENANTS = (*TENANT_BUDGETS, TENANT_RATES)
Judge = Callable[[str, Names], str]


def dangling(pages: Sequence[Page], names: Names) -> Iterator[Mistake]:
    """Every name that is nobody's. Only for names that are complete."""
    for page in pages:
        for path, judge in REFERENCES.get(page.kind, ()):
            for node in texts(page.tree, path):
                if problem := judge(node.value, names):
                    yield page.mistake(node, problem)
        yield from _targets(page, names)


# --- judges: '' when the name is somebody's -----------------------------------------------------


def _model(value: str, names: Names) -> str:
    """A pattern, an `account/model` or a virtual model."""
    account, slash, model = value.partition("/")
    if is_pattern(value) or value in names.virtual_models:
        return ""
    if not slash or account not in names.models:
        return f"no model or virtual model '{value}'{did_you_mean(value, _all_models(names))}"
    known = names.models[account]
    if known is None or model in known:
        return ""
    return f"account '{account}' has no model '{model}'{did_you_mean(model, known)}"


def _one_model(value: str, names: Names) -> str:
    if is_pattern(value):
        return f"'{value}' is a pattern; name one model or virtual model"
    return _model(value, names)


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


def _team_or_everyone(value: str, names: Names) -> str:
    return "" if value == "everyone" else _team(value, names)


def _virtual_account(value: str, names: Names) -> str:
    if value in names.virtual_accounts:
        return ""
    return f"no virtual-account '{value}'{did_you_mean(value, names.virtual_accounts)}"


def _subject(value: str, names: Names) -> str:
    kind, _, name = value.partition(":")
    match kind:
        case "team":
            return _team_or_everyone(name, names)
        case "virtualaccount":
            return _virtual_account(name, names)
        case _:
            return ""


def _prompt(value: str, names: Names) -> str:
    called = value.removeprefix(f"{PROMPT}:")
    if called in names.prompts:
        return ""
    return f"no prompt '{called}' (name:version){did_you_mean(called, names.prompts)}"


def _tier(value: str, names: Names) -> str:
    if value in names.tiers:
        return ""
    return f"no tier '{value}'{did_you_mean(value, names.tiers)}"


def _selector(value: str, names: Names) -> str:
    if value in names.guardrails:
        return ""
    return f"no guardrail '{value}' (group/name){did_you_mean(value, names.guardrails)}"


def _all_models(names: Names) -> Iterator[str]:
    yield from names.virtual_models
    for account, known in names.models.items():
        yield from (f"{account}/{model}" for model in known or ())


# --- where names stand ---------------------------------------------------------------------------

_RULE: Path = ("rules", EACH)


def _unless(fault: Callable[[str], str], judge: Judge) -> Judge:
    """What is no name at all is a mistake already, and not another one here."""
    return lambda value, names: "" if fault(value) else judge(value, names)


_TEAM = _unless(exact_name_fault, _team_or_everyone)
_ACCOUNT = _unless(exact_name_fault, _virtual_account)
_MODEL = _unless(model_pattern_fault, _model)


def _overrides(*path: str) -> tuple[tuple[Path, Judge], ...]:
    lists = (("models", _MODEL), ("teams", _TEAM), ("virtual_accounts", _ACCOUNT))
    return tuple(((*path, "overrides", EACH, field, EACH), judge) for field, judge in lists)


def _plan(*path: str) -> tuple[tuple[Path, Judge], ...]:
    """Of a routing rule or a virtual model."""
    target = (*path, "load_balance_targets", EACH)
    return (
        ((*target, "target"), _target),
        ((*target, "override_params", PROMPT_VERSION), _prompt),
        ((*path, "timeouts", "tier"), _tier),
        ((*path, "shadow", "target"), _one_model),
        ((*path, "shadow", "account"), _virtual_account),
    )


def _lists(path: Path, judge: Judge) -> tuple[tuple[Path, Judge], ...]:
    return (((*path, "in", EACH), judge), ((*path, "not_in", EACH), judge))


_ROWS: tuple[tuple[Sequence[str], tuple[tuple[Path, Judge], ...]], ...] = (
    ((ROUTING,), _plan(*_RULE)),
    (
        (VIRTUAL_MODEL,),
        (
            *_plan("integrations", EACH, "routing_config"),
            (("collaborators", EACH, "subject"), _subject),
        ),
    ),
    (
        (FALLBACK,),
        (
            ((*_RULE, "fallback_models", EACH, "target"), _target),
            ((*_RULE, "fallback_models", EACH, "override_params", PROMPT_VERSION), _prompt),
        ),
    ),
    ((PROMPT,), ((("model_configuration", "model"), _one_model),)),
    (
        RULES,
        (
            ((*_RULE, "when", "models", EACH), _model),
            ((*_RULE, "when", "subjects", EACH), _subject),
        ),
    ),
    (
        tuple(GRANTEES),
        ((("models", EACH), _model), (("budget", "degrade", EACH, "model"), _one_model)),
    ),
    (("virtual-account",), ((("team",), _team),)),
    (("user",), ((("teams", EACH), _team),)),
    (
        ("gateway-guardrails-config",),
        (
            ((*_RULE, "llm_input_guardrails", EACH), _selector),
            ((*_RULE, "llm_output_guardrails", EACH), _selector),
            ((*_RULE, "mcp_tool_pre_invoke_guardrails", EACH), _selector),
            ((*_RULE, "mcp_tool_post_invoke_guardrails", EACH), _selector),
        ),
    ),
    ((BUDGETS,), (((*_RULE, "degrade", EACH, "model"), _one_model), *_overrides(*_RULE))),
    (
        TENANTS,
        (
            *_lists(("when", "models"), _MODEL),
            *_lists(("when", "subjects", "teams"), _TEAM),
            *_lists(("when", "subjects", "virtual_accounts"), _ACCOUNT),
            *_overrides("applies_to"),
        ),
    ),
    (("team-budget-config",), ((("team_name",), _team),)),
)
REFERENCES: Mapping[str, tuple[tuple[Path, Judge], ...]] = {
    kind: tuple(row for kinds, rows in _ROWS if kind in kinds for row in rows) for kind in KINDS
}

# --- alerts ----------------------------------------------------------------------------------

_ALERTS: Mapping[str, Path] = {
    BUDGETS: _RULE, **dict.fromkeys(GRANTEES, ("budget",)), **dict.fromkeys(TENANT_BUDGETS, ()),
}  # fmt: skip


def _targets(page: Page, names: Names) -> Iterator[Mistake]:
    """A target's `type` must be the `kind` of its channel: each kind is sent in its own way."""
    if page.kind not in _ALERTS:
        return
    path = (*_ALERTS[page.kind], "alerts", "notification_target", EACH)
    for target in nodes(page.tree, path):
        for channel in texts(target, ("notification_channel",)):
            for wanted in texts(target, ("type",)):
                if problem := _channel(channel.value, wanted.value, names):
                    yield page.mistake(channel, problem)


def _channel(value: str, wanted: str, names: Names) -> str:
    if value not in names.channels:
        return f"no notification-channel '{value}'{did_you_mean(value, names.channels)}"
    kind = names.channels[value]
    if kind == wanted or not {kind, wanted} <= CHANNEL_FIELDS.keys():
        return ""  # a kind that is none is a mistake of its own document
    return f"channel '{value}' is of kind '{kind}', and this target of type '{wanted}'"
