"""What a provider bills of one request's input, gathered before anybody has counted a token.

A dialect fills it in (`openai_billable.py`, `anthropic_billable.py`); `usage/input_bound.py` makes
it a number. It is not what the guardrails read: a schema's keys and an image cost tokens and hold
nothing to guard, and a trace id is read by guardrails and billed by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from extproc.llm import strict_json
from extproc.llm.image_size import Size, image_size
from extproc.usage.usage import NO_UNITS, Units

FILE_TOKENS = 200_000
"""The most that one file is taken for, and what one counts whose bytes are not in the request: the
context of most models. A longer one is charged as the provider reports it (`open_ended`)."""
PAGE_TOKENS = 8_000
"""A page's text and its image (Anthropic, "PDF support": up to 3,000, and the image)."""
FILE_BYTES_PER_TOKEN = 2
AUDIO_BYTES_PER_TOKEN = 25
"""OpenAI hears 10 tokens a second, Gemini 32; the lowest rate of MP3 is 1,000 bytes a second."""
AUDIO_SLACK_TOKENS = 64
SPOKEN_TOKENS = 16_384
"""An earlier answer named by its id: the most such a model says."""
OPAQUE_CHARS_PER_TOKEN = 2
"""Encrypted thinking and search results: base64 of at least the text that is billed."""


@dataclass(frozen=True, slots=True)
class Image:
    """`size` in pixels; None: not told. `low`: asked for at low detail (OpenAI)."""

    size: Size | None = None
    low: bool = False


@dataclass(slots=True)
class Billable:
    """One request's input.

    `texts` and `predicted` are counted by a tokenizer (`predicted` is billed as output, where it
    was not right). `parts`: messages, parts and calls, each of which the format wraps. `tools`:
    declared ones; `hosted_tools`: those of them that the provider defines itself. `tokens`: what
    has a size of its own: files, audio, token arrays. `open_ended`: the provider may read what is
    not in the request. `cache_write_1h`: it asks for a cache of an hour.

    What is no chat: `units` beside tokens. `output_tokens`: the most that one answer has, where no
    maximum can be stated. `unseen`: it is sound or pictures. `spoken_percent`: tokens of sound that
    100 tokens of text make. `free`: nobody bills it at all.
    """

    texts: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    parts: int = 0
    tools: int = 0
    hosted_tools: int = 0
    images: list[Image] = field(default_factory=list)
    tokens: int = 0
    web_searches: int = 0
    open_ended: bool = False
    audio_input: bool = False
    audio_output: bool = False
    cache_write_1h: bool = False
    units: Units = NO_UNITS
    output_tokens: int = 0
    unseen: Literal["", "audio", "image"] = ""
    spoken_percent: int = 0
    free: bool = False

    def add_json(self, part: Any) -> None:
        """A part that reaches the model as JSON, or shorter: keys, braces and numbers count."""
        self.texts.append(strict_json.dump(part).decode())

    def add_image(self, base64_text: str | None, *, low: bool = False) -> None:
        self.images.append(Image(image_size(base64_text) if base64_text else None, low))

    def add_file(self, base64_text: str | None) -> None:
        """None: named by an id or a URL."""
        self.open_ended = True
        inline = len(base64_text) * 3 // 4 if base64_text else None
        self.tokens += FILE_TOKENS if inline is None else file_tokens(inline)

    def add_audio(self, base64_text: str | None) -> None:
        """None: named by an id."""
        self.audio_input = True
        if base64_text is None:
            self.tokens += SPOKEN_TOKENS
        else:
            self.tokens += len(base64_text) * 3 // 4 // AUDIO_BYTES_PER_TOKEN + AUDIO_SLACK_TOKENS

    def add_opaque(self, text: Any) -> None:
        if type(text) is str:
            self.tokens += len(text) // OPAQUE_CHARS_PER_TOKEN

    def add_unknown(self, part: Any) -> None:
        """A part of a kind nobody here knows: a file of its own length, or an image, or both."""
        self.images.append(Image())
        self.open_ended = True
        self.tokens += file_tokens(len(strict_json.dump(part)))


def file_tokens(size_bytes: int) -> int:
    return min(FILE_TOKENS, size_bytes // FILE_BYTES_PER_TOKEN + PAGE_TOKENS)


def payload(url: Any, kind: Literal["image", "any"] = "any") -> str | None:
    """The base64 text of a `data:` URL; None of any other."""
    if type(url) is not str or not url.startswith("data:image/" if kind == "image" else "data:"):
        return None
    head, found, data = url.partition(",")
    return data if found and head.endswith(";base64") else None
