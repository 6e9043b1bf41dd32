"""What the core knows of one LLM call, whatever dialect it came in.

A `Dialect` (one file each: `openai_chat.py`, `openai_embeddings.py`, `anthropic_messages.py`)
reads these values out of a parsed JSON body; nothing else in the gateway looks inside a body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from extproc.errors import Refusal
from extproc.usage.usage import Reported

if TYPE_CHECKING:
    from extproc.llm.billable import Billable

Json = dict[str, Any]
Operation = Literal["chat", "embeddings", "models"]
Family = Literal["openai", "anthropic"]
"""Error and header conventions of the caller: which vendor's SDK it believes to talk to."""

Role = Literal["system", "user", "assistant", "tool", "tool_definition", "tool_arguments",
               "reasoning", "refusal", "input"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LlmCall:
    """One request, read.

    `max_output_tokens`: what the caller stated, None when it stated none. `choices`: OpenAI's `n`
    (1 elsewhere). `tools`: names of the tools the request declares, in order.
    `unscanned`: JSON paths of what carries no text that can be read here (images, audio, files,
    references, what is encrypted, unknown parts).
    """

    operation: Operation
    model: str
    stream: bool
    max_output_tokens: int | None
    choices: int
    tools: tuple[str, ...]
    unscanned: tuple[str, ...] = ()


@dataclass(slots=True)
class TextSlot:
    """One text inside a parsed body that can be read and replaced in place.

    `holder[key]` is the string; `path` is its JSON path, e.g. `messages[0].content[1].text`.
    `channel` names the stream of text it belongs to: slots of one channel, in order, are one text
    (the deltas of one streamed choice). It is `path` where nothing is split.
    `json_text`: the string is itself JSON (tool arguments): a replacement must keep it parseable.
    `fixed`: it can be read and not replaced (identifiers, object keys, numbers): a finding in it
    can only be refused. Some texts stand in a body in another form: see `slots.py`.
    """

    repeats: ClassVar[bool] = False
    """It says again what another slot says (log probabilities): nobody counts its tokens."""

    holder: Any
    key: Any
    path: str
    role: Role
    channel: str
    json_text: bool = False
    fixed: bool = False

    @property
    def text(self) -> str:
        return self.holder[self.key]  # type: ignore[no-any-return]

    @text.setter
    def text(self, value: str) -> None:
        """Raises TypeError when `fixed`: a redaction without effect must not pass for one (P5)."""
        if self.fixed:
            raise TypeError("this text can be read and not replaced")
        self.holder[self.key] = value


@dataclass(slots=True)
class Frame:
    """One server-sent event of a stream, parsed.

    `event`: the SSE `event:` field or ''. `data`: the parsed JSON, or None for OpenAI's `[DONE]`.
    `raw`: the exact bytes it arrived as, separators included; sent as they are when `changed` is
    False.
    """

    event: str
    data: Json | None
    raw: bytes
    changed: bool = False


class Dialect(Protocol):
    """One request/response format. Stateless; one module-level instance per file."""

    name: str
    family: Family
    operation: Operation

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        """Read the call out of a request body; refuse missing or ill-typed fields by name."""
        ...

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        """Every text a provider would see, in order."""
        ...

    def billable(self, body: Json) -> Billable:
        """What a provider bills of the input: more than its texts, see `Billable`."""
        ...

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        """Every text of a whole (not streamed) answer: all choices, tool arguments, reasoning."""
        ...

    def frame_texts(self, frame: Frame) -> Iterator[TextSlot]:
        """Every text of one streamed frame; `channel` is stable across the frames of a stream."""
        ...

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        """JSON paths of what a whole answer carries that nobody here can read, see `LlmCall`."""
        ...

    def frame_unscanned(self, frame: Frame) -> tuple[str, ...]:
        """The same of one streamed frame; a path is stable across the frames of a stream."""
        ...

    def response_usage(self, body: Json) -> Reported:
        """The provider's usage in a whole answer, as far as it can be read."""
        ...

    def frame_usage(self, frame: Frame, so_far: Reported) -> Reported:
        """Usage after this frame (cumulative per stream, RFC-less: see the dialect's file)."""
        ...

    def is_final(self, frame: Frame) -> bool:
        """Whether the dialect's own end marker (`[DONE]`, `message_stop`) is this frame."""
        ...

    def with_call(self, body: Json, *, model: str, max_output_tokens: int | None,
                  include_usage: bool) -> Json:  # fmt: skip
        """A shallow copy for the provider: its model id, a (lower) maximum, usage asked for."""
        ...

    def upstream_path(self, model: str) -> str:
        """Path below the account's base URL, e.g. `/chat/completions`."""
        ...
