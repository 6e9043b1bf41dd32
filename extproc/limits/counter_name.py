"""How a rule's counters are told apart: one for each value of what the rule applies per.

Promises: names are short and plain whatever a caller sends, and no two values share one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from extproc.identity.principal import Principal

Dimension = Callable[[Principal, str, Mapping[str, str]], str]
"""The value of one dimension for caller, model as asked for, and metadata; '' when it has none."""
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._@/+-]{1,64}")


def dimension(name: str) -> Dimension:
    """`user`, `team`, `key`, `virtualaccount`, `model` or `metadata.<key>`."""
    match name:
        case "user":
            return _user
        case "team":
            return _team
        case "key":
            return _key
        case "virtualaccount":
            return _virtual_account
        case "model":
            return _model
        case _:
            key = name.removeprefix("metadata.")
            return lambda _principal, _model, metadata: metadata.get(key, "")


def counter_part(value: str) -> str:
    """Keep short plain values readable; hash the rest, so names stay bounded and unambiguous."""
    if not value or _PLAIN_VALUE.fullmatch(value):
        return value
    return "~" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _user(principal: Principal, _model: str, _metadata: Mapping[str, str]) -> str:
    return (principal.email or principal.name) if principal.type == "user" else ""


def _virtual_account(principal: Principal, _model: str, _metadata: Mapping[str, str]) -> str:
    return principal.name if principal.type == "virtual-account" else ""


def _model(_principal: Principal, model: str, _metadata: Mapping[str, str]) -> str:
    return model


def _team(principal: Principal, _model: str, metadata: Mapping[str, str]) -> str:
    """Of a user in several teams the one it says; what nobody belongs to is never believed."""
    said = metadata.get("team", "")
    return principal.team or (said if said in principal.teams else "")


def _key(principal: Principal, _model: str, _metadata: Mapping[str, str]) -> str:
    # Two owners may call their keys alike. No owner's name holds a '+'.
    owner = "va" if principal.type == "virtual-account" else "user"
    return f"{owner}/{principal.name}+{principal.key}"
