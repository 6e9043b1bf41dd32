"""The `input` of a policy, exactly as the contract promises policy authors (core).

One shared part per request, one shallow copy per candidate target: keys of the contract only, so
that a stored input reproduces its decision (P6). No prompt text is in it (P4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from extproc.identity.principal import Principal
from extproc.llm.call import LlmCall
from extproc.routing.values import Target

Input = dict[str, Any]


def shared_part(
    *,
    principal: Principal,
    metadata: Mapping[str, str],
    environment: str | None,
    call: LlmCall,
    dialect: str,
    input_tokens: int,
    time: str,
) -> Input:
    """Everything but `resource`. `time` is RFC 3339 in UTC (`2026-11-20T15:04:05Z`).

    `max_tokens` is what the caller stated, null when it stated none.
    """
    return {
        "principal": principal_part(principal),
        "metadata": metadata,
        "environment": environment,
        "request": {
            "operation": call.operation,
            "dialect": dialect,
            "model": call.model,
            "stream": call.stream,
            "input_tokens": input_tokens,
            "max_tokens": call.max_output_tokens,
            "tools": list(call.tools),
            "time": time,
        },
    }


def principal_part(principal: Principal) -> Input:
    """The caller: names, never a secret; `key` is the key's name or public id."""
    return {
        "type": principal.type,
        "name": principal.name,
        "team": principal.team,
        "teams": list(principal.teams),
        "email": principal.email,
        "key": principal.key,
        "claims": principal.claims,
    }


def for_targets(shared: Input, targets: Iterable[Target]) -> list[Input]:
    """One input per candidate target, in order; they share all but `resource`."""
    return [{**shared, "resource": resource_part(target)} for target in targets]


def resource_part(target: Target) -> Input:
    """The target as policies see it. `region` is null where the account names none."""
    account = target.account
    return {
        "model": target.name,
        "account": account.name,
        "provider": account.provider,
        "region": account.region,
        "kind": account.kind,
    }
