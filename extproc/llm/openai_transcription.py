"""OpenAI Transcriptions and Translations (`POST /v1/audio/transcriptions`, `.../translations`): a
form with a file of sound in, its words out.

Wire: platform.openai.com, "Create transcription". The body is a form (`multipart.py`); an answer is
JSON, or one text (`response_format` text, srt, vtt), which is read here as `{"text": ...}`.
Refuses, by field name: a missing file, files where texts belong, `stream` (not offered). The sound
itself is named in `unscanned`; prompts, keywords and file names are read.

Billed by its length or by tokens; the longest that the bytes can be is reserved, and charged where
an answer tells neither: `text`, `srt` and `vtt` do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from extproc.errors import Refusal
from extproc.llm import fields, strict_json
from extproc.llm.audio_length import longest_ms
from extproc.llm.billable import Billable
from extproc.llm.call import Family, Json, LlmCall, Operation, TextSlot
from extproc.llm.leaves import MACHINE_KEYS, Found, add_text, is_identifier, is_name, walk
from extproc.llm.openai_media_usage import read_transcript_usage
from extproc.llm.slots import LogprobsSlot, fixed_slot
from extproc.llm.whole_answer import WholeAnswers, whole_call
from extproc.usage.usage import Reported, Units

HEARD_TOKENS_PER_SECOND = 20
"""OpenAI: 0.006 USD a minute at 6 USD a million are 17 a second."""
WRITTEN_TOKENS_PER_SECOND = 8
"""A fast speaker says 250 words a minute: six tokens a second."""
SLACK_TOKENS = 64
_TEXT_FORMATS = frozenset(("text", "srt", "vtt"))
_FORMATS = _TEXT_FORMATS | {"json", "verbose_json", "diarized_json"}
_SETTINGS = frozenset(
    ("model", "response_format", "language", "languages[]", "temperature", "include[]",
     "timestamp_granularities[]", "stream", "chunking_strategy", "chunking_strategy[type]")
)  # fmt: skip
_WORDS = frozenset(("keywords[]", "known_speaker_names[]"))
_LISTS = _WORDS | {
    "languages[]", "include[]", "timestamp_granularities[]", "known_speaker_references[]",
}  # fmt: skip
_ANSWER_NAMES = MACHINE_KEYS | frozenset(("model", "task", "language", "speaker"))


class OpenAITranscription(WholeAnswers):
    """The dialect; stateless. `path`: where it is asked, below the base URL."""

    family: Family = "openai"
    operation: Operation = "transcription"
    body: Literal["json", "multipart"] = "multipart"

    def __init__(self, name: str, path: str) -> None:
        self.name = self.shape = name
        self._path = path

    def read_call(self, path: str, body: Json) -> LlmCall | Refusal:
        fault = fields.model_fault(body) or _fault(body)
        return fault or whole_call("transcription", body["model"], _request(body).unread)

    def request_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_request(body).slots)

    def billable(self, body: Json) -> Billable:
        length_ms = longest_ms(body["file"]["data"])
        return Billable(
            texts=[slot.text for slot in _request(body).slots],
            parts=1,
            tokens=length_ms * HEARD_TOKENS_PER_SECOND // 1_000 + SLACK_TOKENS,
            units=Units(audio_ms=length_ms),
            output_tokens=length_ms * WRITTEN_TOKENS_PER_SECOND // 1_000 + SLACK_TOKENS,
            audio_input=True,
        )

    def response_texts(self, body: Json) -> Iterator[TextSlot]:
        return iter(_answer(body).slots)

    def response_unscanned(self, body: Json) -> tuple[str, ...]:
        return tuple(_answer(body).unread)

    def response_usage(self, body: Json) -> Reported:
        return read_transcript_usage(body)

    def upstream_path(self, model: str, *, stream: bool) -> str:
        return self._path


OPENAI_TRANSCRIPTION = OpenAITranscription("openai_transcription", "/audio/transcriptions")
OPENAI_TRANSLATION = OpenAITranscription("openai_translation", "/audio/translations")


def is_text(content_type: str) -> bool:
    """Whether an answer of this media type is one text and no JSON."""
    return content_type.partition(";")[0].strip().lower() != "application/json"


def read_answer(body: bytes, content_type: str) -> Json | Refusal:
    """An answer's bytes as a body: JSON as it is, one text under `text`."""
    if not is_text(content_type):
        return strict_json.parse(body)
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return fields.refuse("text", "must be in UTF-8")


def write_answer(body: Json, content_type: str) -> bytes:
    """The same, the other way round."""
    return str(body["text"]).encode() if is_text(content_type) else strict_json.dump(body)


def _fault(body: Json) -> Refusal | None:
    file = body.get("file")
    if type(file) is not dict or not file["data"]:
        return fields.refuse("file", "must be a file that is not empty")
    for key, value in body.items():
        listed = value if type(value) is list else [value]
        if key != "file" and not all(type(item) is str for item in listed):
            return fields.refuse(key, "must not be a file")
    if body.get("stream", "false").lower() not in ("", "false"):
        return fields.refuse("stream", "is not offered for this operation")
    if body.get("response_format", "json") not in _FORMATS:
        return fields.refuse("response_format", "must be a format of this API")
    return None


def _request(body: Json) -> Found:
    found = Found()
    found.unread.append("file")
    for key, value in body.items():
        if key == "file":
            add_text(value, "filename", "file.filename", "input", found)
        elif key == "prompt":
            add_text(body, key, key, "input", found)
        else:
            _field(body, key, value, found)
    return found


def _field(body: Json, key: str, value: Any, found: Found) -> None:
    """Settings are identifiers, or words after all."""
    if type(value) is not list:
        walk(body, key, key, "input", found, frozenset((key,)) & _SETTINGS)
        return
    if key not in _LISTS:
        found.slots.append(fixed_slot(key, f"{key}{{}}", "input"))
    for at, item in enumerate(value):
        if key in _WORDS:
            add_text(value, at, f"{key}[{at}]", "input", found)
        elif key not in _SETTINGS or not is_identifier(item):
            walk(value, at, f"{key}[{at}]", "input", found)


def _answer(body: Json) -> Found:
    found = Found()
    for key, value in body.items():
        if key == "text":
            add_text(body, key, key, "assistant", found)
        elif key == "logprobs" and type(value) is list:
            _logprobs(body, value, found)
        elif type(value) in (str, list, dict) or not is_name(key):
            walk(body, key, key, "assistant", found, _ANSWER_NAMES)
    return found


def _logprobs(body: Json, tokens: list[Any], found: Found) -> None:
    """The text once more: a redaction takes them away."""
    if not all(type(one) is dict and type(one.get("token")) is str for one in tokens):
        found.unread.append("logprobs")
        return
    text = "".join(one["token"] for one in tokens)
    slot = LogprobsSlot(body, "logprobs", "logprobs", "assistant", "logprobs", False, False, text)
    found.slots.append(slot)
