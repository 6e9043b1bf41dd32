"""The ledger's Lua scripts as the store knows them: source and SHA-1, each with what they share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_SHARED = (_FOLDER / "shared.lua").read_bytes()


@dataclass(frozen=True, slots=True)
class Script:
    """One Lua script."""

    source: bytes
    sha1: bytes


def _script(name: str) -> Script:
    source = _SHARED + (_FOLDER / f"{name}.lua").read_bytes()
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest().encode())


BEGIN = _script("begin")
BRING = _script("bring")
COUNTERS = _script("counters")
FORGET = _script("forget")
HEALTH = _script("health")
HOLD = _script("hold")
REAP = _script("reap")
RENEW = _script("renew")
RESERVE = _script("reserve")
SETTLE = _script("settle")
SWEEP = _script("sweep")
