"""What one exchange takes in and gives out, in the core's words; `server/wire.py` translates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.errors import Refusal
from extproc.llm.call import Family
from extproc.routing.values import Target


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as it arrived. `headers`: the named ones, lower case. `body`: None if none."""

    decision_id: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt sends: its target, the path, its own body (None = the main body)."""

    target: Target
    path: str
    body: bytes | None
    retry_on: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go: the main body and the attempts, in order."""

    body: bytes
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Stop: the refusal in the caller's dialect."""

    refusal: Refusal
    family: Family
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """Stop: the gateway itself answers (e.g. `GET /v1/models`)."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Verdict = Allowed | Refused | Answered


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and facts of the answer. `details` is Envoy's response code details."""

    status: int
    content_type: str
    attempt: int
    details: str
    ends: bool
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class HeadReply:
    """What to do with the answer's head. `streamed`: judge the body piece by piece.

    `body`: the whole answer, when the provider's own has none or none that may be waited for.
    """

    streamed: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    status: int | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class BodyReply:
    """What goes on instead of the body (or piece): None = it passes byte for byte."""

    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
