"""Whether a loaded configuration can be put in force here: its files, secrets, policies, prices.

`config/` judges what stands in the text; this is the one place that asks everything it points to,
for `envelope check`, for the start and for every reload (P7).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, get_args

from extproc.audit.content.keeper import ready
from extproc.audit.content.kek import kek_of
from extproc.automata_cache import keep_automata
from extproc.config.files import check_rego, check_secrets, told_at
from extproc.config.guardrail_model import Hook
from extproc.config.kinds import GUARDRAILS
from extproc.config.mistake import Mistake
from extproc.config.model import Config
from extproc.config.secrets import SecretMissing
from extproc.guardrails.checks.roles import OWN_ROLES
from extproc.guardrails.compile import compile_guardrails
from extproc.guardrails.services.judge_mistakes import judge_mistakes
from extproc.guardrails.services.ports import Ports, Reply
from extproc.guardrails.values import GuardrailFault
from extproc.policy.choose import policy_mistakes
from extproc.usage.prices import PriceTable


def mistakes(config: Config, *, secrets: Literal["all", "own", "none"] = "all") -> list[Mistake]:
    """What must be mended first.

    `secrets`: whether they must be here: `own` leaves out those of providers, which Envoy alone
    reads in a sidecar.
    """
    files = check_rego(config)
    keep_automata()
    found = files or policy_mistakes(config.gateway.policy)
    found = [*found, *guardrail_mistakes(config)]
    ready(config.gateway.audit)  # compiles what redacts kept bodies, once a machine
    if secrets == "none":
        return found
    missing = check_secrets(config, providers=secrets == "all")
    return [*found, *missing, *(() if missing else content_mistakes(config))]


def content_mistakes(config: Config) -> Iterator[Mistake]:
    """A key that could not encrypt kept bodies."""
    try:
        kek_of(config.gateway.audit.content)
    except (ValueError, SecretMissing) as error:
        key = f"gateway-config/{config.gateway.name}"
        yield told_at(config, key, f"`audit.content.key`: {error}")


def guardrail_mistakes(config: Config) -> list[Mistake]:
    """Guardrails that cannot be built, and judges that could never ask."""
    told = [*_unbuildable(config), *judge_mistakes(config)]
    groups = [
        told_at(config, f"{GUARDRAILS}/{selector.partition('/')[0]}", f"'{selector}': {text}")
        for selector, text in told
    ]
    return groups + list(_misplaced(config))


def _misplaced(config: Config) -> Iterator[Mistake]:
    """Guardrails named at a hook where they have nothing to look at."""
    for rule in config.guardrail_rules:
        for hook in get_args(Hook):
            for selector in getattr(rule, f"{hook}_guardrails"):
                only = _only_at(config, selector)
                if only is not None and hook not in only:
                    lists = " and ".join(f"`{name}_guardrails`" for name in sorted(only))
                    message = f"'{selector}' has nothing to look at here; name it under {lists}"
                    yield told_at(config, f"gateway-guardrails-config#{rule.id}", message)


def _only_at(config: Config, selector: str) -> Collection[str] | None:
    kind = config.guardrails[selector].type
    if getattr(config.guardrail_settings[selector], "target", None) == "response":
        return ("llm_output", "mcp_tool_post_invoke")
    return OWN_ROLES.get(kind)


def _unbuildable(config: Config) -> Iterator[tuple[str, str]]:
    for selector, guardrail in config.guardrails.items():
        try:
            compile_guardrails({selector: guardrail}, config.guardrail_settings, _NOBODY)
        except (ValueError, OSError) as error:
            yield selector, str(error).removeprefix(f"{selector}: ")


class _Deaf:
    """Nobody is asked anything while a configuration is looked at."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        raise GuardrailFault("unreachable")


_NOBODY = Ports(_Deaf(), "", lambda _account: "", lambda: 0)


def unpriced(config: Config) -> list[str]:
    """Models that every call is refused for: no price, and their account does not allow that."""
    prices = PriceTable.of(config)
    return [
        f"{account.name}/{model.id}"
        for account in config.accounts.values()
        for model in account.models
        if account.unpriced == "refuse" and prices.price(f"{account.name}/{model.id}") is None
    ]
