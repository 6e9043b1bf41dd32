"""What the core knows of one LLM call, whatever dialect it came in.

A `Dialect` (one file each: `openai_chat.py`, `anthropic_messages.py`, `gemini_generate.py`, ...)
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
Operation = Literal[
    "chat", "embeddings", "models", "count_tokens", "moderations", "images", "speech",
    "transcription", "rerank",
]  # fmt: skip
"""`chat`: everything that makes a model write, whatever the path is called."""
Family = Literal["openai", "anthropic", "gemini", "bedrock", "cohere"]
"""Whose conventions hold: a caller's errors (the vendor whose SDK it believes to talk to), a
provider's tokens and shapes."""

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

    whole: ClassVar[bool] = False
    """Its channel begins and ends with it: nothing more of the text will come."""

    again: ClassVar[bool] = False
    """A later slot may say its channel's text again (`repeated`): what became of it is kept."""

    holder: Any
    key: Any
    path: str
    role: Role
    channel: str
    json_text: bool = False
    fixed: bool = False

    @property
    def repeated(self) -> str:
        """The channel that it says again in full, and that has ended with it; '' for none."""
        return ""

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


class ProviderDialect(Protocol):
    """One request/response format, as far as a provider speaks it. Stateless; one module-level
    instance per file.

    `shape`: the name of the dialect whose bodies it shares, usually its own. `answers`: "json", or
    "bytes" where a whole answer is a file (speech), which nobody here reads.
    """

    name: str
    shape: str
    family: Family
    operation: Operation
    answers: Literal["json", "bytes"]

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

    def upstream_path(self, model: str, *, stream: bool) -> str:
        """Path below the account's base URL, e.g. `/chat/completions`; the model's name is
        percent-encoded where it stands in it."""
        ...


class Dialect(ProviderDialect, Protocol):
    """One that callers speak too. `body`: "json", or "multipart" (`multipart.py` makes it one)."""

    body: Literal["json", "multipart"]

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        """Read the call out of a request body; refuse missing or ill-typed fields by name.

        `path`: where it was sent; some dialects name the model there.
        """
        ...

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        """Every text a provider would see, in order."""
        ...

    def billable(self, body: Json) -> Billable:
        """What a provider bills of the input: more than its texts, see `Billable`."""
        ...
