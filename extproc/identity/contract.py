"""The metadata contract: what a request says about itself, and what of it counts.

Promises: `x-tfy-metadata` is a strict JSON object of strings or it is refused; what the account's
tags say wins over the caller (gateway-config precedence: header < tags); nobody speaks for a team
that is not theirs.

The environment pin, deny by default: on a gateway with an `environment`, a request counts only if
its effective `environment` is that one. Tags decide where the account has them, so a dev account is
refused in production whatever its client sends. An account without such a tag is not pinned and
its caller's claim counts. Nobody having said anything is not production: refused.
The pin is checked first (403), then required keys and allowed values (400).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from extproc.config.model import MetadataContract
from extproc.errors import Code, Refusal
from extproc.identity.principal import Principal

HEADER = "x-tfy-metadata"
HEADER_CHARS_MAX = 32_768
KEYS_MAX = 64
VALUE_CHARS_MAX = 128
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _violation(detail: str, param: str = HEADER) -> Refusal:
    return Refusal(Code.METADATA_CONTRACT_VIOLATION, detail=detail, param=param)


_NOT_JSON = _violation(f"{HEADER} must be one JSON object.")
_TOO_LONG = _violation(f"{HEADER} is longer than {HEADER_CHARS_MAX} characters.")
_TOO_MANY = _violation(f"{HEADER} has more than {KEYS_MAX} keys.")
_REPEATED = _violation(f"{HEADER} names a key twice.")
_BAD_KEY = _violation(f"{HEADER} has a key that is not 1 to 64 letters, digits and _ . -")
_WRONG_ENVIRONMENT = Refusal(
    Code.PERMISSION_DENIED,
    detail="The request's environment is not this gateway's.",
    reason="environment pin",
)
_FOREIGN_TEAM = _violation("'team' must be one of this user's teams.", "team")


class _Repeated(ValueError):
    """A key twice in one object: RFC 8259 leaves its meaning open, so it has none."""


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(object_pairs_hook=_no_repeats, parse_constant=_no_constant)


def read_metadata(header: str | None) -> dict[str, str] | Refusal:
    """Read `x-tfy-metadata`. None and '' mean that the caller sent none."""
    if not header:
        return {}
    if len(header) > HEADER_CHARS_MAX:
        return _TOO_LONG
    try:
        data = _DECODER.decode(header)
    except _Repeated:
        return _REPEATED
    except (ValueError, RecursionError):
        return _NOT_JSON
    if not isinstance(data, dict):
        return _NOT_JSON
    if len(data) > KEYS_MAX:
        return _TOO_MANY
    for key, value in data.items():
        refusal = _check_pair(key, value)
        if refusal is not None:
            return refusal
    return data


def _check_pair(key: str, value: Any) -> Refusal | None:
    if not _KEY.fullmatch(key):
        return _BAD_KEY
    if not isinstance(value, str):
        return _violation(f"'{key}' must be a string.", key)
    if len(value) > VALUE_CHARS_MAX:
        return _violation(f"'{key}' is longer than {VALUE_CHARS_MAX} characters.", key)
    # Also refuses line ends, bidirectional controls and lone surrogates: values are logged.
    if not value.isprintable():
        return _violation(f"'{key}' holds characters that cannot be printed.", key)
    return None


def effective(caller: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """What counts: the caller's metadata with the principal's tags (its team included) over it."""
    return {**caller, **tags}


def check(
    metadata: Mapping[str, str], contract: MetadataContract, environment: str | None
) -> Refusal | None:
    """Hold effective metadata against the pin and the contract; None = it keeps them.

    `environment`: the gateway's own, None when it has none.
    """
    if environment is not None and metadata.get("environment") != environment:
        return _WRONG_ENVIRONMENT
    for key in contract.required:
        if not metadata.get(key, "").strip():
            return _violation(f"'{key}' is required.", key)
    for key, values in contract.allowed.items():
        if key in metadata and metadata[key] not in values:
            return _violation(f"'{key}' has a value that is not allowed here.", key)
    return None


def _foreign_team(metadata: Mapping[str, str], principal: Principal) -> bool:
    # A principal with one team has it as a tag, and tags win; only members of several may choose.
    team = metadata.get("team")
    if principal.type != "user" or team is None or "team" in principal.tags:
        return False
    return team not in principal.teams


def agree(
    header: str | None,
    principal: Principal,
    contract: MetadataContract,
    environment: str | None,
) -> dict[str, str] | Refusal:
    """All of the above in their order: the effective metadata of a request, or its refusal."""
    caller = read_metadata(header)
    if isinstance(caller, Refusal):
        return caller
    metadata = effective(caller, principal.tags)
    if _foreign_team(metadata, principal):
        return _FOREIGN_TEAM
    return check(metadata, contract, environment) or metadata
