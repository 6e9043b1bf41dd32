"""OpenAI Speech (`POST /v1/audio/speech`): a text in, a file of sound out.

Wire: platform.openai.com, "Create speech". Refuses, by field name: missing or ill-typed `input`,
`voice`, `instructions`, `speed`, and `stream_format: sse` (not offered). Nobody here can hear the
answer: it is named whole in `response_unscanned`.

Billed by the character of `input`, or by tokens of text and of sound. No answer tells usage: the
characters are known, the tokens of sound are charged as they were reserved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from extproc.errors import Refusal
from extproc.llm import fields
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import Found, add_text
from extproc.llm.whole_answer import WholeAnswers, read_rest, stream_fault, whole_call
from extproc.usage.usage import Reported, Units

SPOKEN_PERCENT = 1_200
"""Twelve tokens of sound a token of text: 0.58 s at 1,250 tokens a minute (OpenAI, "Pricing": about
0.015 USD a minute at 12 USD a million), which is half of the usual rate of speech."""
SPEED_MIN, SPEED_MAX = 0.25, 4
_READ = frozenset(("model", "input", "instructions"))
_SETTINGS = frozenset(("voice", "response_format", "stream_format"))


class OpenAISpeech(WholeAnswers):
    """The dialect; stateless."""

    name = "openai_speech"
    shape = "openai_speech"
    family: Family = "openai"
    operation: Operation = "speech"
    answers: Literal["json", "bytes"] = "bytes"
    body: Literal["json", "multipart"] = "json"

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = fields.model_fault(body) or stream_fault(body) or _fault(body)
        return fault or whole_call("speech", body["model"], _request(body).unread)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        text, slowness = body["input"], max(1.0, 1 / (body.get("speed") or 1))
        return Billable(
            texts=[text, body.get("instructions") or ""],
            parts=2,
            units=Units(characters=characters(text)),
            unseen="audio",
            audio_output=True,
            spoken_percent=int(SPOKEN_PERCENT * slowness),
        )

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(())

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return ("audio",)

    def response_usage(self, body: Json) -> Reported:
        return None

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return "/audio/speech"


OPENAI_SPEECH = OpenAISpeech()


def characters(text: str) -> int:
    """As UTF-16 counts them: nobody says whether an emoji is one or two."""
    return len(text) + sum(char > "\uffff" for char in text)


def _fault(body: Json) -> Refusal | None:
    if type(body.get("input")) is not str:
        return fields.refuse("input", "must be a string")
    if type(body.get("voice")) not in (str, dict):
        return fields.refuse("voice", "must be a string or an object")
    if type(body.get("instructions", "")) not in (str, type(None)):
        return fields.refuse("instructions", "must be a string")
    speed = body.get("speed")
    if speed is not None and (
        type(speed) not in (int, float) or not SPEED_MIN <= speed <= SPEED_MAX
    ):
        return fields.refuse("speed", f"must be a number from {SPEED_MIN} to {SPEED_MAX}")
    if body.get("stream_format") not in (None, "audio"):
        return fields.refuse("stream_format", "other than 'audio' is not offered")
    return None


def _request(body: Json) -> Found:
    found = Found()
    for key in ("input", "instructions"):
        if body.get(key) is not None:
            add_text(body, key, key, "input" if key == "input" else "system", found)
    read_rest(body, found, _READ, _SETTINGS)
    return found
