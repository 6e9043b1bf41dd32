"""One chat request and one answer in nobody's dialect.

A translation reads a caller's body into these values and writes a provider's body out of them, so
that every caller reaches every provider with one reader and one writer a dialect.

Promises: a value knows where in the caller's body it stood (`path`), so that what cannot be carried
over is named in the caller's own words: refused (`NotCarried`) where the answer could differ,
reported (`ChatRequest.left_out`) where only price, speed or a hint is lost. Nothing is dropped in
silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NoReturn

from extproc.llm.call import Family, Json
from extproc.llm.translate.not_carried import NotCarried
from extproc.usage.usage import Usage

# --- what a message is made of ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes in the body: `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A URL that the provider fetches. `media_type` '' where nobody said."""

    url: str
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file kept at one vendor, known there by this id."""

    family: Family
    file_id: str


Source = Inline | Remote | Stored


@dataclass(frozen=True, slots=True)
class Seal:
    """A vendor's opaque proof of a model's own earlier words (Anthropic `signature` and redacted
    thinking, Gemini `thoughtSignature`, OpenAI `encrypted_content`). Only that vendor reads it."""

    family: Family
    value: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a piece of an answer comes from. Offsets count characters of the text it stands on.

    `cited`: the words of the source. `document`: position of the document in the request.
    """

    url: str = ""
    title: str = ""
    cited: str = ""
    start: int | None = None
    end: int | None = None
    document: int | None = None


@dataclass(slots=True)
class Part:
    """`cache`: the caller asks for a prompt-cache break behind it: its time to live in seconds
    (300, 3600), 0 for the provider's own; None: not asked."""

    path: str = ""
    cache: int | None = None


@dataclass(slots=True)
class Text(Part):
    text: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(slots=True)
class Image(Part):
    """`detail`: OpenAI's `low`, `high`, `auto`, `original`; '' where nobody said."""

    source: Source = Remote("")
    detail: str = ""


@dataclass(slots=True)
class Audio(Part):
    """`source.media_type` is e.g. `audio/wav`, `audio/mpeg`."""

    source: Source = Remote("")


@dataclass(slots=True)
class Document(Part):
    """A PDF, a text file, a video: whatever is neither image nor sound. `cite`: citations asked
    for."""

    source: Source = Remote("")
    name: str = ""
    cite: bool = False


@dataclass(slots=True)
class ToolCall(Part):
    """`arguments`: JSON text of an object, as the model wrote it."""

    call_id: str = ""
    name: str = ""
    arguments: str = "{}"
    seal: Seal | None = None


@dataclass(slots=True)
class ToolResult(Part):
    """`name` of the tool where the dialect tells it; readers fill it in from the call."""

    call_id: str = ""
    name: str = ""
    content: list[Part] = field(default_factory=list)
    failed: bool = False


@dataclass(slots=True)
class Reasoning(Part):
    """What the model thought. `hidden`: only the seal is there, no text."""

    text: str = ""
    seal: Seal | None = None
    hidden: bool = False


@dataclass(slots=True)
class Refused(Part):
    """The model's own refusal, where a dialect tells it apart from text."""

    text: str = ""


# --- the request -----------------------------------------------------------------------------

Role = Literal["system", "user", "assistant"]


@dataclass(slots=True)
class Turn:
    """One message. Results of tools stand in a user's turn. A system turn stands in the middle of
    a conversation; what leads it is `ChatRequest.system`."""

    role: Role
    parts: list[Part]
    path: str = ""


@dataclass(slots=True)
class Tool:
    """A function the caller itself runs. `schema`: JSON Schema of an object."""

    name: str
    description: str = ""
    schema: Json = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None
    cache: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`names`: for `named` the one tool, else those allowed (empty: all)."""

    kind: Literal["auto", "none", "required", "named"]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Structured output. `schema` is None for `json_object`."""

    kind: Literal["json_object", "json_schema"]
    schema: Json | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model is to think. `effort`: OpenAI's and Anthropic's words (`none`, `minimal`,
    `low`, `medium`, `high`, `xhigh`, `max`). `budget_tokens`: Anthropic's and Gemini's number; 0
    asks for none, -1 for as much as the model likes. `shown`: the caller wants to see it."""

    effort: str | None = None
    budget_tokens: int | None = None
    shown: bool = False


@dataclass(slots=True)
class ChatRequest:
    """One request. None (or empty) everywhere: the caller did not say.

    `paths`: field name here -> the caller's own name for it, where it is another one.
    `left_out`: what a writer could not say and what changes no answer: reported, not refused.
    `usual`: fields that have the value their own vendor assumes anyway; clients send them unasked.
    """

    stream: bool = False
    system: list[Text] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: list[str] = field(default_factory=list)
    choices: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    output: OutputFormat | None = None
    thinking: Thinking | None = None
    verbosity: str | None = None
    user: str | None = None
    service_tier: Literal["auto", "default"] | None = None
    paths: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    usual: frozenset[str] = frozenset()

    def decline(self, name: str) -> None:
        """Refuse a field, but leave it out where the caller only said what is usual."""
        if name not in self.usual:
            self.refuse(name)
        self.leave_out(name)

    def refuse(self, name: str, what: str = "cannot be carried over to this provider") -> NoReturn:
        """Raise NotCarried for one of these fields, by the caller's own name for it."""
        raise NotCarried(self.paths.get(name, name), what)

    def leave_out(self, name_or_path: str) -> None:
        path = self.paths.get(name_or_path, name_or_path)
        if path not in self.left_out:
            self.left_out.append(path)


# --- the answer ------------------------------------------------------------------------------

Finish = Literal[
    "stop", "stop_sequence", "length", "tool_calls", "refusal", "content_filter", "pause"
]
"""`refusal`: the model's own no; `content_filter`: the provider's filter; `pause`: the provider
wants to be asked to go on."""


@dataclass(slots=True)
class Choice:
    """One answer. `logprobs`: OpenAI's `content` entries."""

    parts: list[Part]
    finish: Finish = "stop"
    stop_sequence: str | None = None
    logprobs: list[Json] | None = None


@dataclass(slots=True)
class ChatAnswer:
    """A whole answer. `usage` None: the provider told none. `left_out`: as in a request."""

    answer_id: str
    choices: list[Choice]
    usage: Usage | None = None
    left_out: list[str] = field(default_factory=list)
