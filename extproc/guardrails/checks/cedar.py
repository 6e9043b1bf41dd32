"""The `cedar` guardrail: Cedar policies decide on calls and tool calls. What no policy permits is
refused.

Promises: a policy that cannot be evaluated refuses (`POLICY_ERROR`), permitted or not. Cedar itself
skips such a policy, and a caller who may choose an argument's type could so get rid of a `forbid`;
for the same reason it is an objection and no failure, which `enforce` would let pass.

    principal   User, VirtualAccount, ServiceAccount or ExternalIdentity, in each Team of its own
    action      Action::"call" for a call of a model, Action::"<tool>" for a tool call
    resource    Model::"<name>", in Account::"<account>"; Server::"<MCP server>" for a tool call
    context     hook, environment, operation, dialect, key, metadata, arguments

A call that goes by several models, as of a virtual one, must be permitted for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import cedarpy

from extproc.config.cedar_settings import CedarSettings
from extproc.guardrails.values import Check, Exam, GuardrailFault, Opinion, Remark, Scene

DENIED = "DENIED"
POLICY_ERROR = "POLICY_ERROR"

_DEPTH_MAX = 60
"""Cedar reads JSON up to 128 levels; each of ours may become two of its."""
_TYPES = {"user": "User", "virtualaccount": "VirtualAccount", "serviceaccount": "ServiceAccount",
          "external-identity": "ExternalIdentity"}  # fmt: skip
_ESCAPES = frozenset(("__entity", "__extn", "__expr"))
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1
_DECIMAL_MAX = 2**63 / 10_000

Uid = dict[str, str]


def check(settings: CedarSettings) -> Check:
    return _CedarCheck(settings)


class _CedarCheck:
    def __init__(self, settings: CedarSettings) -> None:
        self._policies = cedarpy.PolicySet.from_str(settings.policy)

    def examine(self, exam: Exam) -> Opinion:
        """Raises GuardrailFault("defect") when Cedar itself breaks."""
        scene = exam.scene
        try:
            context = json.dumps(_context(exam))
        except (ValueError, RecursionError):
            return Opinion((Remark(POLICY_ERROR),))
        asked = list(_asked(exam))
        principal = _principal(scene)
        entities = [
            {"uid": principal, "attrs": {}, "parents": _teams(scene)},
            *({"uid": uid, "attrs": {}, "parents": _accounts(uid)} for _action, uid in asked),
        ]
        requests = [
            {"principal": principal, "action": action, "resource": uid, "context": context}
            for action, uid in asked
        ]
        return self._opinion(requests, json.dumps(entities))

    def _opinion(self, requests: list[dict[str, Any]], entities: str) -> Opinion:
        try:
            results = cedarpy.is_authorized_batch(requests, self._policies, entities)
        except ValueError:  # a name that is no Unicode text
            return Opinion((Remark(POLICY_ERROR),))
        except Exception:
            raise GuardrailFault("defect") from None
        if any(result.diagnostics.errors for result in results):
            return Opinion((Remark(POLICY_ERROR),))
        if results and all(result.allowed for result in results):
            return Opinion()
        return Opinion((Remark(DENIED),))


def _principal(scene: Scene) -> Uid:
    kind = scene.principal.get("type") or ""
    return _uid(_TYPES.get(kind, "Unknown"), scene.principal.get("name") or "")


def _teams(scene: Scene) -> list[Uid]:
    names = {one.removeprefix("team:") for one in scene.subjects if one.startswith("team:")}
    if team := scene.principal.get("team"):
        names.add(team)
    return [_uid("Team", name) for name in sorted(names)]


def _asked(exam: Exam) -> Iterator[tuple[Uid, Uid]]:
    """What is to be permitted, all of it: action and resource."""
    scene = exam.scene
    if exam.hook.startswith("mcp_"):
        yield _uid("Action", scene.tool), _uid("Server", scene.server)
        return
    for model in dict.fromkeys(scene.models):
        yield _uid("Action", "call"), _uid("Model", model)


def _accounts(uid: Uid) -> list[Uid]:
    account, slash, _model = uid["id"].partition("/")
    return [_uid("Account", account)] if slash and uid["type"] == "Model" else []


def _uid(kind: str, name: str) -> Uid:
    return {"type": kind, "id": name}


def _context(exam: Exam) -> dict[str, Any]:
    scene = exam.scene
    return {
        "hook": exam.hook,
        "environment": scene.environment or "",
        "operation": scene.operation,
        "dialect": scene.dialect,
        "key": scene.principal.get("key") or "",
        "metadata": _value(scene.metadata, 0),
        "arguments": _value(scene.arguments, 0),
    }


def _value(value: Any, depth: int) -> Any:
    """JSON as Cedar has it: no null (the key is absent), no float (a decimal, or text), no record
    that would be read as an entity (text), so that no argument can pose as one.
    """
    if depth > _DEPTH_MAX:
        raise ValueError("nested too deep")
    match value:
        case bool() | str():
            return value
        case int():
            return value if _LONG_MIN <= value <= _LONG_MAX else str(value)
        case float():
            return _number(value)
        case Mapping():
            if not _ESCAPES.isdisjoint(value):
                return json.dumps(dict(value), sort_keys=True, default=str)
            return {
                str(key): _value(part, depth + 1) for key, part in value.items() if part is not None
            }
        case list() | tuple():
            return [_value(part, depth + 1) for part in value if part is not None]
        case _:
            return str(value)


def _number(value: float) -> Any:
    if value.is_integer() and abs(value) < _LONG_MAX:
        return int(value)
    if abs(value) < _DECIMAL_MAX and float(f"{value:.4f}") == value:
        return {"__extn": {"fn": "decimal", "arg": f"{value:.4f}"}}
    return repr(value)
