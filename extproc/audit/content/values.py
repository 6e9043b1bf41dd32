"""What the core and the keeper of content say to each other: decisions, bodies, references.

Pure. A reference stands in the entry (`content.request`, `content.response`); absent where it does
not apply:

    capture       redacted | full
    file          below `<state>/audit/content`
    offset, bytes where the encrypted record stands in it
    sha256        (hex) of that record: the log proves the ciphertext, not the text
    key_id        whose key opens it
    cut           true: longer than `body_bytes_max`, or than anybody could look at
    omitted       why nothing is kept: `binary` (a form with files, sound), `unreadable`
    size          bytes of what was omitted
    lost          why it should have been kept and is not, e.g. ENOSPC

Beside them `content` may hold `capture: none` (then there are no digests either), `rule`: the rule
that decided, and `retention_policy: unknown`: the call named a policy that there is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from extproc.config.audit_model import CAPTURES_CONTENT, Capture
from extproc.identity.principal import Principal

Part = Literal["request", "response"]
PARTS: tuple[Part, ...] = ("request", "response")
Form = Literal["json", "events", "text", "binary"]
"""`events`: server-sent events. `binary`: what nobody here can read."""
Reference = dict[str, Any]

AROUND_BYTES = 12 + 16
"""Bytes of a record that are not its text: the nonce before it, the tag behind it."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose key encrypts. `kind`: tenant | team | user | virtualaccount | metadata.KEY."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class CaptureDecision:
    """What is kept of one call. `days`: for how long, None = for ever. `rule_id`: '' = none fit."""

    capture: Capture
    tenant: Tenant
    days: int | None = None
    rule_id: str = ""
    unknown_policy: bool = False

    @property
    def keeps(self) -> bool:
        return self.capture in CAPTURES_CONTENT

    def note(self) -> Reference:
        """What the entry says of the decision itself."""
        said: Reference = {"capture": "none"} if self.capture == "none" else {}
        if self.rule_id:
            said["rule"] = self.rule_id
        if self.unknown_policy:
            said["retention_policy"] = "unknown"
        return said


@dataclass(frozen=True, slots=True)
class Body:
    """One body. `size`: in bytes, of all of it. `whole`: False where `data` is only its start."""

    data: bytes
    form: Form
    size: int
    whole: bool = True


class ContentLost(Exception):
    """It could not be kept. The text is one word, without paths or content (P4)."""


class ContentKeeper(Protocol):
    """Decides what is kept of a call, and keeps it. Not for threads."""

    strict: bool
    """What cannot be kept before a provider sees a byte stops the call."""
    body_bytes_max: int

    def decide(
        self,
        principal: Principal,
        models: tuple[str, ...] | None,
        metadata: Mapping[str, str],
        environment: str,
    ) -> CaptureDecision:
        """`models`: every name the call goes by; None where its body could not be read."""
        ...

    def is_large(self, body: Body, decision: CaptureDecision) -> bool:
        """Keeping it at once would hold up everybody else of this process."""
        ...

    def keep(
        self, decision_id: str, part: Part, body: Body, decision: CaptureDecision
    ) -> Reference:
        """Its reference, or one that says `lost` or `omitted`. Never raises an Exception."""
        ...

    async def keep_large(
        self, decision_id: str, part: Part, body: Body, decision: CaptureDecision
    ) -> Reference:
        """The same, letting others go on meanwhile."""
        ...

    def durable(self) -> Awaitable[None] | None:
        """What to await in strict mode; raises AuditUnavailable."""
        ...
