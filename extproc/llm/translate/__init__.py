"""Which dialect reaches which provider, and how.

Promises: a pair that is not in the table is refused before anything is sent; a pair of the same
dialect passes through untouched (no Translation). One file per direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.errors import Refusal
from extproc.llm.anthropic_messages import ANTHROPIC_MESSAGES
from extproc.llm.call import Dialect, Family, Frame, Json, Operation
from extproc.llm.openai_chat import OPENAI_CHAT
from extproc.llm.openai_embeddings import OPENAI_EMBEDDINGS
from extproc.llm.translate import (
    anthropic_messages_to_openai_chat,
    openai_chat_to_anthropic_messages,
)


class StreamTranslator(Protocol):
    """Turns provider frames into caller frames. One per stream.

    `complete`: the provider's stream reached its end. `closed`: nothing more may be sent (complete,
    or the provider's own error was passed on).
    """

    complete: bool
    closed: bool

    def feed(self, frame: Frame) -> list[Frame]:
        """Raises `sse.StreamFault` when the frame cannot be carried over."""
        ...

    def finish(self) -> list[Frame]:
        """To be called when the provider's bytes end."""
        ...


@dataclass(frozen=True, slots=True)
class Translation:
    """One direction. `request(body, default_max_tokens=)`, `response(body, model=, created=)`,
    `error(status, body, decision_id=)`, `stream(model=, created=, include_usage=)`."""

    caller: Dialect
    provider: Dialect
    request: Callable[..., Json | Refusal]
    response: Callable[..., Json | Refusal]
    error: Callable[..., Json]
    stream: Callable[..., StreamTranslator]


def _direction(caller: Dialect, provider: Dialect, module: Any) -> Translation:
    return Translation(
        caller, provider, module.request, module.response, module.error, module.Stream
    )


_PROVIDER_DIALECTS: dict[tuple[Operation, Family], Dialect] = {
    ("chat", "openai"): OPENAI_CHAT,
    ("chat", "anthropic"): ANTHROPIC_MESSAGES,
    ("embeddings", "openai"): OPENAI_EMBEDDINGS,
}
_DIRECTIONS = {
    (direction.caller.name, direction.provider.name): direction
    for direction in (
        _direction(OPENAI_CHAT, ANTHROPIC_MESSAGES, openai_chat_to_anthropic_messages),
        _direction(ANTHROPIC_MESSAGES, OPENAI_CHAT, anthropic_messages_to_openai_chat),
    )
}
_OPERATIONS: dict[str, Operation] = {
    dialect.name: dialect.operation for dialect in _PROVIDER_DIALECTS.values()
}


def provider_dialect(operation: Operation, family: Family) -> Dialect | None:
    """The dialect a provider of this family speaks for an operation; None when it has none."""
    return _PROVIDER_DIALECTS.get((operation, family))


def supported(caller_name: str, provider_family: Family) -> bool:
    """Whether a caller of this dialect can be served by a provider of this family."""
    operation = _OPERATIONS.get(caller_name)
    provider = None if operation is None else provider_dialect(operation, provider_family)
    if provider is None:
        return False
    return provider.name == caller_name or (caller_name, provider.name) in _DIRECTIONS


def translator(caller: Dialect, provider: Dialect) -> Translation | None:
    """The translation of a pair; None when none is needed. Raises LookupError on an unknown pair
    (ask `supported` first): passing untranslated bytes on would be worse."""
    if caller.name == provider.name:
        return None
    return _DIRECTIONS[caller.name, provider.name]
