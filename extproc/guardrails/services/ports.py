"""What a service is given to ask with; built once per worker by `app.py`, it outlives a reload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whole. Header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Http(Protocol):
    """Asks over connections that are kept open."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Any status is a reply. Raises GuardrailFault: `unreachable`, `too_large`.

        Has no time limit of its own: the engine cancels what takes too long. Follows no redirect.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """`gateway_url`: this gateway's own listener, e.g. `http://127.0.0.1:10000`.

    `internal_key`: name of a virtual account -> the key under which the gateway itself calls on its
    behalf. `now_s`: Unix time, for what has to be signed.
    """

    http: Http
    gateway_url: str
    internal_key: Callable[[str], str]
    now_s: Callable[[], int]
