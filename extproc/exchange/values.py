"""What one exchange takes in and gives out, in the core's words; `server/wire.py` translates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.errors import Refusal
from extproc.limits.values import Charge
from extproc.llm.call import Family, ProviderDialect
from extproc.routing.values import Ended, Target


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as it arrived. `headers`: the named ones, lower case. `body`: None if none."""

    decision_id: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request is to ask for instead of what it asked for; None: as it came."""

    model: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A budget wants the request made smaller; nothing was taken from any limit.

    `spent`: of its counter. `full`: the request as it is has no room.
    """

    charge: Charge
    spent: int
    full: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt sends: its target, in which dialect, the path, its own body (None = the
    main body), headers to set and to remove. `delay_ms`: to wait before it, where it tries the
    target before it again. `left_out`: what of the caller's body it does not
    say."""

    target: Target
    dialect: ProviderDialect
    path: str
    body: bytes | None
    retry_on: str
    headers: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    delay_ms: int | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go: the main body and the attempts, in order. `tier`: of the listener's time limits, '' for
    its own."""

    body: bytes
    attempts: tuple[Attempt, ...]
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Stop: the refusal in the caller's dialect."""

    refusal: Refusal
    family: Family
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """Stop: the gateway itself answers (`GET /v1/models`, or a budget's template).

    `headers` may name another content type than JSON.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Verdict = Allowed | Refused | Answered


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and facts of the answer. `details` is Envoy's response code details.

    `attempts`: every attempt that was made, the one that answered last; `attempt`: how many there
    were, where nothing more is known of them.
    """

    status: int
    content_type: str
    attempt: int
    details: str
    ends: bool
    encoding: str = ""
    attempts: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadReply:
    """What to do with the answer's head. `streamed`: judge the body piece by piece.

    `body`: the whole answer, when the provider's own has none or none that may be waited for.
    `refusal`: instead of the answer, which is cut off.
    """

    streamed: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    status: int | None = None
    body: bytes | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class BodyReply:
    """What goes on instead of the body (or piece): None = it passes byte for byte."""

    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
