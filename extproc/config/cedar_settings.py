"""`config` of a `cedar` guardrail: one set of Cedar policies.

Promises: a policy that does not parse is told in Cedar's own words; so is a set that could never
permit anything, and a policy about a type of entity that no call has: a `forbid` with a misspelt
type would silently forbid nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from extproc.config.base import Document
from extproc.config.fields import complaint
from extproc.config.mistake import did_you_mean, one_of

POLICY_CHARS_MAX = 256 * 1024
ENTITY_TYPES = (
    "Account", "Action", "ExternalIdentity", "Model", "Server", "ServiceAccount", "Team", "User",
    "VirtualAccount",
)  # fmt: skip


def _policy(value: str) -> str:
    import cedarpy  # late: 5 MB that only this type needs

    try:
        cedarpy.PolicySet.from_str(value)
        tree = json.loads(cedarpy.policies_to_json_str(value))
    except (ValueError, RecursionError) as error:
        raise complaint(f"does not parse: {error}") from None
    if tree["templates"]:
        raise complaint("has a template ('?principal' or '?resource'); nothing would fill it in")
    policies = tree["staticPolicies"].values()
    if not any(policy["effect"] == "permit" for policy in policies):
        raise complaint("has no 'permit', so that every call would be refused")
    unknown = sorted(set(_entity_types(tree)) - set(ENTITY_TYPES))
    if unknown:
        near = did_you_mean(unknown[0], ENTITY_TYPES)
        raise complaint(f"names '{unknown[0]}', but there is only {one_of(ENTITY_TYPES)}{near}")
    return value


def _entity_types(tree: Any) -> Iterator[str]:
    """Types of all entities that policies name, in Cedar's JSON format."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("type"), str) and isinstance(node.get("id"), str):
                yield node["type"]
            if isinstance(node.get("entity_type"), str):
                yield node["entity_type"]
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


class CedarSettings(Document):
    policy: Annotated[
        str, Field(min_length=1, max_length=POLICY_CHARS_MAX), AfterValidator(_policy)
    ]
