"""A copy of a call, and who makes it (`shadowing.py` says which, `server/mirror.py` makes it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Copy:
    """One call to make. `account`: the virtual account that it is made as."""

    account: str
    path: str
    body: bytes
    headers: Mapping[str, str]


class Mirror(Protocol):
    """Makes copies, out of everybody's way; those it has no room for are dropped and counted."""

    def send(self, copy: Copy) -> None: ...
