"""Judges that could never judge: found when a configuration is read, not at the first call.

Promises: what is named here as wrong makes every question of that judge, or every call of that
rule, go unanswered. It asks what a call would be asked (`exchange/admission.py`): metadata
contract, scope, routing, as the judge's account.
"""

from __future__ import annotations

from collections.abc import Iterator

from extproc.config.judge_settings import JudgeSettings
from extproc.config.mistake import did_you_mean
from extproc.config.model import Config
from extproc.guardrails.services.judge import JUDGED
from extproc.identity import contract
from extproc.identity.directory import Directory
from extproc.identity.principal import Principal
from extproc.identity.scope import in_scope
from extproc.routing.plan import Router
from extproc.routing.values import Ask


def judge_mistakes(config: Config) -> list[tuple[str, str]]:
    """(selector of the guardrail, sentence), in the configuration's order."""
    judges = {
        selector: settings
        for selector, settings in config.guardrail_settings.items()
        if isinstance(settings, JudgeSettings)
    }
    if not judges:
        return []
    accounts, router = Directory.of(config).accounts, Router(config)
    return [
        (selector, text)
        for selector, settings in judges.items()
        for text in (*_calls(config, settings, accounts.get(settings.account), router),
                     *_hooks(config, selector, settings))
    ]  # fmt: skip


def _calls(
    config: Config, settings: JudgeSettings, account: Principal | None, router: Router
) -> Iterator[str]:
    """Why the account's calls of this model would be refused."""
    if account is None:
        near = did_you_mean(settings.account, config.virtual_accounts)
        yield f"no virtual-account '{settings.account}'{near}"
        return
    metadata = contract.effective({JUDGED: ""}, account.tags)
    refusal = contract.check(metadata, config.gateway.metadata, config.gateway.environment)
    if refusal is not None:
        yield (
            f"every call of virtual-account '{account.name}' would be refused "
            f"({refusal.detail.rstrip('.')}): its tags must say what the contract asks for"
        )
    if router.route(Ask(settings.model, account.subjects, metadata)) is None:
        near = did_you_mean(settings.model, router.models)
        yield f"no model or virtual model '{settings.model}' for '{account.name}'{near}"
    elif not in_scope(account, settings.model):
        yield f"virtual-account '{account.name}' may not call '{settings.model}'"


def _hooks(config: Config, selector: str, settings: JudgeSettings) -> Iterator[str]:
    """Rules that ask about an answer before there is one."""
    if not settings.needs_answer:
        return
    for rule in config.guardrail_rules:
        for hook in (
            "llm_input_guardrails",
            "mcp_tool_pre_invoke_guardrails",
            "mcp_tool_post_invoke_guardrails",
        ):
            if selector in getattr(rule, hook):
                yield (
                    f"'{settings.criteria}' compares an answer with its request; rule '{rule.id}' "
                    f"names it under `{hook}` instead of `llm_output_guardrails`"
                )
