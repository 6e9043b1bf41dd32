"""From a request that was read to the answer's content, whatever the vendor.

Promises: the same request gets the same answer. A token is a word (`str.split`); that is what
usage reports unless a directive pins it, and what the provider bills.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, Literal, NamedTuple

import orjson

from extproc.demo.provider_schema import sample
from extproc.demo.provider_script import Script, ToolCall

Finish = Literal["end", "length", "stop_sequence", "tools"]
THOUGHT = "Let me think."
LEXICON = "the quick brown fox jumps over the lazy dog while a quiet river runs past"
_PIECE = re.compile(r"\s*\S+(?:\s+$)?")
_ARGUMENT_CHARS = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as either vendor's reader understood it.

    `prompt`: text of the last user message. `tool_result`: text of a tool's answer when that is
    what the conversation ends with. `input_tokens`: words of everything sent. `forced_tool`: the
    tool that `tool_choice` leaves no way around.
    `obfuscate`: pad streamed chunks, which OpenAI does unless told not to. `thinking`: it is to
    think first; `shows_thought`: and to tell what. `schema`: the JSON Schema that the answer must
    follow ({}: any object). `one_tool`: parallel calls are forbidden; `no_tools`: all are.
    `effort`, `images`, `tools`: how hard to think, how many pictures, which tools it was given,
    for whoever checks.
    """

    model: str
    prompt: str
    input_tokens: int
    stream: bool = False
    include_usage: bool = False
    obfuscate: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1
    tool_result: str | None = None
    forced_tool: str | None = None
    thinking: bool = False
    shows_thought: bool = False
    schema: Mapping[str, Any] | None = None
    one_tool: bool = False
    no_tools: bool = False
    effort: str | None = None
    images: int = 0
    tools: tuple[str, ...] = ()

    def understood(self) -> dict[str, Any]:
        """What a test may ask about: was it all carried over?"""
        return {
            "images": self.images,
            "tools": list(self.tools),
            "schema": self.schema is not None,
            "thinking": self.thinking,
            "effort": self.effort,
            "tool_result": self.tool_result,
            "max_tokens": self.max_tokens,
            "stream": self.stream,
        }


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request the vendor would refuse: status, message and the field it is about. `retry_after`:
    seconds, for vendors that say it in the body."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    retry_after: str = ""


class Frame(NamedTuple):
    """One server-sent event and how many tokens had been generated when it was sent."""

    data: bytes
    generated: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say; `thought` comes before it. `reported_*` go into usage as they are; `billed_*`
    is what the provider charges, cached tokens included: the pinned number where it is one, else
    the count."""

    text: str
    pieces: tuple[str, ...]
    tools: tuple[ToolCall, ...]
    finish: Finish
    stop_sequence: str | None
    generated: int
    reported_input: int
    reported_output: int
    billed_input: int
    billed_output: int
    script: Script = field(default_factory=Script)
    thought: str = ""

    @property
    def reasoning(self) -> int:
        """Tokens of thought to report; they are among the output tokens."""
        return self.script.usage.reasoning or words(self.thought)

    def billed_after(self, generated: int) -> int:
        """Output tokens charged when the stream ended after so many generated ones."""
        if generated >= self.generated:
            return self.billed_output
        return math.ceil(self.billed_output * generated / self.generated)


def compose(ask: Ask, script: Script, *, cached_inside: bool) -> Reply:
    """Decide the answer. `cached_inside`: the vendor counts cached tokens as input tokens
    (OpenAI), rather than beside them (Anthropic)."""
    tools = _tools(ask, script)
    text, finish, stop = _limited(_text(ask, script, tools), ask)
    thought = (script.think or THOUGHT) if ask.thinking or script.think else ""
    once = words(thought) + words(text) + sum(tool_words(call) for call in tools)
    generated = ask.choices * once
    usage = script.usage
    reported_in = ask.input_tokens if usage.input is None else usage.input
    reported_out = generated if usage.output is None else usage.output
    beside = 0 if cached_inside else usage.cached + usage.cache_write
    return Reply(
        text=text,
        pieces=split_text(text, script.chars),
        tools=tools,
        finish="tools" if tools and finish == "end" else finish,
        stop_sequence=stop,
        generated=generated,
        reported_input=reported_in,
        reported_output=reported_out,
        billed_input=(reported_in if reported_in >= 0 else ask.input_tokens) + beside,
        billed_output=reported_out if reported_out >= 0 else generated,
        script=script,
        thought=thought,
    )


def _tools(ask: Ask, script: Script) -> tuple[ToolCall, ...]:
    """A conversation that ends with a tool's answer calls no tool again: the agent loop ends."""
    if ask.tool_result is not None or ask.no_tools:
        return ()
    if ask.one_tool and script.tools:
        return script.tools[:1]
    if ask.forced_tool is not None and not script.tools:
        return (ToolCall(ask.forced_tool, {}),)
    return script.tools


def _text(ask: Ask, script: Script, tools: Sequence[ToolCall]) -> str:
    if script.tokens is not None:
        lexicon = (script.reply or LEXICON).split()
        return " ".join(islice(cycle(lexicon), script.tokens))
    if script.reply is not None:
        return script.reply
    if tools:
        return ""
    if ask.schema is not None:
        return orjson.dumps(sample(ask.schema)).decode()
    if ask.tool_result is not None:
        return f"The tool said: {ask.tool_result}"
    return f"You said: {script.text}"


def _limited(text: str, ask: Ask) -> tuple[str, Finish, str | None]:
    """Cut at the first stop sequence, then at the maximum; whichever ends it names the finish."""
    finish: Finish = "end"
    found = [(at, stop) for stop in ask.stops if stop and (at := text.find(stop)) >= 0]
    stop: str | None = None
    if found:
        at, stop = min(found)
        text, finish = text[:at], "stop_sequence"
    if ask.max_tokens is not None and words(text) > ask.max_tokens:
        text = "".join(_PIECE.findall(text)[: ask.max_tokens])
        return text, "length", None
    return text, finish, stop


def split_text(text: str, chars: int) -> tuple[str, ...]:
    """The deltas of a text: its words with the space before them, or every so many characters."""
    if chars:
        return tuple(text[at : at + chars] for at in range(0, len(text), chars))
    return tuple(_PIECE.findall(text)) or ((text,) if text else ())


def split_arguments(arguments: str, chars: int) -> tuple[str, ...]:
    return split_text(arguments, chars or _ARGUMENT_CHARS)


def words(text: str) -> int:
    return len(text.split())


def tool_words(call: ToolCall) -> int:
    """Tokens of a tool call: its name, and one for every argument."""
    return 1 + len(call.arguments)


def running_words(reply: Reply) -> Iterable[tuple[str, int]]:
    """Each delta of the text with the words generated up to and including it."""
    yield from _running(reply.pieces, words(reply.thought), reply.script.chars)


def running_thought(reply: Reply) -> Iterable[tuple[str, int]]:
    """The same of the thought before it."""
    yield from _running(split_text(reply.thought, reply.script.chars), 0, reply.script.chars)


def _running(pieces: Iterable[str], before: int, chars: int) -> Iterable[tuple[str, int]]:
    if not chars:
        for count, piece in enumerate(pieces, before + 1):
            yield piece, count
        return
    so_far = ""
    for piece in pieces:
        so_far += piece
        yield piece, before + words(so_far)


def text_of(content: Any) -> str:
    """The text of a message: the string, or its text parts joined by a space."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(
        part["text"]
        for part in content
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    )
